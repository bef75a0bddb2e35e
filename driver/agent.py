"""The loop: a model writes a plan, its calls run while it is still writing, and the answer comes from the values.

    plan (streamed, compiled and run as it arrives) -> return, or join -> answer, or a replan that continues the program

A line that does not compile is mended where there is one way to; else the planner is told what is wrong with it, and
writes on from there: what stands before it has started already and goes on. How often, and how often the joiner may ask
for more, is bounded; a plan that is given up has written nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec
import trio

from llmcc.driver.budget import Budget, OverBudget, over_budget
from llmcc.driver.joining import JoinReader
from llmcc.driver.news import AnswerText, News, Observer, PlanDone, PlanRefused, PlanText, Replanning
from llmcc.driver.planning import Plan, Planning
from llmcc.driver.prompt import joiner_request
from llmcc.driver.styles import Example
from llmcc.ir.errors import Cancelled
from llmcc.ir.ops import Return
from llmcc.ir.values import Value, to_text
from llmcc.runtime.executor import Execution
from llmcc.runtime.limits import Limits
from llmcc.runtime.models import Model, Usage
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.spans import Moment
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.trace import VALUE_LIMIT, Trace


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a question.

    Attributes:
        text: the answer as text; empty if there is none.
        value: the value of `return`, or the text of the joiner.
        problem: why there is no answer; None if there is one.
        plans: the texts of the accepted plans, in order.
        outcome: the calls, values, failures and usage.
        replans: how often the joiner asked for more.
        repairs: how often the planner was told that its plan does not compile, and wrote on from its first bad line.
        mended: how often lines were mended by their own fix-its, without the planner.
        usd: dollars for models and tools, as far as prices are known.
        moments: when the models were asked, wrote and ended.
    """

    text: str
    value: Value
    problem: str | None
    plans: tuple[str, ...]
    outcome: Outcome
    replans: int
    repairs: int
    mended: int = 0
    usd: float = 0.0
    moments: tuple[Moment, ...] = field(default=(), repr=False)

    @property
    def usage(self) -> Usage:
        """Tokens of all model calls."""
        return self.outcome.usage

    def trace(self, toolbox: Toolbox, *, value_limit: int = VALUE_LIMIT) -> Trace:
        """The trace of the run, the models' part included. See `llmcc.Trace.of`."""
        return Trace.record(
            self.outcome,
            toolbox.runnable,
            plan="\n".join(self.plans),
            moments=self.moments,
            value_limit=value_limit,
        )


class Agent:
    """Answers questions with the tools of a toolbox.

    Args:
        toolbox: the tools.
        planner: the model that writes plans.
        joiner: the model that writes answers from values; by default the planner.
        examples: (question, plan) pairs; by default the toolbox's.
        max_replans: how often a joiner may ask for more.
        max_repairs: how often a plan that does not compile is given back to the planner.
        literals: for a planner that honours grammars: `copy` has it copy text arguments from the question, which
            small models need; `free` lets it write what it wants.
        style: `chat` messages or plain `completion`; by default completion for a planner that honours grammars.
        limits: bounds of the run; its `deadline_s` is that of the whole question.
        max_plan_tokens: bound of one plan.
        budget: what a question may use: calls, tokens, dollars, seconds, replans. A plan that cannot keep to it is
            refused before it writes anything; where a bound is reached, the answer's `problem` says so.
        observer: is told all news.
        watch: is given each run (an `llmcc.runtime.executor.Execution`) before it starts, to look at.
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
        limits: Limits | None = None,
        max_plan_tokens: int = 1024,
        budget: Budget | None = None,
        observer: Observer | None = None,
        watch: Callable[[Execution], None] | None = None,
    ) -> None:
        self.toolbox = toolbox
        self.planner = planner
        self.joiner = joiner if joiner is not None else planner
        self.examples = tuple(toolbox.examples if examples is None else examples)
        self.budget = budget or Budget()
        self.max_replans = max_replans if self.budget.replans is None else min(max_replans, self.budget.replans)
        self.max_repairs = max_repairs
        self.literals = literals
        self.chat = style == "chat" if style is not None else not planner.constrains
        self.limits = self.budget.limits(limits or Limits())
        self.max_plan_tokens = max_plan_tokens
        self.observer = observer
        self.watch = watch

    async def ask(self, question: str) -> Answer:
        """Answers a question, under trio.

        Failures of tools and plans that do not compile are told in the answer's `problem`.

        Raises:
            ModelError: a model cannot be reached, or broke off. Nothing has been written then by an unfinished plan.
        """
        asked = _Asked(self, question)
        limits = msgspec.structs.replace(self.limits, deadline_s=None)
        deadline = self.limits.deadline_s
        async with Execution.open(self.toolbox, limits=limits, observer=asked.tell) as execution:
            if self.watch is not None:
                self.watch(execution)
            with trio.move_on_after(float("inf") if deadline is None else deadline) as scope:
                await asked.run(execution)
            if scope.cancelled_caught:
                asked.problem = f"the time limit of {deadline:g} s was reached"
                execution.cancel(asked.problem)
        return asked.answer(execution.outcome())

    def ask_sync(self, question: str) -> Answer:
        """`ask` for code that is not asynchronous."""
        return trio.run(self.ask, question)


class _Asked:
    """One question on its way."""

    def __init__(self, agent: Agent, question: str) -> None:
        self.agent = agent
        self.question = question
        self.planning = Planning(agent.toolbox.signatures, self.tell)
        self.plans: list[str] = []
        self.usage = Usage()
        self.model_usd = 0.0
        self.replans = 0
        self.repairs = 0
        self.mended = 0
        self.value: Value = None
        self.problem: str | None = None
        self.execution: Execution | None = None
        self.moments: list[Moment] = []

    def tell(self, news: News) -> None:
        if isinstance(news, PlanText):
            self.note("planner", "wrote", news.text)
        if isinstance(news, AnswerText):
            self.note("joiner", "wrote", news.text)
        if self.agent.observer is not None:
            self.agent.observer(news)

    def note(self, role: str, what: Literal["asked", "wrote", "ended"], text: str) -> None:
        assert self.execution is not None
        self.moments.append(Moment(self.execution.now_s, role, what, text))

    async def run(self, execution: Execution) -> None:
        self.execution = execution
        reason: str | None = None
        try:
            while True:
                plan = await self.plan(execution, reason)
                if plan is None:
                    return
                if isinstance(plan.end, Return):
                    outcome = await execution.finished()
                    self.value = outcome.value
                    self.problem = f"{outcome.failed.error}: {outcome.failed.message}" if outcome.failed else None
                    return
                reason = await self.join(execution)
                if reason is None:
                    await execution.finished()
                    return
                self.replans += 1
                self.tell(Replanning(reason))
        except (Cancelled, OverBudget) as error:
            self.problem = str(error)

    async def plan(self, execution: Execution, reason: str | None) -> Plan | None:
        """An accepted plan; None (with `problem` set) if none of the planner's compiles."""
        agent = self.agent
        complaint: str | None = None
        calls, usd = execution.machine.calls, execution.usd
        for _ in range(agent.max_repairs + 1):
            room = self.ask_for(agent.max_plan_tokens)
            self.note("planner", "asked", agent.planner.name)
            plan = await self.planning.stream(
                agent.planner,
                execution,
                self.question,
                agent.examples,
                chat=agent.chat,
                copy=agent.literals == "copy",
                max_tokens=room,
                values=execution.values if reason is not None else {},
                reason=reason,
                complaint=complaint,
            )
            self.count(agent.planner, plan.usage)
            self.note("planner", "ended", "accepted" if plan.refused is None else "refused")
            if plan.refused is None:
                self.keep_to_budget(execution, agent.budget.left(calls, usd + self.model_usd))
                change = self.planning.accept(execution)
                self.mended += plan.mended
                self.plans.append(plan.text)
                again = reason is not None
                self.tell(PlanDone(plan.text, *((change.new, change.known, change.withdrawn) if again else ())))
                if again and not change.new and not isinstance(plan.end, Return):
                    self.problem = f"the replan added nothing new; what was wanted: {reason}"
                    return None
                return plan
            self.repairs += 1
            complaint = plan.refused
            self.tell(PlanRefused(plan.text, plan.diagnostics, plan.refused))
        if execution.adding:
            execution.reject("the plan does not compile")
        self.planning.forget()
        self.problem = f"the planner wrote no plan that compiles:\n{complaint}"
        return None

    def ask_for(self, most: int) -> int:
        """How many tokens a model may write now, at most `most`. Raises `OverBudget` if it may not be asked."""
        assert self.execution is not None
        budget = self.agent.budget
        budget.require(self.usage, self.execution.usd + self.model_usd)
        return most if budget.tokens_out is None else min(most, budget.tokens_out - self.usage.completion_tokens)

    def count(self, model: Model, usage: Usage) -> None:
        self.usage += usage
        self.model_usd += self.agent.budget.model_usd(model.name, usage)

    def keep_to_budget(self, execution: Execution, left: Budget) -> None:
        """Raises `OverBudget`, with the plan rejected, if it cannot keep to what is left."""
        found = over_budget(self.planning.module, self.agent.toolbox.signatures, left, surely=True)
        if found:
            execution.reject("it is beyond the budget")
            raise OverBudget("; ".join(f"{d.code}: {d.message}" for d in found))

    async def join(self, execution: Execution) -> str | None:
        """Takes the joiner's answer; or the reason for which it wants more, if it may ask."""
        agent = self.agent
        may_replan = self.replans < agent.max_replans
        ready = await execution.joined()
        if ready.failed is not None:
            trouble = f"{ready.failed.op} failed: {ready.failed.message}"
            if may_replan and agent.chat:
                return trouble
            self.problem = trouble
            return None
        values = ready.args if isinstance(ready.args, dict) else {}
        chat = not agent.joiner.constrains if agent.joiner is not agent.planner else agent.chat
        room = self.ask_for(512)
        request = joiner_request(self.question, values, chat=chat, may_replan=may_replan, max_tokens=room)
        reader = JoinReader()
        self.note("joiner", "asked", agent.joiner.name)
        async with agent.joiner.stream(request) as completion:
            async for chunk in completion.chunks:
                if part := reader.feed(chunk):
                    self.tell(AnswerText(part))
        self.count(agent.joiner, completion.usage)
        decision = reader.close()
        self.note("joiner", "ended", "answered" if decision.replan is None else "wants more")
        if decision.replan is not None and may_replan:
            return decision.replan
        self.value = decision.answer
        if not decision.answer:
            wants = f"it wants {decision.replan}" if decision.replan else "it wrote nothing"
            self.problem = f"the joiner gave no answer: {wants}"
        return None

    def answer(self, outcome: Outcome) -> Answer:
        text = "" if self.problem is not None else to_text(self.value)
        outcome = replace(outcome, usage=self.usage)
        return Answer(
            text,
            self.value,
            self.problem,
            tuple(self.plans),
            outcome,
            self.replans,
            self.repairs,
            self.mended,
            self.model_usd + (self.execution.usd if self.execution is not None else 0.0),
            tuple(self.moments),
        )
