"""A plan while it is being written: each chunk is read, each finished statement compiled, and its ops handed to the
run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from llmcc.driver.adapted import STYLE, adapter_of
from llmcc.driver.ahead import Ahead
from llmcc.driver.asking import Asking, Requests
from llmcc.driver.draft import Draft
from llmcc.driver.meter import Meter
from llmcc.driver.news import Observer, PlanMended, PlanText
from llmcc.driver.plan import Change, Plan
from llmcc.driver.styles import Style, style
from llmcc.frontend.scope import Scope
from llmcc.ir.diagnostics import has_errors
from llmcc.ir.digest import placeless
from llmcc.ir.expr import Ref
from llmcc.ir.frame import Failure
from llmcc.ir.ops import Compute, Join, Module, Op, Return, ValueOp
from llmcc.ir.render import render
from llmcc.ir.signature import Signature
from llmcc.ir.types import Type
from llmcc.optimizer.online import Online
from llmcc.runtime.executor import Execution
from llmcc.runtime.models import Completion, Model, Request
from llmcc.runtime.nodes import closure, uses, writes


def _known_already(op: ValueOp) -> bool:
    return isinstance(op, Compute) and isinstance(op.expr, Ref) and op.guard is None


class Planning:
    """The program that one question's plans make up together: its names, and what was dispatched of it."""

    def __init__(
        self,
        signatures: Mapping[str, Signature],
        tell: Observer,
        meter: Meter,
        *,
        taught: Style | None = None,
        mend: bool = True,
    ) -> None:
        self._signatures = signatures
        self._tell = tell
        self._meter = meter
        self._taught = taught or style("native")
        self._mend = mend
        self._requests = Requests(signatures, self._taught)
        self._scope = Scope()
        #: All ops of the accepted plans, as the front end made them.
        self._accepted: list[Op] = []
        #: What the run was given of the accepted plans, by name, and their lines.
        self._standing: dict[str, ValueOp] = {}
        self._lines: set[str] = set()
        self._execution: Execution | None = None
        self._begin()

    async def stream(self, planner: Model, execution: Execution, asking: Asking) -> Plan:
        """Has the planner write a plan, or the rest of one of which some lines stand, running it as it comes. The
        caller then calls `accept`, lets it write again, or gives the plan up with `forget`.
        """
        self._execution = execution
        draft = self._draft
        if draft.stuck or draft.text:
            draft.reopen()
        request, told = self._requests.make(planner, asking, draft, self._scope.types)
        async with planner.stream(request) as completion:
            notes = (*told, *completion.notes)
            await self._read(planner, execution, request, completion)
        cut = completion.finish == "length" and not draft.ended
        if not cut and not draft.ended:
            # Only a text that is complete is closed: the beginning of a statement can be a statement too.
            self._take(execution, draft.close())
        self._ahead.drop(execution)
        way = f"{STYLE}, {adapter_of(planner)}" if asking.adapted else completion.way
        return replace(self._judge(execution, cut=cut), way=way, notes=notes)

    async def _read(self, planner: Model, execution: Execution, request: Request, completion: Completion) -> None:
        """Takes what the planner writes, until the plan is complete or wrong, or the budget reached."""
        draft = self._draft
        with self._meter.reading("planner", planner, request, completion) as count:
            async for chunk in completion.chunks:
                count(chunk)
                self._tell(PlanText(chunk))
                self._take(execution, draft.feed(chunk))
                if draft.ended or draft.stuck:
                    break
                self._look_ahead(execution)

    def repeat(self, execution: Execution, text: str, withdrawn: Sequence[str]) -> Plan:
        """Says a plan again that was accepted in an earlier process, where it gave up values of those before it."""
        self._execution = execution
        given_up = [name for name in withdrawn if name in self._standing]
        self._scope.forget([gone for name in given_up for gone in self._release(name) or ()])
        self._begin()
        self._take(execution, self._draft.feed(text))
        if not self._draft.ended:
            self._take(execution, self._draft.close())
        return self._judge(execution, cut=False)

    def conclude(self, execution: Execution) -> None:
        """Takes back what the plan has said before and does not say any more."""
        if self._doubted:
            execution.withdraw(self._doubted)
            self._doubted.clear()

    def accept(self, execution: Execution) -> Change:
        """The plan is the program's next part; its writes may start. What it has changed of the program."""
        self.conclude(execution)
        execution.accept()
        self._accepted += [op for op in self._ops if not isinstance(op, Join | Return)]
        self._scope = self._draft.front.scope
        names = [op.name for op in self._ops if isinstance(op, ValueOp) and "." not in op.name]
        new = [name for name in names if not _known_already(self._made[name])]
        change = Change(tuple(new), tuple(name for name in names if name not in new), tuple(self._released))
        self._standing.update(self._made)
        self._lines.update(line.strip() for line in self._draft.text.splitlines())
        self._begin()
        return change

    def _release(self, name: str) -> list[str] | None:
        """Gives up a value of an earlier plan that this one defines anew, and all that uses it; None if something of
        that has written, or belongs to this plan.
        """
        gone = closure(self._standing, {name})
        mine = any(not uses(op).isdisjoint(gone) for op in self._made.values())
        if mine or self._execution is None or any(writes(self._standing[one]) for one in gone):
            return None
        self._execution.withdraw(gone)
        for one in gone:
            del self._standing[one]
        self._accepted = [op for op in self._accepted if not (isinstance(op, ValueOp) and op.name in gone)]
        self._released += [one for one in gone if "." not in one]
        self._optimize_from([*self._accepted, *self._ops])
        return gone

    def start_over(self, failed: Failure) -> bool:
        """Gives all values of the accepted plans up because a tool refused a choice, and takes that away from a planner
        with an adapter; False, and nothing is changed, if something has written, or the failure is another.
        """
        if any(writes(op) for op in self._standing.values()) or not self._requests.refused.note(failed, self._standing):
            return False
        while self._standing:
            self._scope.forget(self._release(next(iter(self._standing))) or ())
        released = self._released
        self._lines.clear()
        self._begin()
        self._released += released
        return True

    @property
    def module(self) -> Module:
        """The plan as the run was given it."""
        return Module(tuple(self._made.values()), ordered=True)

    @property
    def program(self) -> Module:
        """All plans up to this one as the run was given them."""
        return Module((*self._standing.values(), *self._made.values()), ordered=True)

    @property
    def withdrawn(self) -> tuple[str, ...]:
        """The values of earlier plans that this one gives up."""
        return tuple(self._released)

    @property
    def types(self) -> dict[str, Type]:
        """The values of the accepted plans, and their types."""
        return self._scope.types

    def forget(self) -> None:
        """Takes back all that the plan just streamed has defined."""
        self._begin()

    def _begin(self) -> None:
        """Makes ready for a plan that continues the accepted ones."""
        self._draft = Draft(
            self._signatures,
            self._scope,
            mend=self._mend,
            dialect=self._taught.dialect,
            earlier=self._lines,
            release=self._release,
        )
        self._released: list[str] = []
        self._ops: list[Op] = []
        #: What the run was given of this plan and nobody has said again, by name: the plan is being written anew.
        self._doubted: dict[str, ValueOp] = {}
        self._made: dict[str, ValueOp] = {}
        self._mendings = 0
        self._ahead = Ahead(self._peek, self._made, self._standing)
        self._optimize_from(self._accepted)

    def _optimize_from(self, ops: Sequence[Op]) -> tuple[Op, ...]:
        """A new optimizer that has seen these ops; what it makes of them is always the same."""
        self._online = Online()
        return self._online.add(ops)

    def _take(self, execution: Execution, ops: Sequence[Op]) -> None:
        draft = self._draft
        for mending in draft.mendings[self._mendings :]:
            self._tell(PlanMended(mending.before, mending.after, mending.codes))
        self._mendings = len(draft.mendings)
        if draft.standing is not None:
            self._go_back(draft.standing)
            draft.standing = None
        self._ops += ops
        self._run(execution, self._online.add(ops))
        self._ahead.leave(execution, draft.line)

    def _look_ahead(self, execution: Execution) -> None:
        """Begins what the line that is being written says already."""
        if self._doubted:
            return  # what was started under these names may stand yet
        for ops in self._draft.elements():
            self._ahead.begin(execution, self._draft.line, ops)

    def _peek(self, op: Op) -> Sequence[Op]:
        """What would become of an op that came next."""
        online = Online()
        online.add([*self._accepted, *self._ops])
        return online.add([op])

    def _go_back(self, count: int) -> None:
        """The plan is being written anew behind its first ops; what the others started stands if it is said again."""
        self._ops = self._ops[:count]
        self._optimize_from(self._accepted)
        stands = {op.name for op in self._online.add(self._ops) if isinstance(op, ValueOp)}
        self._doubted = {name: op for name, op in self._made.items() if name not in stands}

    def _run(self, execution: Execution, ops: Sequence[Op]) -> None:
        new: list[Op] = []
        for op in ops:
            if not isinstance(op, ValueOp):
                new.append(op)
                continue
            old = self._doubted.get(op.name)
            if old is not None and placeless(old) == placeless(op) and not self._doubted.keys() & uses(op):
                del self._doubted[op.name]
                continue
            if old is not None:
                self._withdraw(execution, op.name)
            self._ahead.settle(execution, op)
            self._made[op.name] = op
            new.append(op)
        if new:
            execution.add(new)

    def _withdraw(self, execution: Execution, name: str) -> None:
        """Takes back an op that is said differently now, and all that uses it."""
        gone = closure(self._doubted, {name})
        for one in gone:
            del self._doubted[one], self._made[one]
        execution.withdraw(gone)

    def _judge(self, execution: Execution, *, cut: bool) -> Plan:
        draft = self._draft
        text, found = draft.text, draft.diagnostics
        if has_errors(found):
            errors = tuple(d for d in found if d.severity == "error")
            return Plan(text, None, found, render(errors, text, name="plan"))
        if cut:
            return Plan(text, None, found, "the plan was cut off: it is longer than it may be", cut=True)
        if not self._ops:
            return Plan(text, None, found, "there is no plan in the text")
        last = self._ops[-1]
        if not isinstance(last, Join | Return):
            # A plan without an end asks for an answer from all that it found.
            last = Join(args=tuple((name, Ref(name)) for name in draft.front.scope.types))
            self._ops.append(last)
            self._run(execution, self._online.add([last]))
        return Plan(text, last, found, mended=len(draft.mendings))
