"""Expressions in a form in which those that say the same are equal."""

from __future__ import annotations

from llmcc.ir.expr import Comprehension, Const, Expr, Ref, rebuild, walk


def normal(expr: Expr) -> Expr:
    """The expression with the variables of comprehensions named by their place, so that their names do not count."""
    if isinstance(expr, Const | Ref) or not any(isinstance(node, Comprehension) for node in walk(expr)):
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
