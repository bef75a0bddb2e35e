"""Writes the order of conflicting calls into `after`, so that a scheduler needs no knowledge of effects.

Before:

    plan {dialect = 1, ordered = false} {
      %a = call read_file(path = "x") : str {effect = read("file:{path}")}
      %b = call write_file(path = "x", text = "!") : null {effect = write("file:{path}")}
      %c = call read_file(path = "y") : str {effect = read("file:{path}")}
    }

After:

    plan {dialect = 1, ordered = true} {
      %a = call read_file(path = "x") : str {effect = read("file:{path}")}
      %b = call write_file(path = "x", text = "!") : null {effect = write("file:{path}"), after = [%a]}
      %c = call read_file(path = "y") : str {effect = read("file:{path}")}
    }

A map whose body only reads becomes unordered. Where more than `fan` edges would be needed again and again, they meet in
an op without a value (`%b.0.1 = expr null`). Edges that others imply are left out, as far as a bounded search sees
that.

Declines: a module that is ordered already; to let the elements of a map that writes run together; edges that the user
wrote stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from llmcc.ir.expr import NOTHING
from llmcc.ir.ops import Compute, Join, Map, Module, Op, Return, ValueOp, awaits
from llmcc.ir.signature import Signature
from llmcc.ir.types import NULL
from llmcc.optimizer.alias import access
from llmcc.optimizer.dependence import Conflicts, Reduction
from llmcc.optimizer.forward import Forward, changed, over_module, run_forward, unscheduled
from llmcc.optimizer.order_remarks import OrderRemarks


class OrderEffects(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options of `order-effects`."""

    fan: Annotated[int, msgspec.Meta(ge=1)] = 32

    def __call__(self, module: Module, signatures: Mapping[str, Signature]) -> Module:
        """The module with its order edges."""
        if module.ordered:
            return module
        return msgspec.structs.replace(over_module(self.forward(), module), ordered=True)

    def forward(self) -> Forward:
        """The pass for a plan that streams in."""
        return _Ordering(self.fan)


class _Ordering:
    """One level: the plan, or the body of a map."""

    def __init__(self, fan: int) -> None:
        self._fan = fan
        self._conflicts = Conflicts(self._barrier, fan)
        self._reduction = Reduction()
        self._name = ""
        self._made: list[Compute] = []
        self._remarks = OrderRemarks.wanted()

    def step(self, op: Op) -> tuple[Op, ...]:
        """The op with its edges, and before it the barriers that it needs."""
        if isinstance(op, Join | Return):
            return (op,)
        self._name, self._made = op.name, []
        used = awaits(op)
        found = self._conflicts.add(op.name, access(op))
        new = self._reduction.keep(found, (*used, *op.after))
        after = (*op.after, *new) if new else op.after
        self._reduction.add(op.name, (*used, *after))
        if self._remarks is not None:
            self._remarks.saw(op, new, self._made)
        op = changed(unscheduled(op), after=after)
        return (*self._made, self._inside(op) if isinstance(op, Map) else op)

    def _barrier(self, names: list[str]) -> str:
        """An op without a value that comes after the named ones."""
        kept = tuple(self._reduction.keep(names, ()))
        made = Compute(name=f"{self._name}.0.{len(self._made) + 1}", type=NULL, expr=NOTHING, after=kept)
        self._made.append(made)
        self._reduction.add(made.name, kept)
        return made.name

    def _inside(self, op: Map) -> Map:
        body = run_forward(_Ordering(self._fan), op.body)
        values: tuple[ValueOp, ...] = tuple(one for one in body if not isinstance(one, Join | Return))
        return changed(op, body=op.body if values == op.body else values, ordered=bool(access(op).writes))
