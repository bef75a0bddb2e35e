"""How ops get through their states: they begin once nothing holds them back, and what they free begins in turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from llmcc.ir import errors
from llmcc.ir.expr import refs
from llmcc.ir.frame import Frame, failure_of
from llmcc.ir.ops import Call, Compute, End, Join, Map, Return, ValueOp
from llmcc.ir.signature import Signature
from llmcc.ir.values import Value
from llmcc.runtime import events as ev
from llmcc.runtime.limits import Limits
from llmcc.runtime.nodes import Elements, Node, Region, State, prerequisites, writes
from llmcc.runtime.ready import ReadyQueue


class IllegalTransition(RuntimeError):
    """An event that cannot happen in this state: whoever drives the machine is wrong. The text tells the story."""


class Progress:
    """The part of the machine that knows of ops, and of the elements of maps."""

    def __init__(self, signatures: Mapping[str, Signature], limits: Limits) -> None:
        self.signatures = signatures
        self.limits = limits
        self.top = Region(Frame())
        self.phase = "open"
        self.plan = 1
        self.accepted = 0
        self.stop_reason: str | None = None
        self.calls = 0
        self.events = 0
        self.nodes: dict[str, Node] = {}
        self.held: list[Node] = []
        self.queue = ReadyQueue(
            limits.max_running,
            {name: one.limit for name, one in signatures.items() if one.limit is not None},
            {name: one.batch for name, one in signatures.items() if one.batch is not None},
        )
        #: Whether further events follow at once, so that nothing starts yet.
        self.more = False
        #: Nodes that nothing holds back any more, and maps of which an element is over.
        self._agenda: deque[Node] = deque()
        self._bodies: dict[int, tuple[Map, list[list[int]]]] = {}
        self._out: list[ev.Instruction] = []

    def _node(self, key: str, op: ValueOp | End, region: Region, order: tuple[int, ...]) -> Node:
        if key in self.nodes:
            key = f"{key}~{self.plan}"  # the name belonged to a plan that was rejected, and its call may still run
        node = Node(key, op, region, order, self.plan)
        self.nodes[key] = node
        return node

    def _drain(self) -> None:
        agenda = self._agenda
        while agenda:
            node = agenda.popleft()
            if node.state == "waiting":
                _BEGIN[type(node.op)](self, node, node.op)
            elif node.state == "open":
                self._go_on(node)
            elif node.state == "recovering" and node.error is not None:
                self._conclude_failure(node, node.error)

    def _begin_end(self, node: Node, op: End) -> None:
        node.enter("known", self.events)

    def _begin_expr(self, node: Node, op: Compute) -> None:
        frame = node.region.frame
        try:
            value = frame.evaluate(op.expr) if frame.holds(op.guard) else None
        except Exception as error:  # the interpreter makes a failure of every kind of exception, and so must we
            self._fail(node, error)
        else:
            self._succeed(node, op, value)

    def _begin_call(self, node: Node, op: Call) -> None:
        frame = node.region.frame
        try:
            if op.guard is not None and not frame.holds(op.guard):
                return self._succeed(node, op, None)
            node.args = frame.arguments(op)
            if self.stop_reason is not None:
                raise errors.Cancelled(self.stop_reason)
        except Exception as error:  # as above
            return self._fail(node, error)
        if node.plan > self.accepted and op.effect.writes:
            return self._hold(node)
        self._admit_call(node)

    def _begin_map(self, node: Node, op: Map) -> None:
        frame = node.region.frame
        try:
            if not frame.holds(op.guard):
                return self._succeed(node, op, None)
            elements = frame.elements(op, self.limits.max_fanout)
            if self.stop_reason is not None:
                raise errors.Cancelled(self.stop_reason)
        except Exception as error:  # as above
            return self._fail(node, error)
        node.elements = Elements(elements, 1 if op.ordered else self.limits.max_running or len(elements))
        if node.plan > self.accepted and writes(op):
            return self._hold(node)
        self._admit(node)

    def _hold(self, node: Node) -> None:
        node.enter("held", self.events)
        self.held.append(node)

    def _admit(self, node: Node) -> None:
        if isinstance(node.op, Map):
            node.enter("open", self.events)
            self._agenda.append(node)
        else:
            self._admit_call(node)

    def _admit_call(self, node: Node) -> None:
        if self.calls >= self.limits.max_calls:
            error = errors.LimitExceeded(f"the run has made its {self.limits.max_calls:,} calls")
            return self._fail(node, error)
        self.calls += 1
        node.state = "ready"
        node.path += (self.events, "ready")
        self.queue.push(node)

    def _succeed(self, node: Node, op: ValueOp, value: Value) -> None:
        node.region.frame.values[op.name] = value
        self._over(node, "done")

    def _fail(self, node: Node, error: Exception) -> None:
        op, region = node.op, node.region
        assert isinstance(op, ValueOp)
        node.failure = failure_of(error, op.name, op.span)
        names = refs(op.catch) if op.catch is not None and self.stop_reason is None else []
        if not node.wait_for([region.nodes[name] for name in names if name in region.nodes]):
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
        self._over(node, "failed" if op.name in frame.failures else "done")

    def _over(self, node: Node, state: State) -> None:
        node.state = state
        node.path += (self.events, state)
        node.args = node.error = None
        dependents, node.dependents = node.dependents, None
        if dependents is not None:
            self._free(dependents)
        region = node.region
        region.unfinished -= 1
        if region.owner is not None and region.unfinished == 0:
            assert region.owner.elements is not None
            region.owner.elements.under_way -= 1
            self._agenda.append(region.owner)

    def _free(self, dependents: list[Node]) -> None:
        for other in dependents:
            other.unmet -= 1
            if other.unmet == 0:
                self._agenda.append(other)

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
            self._succeed(node, op, value)

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
            if not inner.wait_for([made[i] for i in waits]):
                self._agenda.append(inner)

    def _body(self, op: Map) -> list[list[int]]:
        """For each op in a map's body, the places of those in the body that it waits for; worked out once."""
        if id(op) not in self._bodies:
            places = {one.name: place for place, one in enumerate(op.body)}
            waits = [[places[name] for name in prerequisites(one) if name in places] for one in op.body]
            self._bodies[id(op)] = (op, waits)  # keeps the op alive, and so its id its own
        return self._bodies[id(op)][1]


_BEGIN: dict[type, Callable[[Progress, Node, Any], None]] = {
    Call: Progress._begin_call,
    Compute: Progress._begin_expr,
    Map: Progress._begin_map,
    Join: Progress._begin_end,
    Return: Progress._begin_end,
}
