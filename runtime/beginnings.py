"""How ops begin: expressions are worked out, calls wait for a slot, maps open their elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmcc.ir import errors
from llmcc.ir.ops import Call, Compute, End, Join, Map, Return
from llmcc.runtime import events as ev
from llmcc.runtime.nodes import Elements, Node, Region, prerequisites, writes
from llmcc.runtime.progress import Progress


class Beginnings(Progress):
    """The part of the machine that knows what each kind of op does first, and of the elements of maps."""

    def _drain(self) -> None:
        agenda = self._agenda
        for node in agenda:  # it grows meanwhile
            if node.state == "waiting":
                op = node.op
                if type(op) is Call:  # most are
                    self._begin_call(node, op)
                else:
                    _BEGIN[type(op)](self, node, op)
            elif node.state == "open":
                self._go_on(node)
            elif node.state == "recovering" and node.error is not None:
                self._conclude_failure(node, node.error)
        agenda.clear()

    def _begin_end(self, node: Node, op: End) -> None:
        node.enter("known", self.events)
        self._concludes = True

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
            args = node.args = frame.arguments(op)
        except Exception as error:  # as above
            return self._fail(node, error)
        if self.stop_reason is not None:
            return self._fail(node, errors.Cancelled(self.stop_reason))
        if node.plan > self.accepted and op.effect.kind == "write":
            return self._hold(node)
        queue = self.queue
        if (
            self.more
            or self._agenda[-1] is not node
            or not queue.idle
            or op.tool in self._counted
            or len(queue.running) >= queue.concurrency
            or self.calls >= self.max_calls
        ):
            return self._admit_call(node, op)
        # The last to become ready, while nobody waits: it would be the next to start, whatever its priority.
        self.calls += 1
        key = node.key
        queue.running[key] = node
        node.state = "running"
        node.started = self.events
        self._out.append(ev.StartCall(key, op.name, op.tool, args, 1))

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
        growing = node.region is self.top and op.name in self.growing
        wide = self.limits.max_running or (self.limits.max_fanout if growing else len(elements))
        node.elements = Elements(elements, 1 if op.ordered else wide, growing=growing)
        if node.plan > self.accepted and writes(op):
            return self._hold(node)
        self._admit(node)

    def _go_on(self, node: Node) -> None:
        """Opens as many elements of a map as may be under way; concludes the map when the last one is over."""
        run, op = node.elements, node.op
        assert run is not None and isinstance(op, Map)
        while run.under_way < run.window and len(run.regions) < len(run.values) and self.stop_reason is None:
            self._open_element(node, run, op)
        if run.under_way or (run.growing and self.stop_reason is None):
            return
        try:
            if run.growing or len(run.regions) < len(run.values):
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


_BEGIN: dict[type, Callable[[Beginnings, Node, Any], None]] = {
    Call: Beginnings._begin_call,
    Compute: Beginnings._begin_expr,
    Map: Beginnings._begin_map,
    Join: Beginnings._begin_end,
    Return: Beginnings._begin_end,
}
