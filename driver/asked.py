"""One question on its way: plans are written, accepted and run, and their values joined, until there is an answer.

With a journal each of these steps is written down, and what an earlier process has come to is said again first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from llmcc.driver.answer import Answer
from llmcc.driver.asking import Asking
from llmcc.driver.budget import Budget, OverBudget, over_budget
from llmcc.driver.joiner import Joiner
from llmcc.driver.meter import Meter
from llmcc.driver.news import AnswerText, News, PlanDone, PlanFound, PlanRefused, PlanText, Replanning
from llmcc.driver.plan import Plan
from llmcc.driver.planning import Planning
from llmcc.driver.recall import Recall
from llmcc.driver.rounds import Rounds
from llmcc.driver.spending import calls_usd, unpriced
from llmcc.ir.errors import Cancelled
from llmcc.ir.ops import End, Return
from llmcc.ir.values import Value, to_text
from llmcc.runtime.events import EndKnown
from llmcc.runtime.executor import Execution
from llmcc.runtime.journal.book import Book
from llmcc.runtime.journal.records import Accepted, Answered, Spent, Wanted
from llmcc.runtime.models import Usage
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.spans import Moment, What

if TYPE_CHECKING:
    from llmcc.driver.agent import Agent


_USED = ("prompt_tokens", "completion_tokens", "cached_tokens", "requests")


class Asked:
    """One question of an agent; with the `book` of its run, if it is written down."""

    def __init__(self, agent: Agent, question: str, book: Book | None = None) -> None:
        self.agent = agent
        self.question = question
        self.book = book
        self._rounds = Rounds(agent.toolbox.signatures, book)
        #: Whether nothing is left to do for the question.
        self.over = False
        self.meter = Meter(agent.budget, self._tools_used, lambda: self._rounds.spend(self._spent))
        self.planning = Planning(agent.toolbox.signatures, self.tell, self.meter, taught=agent.taught)
        self.plans: list[str] = []
        spent = self._rounds.spent
        self.meter.usage = Usage(**{name: getattr(spent, name) for name in _USED})
        self.meter.models_usd, self.meter.unpriced = spent.usd, list(spent.unpriced)
        self.meter.estimated = spent.estimated
        self.repairs, self.mended = spent.repairs, spent.mended
        self._ways: list[str] = []
        self._notes: dict[str, None] = {}
        self.replans = 0
        self.value: Value = None
        self.problem: str | None = None
        self.execution: Execution | None = None
        self.moments: list[Moment] = []
        self._recall = Recall(agent, question, self.note)
        self._joiner = Joiner(agent, question, self.meter, self.tell, self.note)

    def tell(self, news: News) -> None:
        if isinstance(news, PlanText):
            self.note("planner", "wrote", news.text)
        if isinstance(news, PlanFound):
            self.note("cache", "wrote", news.text)
        if isinstance(news, AnswerText):
            self.note("joiner", "wrote", news.text)
        if self.agent.observer is not None:
            self.agent.observer(news)

    def note(self, role: str, what: What, text: str) -> None:
        assert self.execution is not None
        self.moments.append(Moment(self.execution.now_s, role, what, text))

    async def run(self, execution: Execution) -> None:
        """Comes to an answer, or to the problem for which there is none."""
        self.execution = execution
        execution.meter.room = self.meter.room
        ended = self._rounds.ended
        if ended is not None and ended.problem is not None:
            self.problem, self.over = ended.problem, True
            return
        try:
            await self._follow(execution)
            self.over = execution.machine.stop_reason is None
        except (Cancelled, OverBudget) as error:
            self.problem = str(error)
            if execution.adding:
                execution.cancel(self.problem)

    async def _follow(self, execution: Execution) -> None:
        reason: str | None = None
        over_again = True
        while True:
            known = self._rounds.next(Accepted)
            if known is None:
                end = await self._plan(execution, reason, over_again)
            else:
                plan = self._rounds.repeat(execution, self.planning, known, len(self.plans) + 1)
                end = self._accept(execution, plan, reason)
            if end is None:
                return
            over_again = isinstance(end, Return)
            reason = await (self._return(execution) if over_again else self._join(execution))
            if reason is None:
                if not over_again:  # else its end was waited for already; a thread that hangs is given its grace once
                    await execution.finished()
                return
            self.replans += 1
            self.tell(Replanning(reason))

    async def _return(self, execution: Execution) -> str | None:
        """Takes the plan's answer; or says why it is written again, if a tool refused what a trained planner chose."""
        if self.agent.adapted and self.replans < self.agent.max_replans:
            failed = (await execution.joined()).failed
            if failed is not None and self.planning.start_over(failed):
                reason = f"{failed.op} failed: {failed.message}"
                if self._rounds.next(Wanted) is None:
                    self._rounds.put(execution, Wanted(reason=reason, spent=self._spent))
                return reason
        outcome = await execution.finished()
        self.value = outcome.value
        self.problem = f"{outcome.failed.error}: {outcome.failed.message}" if outcome.failed else None
        return None

    def _found(self, execution: Execution) -> Plan | None:
        """The plan that the cache has for the question; None if it has none."""
        hit = self._recall.find()
        if hit is None:
            return None
        self.tell(PlanFound(hit.plan, hit.how))
        plan = self.planning.repeat(execution, hit.plan, ())
        assert plan.refused is None, plan.refused  # it compiles, the cache has made sure
        self.note("cache", "ended", hit.how)
        return plan

    async def _plan(self, execution: Execution, reason: str | None, over_again: bool) -> End | None:
        """The end of a new plan; None (with `problem` set) if none of the planner's compiles.

        `over_again`: nothing stands of earlier plans, so that a planner with an adapter writes it like a first one.
        """
        agent = self.agent
        complaint: str | None = None
        calls, usd = execution.machine.calls, calls_usd(execution, agent.budget)
        self._rounds.give_names_up(execution)
        found = self._found(execution) if reason is None else None
        if found is not None:
            return self._take(execution, found, agent.budget.left(calls, usd + self.meter.models_usd), reason)
        for _ in range(agent.max_repairs + 1):
            room = self.meter.room(agent.max_plan_tokens)
            self.note("planner", "asked", agent.planned_by)
            asking = Asking(
                self.question,
                agent.examples,
                room,
                chat=agent.chat,
                copy=agent.literals == "copy",
                values=execution.values if reason is not None else {},
                reason=reason,
                complaint=complaint,
                adapted=agent.adapted and over_again,
            )
            plan = await self.planning.stream(agent.planner, execution, asking)
            self._ways += [plan.way] if plan.way else []
            self._notes.update(dict.fromkeys(plan.notes))
            self.note("planner", "ended", _ended("accepted" if plan.refused is None else "refused", plan.way))
            if plan.refused is None:
                return self._take(execution, plan, agent.budget.left(calls, usd + self.meter.models_usd), reason)
            self.repairs += 1
            complaint = plan.refused
            self.tell(PlanRefused(plan.text, plan.diagnostics, plan.refused))
            if plan.cut:
                self.meter.room(1)  # where the budget has cut it off, that is what to say
        if execution.adding:
            execution.reject("the plan does not compile")
        self.planning.forget()
        self.problem = f"the planner wrote no plan that compiles:\n{complaint}"
        return None

    def _take(self, execution: Execution, plan: Plan, left: Budget, reason: str | None) -> End | None:
        """Accepts a plan, if it can keep to the budget, as `_accept`."""
        self.keep_to_budget(execution, left)
        self.mended += plan.mended
        self._rounds.accept(execution, self.planning, plan, self._spent)
        return self._accept(execution, plan, reason)

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

    @property
    def answered(self) -> Answered:
        """How the question ended, for the journal."""
        return Answered(value=self.value, problem=self.problem, spent=self._spent)

    @property
    def _spent(self) -> Spent:
        meter = self.meter
        used = {name: getattr(meter.usage, name) for name in _USED}
        return Spent(
            **used,
            usd=meter.models_usd,
            unpriced=tuple(meter.unpriced),
            estimated=meter.estimated,
            repairs=self.repairs,
            mended=self.mended,
        )

    # -- what models may use -------------------------------------------------------------------------------------------

    def _tools_used(self) -> tuple[Usage, float, list[str]]:
        """What tools have used so far: tokens of the models that they ask, dollars, and the models without a price."""
        if self.execution is None:
            return Usage(), 0.0, []
        execution, budget = self.execution, self.agent.budget
        return execution.meter.total, calls_usd(execution, budget), unpriced(execution, budget)

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
        known = self._rounds.next(Wanted)
        if known is not None:
            return known.reason
        if self._rounds.ended is not None:
            self.value = self._rounds.ended.value
            return None
        reason = await self._decide(ready)
        if reason is not None:
            self._rounds.put(execution, Wanted(reason=reason, spent=self._spent))
        return reason

    async def _decide(self, ready: EndKnown) -> str | None:
        may_replan = self.replans < self.agent.max_replans
        if ready.failed is not None:
            trouble = f"{ready.failed.op} failed: {ready.failed.message}"
            if may_replan and self.agent.chat:
                return trouble
            self.problem = trouble
            return None
        values = ready.args if isinstance(ready.args, dict) else {}
        decision = await self._joiner.ask(values, may_replan=may_replan)
        if decision.replan is not None and may_replan:
            return decision.replan
        self.value = decision.answer
        if not decision.answer:
            wants = f"it wants {decision.replan}" if decision.replan else "it wrote nothing"
            self.problem = f"the joiner gave no answer: {wants}"
        return None

    def answer(self, outcome: Outcome) -> Answer:
        text = "" if self.problem is not None else to_text(self.value)
        if self.problem is None and outcome.ok and not self.replans and len(self.plans) == 1:
            self._recall.keep(self.plans[0], self.planning.program)
        outcome = replace(outcome, usage=self.meter.all_usage)
        return Answer(
            text,
            self.value,
            self.problem,
            tuple(self.plans),
            outcome,
            self.replans,
            self.repairs,
            self.mended,
            self.meter.usd,
            self.meter.planner,
            tuple(self._ways),
            (*self._notes, *self.meter.notes()),
            self.meter.estimated,
            moments=tuple(self.moments),
            from_cache=None if self._recall.hit is None else self._recall.hit.how,
            cache_problem=self._recall.problem,
        )


def _ended(how: str, way: str) -> str:
    return f"{how}, {way}" if way else how
