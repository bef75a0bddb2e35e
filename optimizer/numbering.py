"""Value numbering: expressions in a form in which equal ones are equal, and the values that are the same as an earlier
one.
"""

from __future__ import annotations

import msgspec

from llmcc.ir.expr import Const, Expr, Ref, substitute
from llmcc.ir.ops import Call, Map, ValueOp
from llmcc.optimizer.forward import renamed


class Numbering:
    """Which names stand for which earlier values."""

    def __init__(self) -> None:
        self._same: dict[str, str] = {}

    def alias(self, name: str, first: str) -> None:
        """Notes that `name` always has the value of `first`, or fails as it does."""
        self._same[name] = self.first(first)

    def first(self, name: str) -> str:
        """The earliest name of a value."""
        return self._same.get(name, name)

    def rename(self, expr: Expr) -> Expr:
        """The expression with every value by its earliest name; the same object if nothing changes."""
        if isinstance(expr, Const) or not self._same:
            return expr
        return substitute(expr, self._reference)

    def _reference(self, name: str) -> Expr | None:
        first = self._same.get(name)
        return None if first is None else Ref(first)


def standard(op: Map) -> Map:
    """What a map does, with the names in it by their place: two maps with the same do the same.

    Its own guard, catch and place in the plan are no part of that.
    """
    local: dict[str, str] = {}
    plain = _plain(op, local)
    inside = renamed(plain, lambda name: Ref(local[name]) if name in local else None)
    assert isinstance(inside, Map)
    return msgspec.structs.replace(inside, guard=None, catch=None, after=())


def _plain(op: ValueOp, local: dict[str, str]) -> ValueOp:
    """The op with new names where it defines one, noted in `local`, and without places and figures."""

    def new(name: str) -> str:
        return local.setdefault(name, f"  {len(local)}")  # no name of a plan is like that

    after = tuple(local.get(name, name) for name in op.after)
    op = msgspec.structs.replace(op, name=new(op.name), after=after, span=None, step=None, priority=None)
    if isinstance(op, Call):
        return msgspec.structs.replace(op, batch=None)
    if not isinstance(op, Map):
        return op
    var = new(op.var)
    return msgspec.structs.replace(op, var=var, ordered=True, body=tuple(_plain(one, local) for one in op.body))
