"""The scheduler, as a state machine: events in, instructions out. It has no clock, does no I/O and knows no event loop.

The run as a whole is in one of five phases. A plan may be added op by op while it runs; when its end is known, another
(a replan) may follow, which sees all values of the earlier ones:

| phase    | it means                           | StatementAdded | PlanAccepted | PlanRejected | PlanEnded | Cancelled |
|----------|------------------------------------|----------------|--------------|--------------|-----------|-----------|
| open     | a plan is being added              | open           | settled      | settled      | illegal   | stopping  |
| settled  | no plan is being added             | open (1)       | illegal      | illegal      | ending    | stopping  |
| ending   | no further plan will come          | illegal        | illegal      | illegal      | illegal   | stopping  |
| stopping | the run was cancelled              | illegal        | illegal      | illegal      | illegal   | stopping  |
| finished | all is over, `FinishPlan` was said | illegal        | illegal      | illegal      | illegal   | illegal   |

`StatementsWithdrawn` is legal where `StatementAdded` is, and changes no phase: what a plan says anew is taken back. So
is `KeysTaken`. `MapBegun` is legal there too, for the statement that is being written; `MapGrew` follows it in the
phase `open`, and no plan is accepted before its `StatementAdded` came or it was withdrawn (`llmcc.runtime.growing`).

(1) after the end of a plan, its `join` or `return`, only once `EndKnown` was said. `CallFinished`, `CallFailed` and
`CallCancelled` are legal in every phase but `finished`, for a call that runs; `CallCancelled` only after `CancelCall`.

Each op goes through these states (an op in a map once for each element):

| state       | it means                                                     | next                                    |
|-------------|--------------------------------------------------------------|-----------------------------------------|
| waiting     | something that it uses or comes after is not over            | held, ready, open, recovering, or over  |
| held        | it writes, and its plan is not accepted yet                  | ready, open, failed                     |
| ready       | a call that waits for a slot                                 | running, failed                         |
| running     | a call under way, or between two attempts                    | recovering, done, failed                |
| open        | a map whose elements are under way                           | recovering, done, failed                |
| recovering  | it failed, and something that its `catch` uses is not over   | done, failed                            |
| done        | it has a value                                               |                                         |
| failed      | it has none                                                  |                                         |
| known       | (a `join` or `return`) all that it uses is over              |                                         |
| withdrawn   | its plan was rejected, or it was (from every state)          |                                         |

What an op's value or failure is, `llmcc.ir.frame` decides, as for the sequential interpreter. Anything illegal raises
`IllegalTransition` with the story of what it concerns, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from llmcc.ir import errors
from llmcc.ir.frame import Failure
from llmcc.ir.ops import End, Join, Return, ValueOp
from llmcc.ir.signature import Signature
from llmcc.runtime import events as ev
from llmcc.runtime.limits import Limits
from llmcc.runtime.nodes import Node, inside, uses, writes
from llmcc.runtime.progress import IllegalTransition
from llmcc.runtime.statements import ADDING, Statements

__all__ = ["IllegalTransition", "Machine"]


class Machine(Statements):
    """One run. `handle` takes events; everything else is for looking at, never for changing."""

    def __init__(self, signatures: Mapping[str, Signature] | None = None, limits: Limits | None = None) -> None:
        super().__init__(signatures if signatures is not None else {}, limits or Limits())

    def handle(self, event: ev.Event) -> list[ev.Instruction]:
        """What is to be done now that `event` happened.

        Raises:
            IllegalTransition: it cannot happen now.
        """
        out = self._out = []
        if type(event) is ev.CallFinished:  # nearly all are; no phase in which calls run forbids it
            self._call_finished(event)
        else:
            self._apply(event)
        if self._agenda:
            self._drain()
        if not self.queue.idle and not event.more:
            self._start_ready()
        if self._concludes or not self.top.unfinished:
            self._conclude()
        return out

    def _apply(self, event: ev.Event) -> None:
        phases, rule = _RULES[type(event)]
        if self.phase not in phases:
            raise self._illegal(event)
        before, self.more = self.more, event.more
        self.events += 1
        try:
            rule(self, event)
        except IllegalTransition:
            self.events -= 1  # as if it had never been said
            self.more = before
            raise

    def validate(self) -> None:
        """Checks every invariant of the machine, in time proportional to all that it holds.

        Raises:
            AssertionError: one does not hold; the text says which.
        """
        from llmcc.runtime.invariants import validate

        validate(self)

    # -- plans ---------------------------------------------------------------------------------------------------------

    def _map_begun(self, event: ev.MapBegun) -> None:
        self._require_can_grow(event.op)
        if event.op.name in self.growing:
            raise IllegalTransition(f"{event.op.name!r} is begun twice")
        self._add(event.op)
        self.growing[event.op.name] = self.top.nodes[event.op.name]

    def _plan_accepted(self, event: ev.PlanAccepted) -> None:
        if self.growing:
            raise IllegalTransition(f"the statements of {list(self.growing)} are not complete")
        self.phase = "settled"
        self.accepted = self.plan
        self.end, self.open_end, self.end_said = self.open_end, None, False
        self._concludes = True
        held, self.held = self.held, []
        for node in held:
            self._admit(node)

    def _plan_rejected(self, event: ev.PlanRejected) -> None:
        self.phase = "settled"
        self.open_end = None
        self.held = []
        for node in [node for node in self.nodes.values() if node.plan == self.plan and node.state != "withdrawn"]:
            self._withdraw(node)

    def _statements_withdrawn(self, event: ev.StatementsWithdrawn) -> None:
        nodes = [self._withdrawable(name) for name in event.names]
        gone = set(event.names)
        for other in self.top.nodes.values():
            used = gone & uses(other.op)
            if used and isinstance(other.op, ValueOp) and other.op.name not in gone:
                raise IllegalTransition(f"{sorted(used)} cannot be withdrawn without {other.story()}")
        self.held = [node for node in self.held if node not in nodes]
        for node in nodes:
            for one in (*inside(node), node):
                self._withdraw(one)
        if self.end is not None and self.phase == "settled":
            # What it gathers may be gone; it was said already.
            self.end = None

    def _withdrawable(self, name: str) -> Node:
        node = self.top.nodes.get(name)
        if node is None:
            raise IllegalTransition(f"there is no {name!r} to withdraw")
        assert isinstance(node.op, ValueOp)
        if writes(node.op) and node.plan <= self.accepted:
            raise IllegalTransition(f"what has written cannot be withdrawn; {node.story()}")
        if self.phase == "settled" and self.end is not None and not self.end_said:
            raise IllegalTransition(f"{name!r} is withdrawn while its plan is not over: {self.end.story()}")
        return node

    def _keys_taken(self, event: ev.KeysTaken) -> None:
        self.taken.update(event.keys)

    def _plan_ended(self, event: ev.PlanEnded) -> None:
        self.phase = "ending"

    def _cancelled(self, event: ev.Cancelled) -> None:
        if self.stop_reason is not None:
            return  # once is enough: the first reason stays
        self.phase = "stopping"
        self.stop_reason = event.reason
        self._out.extend(ev.CancelCall(key) for key, node in self.queue.running.items() if node.state == "running")
        held, self.held = self.held, []
        for node in (*self.queue.clear(), *held):
            self._fail(node, errors.Cancelled(event.reason))
        self._agenda.extend(node for node in self.growing.values() if node.state == "open")

    # -- what to say ---------------------------------------------------------------------------------------------------

    def _conclude(self) -> None:
        end, self._concludes = self.end, False
        may_go_on = end is not None and (isinstance(end.op, Join) or self.phase == "settled")
        if end is not None and end.state == "known" and may_go_on and not self.end_said:
            self.end_said = True
            self._out.append(ev.EndKnown(*self.top.frame.answer(_end_of(end))))
        if self.top.unfinished == 0 and self.phase in _LAST and not self.queue.running:
            self.phase = "finished"
            self._out.append(self._finish())

    def _finish(self) -> ev.FinishPlan:
        if self.end is not None and self.open_end is None:
            return ev.FinishPlan(*self.top.frame.answer(_end_of(self.end)))
        if self.stop_reason is not None:
            return ev.FinishPlan(None, Failure("Cancelled", self.stop_reason, "plan"))
        return ev.FinishPlan(None)

    def failures(self) -> list[Failure]:
        """All first reasons for which something failed and no `catch` made up for it, in program order, each once."""
        found: dict[Failure, None] = {}
        if not self.top.frame.failures:
            return []
        for node in self.top.nodes.values():
            if node.state != "failed":
                continue
            names = [one for one in inside(node) if one.state == "failed"]
            for one in (*names, node):
                assert isinstance(one.op, ValueOp)
                found[one.region.frame.failures[one.op.name]] = None
        return list(found)


def _end_of(node: Node) -> End:
    assert isinstance(node.op, Join | Return)
    return node.op


#: The phases in which a run finishes as soon as everything is over.
_LAST = frozenset({"ending", "stopping"})
_RUNNING = frozenset({"open", "settled", "ending", "stopping"})
#: For each event the phases in which it is legal, and what it does.
_RULES: dict[type, tuple[frozenset[str], Callable[[Machine, Any], None]]] = {
    ev.StatementAdded: (ADDING, Machine._statement_added),
    ev.MapBegun: (ADDING, Machine._map_begun),
    ev.MapGrew: (frozenset({"open"}), Machine._map_grew),
    ev.StatementsWithdrawn: (ADDING, Machine._statements_withdrawn),
    ev.KeysTaken: (ADDING, Machine._keys_taken),
    ev.PlanAccepted: (frozenset({"open"}), Machine._plan_accepted),
    ev.PlanRejected: (frozenset({"open"}), Machine._plan_rejected),
    ev.PlanEnded: (frozenset({"settled"}), Machine._plan_ended),
    ev.CallFailed: (_RUNNING, Machine._call_failed),
    ev.CallCancelled: (_RUNNING, Machine._call_cancelled),
    ev.Cancelled: (_RUNNING, Machine._cancelled),
}
