"""One question on its way: plans are written, accepted and run, and their values joined, until there is an answer.

With a journal each of these steps is written down (`Accepted`, `Wanted`, `Answered`). A further process says the
accepted plans again, word for word and in their order, so that each call has the name that it had; what the models
decided is not asked again. From there it goes on.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, TypeVar

from llmcc.driver.answer import Answer
from llmcc.driver.budget import Budget, OverBudget, over_budget
from llmcc.driver.joining import JoinReader
from llmcc.driver.news import AnswerText, News, PlanDone, PlanRefused, PlanText, Replanning
from llmcc.driver.planning import Plan, Planning
from llmcc.driver.prompt import joiner_request
from llmcc.ir.errors import Cancelled
from llmcc.ir.ops import End, Module, Return
from llmcc.ir.values import Value, to_text
from llmcc.runtime.events import JoinReady
from llmcc.runtime.executor import Execution
from llmcc.runtime.journal.book import Book
from llmcc.runtime.journal.errors import JournalDamaged, JournalError
from llmcc.runtime.journal.records import Accepted, Answered, Round, Spent, Wanted
from llmcc.runtime.journal.secrets import holds_secrets
from llmcc.runtime.journal.session import plan_digest, signatures_digest
from llmcc.runtime.models import Model, Usage
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.spans import Moment

if TYPE_CHECKING:
    from llmcc.driver.agent import Agent

R = TypeVar("R", Accepted, Wanted)


class Asked:
    """One question of an agent; with the `book` of its run, if it is written down."""

    def __init__(self, agent: Agent, question: str, book: Book | None = None) -> None:
        self.agent = agent
        self.question = question
        self.book = book
        #: What earlier processes have come to, and is to be said again.
        self._known: deque[Round] = deque(() if book is None else book.history.rounds)
        #: Whether nothing is left to do for the question.
        self.over = False
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
        if self._known:
            self._go_on_from(self._known[-1].spent)

    def _go_on_from(self, spent: Spent) -> None:
        names = Usage.__dataclass_fields__
        self.usage = Usage(**{name: getattr(spent, name) for name in names})
        self.model_usd, self.repairs, self.mended = spent.usd, spent.repairs, spent.mended

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
        """Comes to an answer, or to the problem for which there is none."""
        self.execution = execution
        last = self._known[-1] if self._known else None
        if isinstance(last, Answered) and last.problem is not None:
            self.problem, self.over = last.problem, True
            return
        try:
            await self._follow(execution)
            self.over = execution.machine.stop_reason is None
        except (Cancelled, OverBudget) as error:
            self.problem = str(error)

    async def _follow(self, execution: Execution) -> None:
        reason: str | None = None
        while True:
            known = self._next(Accepted)
            if known is None:
                end = await self._plan(execution, reason)
            else:
                end = self._repeat(execution, known, reason)
            if end is None:
                return
            if isinstance(end, Return):
                outcome = await execution.finished()
                self.value = outcome.value
                self.problem = f"{outcome.failed.error}: {outcome.failed.message}" if outcome.failed else None
                return
            reason = await self._join(execution)
            if reason is None:
                await execution.finished()
                return
            self.replans += 1
            self.tell(Replanning(reason))

    def _repeat(self, execution: Execution, known: Accepted, reason: str | None) -> End | None:
        """Says a plan again that an earlier process had accepted; gives what `_accept` gives.

        Raises:
            JournalError: the plan is not in the journal, or means something else now.
        """
        which = f"plan {len(self.plans) + 1} of the question"
        if known.text is None:
            raise JournalError(f"{which} holds a secret and is not in the journal: the question has to be asked again")
        execution.take(known.given_up)
        plan = self.planning.repeat(execution, known.text, known.withdrawn)
        if signatures_digest(self.planning.module, self.agent.toolbox.signatures) != known.signatures:
            raise JournalError(f"{which}: the tools have changed: what they take, return or do is different")
        if plan.refused is not None or self._digest(execution, plan) != known.ops:
            raise JournalError(f"{which} compiles to other calls now: another version of llmcc accepted it")
        return self._accept(execution, plan, reason)

    def _next(self, kind: type[R]) -> R | None:
        """The next thing that is known, if it is one of this kind."""
        if not self._known or isinstance(self._known[0], Answered):
            return None
        found = self._known.popleft()
        if not isinstance(found, kind):
            raise JournalDamaged(f"a {type(found).__name__} of the question comes where it cannot")
        return found

    async def _plan(self, execution: Execution, reason: str | None) -> End | None:
        """The end of a new plan; None (with `problem` set) if none of the planner's compiles."""
        agent = self.agent
        complaint: str | None = None
        calls, usd = execution.machine.calls, execution.usd
        if self.book is not None:
            # What was running when the last process ended, of a plan that was not accepted: reads, made anew.
            execution.take({key.partition("[")[0] for key in self.book.history.keys} - execution.machine.nodes.keys())
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
                self.mended += plan.mended
                self._record(execution, plan)
                return self._accept(execution, plan, reason)
            self.repairs += 1
            complaint = plan.refused
            self.tell(PlanRefused(plan.text, plan.diagnostics, plan.refused))
        if execution.adding:
            execution.reject("the plan does not compile")
        self.planning.forget()
        self.problem = f"the planner wrote no plan that compiles:\n{complaint}"
        return None

    def _accept(self, execution: Execution, plan: Plan, reason: str | None) -> End | None:
        """Has the plan's writes start; its end, or None (with `problem` set) if it comes to nothing."""
        change = self.planning.accept(execution)
        self.plans.append(plan.text)
        again = reason is not None
        self.tell(PlanDone(plan.text, *((change.new, change.known, change.withdrawn) if again else ())))
        if again and not change.new and not isinstance(plan.end, Return):
            self.problem = f"the replan added nothing new; what was wanted: {reason}"
            return None
        return plan.end

    # -- the journal ---------------------------------------------------------------------------------------------------

    def _record(self, execution: Execution, plan: Plan) -> None:
        """Writes down a plan that is about to be accepted, and so before all that it writes."""
        self.planning.conclude(execution)
        if self.book is None:
            return
        signatures = self.agent.toolbox.signatures
        accepted = Accepted(
            text=None if holds_secrets(self.planning.program, signatures) else plan.text,
            ops=self._digest(execution, plan),
            signatures=signatures_digest(self.planning.module, signatures),
            withdrawn=self.planning.withdrawn,
            given_up=tuple(execution.given_up),
            final=isinstance(plan.end, Return),
            spent=self._spent,
        )
        self._put(accepted)

    def _digest(self, execution: Execution, plan: Plan) -> str:
        # In any order: one that was said twice differently may have come late.
        values = sorted(self.planning.module.values, key=lambda op: op.name)
        ends = () if plan.end is None else (plan.end,)
        return plan_digest(Module((*values, *ends)), execution.keys(op.name for op in values))

    def _put(self, record: Round) -> None:
        """Writes something down; a journal that fails ends the run."""
        if self.book is None:
            return
        try:
            self.book.note(record)
        except JournalError as error:
            assert self.execution is not None
            self.execution.cancel(str(error))
            raise Cancelled(str(error)) from error

    @property
    def answered(self) -> Answered:
        """How the question ended, for the journal."""
        return Answered(value=self.value, problem=self.problem, spent=self._spent)

    @property
    def _spent(self) -> Spent:
        used = {name: getattr(self.usage, name) for name in Usage.__dataclass_fields__}
        return Spent(**used, usd=self.model_usd, repairs=self.repairs, mended=self.mended)

    # -- what models may use -------------------------------------------------------------------------------------------

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

    # -- joins ---------------------------------------------------------------------------------------------------------

    async def _join(self, execution: Execution) -> str | None:
        """Takes the joiner's answer; or the reason for which it wants more, if it may ask."""
        ready = await execution.joined()
        known = self._next(Wanted)
        if known is not None:
            return known.reason
        if self._known and isinstance(self._known[0], Answered):
            self.value = self._known[0].value
            return None
        reason = await self._ask_joiner(ready)
        if reason is not None:
            self._put(Wanted(reason=reason, spent=self._spent))
        return reason

    async def _ask_joiner(self, ready: JoinReady) -> str | None:
        agent = self.agent
        may_replan = self.replans < agent.max_replans
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
            moments=tuple(self.moments),
        )
