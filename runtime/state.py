"""The scheduler, as a state machine: events in, instructions out. It has no clock, does no I/O and knows no event loop.

The run as a whole is in one of five phases. A plan may be added op by op while it runs, and after a `join` another plan
(a replan) may follow, which sees all values of the earlier ones:

| phase    | it means                           | StatementAdded | PlanAccepted | PlanRejected | PlanEnded | Cancelled |
|----------|------------------------------------|----------------|--------------|--------------|-----------|-----------|
| open     | a plan is being added              | open           | settled      | settled      | illegal   | stopping  |
| settled  | no plan is being added             | open (1)       | illegal      | illegal      | ending    | stopping  |
| ending   | no further plan will come          | illegal        | illegal      | illegal      | illegal   | stopping  |
| stopping | the run was cancelled              | illegal        | illegal      | illegal      | illegal   | stopping  |
| finished | all is over, `FinishPlan` was said | illegal        | illegal      | illegal      | illegal   | illegal   |

(1) not after a `return`, and after a `join` only once `JoinReady` was said. `CallFinished`, `CallFailed` and
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
| withdrawn   | its plan was rejected (from every state)                     |                                         |

What an op's value or failure is, `llmcc.ir.frame` decides, as for the sequential interpreter. Anything illegal raises
`IllegalTransition` with the story of what it concerns, and changes nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from llmcc.ir import errors
from llmcc.ir.expr import refs
from llmcc.ir.frame import DependencyFailed, Failure, Frame, check_result, failure_of
from llmcc.ir.ops import Call, Compute, End, Join, Map, Return, ValueOp
from llmcc.ir.signature import Signature
from llmcc.ir.values import Value
from llmcc.runtime import events as ev
from llmcc.runtime.limits import Limits
from llmcc.runtime.nodes import Elements, Node, Region, inside, prerequisites, writes
from llmcc.runtime.ready import ReadyQueue


class IllegalTransition(RuntimeError):
    """An event that cannot happen in this state: whoever drives the machine is wrong. The text tells the story."""


class Machine:
    """One run. `handle` takes events; everything else is for looking at, never for changing."""

    def __init__(self, signatures: Mapping[str, Signature] | None = None, limits: Limits | None = None) -> None:
        self.signatures = signatures if signatures is not None else {}
        self.limits = limits or Limits()
        self.top = Region(Frame())
        self.phase = "open"
        self.plan = 1
        self.accepted = 0
        self.end: Node | None = None
        self.open_end: Node | None = None
        self.join_said = False
        self.stop_reason: str | None = None
        self.calls = 0
        self.events = 0
        self.nodes: dict[str, Node] = {}
        self.held: list[Node] = []
        self.queue = ReadyQueue(self.limits.max_running, self._tool_limit)
        self._agenda: deque[Node] = deque()
        self._bodies: dict[int, tuple[Map, list[list[int]]]] = {}
        self._out: list[ev.Instruction] = []

    def handle(self, event: ev.Event) -> list[ev.Instruction]:
        """What is to be done now that `event` happened.

        Raises:
            IllegalTransition: it cannot happen now.
        """
        if self.phase not in _LEGAL[type(event)]:
            raise IllegalTransition(f"{event!r} in the phase {self.phase!r} (plan {self.plan}, event {self.events})")
        self._out = []
        self.events += 1
        try:
            _RULES[type(event)](self, event)
        except IllegalTransition:
            self.events -= 1  # as if it had never been said
            raise
        self._drain()
        self._start_ready()
        self._tell()
        return self._out

    def validate(self) -> None:
        """Checks every invariant of the machine, in time proportional to all that it holds.

        Raises:
            AssertionError: one does not hold; the text says which.
        """
        from llmcc.runtime.invariants import validate

        validate(self)

    # -- plans ---------------------------------------------------------------------------------------------------------

    def _statement_added(self, event: ev.StatementAdded) -> None:
        op = event.op
        self._require_room_for(op.name if isinstance(op, ValueOp) else "the end")
        names = prerequisites(op)
        catches = refs(op.catch) if isinstance(op, ValueOp) and op.catch is not None else []
        missing = [name for name in (*names, *catches) if name not in self.top.nodes]
        if missing:
            raise IllegalTransition(f"an op uses or comes after {missing[0]!r}, which was not added before: {op!r}")
        if isinstance(op, ValueOp) and op.name in self.top.nodes:
            raise IllegalTransition(f"{op.name!r} is defined twice; {self.top.nodes[op.name].story()}")
        if self.phase == "settled":
            self.phase = "open"
            self.plan += 1
        key = op.name if isinstance(op, ValueOp) else f"<end of plan {self.plan}>"
        node = self._node(key, op, self.top, (len(self.nodes),))
        if isinstance(op, ValueOp):
            self.top.nodes[op.name] = node
            self.top.unfinished += 1
        else:
            self.open_end = node
        self._wait_for(node, [self.top.nodes[name] for name in names])
        if node.unmet == 0:
            self._agenda.append(node)

    def _require_room_for(self, name: str) -> None:
        if self.phase == "open" and self.open_end is not None:
            raise IllegalTransition(f"{name} comes after the end of its plan")
        if self.phase == "settled" and self.end is not None and not self.join_said:
            raise IllegalTransition(f"{name} comes while the plan before it is not over: {self.end.story()}")

    def _plan_accepted(self, event: ev.PlanAccepted) -> None:
        self.phase = "settled"
        self.accepted = self.plan
        self.end, self.open_end, self.join_said = self.open_end, None, False
        held, self.held = self.held, []
        for node in held:
            self._admit(node)

    def _plan_rejected(self, event: ev.PlanRejected) -> None:
        self.phase = "settled"
        self.open_end = None
        self.held = []
        for node in [node for node in self.nodes.values() if node.plan == self.plan]:
            self._withdraw(node)

    def _withdraw(self, node: Node) -> None:
        if node.region is self.top and isinstance(node.op, ValueOp):
            self.top.unfinished -= not node.over
            del self.top.nodes[node.op.name]
            self.top.frame.values.pop(node.op.name, None)
            self.top.frame.failures.pop(node.op.name, None)
        if node.state == "running":
            self._out.append(ev.CancelCall(node.key))
        node.enter("withdrawn", self.events)

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

    # -- calls ---------------------------------------------------------------------------------------------------------

    def _call_finished(self, event: ev.CallFinished) -> None:
        node = self._running(event.key, event)
        self.queue.release(node)
        if node.state == "withdrawn":
            return
        assert isinstance(node.op, Call)
        try:
            value = check_result(node.op, event.value)
        except Exception as error:
            self._fail(node, error)
        else:
            self._succeed(node, value)

    def _call_failed(self, event: ev.CallFailed) -> None:
        node = self._running(event.key, event)
        assert isinstance(node.op, Call)
        if event.retryable and (event.delay_s or 0.0) <= self.limits.delay_max_s and self._may_retry(node, node.op):
            node.attempt += 1
            self._out.append(self._start_call(node, event.delay_s))
            return
        self.queue.release(node)
        if node.state != "withdrawn":
            self._fail(node, DependencyFailed(Failure(event.error, event.message, node.op.name, node.op.span)))

    def _may_retry(self, node: Node, op: Call) -> bool:
        signature = self.signatures.get(op.tool)
        if signature is None or node.attempt > signature.retries:
            return False
        return node.state == "running" and self.stop_reason is None and (not op.effect.writes or signature.idempotent)

    def _call_cancelled(self, event: ev.CallCancelled) -> None:
        node = self._running(event.key, event)
        if node.state == "running" and self.stop_reason is None:
            raise IllegalTransition(f"nobody asked to cancel this call; {node.story()}")
        self.queue.release(node)
        if node.state != "withdrawn":
            self._fail(node, errors.Cancelled(self.stop_reason))

    def _running(self, key: str, event: ev.Event) -> Node:
        node = self.queue.running.get(key)
        if node is not None:
            return node
        story = self.nodes[key].story() if key in self.nodes else f"{key}: there never was such a call"
        raise IllegalTransition(f"{type(event).__name__} for a call that does not run; {story}")

    def _tool_limit(self, tool: str) -> int | None:
        signature = self.signatures.get(tool)
        return None if signature is None else signature.limit

    def _start_call(self, node: Node, delay_s: float | None = None) -> ev.StartCall:
        assert isinstance(node.op, Call) and node.args is not None
        return ev.StartCall(node.key, node.op.name, node.op.tool, node.args, node.attempt, delay_s)

    def _start_ready(self) -> None:
        while (node := self.queue.take()) is not None:
            node.attempt = 1
            node.enter("running", self.events)
            self._out.append(self._start_call(node))

    # -- ops -----------------------------------------------------------------------------------------------------------

    def _node(self, key: str, op: ValueOp | End, region: Region, order: tuple[int, ...]) -> Node:
        if key in self.nodes:
            key = f"{key}~{self.plan}"  # the name belonged to a plan that was rejected, and its call may still run
        node = Node(key, op, region, order, self.plan)
        self.nodes[key] = node
        return node

    def _wait_for(self, node: Node, others: list[Node]) -> None:
        pending = [other for other in others if not other.over]
        node.unmet = len(pending)
        for other in pending:
            other.dependents.append(node)

    def _drain(self) -> None:
        while self._agenda:
            node = self._agenda.popleft()
            if node.state == "waiting":
                self._begin(node)
            elif node.state == "open":
                self._go_on(node)
            elif node.state == "recovering" and node.error is not None:
                self._conclude_failure(node, node.error)

    def _begin(self, node: Node) -> None:
        op = node.op
        if isinstance(op, Join | Return):
            node.enter("known", self.events)
            return
        try:
            if not node.region.frame.holds(op.guard):
                return self._succeed(node, None)
            if isinstance(op, Compute):
                return self._succeed(node, node.region.frame.evaluate(op.expr))
            self._prepare(node, op)
        except Exception as error:  # the interpreter makes a failure of every kind of exception, and so must we
            return self._fail(node, error)
        if node.plan > self.accepted and writes(op):
            node.enter("held", self.events)
            self.held.append(node)
            return
        self._admit(node)

    def _prepare(self, node: Node, op: Call | Map) -> None:
        frame = node.region.frame
        if isinstance(op, Call):
            node.args = frame.arguments(op)
        else:
            elements = frame.elements(op, self.limits.max_fanout)
            widest = self.limits.max_running or len(elements)
            node.elements = Elements(elements, 1 if op.ordered else widest)
        if self.stop_reason is not None:
            raise errors.Cancelled(self.stop_reason)

    def _admit(self, node: Node) -> None:
        if isinstance(node.op, Map):
            node.enter("open", self.events)
            self._agenda.append(node)
            return
        if self.calls >= self.limits.max_calls:
            self._fail(node, errors.LimitExceeded(f"the run has made its {self.limits.max_calls:,} calls"))
            return
        self.calls += 1
        node.enter("ready", self.events)
        self.queue.push(node)

    def _succeed(self, node: Node, value: Value) -> None:
        assert isinstance(node.op, ValueOp)
        node.region.frame.succeed(node.op, value)
        self._settle(node)

    def _fail(self, node: Node, error: Exception) -> None:
        op, region = node.op, node.region
        assert isinstance(op, ValueOp)
        node.failure = failure_of(error, op.name, op.span)
        names = refs(op.catch) if op.catch is not None and self.stop_reason is None else []
        self._wait_for(node, [region.nodes[name] for name in names if name in region.nodes])
        if node.unmet == 0:
            return self._conclude_failure(node, error)
        node.error = error
        node.enter("recovering", self.events)

    def _conclude_failure(self, node: Node, error: Exception) -> None:
        op, frame = node.op, node.region.frame
        assert isinstance(op, ValueOp)
        if self.stop_reason is None:
            frame.fail(op, error)
        else:
            frame.failures[op.name] = failure_of(error, op.name, op.span)  # a stopped run makes up no values
        self._settle(node)

    def _settle(self, node: Node) -> None:
        assert isinstance(node.op, ValueOp)
        region = node.region
        node.enter("failed" if node.op.name in region.frame.failures else "done", self.events)
        for other in node.dependents:
            other.unmet -= 1
            if other.unmet == 0:
                self._agenda.append(other)
        node.dependents = []
        node.args = node.error = None
        region.unfinished -= 1
        if region.owner is not None and region.unfinished == 0:
            assert region.owner.elements is not None
            region.owner.elements.under_way -= 1
            self._agenda.append(region.owner)

    # -- maps ----------------------------------------------------------------------------------------------------------

    def _go_on(self, node: Node) -> None:
        """Opens as many elements of a map as may be under way; concludes the map when the last one is over."""
        run, op = node.elements, node.op
        assert run is not None and isinstance(op, Map)
        while run.under_way < run.window and len(run.regions) < len(run.values) and self.stop_reason is None:
            self._open_element(node, run, op)
        if run.under_way:
            return
        try:
            if len(run.regions) < len(run.values):
                raise errors.Cancelled(self.stop_reason)
            value = node.region.frame.gather(op, [region.frame for region in run.regions])
        except Exception as error:
            self._fail(node, error)
        else:
            self._succeed(node, value)

    def _open_element(self, node: Node, run: Elements, op: Map) -> None:
        index = len(run.regions)
        frame = node.region.frame.inside(op, run.values[index])
        region = Region(frame, f"{node.key}[{index}].", node, unfinished=len(op.body))
        run.regions.append(region)
        run.under_way += bool(op.body)  # an element whose calls were all optimized away is over at once
        made: list[Node] = []
        for place, (one, waits) in enumerate(zip(op.body, self._body(op), strict=True)):
            inner = self._node(f"{region.prefix}{one.name}", one, region, (*node.order, index, place))
            inner.plan = node.plan
            region.nodes[one.name] = inner
            made.append(inner)
            self._wait_for(inner, [made[i] for i in waits])
            if inner.unmet == 0:
                self._agenda.append(inner)

    def _body(self, op: Map) -> list[list[int]]:
        """For each op in a map's body, the places of those in the body that it waits for; worked out once."""
        if id(op) not in self._bodies:
            places = {one.name: place for place, one in enumerate(op.body)}
            waits = [[places[name] for name in prerequisites(one) if name in places] for one in op.body]
            self._bodies[id(op)] = (op, waits)  # keeps the op alive, and so its id its own
        return self._bodies[id(op)][1]

    # -- what to say ---------------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        end = self.end
        if end is not None and end.state == "known" and isinstance(end.op, Join) and not self.join_said:
            self.join_said = True
            self._out.append(ev.JoinReady(*self.top.frame.answer(end.op)))
        if self.phase in ("ending", "stopping") and self.top.unfinished == 0 and not self.queue.running:
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


_RUNNING = frozenset({"open", "settled", "ending", "stopping"})
_LEGAL: dict[type, frozenset[str]] = {
    ev.StatementAdded: frozenset({"open", "settled"}),
    ev.PlanAccepted: frozenset({"open"}),
    ev.PlanRejected: frozenset({"open"}),
    ev.PlanEnded: frozenset({"settled"}),
    ev.CallFinished: _RUNNING,
    ev.CallFailed: _RUNNING,
    ev.CallCancelled: _RUNNING,
    ev.Cancelled: _RUNNING,
}
_RULES: dict[type, Callable[[Machine, Any], None]] = {
    ev.StatementAdded: Machine._statement_added,
    ev.PlanAccepted: Machine._plan_accepted,
    ev.PlanRejected: Machine._plan_rejected,
    ev.PlanEnded: Machine._plan_ended,
    ev.CallFinished: Machine._call_finished,
    ev.CallFailed: Machine._call_failed,
    ev.CallCancelled: Machine._call_cancelled,
    ev.Cancelled: Machine._cancelled,
}
