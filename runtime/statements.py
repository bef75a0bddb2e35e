"""How ops become part of a plan: each gets its record, and waits for what it uses or comes after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from llmcc.ir.expr import refs
from llmcc.ir.ops import Call, Join, Op, Return, ValueOp
from llmcc.ir.signature import Signature
from llmcc.runtime import events as ev
from llmcc.runtime.growing import Growing
from llmcc.runtime.limits import Limits
from llmcc.runtime.nodes import Node, prerequisites
from llmcc.runtime.progress import IllegalTransition

#: The phases in which ops may be added.
ADDING = frozenset({"open", "settled"})
_ENDS = (Join, Return)


class Statements(Growing):
    """The part of the machine that knows how plans are told."""

    def __init__(self, signatures: Mapping[str, Signature], limits: Limits) -> None:
        super().__init__(signatures, limits)
        self.end: Node | None = None
        self.open_end: Node | None = None
        self.end_said = False

    def announce(self, ops: Iterable[Op]) -> None:
        """`handle` for a `StatementAdded` of each op that another event follows: there is nothing to do yet.

        Raises:
            IllegalTransition: one of them cannot be added now; `events` tells which, as those before it were.
        """
        rest = iter(ops)
        while (op := self._add_calls(rest)) is not None:
            if self.phase not in ADDING:
                raise self._illegal(ev.StatementAdded(op, more=True))
            before, self.more = self.more, True
            self.events += 1
            try:
                self._add(op)
            except IllegalTransition:
                self.events -= 1
                self.more = before
                raise
            if self._agenda:
                self._drain()

    def _illegal(self, event: ev.Event) -> IllegalTransition:
        return IllegalTransition(f"{event!r} in the phase {self.phase!r} (plan {self.plan}, event {self.events})")

    def _statement_added(self, event: ev.StatementAdded) -> None:
        self._add(event.op)

    def _add_calls(self, ops: Iterator[Op]) -> Op | None:
        """Adds ops until one is no call, or there is more to be looked at than its arguments: that one is returned."""
        if self.phase != "open" or self.open_end is not None or self.end is not None:
            return next(ops, None)
        before, events = len(self.nodes), self.events
        other = self._add_simple_calls(ops, events - before)
        added = len(self.nodes) - before
        self.events = events + added
        self.more = self.more or added > 0
        self.top.unfinished += added
        return other

    def _add_simple_calls(self, ops: Iterator[Op], others: int) -> Op | None:
        """The work of `_add_calls`; `others` is the number of events besides those that added the nodes there are."""
        top, plan, nodes, taken = self.top, self.plan, self.nodes, self.taken
        known = top.nodes
        for op in ops:
            if type(op) is not Call or op.guard is not None or op.catch is not None or op.after:
                return op
            name = op.name
            if name in nodes or name in taken:
                return op
            node = Node(name, op, top, (len(nodes),), plan)
            if not node.wait_for_arguments(op, known):
                return op
            nodes[name] = known[name] = node
            if not node.unmet:
                self.events = others + len(nodes)
                self.more = True
                self._begin_call(node, op)
        return None

    def _add(self, op: Op) -> None:
        top = self.top
        if self.open_end is not None or self.end is not None:
            self._require_room_for(op)
        names = prerequisites(op)
        others = self._earlier(op, names) if names else ()
        if isinstance(op, _ENDS):
            self._open_plan()
            node = self.open_end = self._node(f"<end of plan {self.plan}>", op, top, (len(self.nodes),))
        else:
            if op.catch is not None:
                self._earlier(op, refs(op.catch))
            begun = self.growing.get(op.name) if self.growing else None
            if begun is not None:
                if self._completed(begun, op):
                    return
                self._withdraw(begun)
            if op.name in top.nodes:
                raise IllegalTransition(f"{op.name!r} is defined twice; {top.nodes[op.name].story()}")
            if self.phase == "settled":
                self._open_plan()
            node = top.nodes[op.name] = self._node(op.name, op, top, (len(self.nodes),))
            top.unfinished += 1
        if not others or not node.wait_for(others):
            self._agenda.append(node)

    def _require_room_for(self, op: Op) -> None:
        name = op.name if isinstance(op, ValueOp) else "the end"
        if self.phase == "open" and self.open_end is not None:
            raise IllegalTransition(f"{name} comes after the end of its plan")
        if self.phase == "settled" and self.end is not None and not self.end_said:
            raise IllegalTransition(f"{name} comes while the plan before it is not over: {self.end.story()}")

    def _earlier(self, op: Op, names: list[str]) -> list[Node]:
        nodes = self.top.nodes
        try:
            return [*map(nodes.__getitem__, names)]
        except KeyError as missing:
            text = f"an op uses or comes after {missing}, which was not added before: {op!r}"
            raise IllegalTransition(text) from None

    def _open_plan(self) -> None:
        if self.phase == "settled":
            self.phase = "open"
            self.plan += 1

    def _withdraw(self, node: Node) -> None:
        if node.region is self.top and isinstance(node.op, ValueOp):
            self.top.unfinished -= not node.over
            del self.top.nodes[node.op.name]
            self.growing.pop(node.op.name, None)
            self.top.frame.values.pop(node.op.name, None)
            self.top.frame.failures.pop(node.op.name, None)
        if node.state == "running":
            self._out.append(ev.CancelCall(node.key))
        node.enter("withdrawn", self.events)
