"""The loop: a model writes a plan, its calls run while it is still writing, and the answer comes from the values.

    plan (streamed, compiled and run as it arrives) -> return, or join -> answer, or a replan that continues the program

A line that does not compile is mended where there is one way to; else the planner is told what is wrong with it, and
writes on from there: what stands before it has started already and goes on. How often, and how often the joiner may ask
for more, is bounded; a plan that is given up has written nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec
import trio

from llmcc.driver import journaled_ask
from llmcc.driver.adapted import adapter_of
from llmcc.driver.answer import Answer
from llmcc.driver.asked import Asked
from llmcc.driver.budget import Budget
from llmcc.driver.execute import to_the_end
from llmcc.driver.news import Observer
from llmcc.driver.plan_cache import PlanCache
from llmcc.driver.styles import Example
from llmcc.driver.styles import style as prompt_style
from llmcc.driver.unpriced import require_prices
from llmcc.ir.values import Value
from llmcc.runtime.executor import Execution
from llmcc.runtime.journal.records import Word
from llmcc.runtime.limits import Limits
from llmcc.runtime.models import Model
from llmcc.runtime.toolbox import Toolbox

__all__ = ["Agent", "Answer"]


class Agent:
    """Answers questions with the tools of a toolbox.

    Args:
        toolbox: the tools.
        planner: the model that writes plans. One with an adapter for plans (see `llmcc.models.Llama`) is shown no
            examples, unless `style` or `dialect` ask for what it was not trained on.
        joiner: the model that writes answers from values; by default the planner.
        examples: (question, plan) pairs; by default the toolbox's.
        max_replans: how often a joiner may ask for more.
        max_repairs: how often a plan that does not compile is given back to the planner.
        literals: for a planner that honours grammars: `copy` has it copy text arguments from the question (with an
            adapter: any text, from the question and the tools), which small models need; `free` lets it write what it
            wants.
        style: `chat` messages or plain `completion`; by default completion for a planner that honours grammars.
        dialect: how plans are taught and read: `native`, `llmcompiler` (the format of the paper), or a folder of yours.
        limits: bounds of the run; its `deadline_s` is that of the whole question.
        max_plan_tokens: bound of one plan.
        budget: what a question may use: calls, tokens, dollars, seconds, replans. A plan that cannot keep to it is
            refused before it writes anything; where a bound is reached, the answer's `problem` says so.
        observer: is told all news.
        plan_cache: plans of questions that were asked before (see `llmcc.PlanCache`). Those that ran without any
            failure and without a replan are kept.
        watch: is given each run (an `llmcc.runtime.executor.Execution`) before it starts, to look at.

    Raises:
        PriceUnknown: the budget is in dollars, and what a hosted model costs is not known.
    """

    def __init__(
        self,
        toolbox: Toolbox,
        *,
        planner: Model,
        joiner: Model | None = None,
        examples: Sequence[Example] | None = None,
        max_replans: int = 2,
        max_repairs: int = 1,
        literals: Literal["copy", "free"] = "copy",
        style: Literal["chat", "completion"] | None = None,
        dialect: str = "native",
        limits: Limits | None = None,
        max_plan_tokens: int = 1024,
        budget: Budget | None = None,
        observer: Observer | None = None,
        plan_cache: PlanCache | None = None,
        watch: Callable[[Execution], None] | None = None,
    ) -> None:
        self.toolbox = toolbox
        self.planner = planner
        self.joiner = joiner if joiner is not None else planner
        self.examples = tuple(toolbox.examples if examples is None else examples)
        self.budget = budget or Budget()
        require_prices(self.budget, (self.planner, self.joiner), toolbox.values())
        self.max_replans = max_replans if self.budget.replans is None else min(max_replans, self.budget.replans)
        self.max_repairs = max_repairs
        self.literals = literals
        self.taught = prompt_style(dialect)
        self.chat = style == "chat" if style is not None else not planner.constrains
        self.adapted = adapter_of(planner) is not None and dialect == "native" and not self.chat
        self.limits = self.budget.limits(limits or Limits())
        self.max_plan_tokens = max_plan_tokens
        self.observer = observer
        self.plan_cache = plan_cache
        self.watch = watch

    @property
    def planned_by(self) -> str:
        """Who writes plans: the planner's name, and that of the adapter that it uses for them."""
        adapter = adapter_of(self.planner) if self.adapted else None
        return self.planner.name if adapter is None else f"{self.planner.name} with {adapter}"

    async def ask(self, question: str, *, journal: str | Path | None = None) -> Answer:
        """Answers a question, under trio.

        Failures of tools and plans that do not compile are told in the answer's `problem`.

        Args:
            question: what is asked.
            journal: a file in which the run is written down, so that `resume` can go on with it. The run's name there
                is `answer.outcome.run`.

        Raises:
            ModelError: a model cannot be reached, or broke off. Nothing has been written then by an unfinished plan.
            JournalError: the question cannot be written down.
        """
        if journal is None:
            return await self.follow(Asked(self, question))
        return await journaled_ask.execute(journaled_ask.begin(question, journal), self)

    async def resume(
        self, run: str, *, journal: str | Path, settle: Mapping[str, Word | tuple[Word, Value]] | None = None
    ) -> Answer:
        """Goes on with a question that was cut off: accepted plans stand, calls that are over are not made again, and
        models are asked for what they have not said yet.

        Args:
            run: the run's name in the journal, or how it begins.
            journal: the file in which it was written down.
            settle: what became of calls in doubt; see `llmcc.resume`.

        Raises:
            CallsInDoubt: writes began, and nobody knows whether they took effect; `settle` says so.
            RunTaken: another process is executing the run.
            JournalDamaged: the journal is not what was written. Nothing was run.
            JournalError: there is no such run, it answers no question, or its plans or tools mean something else now.
            ModelError: as for `ask`.
        """
        session = journaled_ask.reopen(run, journal, self.toolbox, settle or {})
        return await journaled_ask.execute(session, self)

    async def follow(self, asked: Asked) -> Answer:
        """Answers a question that is already on its way. Raises like `ask`."""
        limits = msgspec.structs.replace(self.limits, deadline_s=None)
        deadline = self.limits.deadline_s
        opened = Execution.open(self.toolbox, limits=limits, observer=asked.tell, ledger=asked.book)
        async with opened as execution:
            if self.watch is not None:
                self.watch(execution)
            with trio.move_on_after(float("inf") if deadline is None else deadline) as scope:
                await asked.run(execution)
            if scope.cancelled_caught:
                asked.problem = f"the time limit of {deadline:g} s was reached"
                execution.cancel(asked.problem)
        return asked.answer(execution.outcome())

    def ask_sync(self, question: str, *, journal: str | Path | None = None) -> Answer:
        """`ask` for code that is not asynchronous.

        Raises:
            LlmccError: an event loop is already running in this thread; await `ask` there instead.
        """
        return to_the_end(partial(self.ask, question, journal=journal), "agent.ask", "ask")

    def resume_sync(
        self, run: str, *, journal: str | Path, settle: Mapping[str, Word | tuple[Word, Value]] | None = None
    ) -> Answer:
        """`resume` for code that is not asynchronous. Raises like `ask_sync`, too."""
        return to_the_end(partial(self.resume, run, journal=journal, settle=settle), "agent.resume", "resume_answer")
