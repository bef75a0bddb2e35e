"""Writes the parallel step of every op, and how long the longest path from it to the end of the plan is estimated to
be.

Before:

    %a = call search(query = "K2") : str {effect = read(web)}
    %b = call search(query = %a) : str {effect = read(web)}
    join(b = %b)

After:

    %a = call search(query = "K2") : str {effect = read(web), step = 0, priority = 2.0}
    %b = call search(query = %a) : str {effect = read(web), step = 1, priority = 1.0}
    join(b = %b)

The path's length is in seconds, by the tools' own figures or 1 s a call. A scheduler that cannot start everything
starts what has the longest path first. With a `width`, no step holds more calls and maps than that. In a map's body
steps count from 0.

Declines: to add any order; the steps show what the edges allow (and the width), and no scheduler has to wait for a
step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from llmcc.ir.ops import Map, Module, Op, ValueOp
from llmcc.ir.signature import Signature
from llmcc.optimizer.forward import changed
from llmcc.optimizer.schedule import ELEMENTS, critical_paths, earliest_steps


class Schedule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options of `schedule`: calls that one step holds (0: any number), and elements of a map that does not show
    them.
    """

    width: Annotated[int, msgspec.Meta(ge=0)] = 0
    elements: Annotated[int, msgspec.Meta(ge=0)] = ELEMENTS

    def __call__(self, module: Module, signatures: Mapping[str, Signature]) -> Module:
        """The module with steps and priorities."""
        ops: tuple[Op, ...] = self._level(module.values, signatures)
        return msgspec.structs.replace(module, ops=ops if module.end is None else (*ops, module.end))

    def _level(self, ops: tuple[ValueOp, ...], signatures: Mapping[str, Signature]) -> tuple[ValueOp, ...]:
        steps = earliest_steps(ops, self.width)
        paths = critical_paths(ops, signatures, self.elements)
        return tuple(self._scheduled(op, steps[op.name], round(paths[op.name], 6), signatures) for op in ops)

    def _scheduled(self, op: ValueOp, step: int, priority: float, signatures: Mapping[str, Signature]) -> ValueOp:
        new = changed(op, step=step, priority=priority)
        return changed(new, body=self._level(new.body, signatures)) if isinstance(new, Map) else new
