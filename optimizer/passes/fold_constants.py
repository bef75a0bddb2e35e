"""Computes what is known before the plan runs, and carries constants into their uses.

Before:

    %n = expr 2 + 3 : int
    %a = call search(query = format("top ", %n)) : str {effect = read(web), when = %n > 1}
    %b = call search(query = "x") : str {effect = read(web), when = %n > 9}

After:

    %n = expr 5 : int
    %a = call search(query = "top 5") : str {effect = read(web)}
    %b = expr null : null

Declines: what has no value (it fails at run time), values of more than `max_parts` parts, carrying lists and records of
more than `inline_parts` parts into their uses, and dropping a part that refers to a value which might fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from llmcc.ir.expr import NOTHING, Expr, is_literal
from llmcc.ir.ops import Call, Compute, Join, Map, Module, Op, Return, ValueOp, needs
from llmcc.ir.printer import print_expr
from llmcc.ir.signature import Signature
from llmcc.ir.types import NULL
from llmcc.optimizer.constants import Constants, Unknown, depth
from llmcc.optimizer.forward import Forward, changed, each, keeping_order, over_module, unscheduled
from llmcc.optimizer.remarks import current

#: Folding does not nest an expression deeper than this (deeper ones may stay as they are).
MAX_DEPTH = 64


class FoldConstants(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options of `fold-constants`."""

    max_parts: Annotated[int, msgspec.Meta(ge=1)] = 1000
    inline_parts: Annotated[int, msgspec.Meta(ge=1)] = 16

    def __call__(self, module: Module, signatures: Mapping[str, Signature]) -> Module:
        """The module with its constants folded."""
        return keeping_order(module, over_module(self.forward(), module))

    def forward(self) -> Forward:
        """The pass for a plan that streams in."""
        return _Folding(Constants(self.max_parts, self.inline_parts))


class _Folding:
    def __init__(self, constants: Constants) -> None:
        self._constants = constants
        self._remarks = current()

    def step(self, op: Op) -> tuple[Op, ...]:
        """The op, folded."""
        if isinstance(op, Join):
            return (changed(op, args=self._args(op.args)),)
        if isinstance(op, Return):
            return (changed(op, expr=self._expr(op.expr)),)
        return (self._value(op),)

    def _value(self, op: ValueOp) -> ValueOp:
        guard, always = self._condition(op.guard)
        if always is False:
            return self._null(op)
        guard = None if always is True else guard
        if op.guard is not None and guard is None:
            self._report(op, "always runs: its condition is true")
        catch = None if op.catch is None else self._expr(op.catch)
        new = self._inside(changed(op, guard=guard, catch=catch))
        return op if new is op else unscheduled(new)

    def _inside(self, op: ValueOp) -> ValueOp:
        if isinstance(op, Compute):
            return self._compute(op)
        if isinstance(op, Call):
            return changed(op, args=self._args(op.args))
        return self._region(changed(op, source=self._expr(op.source)))

    def _null(self, op: ValueOp) -> ValueOp:
        """What never runs; it still holds its place in the order."""
        if isinstance(op, Compute) and op.expr == NOTHING and op.guard is None:
            return op
        self._constants.learn(op.name, None)
        self._report(op, "never runs: its condition is false")
        return Compute(name=op.name, type=NULL, expr=NOTHING, after=op.after, span=op.span)

    def _compute(self, op: Compute) -> Compute:
        expr, value = self._constants.fold(op.expr)
        new = changed(op, expr=_shallow(op.expr, expr))
        if op.guard is not None or isinstance(value, Unknown):
            return new
        self._constants.learn(op.name, value)
        if self._remarks is not None and not is_literal(op.expr):
            self._report(op, f"is {_cut(print_expr(new.expr))}")
        return changed(new, catch=None)  # it cannot fail

    def _report(self, op: ValueOp, what: str) -> None:
        if self._remarks is not None:
            self._remarks.note("folded", op.name, f"{self._remarks.name(op.name)} {what}")

    def _region(self, op: Map) -> Map:
        """A map with its region folded, as long as it still needs the same values from outside."""
        body = each(op.body, self._value)
        keep, always = self._condition(op.keep)
        new = changed(op, body=body, keep=None if always is True else keep, result=self._expr(op.result))
        if new is op:
            return op
        return new if self._uncertain(new) == self._uncertain(op) else op

    def _uncertain(self, op: Map) -> list[str]:
        """The values from outside with which a map fails."""
        return [name for name in needs(op) if not self._constants.knows(name)]

    def _args(self, args: tuple[tuple[str, Expr], ...]) -> tuple[tuple[str, Expr], ...]:
        folded = tuple((name, self._expr(expr)) for name, expr in args)
        return args if all(a is b for (_, a), (_, b) in zip(args, folded, strict=True)) else folded

    def _expr(self, expr: Expr) -> Expr:
        return _shallow(expr, self._constants.fold(expr)[0])

    def _condition(self, expr: Expr | None) -> tuple[Expr | None, object]:
        """A guard or `keep`, folded, and its value if that is known."""
        if expr is None:
            return None, None
        folded, value = self._constants.condition(expr)
        return _shallow(expr, folded), value


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


def _shallow(before: Expr, after: Expr) -> Expr:
    """`after`, unless it is nested too deeply."""
    return after if after is before or depth(after) <= max(MAX_DEPTH, depth(before)) else before
