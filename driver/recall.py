"""The plan of an earlier question: whether the agent's cache has one for this, and whether this one's plan is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from llmcc.driver.plan_cache import Hit, PlanCacheError
from llmcc.ir.ops import Module
from llmcc.runtime.journal.secrets import holds_secrets
from llmcc.runtime.spans import What

if TYPE_CHECKING:
    from llmcc.driver.agent import Agent


class Recall:
    """The cache of plans, for one question. `hit` is the plan that it had, `problem` why it could not be used."""

    def __init__(self, agent: Agent, question: str, note: Callable[[str, What, str], None]) -> None:
        self.hit: Hit | None = None
        self.problem: str | None = None
        self._agent = agent
        self._question = question
        self._note = note

    def find(self) -> Hit | None:
        """The plan that the cache has for the question; it compiles."""
        agent, cache = self._agent, self._agent.plan_cache
        if cache is None:
            return None
        if agent.taught.dialect != "native":
            self.problem = f"it holds native plans, and the planner writes {agent.taught.dialect}"
            return None
        self._note("cache", "asked", str(cache.file))
        try:
            self.hit = cache.find(self._question, agent.toolbox.signatures, agent.planned_by)
        except PlanCacheError as error:
            self.problem = str(error)
        if self.hit is None:
            self._note("cache", "ended", "no plan")
        return self.hit

    def keep(self, plan: str, program: Module) -> None:
        """Keeps a plan with which all went well for the next time, unless it came from here, or holds a secret."""
        agent, cache = self._agent, self._agent.plan_cache
        if cache is None or self.hit is not None or self.problem is not None:
            return
        if holds_secrets(program, agent.toolbox.signatures):
            return
        try:
            cache.keep(self._question, plan, agent.toolbox.signatures, agent.planned_by)
        except PlanCacheError as error:
            self.problem = str(error)
