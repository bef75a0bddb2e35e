"""Expressions in a simpler form that has the same value, and fails in the same cases for the same reason.

Two things keep a part from going. A value that it refers to could have failed, and then the whole expression fails,
also for the sake of a branch that is never taken; so such names must stand in the rest too, in the same order, or have
been looked at before. And the part itself could have no value; so what is evaluated must be `total` to go. Only the
bounds on steps and text lengths do not count: a simpler expression takes less of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from llmcc.ir import expr as e
from llmcc.ir.types import STR, certain
from llmcc.ir.values import to_text
from llmcc.optimizer.certainty import Certainty
from llmcc.optimizer.facts import OPPOSITES, Context, facts


class Simplification:
    """The rules, which know what `certainty` has learnt."""

    def __init__(self, certainty: Certainty) -> None:
        self._certainty = certainty

    def after(self, context: Context, expr: e.Expr | None, holds: bool | None = True) -> Context:
        """What holds once `expr` has been evaluated and gave `holds` (None: anything)."""
        if expr is None:
            return context
        known = {} if holds is None else facts(expr, holds)
        known = {one: value for one, value in known.items() if self._certainty.is_bool(one)}
        return context.plus(known, self._certainty.uncertain(e.refs(expr)))

    def value(self, expr: e.Expr, context: Context) -> e.Expr:
        """The expression, simpler."""
        return self._simpler(expr, context, False)

    def condition(self, expr: e.Expr, context: Context) -> e.Expr:
        """The expression, simpler, for a place that demands a bool anyway."""
        return self._simpler(expr, context, True)

    def _simpler(self, expr: e.Expr, context: Context, truth: bool) -> e.Expr:
        if isinstance(expr, e.Const):
            return expr
        known = context.facts.get(expr) if context.facts else None
        if known is not None:
            return e.Const(known)
        if isinstance(expr, e.Ref):
            return expr
        parts = iter(self._parts(expr, context, truth))
        new = e.rebuild(expr, lambda _: next(parts))
        rule = _RULES.get(type(new))
        if rule is None:
            return new
        found = rule(self, new, truth)
        return found if found is new or self._looks_at_the_same(new, found, context) else new

    def _parts(self, expr: e.Expr, context: Context, truth: bool) -> Iterable[e.Expr]:
        """The simpler direct parts, in order; what one of them looks at has been seen by those after it.

        Which way a condition inside of the expression went is not used: it stays as clear as it was written.
        """
        match expr:
            case e.Unary("not", operand):
                return [self.condition(operand, context)]
            case e.Binary("and" | "or", left, right):
                first = self.condition(left, context)
                return [first, self.condition(right, self.after(context, first, None))]
            case e.Cond(test, then, other):
                first = self.condition(test, context)
                inside = self.after(context, first, None)
                return [first, self._simpler(then, inside, truth), self._simpler(other, inside, truth)]
            case e.Comprehension():
                return self._comprehension(expr, context)
        return [self.value(part, context) for part in e.children(expr)]

    def _comprehension(self, expr: e.Comprehension, context: Context) -> Iterable[e.Expr]:
        source = self.value(expr.source, context)
        self._certainty.bind(expr.name, source)
        inside = self.after(context, source, None)
        if expr.condition is None:
            return [source, self.value(expr.element, inside)]
        condition = self.condition(expr.condition, inside)
        return [source, condition, self.value(expr.element, self.after(inside, condition, None))]

    def _looks_at_the_same(self, before: e.Expr, after: e.Expr, context: Context) -> bool:
        return self._open(before, context) == self._open(after, context)

    def _open(self, expr: e.Expr, context: Context) -> list[str]:
        return [name for name in self._certainty.uncertain(e.refs(expr)) if name not in context.seen]

    def _all_total(self, parts: Iterable[e.Expr]) -> bool:
        return all(self._certainty.total(part) for part in parts)

    def unary(self, expr: e.Unary, truth: bool) -> e.Expr:
        """`not` of a constant, of another `not` and of comparisons that have an opposite."""
        operand = expr.operand
        if expr.op == "-":
            return expr
        if isinstance(operand, e.Const) and isinstance(operand.value, bool):
            return e.Const(not operand.value)
        if isinstance(operand, e.Unary) and operand.op == "not":
            return operand.operand if truth or self._certainty.is_bool(operand.operand) else expr
        if isinstance(operand, e.Binary) and operand.op in OPPOSITES:
            return e.Binary(OPPOSITES[operand.op], operand.left, operand.right)
        return expr

    def binary(self, expr: e.Binary, truth: bool) -> e.Expr:
        """Comparisons of what is the same, `and` and `or` with a constant side."""
        if expr.op in ("==", "!=") and expr.left == expr.right and self._certainty.total(expr.left):
            return e.Const(expr.op == "==")
        if expr.op not in ("and", "or"):
            return expr
        neutral, decisive = (e.TRUE, e.FALSE) if expr.op == "and" else (e.FALSE, e.TRUE)
        for one, other in ((expr.left, expr.right), (expr.right, expr.left)):
            if one == neutral and (truth or self._certainty.is_bool(other)):
                return other
        if expr.left == decisive:
            return decisive
        if expr.left == expr.right and (truth or self._certainty.is_bool(expr.left)):
            return expr.left
        dropped = self._certainty.is_bool(expr.left) and self._certainty.total(expr.left)
        return decisive if expr.right == decisive and dropped else expr

    def cond(self, expr: e.Cond, truth: bool) -> e.Expr:
        """A branch that is certain, branches that are equal, and branches that only say what the condition says."""
        test, then, other = expr.test, expr.then, expr.other
        if test in (e.TRUE, e.FALSE):
            return then if test == e.TRUE else other
        is_bool = self._certainty.is_bool(test)
        if then == other and is_bool and self._certainty.total(test):
            return then
        if (then, other) == (e.TRUE, e.FALSE) and (truth or is_bool):
            return test
        return e.Unary("not", test) if (then, other) == (e.FALSE, e.TRUE) else expr

    def format(self, expr: e.Format, truth: bool) -> e.Expr:
        """Texts in texts are one text, and constants next to each other one constant."""
        parts: list[e.Expr] = []
        for part in (inner for outer in expr.parts for inner in _texts(outer)):
            text = to_text(part.value) if isinstance(part, e.Const) else None
            if text is not None and parts and isinstance(parts[-1], e.Const):
                parts[-1] = e.Const(f"{parts[-1].value}{text}")
            elif text != "":
                parts.append(part if text is None else e.Const(text))
        if not parts:
            return e.Const("")
        if len(parts) == 1 and certain(self._certainty.type_of(parts[0]), STR):
            return parts[0]
        return expr if tuple(parts) == expr.parts else e.Format(tuple(parts))

    def index(self, expr: e.Index, truth: bool) -> e.Expr:
        """A field or item of what is written out."""
        base, at = self._certainty.shape(expr.base), expr.index.value if isinstance(expr.index, e.Const) else None
        parts = e.children(base)
        if isinstance(base, e.DictOf) and isinstance(at, str):
            found = next((part for key, part in base.entries if key == at), None)
        elif isinstance(base, e.ListOf) and type(at) is int and -len(parts) <= at < len(parts):
            found = parts[at]
        else:
            return expr
        return expr if found is None else self._alone(expr, expr.base, found)

    def slice(self, expr: e.Slice, truth: bool) -> e.Expr:
        """Some items of a list that is written out."""
        bounds = [None if bound is None else _int(bound) for bound in (expr.start, expr.stop)]
        if not isinstance(expr.base, e.ListOf) or any(one is False for one in bounds):
            return expr
        items = expr.base.items
        # Only the whole list is looked at here, so nothing in it may fail.
        sure = self._all_total(items) and not self._certainty.uncertain(e.refs(expr.base))
        return e.ListOf(items[bounds[0] : bounds[1]]) if sure else expr

    def builtin(self, expr: e.Builtin, truth: bool) -> e.Expr:
        """The length and the ends of what is written out; the text of a text."""
        if len(expr.args) != 1:
            return expr
        (only,) = expr.args
        if expr.name == "str" and certain(self._certainty.type_of(only), STR):
            return only
        shape = self._certainty.shape(only)
        parts = e.children(shape)
        if expr.name == "len" and isinstance(shape, e.ListOf | e.DictOf):
            return e.Const(len(parts)) if self._all_total(parts) else expr
        if expr.name not in ("first", "last") or not isinstance(shape, e.ListOf) or not parts:
            return expr
        return self._alone(expr, only, parts[0 if expr.name == "first" else -1])

    def _alone(self, expr: e.Expr, base: e.Expr, found: e.Expr) -> e.Expr:
        """`found` in place of `expr`, which picks it out of `base`."""
        if isinstance(base, e.Ref):  # what is large is not copied
            return found if isinstance(found, e.Const | e.Ref) else expr
        return found if self._all_total(part for part in e.children(base) if part is not found) else expr

    def comprehension(self, expr: e.Comprehension, truth: bool) -> e.Expr:
        """Nothing in, nothing out; a condition that always holds goes."""
        source = self._certainty.shape(expr.source)
        if isinstance(source, e.ListOf) and (not source.items or expr.condition == e.FALSE):
            return e.ListOf(()) if self._all_total(source.items) else expr
        return msgspec.structs.replace(expr, condition=None) if expr.condition == e.TRUE else expr

    def check(self, expr: e.Check, truth: bool) -> e.Expr:
        """A check that cannot fail goes."""
        return expr.operand if certain(self._certainty.type_of(expr.operand), expr.type) else expr


def _int(expr: e.Expr) -> int | bool:
    """A constant bound of a slice; False for anything else."""
    return expr.value if isinstance(expr, e.Const) and type(expr.value) is int else False


def _texts(part: e.Expr) -> tuple[e.Expr, ...]:
    """The parts of which a part of a text is made: `str` is what a text does to them anyway."""
    while isinstance(part, e.Builtin) and part.name == "str" and len(part.args) == 1:
        part = part.args[0]
    return part.parts if isinstance(part, e.Format) else (part,)


_RULES: dict[type, Callable[[Simplification, Any, bool], e.Expr]] = {
    e.Unary: Simplification.unary,
    e.Binary: Simplification.binary,
    e.Cond: Simplification.cond,
    e.Format: Simplification.format,
    e.Index: Simplification.index,
    e.Slice: Simplification.slice,
    e.Builtin: Simplification.builtin,
    e.Comprehension: Simplification.comprehension,
    e.Check: Simplification.check,
}
