"""Constants: what is known of values before the plan runs, and expressions computed as far as that goes.

What an expression refers to is part of its meaning, because a failed value fails whatever uses it, also in a branch
that would not be taken. So a part that refers to values is only dropped where the rest refers to the same ones in the
same order. An expression that has no value is left as it is: it fails when the plan runs, where `catch` and the answer
can see it.
"""

from __future__ import annotations

import math
from typing import Any

from llmcc.ir import expr as e
from llmcc.ir.errors import EvaluationError
from llmcc.ir.evaluate import evaluate
from llmcc.ir.values import Value

#: Steps that evaluating one expression may take before it is left to run time.
MAX_STEPS = 20_000
#: How deep a computed value may be nested.
MAX_DEPTH = 16
#: Characters of text that count as one part of a value.
TEXT_PART = 64

_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"})


class Unknown:
    """The type of `UNKNOWN`."""


UNKNOWN = Unknown()


def size(value: Value, depth: int = MAX_DEPTH) -> float:
    """How many parts a value has when it is written out: scalars, containers, and stretches of text.

    One that is nested deeper than `depth` counts as infinitely large.

    >>> size([1, {"a": "x" * 200}]), size([[]], 1)
    (8, inf)
    """
    if isinstance(value, str):
        return 1 + len(value) // TEXT_PART
    if not isinstance(value, list | dict):
        return 1
    if depth == 0:
        return math.inf
    parts = value if isinstance(value, list) else value.values()
    return 1 + (len(value) if isinstance(value, dict) else 0) + sum(size(part, depth - 1) for part in parts)


def depth(expr: e.Expr) -> int:
    """How deep an expression is nested, in nodes."""
    if isinstance(expr, e.Const | e.Ref):
        return 1
    level: list[e.Expr] = [expr]
    found = 0
    while level:
        level, found = [part for node in level for part in e.children(node)], found + 1
    return found


class Constants:
    """The values known so far, by name. `max_parts` bounds a computed value, `inline_parts` one that is written into
    its uses.
    """

    def __init__(self, max_parts: int, inline_parts: int) -> None:
        self._max_parts = max_parts
        self._inline_parts = inline_parts
        self._values: dict[str, Value] = {}
        self._literals: dict[str, e.Expr] = {}

    def learn(self, name: str, value: Value) -> None:
        """Notes that `name` always has `value`."""
        self._values[name] = value
        if size(value) <= self._inline_parts:
            self._literals[name] = e.literal(value)

    def knows(self, name: str) -> bool:
        """Whether the value of `name` is known, so that it cannot fail either."""
        return name in self._values

    def fold(self, expr: e.Expr) -> tuple[e.Expr, Value | Unknown]:
        """The expression computed as far as it can be, and its value, if that is known."""
        match expr:
            case e.Const(value):
                return expr, value
            case e.Ref(name):
                return self._literals.get(name, expr), self._values.get(name, UNKNOWN)
            case e.Cond():
                return self._cond(expr)
            case e.Comprehension():
                return self._comprehension(expr)
        folded = [self.fold(part) for part in e.children(expr)]
        parts = iter([part for part, _ in folded])
        rebuilt = e.rebuild(expr, lambda _: next(parts))
        if any(isinstance(value, Unknown) for _, value in folded):
            return self._logic(rebuilt, [value for _, value in folded]), UNKNOWN
        return self._compute(rebuilt, [value for _, value in folded])

    def condition(self, expr: e.Expr) -> tuple[e.Expr, Value | Unknown]:
        """`fold` for a place that demands a bool anyway, so that `true and x` is `x`, whatever `x` is."""
        folded, value = self.fold(expr)
        while isinstance(folded, e.Binary) and folded.left == _neutral(folded.op):
            folded = folded.right
        return folded, value

    def _cond(self, expr: e.Cond) -> tuple[e.Expr, Value | Unknown]:
        test, chosen = self.condition(expr.test)
        then, then_value = self.fold(expr.then)
        other, other_value = self.fold(expr.other)
        parts = iter((test, then, other))
        whole = e.rebuild(expr, lambda _: next(parts))
        if not isinstance(chosen, bool):
            return whole, UNKNOWN
        kept, value = (then, then_value) if chosen else (other, other_value)
        return (kept, value) if self._same_uses(whole, kept) else (whole, UNKNOWN)

    def _logic(self, expr: e.Expr, values: list[Value | Unknown]) -> e.Expr:
        """`and`, `or` and `not` of which one side is known."""
        if not isinstance(expr, e.Binary) or expr.op not in ("and", "or") or not isinstance(values[0], bool):
            return expr
        if expr.left == _neutral(expr.op):
            return expr.right if _is_bool(expr.right) else expr
        return expr.left if self._same_uses(expr, expr.left) else expr

    def _comprehension(self, expr: e.Comprehension) -> tuple[e.Expr, Value | Unknown]:
        source, value = self.fold(expr.source)
        condition = None if expr.condition is None else self.condition(expr.condition)[0]
        element = self.fold(expr.element)[0]
        parts = iter((source, element) if condition is None else (source, condition, element))
        whole = e.rebuild(expr, lambda _: next(parts))
        known = not isinstance(value, Unknown) and all(map(self.knows, e.refs(whole)))
        # The number of steps says nothing of how long a range gets.
        if not known or any(isinstance(node, e.Builtin) and node.name == "range" for node in e.walk(whole)):
            return whole, UNKNOWN
        return self._settle(whole, whole, self._values)

    def _compute(self, expr: e.Expr, values: list[Any]) -> tuple[e.Expr, Value | Unknown]:
        if isinstance(expr, e.ListOf | e.DictOf):
            keys = None if isinstance(expr, e.ListOf) else [key for key, _ in expr.entries]
            value = values if keys is None else dict(zip(keys, values, strict=True))
            return (expr, value) if size(value) <= self._max_parts else (expr, UNKNOWN)
        if isinstance(expr, e.Builtin) and expr.name == "range" and self._too_long(values):
            return expr, UNKNOWN
        names = iter([str(i) for i in range(len(values))])
        shape = e.rebuild(expr, lambda _: e.Ref(next(names)))
        return self._settle(expr, shape, {str(i): value for i, value in enumerate(values)})

    def _settle(self, expr: e.Expr, shape: e.Expr, env: dict[str, Value]) -> tuple[e.Expr, Value | Unknown]:
        """`shape` evaluated in `env`, in place of `expr`, if it has a value and that is not too large."""
        try:
            value = evaluate(shape, env, max_steps=MAX_STEPS)
        except EvaluationError:
            return expr, UNKNOWN
        return (e.literal(value), value) if size(value) <= self._max_parts else (expr, UNKNOWN)

    def _too_long(self, bounds: list[Any]) -> bool:
        if not 1 <= len(bounds) <= 3 or any(type(bound) is not int for bound in bounds) or 0 in bounds[2:]:
            return True  # no range at all
        return bool(range(*bounds)[self._max_parts :])

    def _same_uses(self, before: e.Expr, after: e.Expr) -> bool:
        return self._uncertain(before) == self._uncertain(after)

    def _uncertain(self, expr: e.Expr) -> list[str]:
        """The values that the expression uses and that could have failed."""
        return [name for name in e.refs(expr) if not self.knows(name)]


def _neutral(op: str) -> e.Const | None:
    """What changes nothing on the left of `op`."""
    return {"and": e.TRUE, "or": e.FALSE}.get(op)


def _is_bool(expr: e.Expr) -> bool:
    """Whether the expression has no other values than bools."""
    if isinstance(expr, e.Binary):
        return expr.op in _COMPARISONS
    if isinstance(expr, e.Unary):
        return expr.op == "not"
    return isinstance(expr, e.Const) and isinstance(expr.value, bool)
