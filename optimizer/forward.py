"""Passes that look only backwards: they take a program op by op, so that they also serve a plan that streams in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

import msgspec

from llmcc.ir.expr import Expr, substitute
from llmcc.ir.ops import Call, Compute, Map, Module, Op, ValueOp, awaits

SomeOp = TypeVar("SomeOp", bound=Op)


class Forward(Protocol):
    """The state of such a pass after the ops it has been given."""

    def step(self, op: Op) -> tuple[Op, ...]:
        """What becomes of the next op of the program."""


def run_forward(state: Forward, ops: Iterable[Op]) -> tuple[Op, ...]:
    """What becomes of further ops."""
    return tuple(made for op in ops for made in state.step(op))


def over_module(state: Forward, module: Module) -> Module:
    """The module form of a pass that looks only backwards; the same object if nothing changes."""
    ops = run_forward(state, module.ops)
    if len(ops) == len(module.ops) and all(a is b for a, b in zip(ops, module.ops, strict=True)):
        return module
    return msgspec.structs.replace(module, ops=ops)


def changed(op: SomeOp, **fields: Any) -> SomeOp:
    """The op with these fields; the same object if it has them already."""
    for name, value in fields.items():
        if getattr(op, name) is not value:
            return msgspec.structs.replace(op, **fields)
    return op


def each(ops: tuple[ValueOp, ...], change: Callable[[ValueOp], ValueOp]) -> tuple[ValueOp, ...]:
    """What becomes of the ops of a map's body; the same tuple if nothing changes."""
    new = tuple(map(change, ops))
    return ops if all(a is b for a, b in zip(ops, new, strict=True)) else new


def unscheduled(op: ValueOp) -> ValueOp:
    """The op without the figures of `schedule`, which no longer hold once anything around it changes."""
    if isinstance(op, Map):
        op = changed(op, body=each(op.body, unscheduled))
    return changed(op, step=None, priority=None)


def renamed(op: ValueOp, replacement: Callable[[str], Expr | None]) -> ValueOp:
    """The op with other expressions for some of the values that it uses, wherever in it they stand."""

    def new(expr: Expr) -> Expr:
        return substitute(expr, replacement)

    guard, catch = (None if expr is None else new(expr) for expr in (op.guard, op.catch))
    op = changed(op, guard=guard, catch=catch)
    if isinstance(op, Compute):
        return changed(op, expr=new(op.expr))
    if isinstance(op, Call):
        args = tuple((name, new(expr)) for name, expr in op.args)
        return op if args == op.args else changed(op, args=args)
    body = each(op.body, lambda inner: renamed(inner, replacement))
    keep = None if op.keep is None else new(op.keep)
    return changed(op, source=new(op.source), body=body, keep=keep, result=new(op.result))


def keeping_order(before: Module, after: Module) -> Module:
    """`after` with an order edge for every use that it no longer has, if the module is ordered already.

    There a use may be what holds two conflicting calls apart, so it cannot just go. Both modules have the same names.
    """
    if after is before or not before.ordered:
        return after
    values = _keeping_order(before.values, after.values)
    return msgspec.structs.replace(after, ops=values if after.end is None else (*values, after.end))


def _keeping_order(before: tuple[ValueOp, ...], after: tuple[ValueOp, ...]) -> tuple[ValueOp, ...]:
    level = {op.name for op in before}
    made: list[ValueOp] = []
    for old, new in zip(before, after, strict=True):
        if isinstance(old, Map) and isinstance(new, Map) and new is not old:
            new = changed(new, body=_keeping_order(old.body, new.body))
        have = set() if new is old else {*awaits(new), *new.after}
        lost = () if new is old else tuple(name for name in awaits(old) if name in level and name not in have)
        made.append(changed(new, after=(*new.after, *lost)) if lost else new)
    return tuple(made)
