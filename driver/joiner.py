"""The model that reads what a plan has found, and answers or wants more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from llmcc.driver.joining import Decision, JoinReader
from llmcc.driver.meter import Meter
from llmcc.driver.news import AnswerText, Observer
from llmcc.driver.prompt import joiner_request
from llmcc.ir.values import Value
from llmcc.runtime.spans import What

if TYPE_CHECKING:
    from llmcc.driver.agent import Agent


class Joiner:
    """The joiner of one question; `tell` hears its answer as it is written, `note` when it is asked and is through."""

    def __init__(
        self, agent: Agent, question: str, meter: Meter, tell: Observer, note: Callable[[str, What, str], None]
    ) -> None:
        self._agent = agent
        self._question = question
        self._meter = meter
        self._tell = tell
        self._note = note

    async def ask(self, values: Mapping[str, Value], *, may_replan: bool) -> Decision:
        """Has the joiner read the values. Raises what its model and its budget raise."""
        agent, model = self._agent, self._agent.joiner
        room = self._meter.room(512)
        request = joiner_request(
            self._question,
            values,
            chat=not model.constrains if model is not agent.planner else agent.chat,
            may_replan=may_replan,
            max_tokens=room,
            adapted=agent.adapted and model is agent.planner,
        )
        reader = JoinReader()
        self._note("joiner", "asked", model.name)
        async with model.stream(request) as completion:
            with self._meter.reading("joiner", model, request, completion) as count:
                async for chunk in completion.chunks:
                    count(chunk)
                    if part := reader.feed(chunk):
                        self._tell(AnswerText(part))
        decision = reader.close()
        self._note("joiner", "ended", "answered" if decision.replan is None else "wants more")
        return decision
