"""Maps over a list that is still being written: their elements start one by one, before their statement is whole."""

from __future__ import annotations

import msgspec

from llmcc.ir.digest import placeless
from llmcc.ir.evaluate import evaluate
from llmcc.ir.expr import NOTHING, ListOf, is_literal
from llmcc.ir.ops import Map, Op
from llmcc.ir.types import ANY
from llmcc.runtime import events as ev
from llmcc.runtime.calls import Calls
from llmcc.runtime.nodes import Node, writes
from llmcc.runtime.progress import IllegalTransition


class Growing(Calls):
    """The part of the machine that knows of maps whose statements are not complete."""

    def _require_can_grow(self, op: Map) -> None:
        if writes(op) or op.guard is not None or op.catch is not None or not _is_list(op):
            text = f"{op.name!r} cannot begin before its statement is whole: it writes, has clauses, or no list literal"
            raise IllegalTransition(text)

    def _map_grew(self, event: ev.MapGrew) -> None:
        node = self.growing.get(event.name)
        if node is None:
            raise IllegalTransition(f"{event.name!r} has more elements, and was never begun")
        more = event.elements
        assert isinstance(node.op, Map) and isinstance(node.op.source, ListOf)
        if not isinstance(more, ListOf) or not is_literal(more):
            raise IllegalTransition(f"{event.name!r} has elements that are no literals: {more!r}")
        items = (*node.op.source.items, *more.items)
        if len(items) > self.limits.max_fanout:
            raise IllegalTransition(f"a map of {len(items):,} elements is wider than {self.limits.max_fanout:,}")
        node.op = msgspec.structs.replace(node.op, source=ListOf(items))
        if node.elements is not None and not node.over:
            self._lengthen(node, more)

    def _completed(self, node: Node, op: Op) -> bool:
        """Makes a map that was begun the one of its whole statement; False if it has to be added like any other."""
        begun = node.op
        assert isinstance(begun, Map) and isinstance(begun.source, ListOf)
        if not continues(begun, op, self.limits.max_fanout):
            raise IllegalTransition(f"{begun.name!r} is not what was begun; {node.story()}")
        assert isinstance(op, Map) and isinstance(op.source, ListOf)
        del self.growing[begun.name]
        if node.over:
            return False  # it failed before it had elements, and its catch is known only now
        node.op = op
        if node.elements is not None:
            node.elements.growing = False
            self._lengthen(node, ListOf(op.source.items[len(begun.source.items) :]))
        return True

    def _lengthen(self, node: Node, more: ListOf) -> None:
        assert node.elements is not None
        values = evaluate(more, {})
        assert isinstance(values, list)
        node.elements.values.extend(values)
        self._agenda.append(node)


def continues(begun: Map, op: Op, max_fanout: int) -> bool:
    """Whether a whole statement's op is the map that was `begun` with its first elements, and no wider than it may be.
    It may differ in further elements, in the types that these give it, and in its catch, for which nothing is too late.
    """
    if not isinstance(op, Map) or not _is_list(op) or _bare(begun) != _bare(op):
        return False
    assert isinstance(begun.source, ListOf) and isinstance(op.source, ListOf)
    items = op.source.items
    return len(items) <= max_fanout and items[: len(begun.source.items)] == begun.source.items


def _is_list(op: Map) -> bool:
    return isinstance(op.source, ListOf) and is_literal(op.source)


def _bare(op: Map) -> Op:
    """The map without its list, and without what depends on the whole of it."""
    return placeless(
        msgspec.structs.replace(op, source=NOTHING, type=ANY, var_type=ANY, catch=None, step=None, priority=None)
    )
