"""Passes that look only backwards: they take a program op by op, so that they also serve a plan that streams in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

import msgspec

from llmcc.ir.ops import Map, Module, Op, ValueOp

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
    if all(getattr(op, name) is value for name, value in fields.items()):
        return op
    return msgspec.structs.replace(op, **fields)


def each(ops: tuple[ValueOp, ...], change: Callable[[ValueOp], ValueOp]) -> tuple[ValueOp, ...]:
    """What becomes of the ops of a map's body; the same tuple if nothing changes."""
    new = tuple(map(change, ops))
    return ops if all(a is b for a, b in zip(ops, new, strict=True)) else new


def unscheduled(op: ValueOp) -> ValueOp:
    """The op without the figures of `schedule`, which no longer hold once anything around it changes."""
    if isinstance(op, Map):
        op = changed(op, body=each(op.body, unscheduled))
    return changed(op, step=None, priority=None)
