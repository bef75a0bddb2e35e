"""Value numbering: expressions in a form in which equal ones are equal, and the values that are the same as an earlier
one.
"""

from __future__ import annotations

from llmcc.ir.expr import Comprehension, Expr, Ref, rebuild, substitute, walk


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
        return substitute(expr, self._reference) if self._same else expr

    def _reference(self, name: str) -> Expr | None:
        first = self._same.get(name)
        return None if first is None else Ref(first)


def normal(expr: Expr) -> Expr:
    """The expression with the variables of comprehensions named by their place, so that their names do not count."""
    if not any(isinstance(node, Comprehension) for node in walk(expr)):
        return expr
    return _Normal().of(expr)


class _Normal:
    def __init__(self) -> None:
        self._bound: dict[str, str] = {}
        self._count = 0

    def of(self, expr: Expr) -> Expr:
        if isinstance(expr, Ref):
            return Ref(self._bound.get(expr.name, expr.name))
        if not isinstance(expr, Comprehension):
            return rebuild(expr, self.of)
        source = self.of(expr.source)
        outer = dict(self._bound)
        # No name of a plan is empty or starts with a blank.
        name = self._bound[expr.name] = f" {self._count}"
        self._count += 1
        condition = None if expr.condition is None else self.of(expr.condition)
        made = Comprehension(self.of(expr.element), name, source, condition)
        self._bound = outer
        return made
