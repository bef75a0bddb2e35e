"""Allows calls of one tool that can start at the same moment to be made as one, if the tool takes batches.

Before (`rate` takes batches of 50):

    %a = call rate(currency = "NOK") : float {effect = read(rates)}
    %b = call rate(currency = "DKK") : float {effect = read(rates)}
    %m = map %c : str in %list : list[float] {ordered = false} [
      %m.1 = call rate(currency = %c) : float {effect = read(rates)}
    ] yield %m.1

After:

    %a = call rate(currency = "NOK") : float {effect = read(rates), batch = 50}
    %b = call rate(currency = "DKK") : float {effect = read(rates), batch = 50}
    %m = map %c : str in %list : list[float] {ordered = false} [
      %m.1 = call rate(currency = %c) : float {effect = read(rates), batch = 50}
    ] yield %m.1

The mark is a permission: the runtime makes those calls as one that it would start at the same moment, and waits for
none. So what a plan means, and when a call can start, stays as it is. With `max`, no batch is larger than that. Calls
that conflict are in no batch together, since one of them waits for the other.

Declines: tools that take no batches; a call without another of its tool in its parallel step, unless it stands in a map
whose elements run together; calls in maps whose elements run one after another, unless the body itself has several;
a module whose conflicting calls are not ordered yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated

import msgspec

from llmcc.ir.ops import Call, Map, Module, Op, ValueOp
from llmcc.ir.signature import Signature
from llmcc.optimizer.forward import changed
from llmcc.optimizer.remarks import current
from llmcc.optimizer.schedule import earliest_steps


class BatchCalls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options of `batch-calls`: how many calls a batch holds at most (0: as many as the tool takes)."""

    max: Annotated[int, msgspec.Meta(ge=0)] = 0

    def __call__(self, module: Module, signatures: Mapping[str, Signature]) -> Module:
        """The module with its calls marked."""
        most = {name: self._most(one.batch) for name, one in signatures.items() if one.batch is not None}
        if not most or not module.ordered:
            return module
        old = module.values
        values = self._level(old, most, together=False)
        if all(a is b for a, b in zip(values, old, strict=True)):
            return module
        ops: tuple[Op, ...] = values if module.end is None else (*values, module.end)
        return msgspec.structs.replace(module, ops=ops)

    def _most(self, batch: int) -> int:
        return min(batch, self.max) if self.max else batch

    def _level(self, ops: tuple[ValueOp, ...], most: Mapping[str, int], *, together: bool) -> tuple[ValueOp, ...]:
        """The ops of one level; `together` says that it runs several times at the same time."""
        steps = earliest_steps(ops)
        calls = Counter((op.tool, steps[op.name]) for op in ops if isinstance(op, Call) and op.tool in most)
        made: list[ValueOp] = []
        for op in ops:
            if isinstance(op, Map):
                body = self._level(op.body, most, together=together or not op.ordered)
                same = all(a is b for a, b in zip(body, op.body, strict=True))
                op = op if same else changed(op, body=body)
            elif isinstance(op, Call) and op.tool in most:
                several = calls[op.tool, steps[op.name]]
                _report(op, most[op.tool], several, together=together)
                op = changed(op, batch=most[op.tool] if several > 1 or together else None)
            made.append(op)
        return tuple(made)


def _report(op: Call, most: int, several: int, *, together: bool) -> None:
    remarks = current()
    if remarks is None:
        return
    if together:
        why = f"the elements' calls of {op.tool} can start together, up to {most} as one"
    elif several > 1:
        why = f"{several} calls of {op.tool} can start together, up to {most} as one"
    else:
        why = f"no other call of {op.tool} can start together with {remarks.name(op.name)}"
    remarks.note("batched" if together or several > 1 else "not batched", op.name, why)
