"""Removes calls, maps and expressions whose values nobody needs, and that change nothing.

Before:

    %a = call search(query = "K2") : str {effect = read(web)}
    %b = call search(query = "Lhotse") : str {effect = read(web)}
    %c = call note(text = "done") : null {effect = write(notes), after = [%b]}
    return %a

After:

    %a = call search(query = "K2") : str {effect = read(web)}
    %c = call note(text = "done") : null {effect = write(notes)}
    return %a

Without `join` or `return`, the values that the plan names itself are needed. An order that led through a removed op is
kept. Where that would take more than `fan` edges, the op stays as one without a value.

Declines: writes and what they need; in a map, what lets the map fail because of a value from outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Annotated

import msgspec

from llmcc.ir.expr import NOTHING, refs
from llmcc.ir.ops import Compute, Map, Module, Op, ValueOp, awaits, inner, needs, uses
from llmcc.ir.signature import Signature
from llmcc.ir.types import NULL
from llmcc.optimizer.alias import access
from llmcc.optimizer.dead_remarks import report
from llmcc.optimizer.forward import changed, unscheduled


class RemoveDead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options of `remove-dead`."""

    fan: Annotated[int, msgspec.Meta(ge=1)] = 32

    def __call__(self, module: Module, signatures: Mapping[str, Signature]) -> Module:
        """The module without what nobody needs."""
        end = module.end
        roots = uses(end) if end is not None else [op.name for op in module.values if "." not in op.name]
        live = _without_dead(module.values, roots, self.fan)
        report(module.values, live, roots)
        ops: tuple[Op, ...] = live
        ops = ops if end is None else (*ops, end)
        if len(ops) == len(module.ops) and all(a is b for a, b in zip(ops, module.ops, strict=True)):
            return module
        return msgspec.structs.replace(module, ops=ops)


def _without_dead(ops: tuple[ValueOp, ...], roots: Iterable[str], fan: int) -> tuple[ValueOp, ...]:
    """The ops of one level that `roots` or writes need."""
    live, kept = set(roots), []
    for op in reversed(ops):
        if op.name not in live and not access(op).writes:
            continue
        op = _trimmed(op, fan) if isinstance(op, Map) else op
        live.add(op.name)
        live.update(uses(op))
        kept.append(op)
    if len(kept) == len(ops):
        new = tuple(reversed(kept))
        return ops if all(a is b for a, b in zip(ops, new, strict=True)) else new
    trimmed = {op.name: op for op in kept}
    return tuple(_reordered([trimmed.get(op.name, op) for op in ops], trimmed.keys(), fan))


def _trimmed(op: Map, fan: int) -> Map:
    """A map without what is dead in its body, provided that it needs the same values from outside."""
    roots = [name for expr in inner(op) for name in refs(expr)]
    new = changed(op, body=_without_dead(op.body, roots, fan))
    return new if new is op or needs(new) == needs(op) else op


def _reordered(ops: list[ValueOp], live: Set[str], fan: int) -> list[ValueOp]:
    """The live ops, with order edges around those that go."""
    awaited = _awaited(ops, live)
    made: list[ValueOp] = []
    # What an op that goes was after; a live op, or one that stays without a value, is itself.
    instead: dict[str, tuple[str, ...]] = {}
    for op in ops:
        if op.name in live:
            implied = set(awaits(op)) - set(op.after)
            after = tuple(one for one in _around(op.after, instead) if one not in implied)
            made.append(changed(unscheduled(op), after=op.after if after == op.after else after))
            instead[op.name] = (op.name,)
            continue
        if op.name not in awaited:
            continue
        before = _around((*uses(op), *op.after), instead)
        instead[op.name] = before
        if len(before) > fan:
            made.append(Compute(name=op.name, type=NULL, expr=NOTHING, after=before, span=op.span))
            instead[op.name] = (op.name,)
    return made


def _awaited(ops: list[ValueOp], live: Set[str]) -> set[str]:
    """The ops that go although others come after them."""
    awaited: set[str] = set()
    for op in reversed(ops):
        if op.name in live:
            awaited.update(op.after)
        elif op.name in awaited:
            awaited.update(op.after)
            awaited.update(uses(op))
    return awaited


def _around(names: Iterable[str], instead: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The named ops of this level, those that go replaced by what they were after; each once."""
    return tuple(dict.fromkeys(one for name in names for one in instead.get(name, ())))
