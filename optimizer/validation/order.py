"""Whether the order edges of a module are enough: those for conflicting calls, and those that were there before.

What certainly comes before an op is a set of bits, one for each op of its level that matters.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from llmcc.ir.expr import Ref
from llmcc.ir.ops import Compute, Map, ValueOp, awaits
from llmcc.optimizer.validation.resources import Sums
from llmcc.optimizer.validation.summary import Summary
from llmcc.optimizer.validation.terms import Terms


class Missing(msgspec.Struct, frozen=True):
    """An op, one that must come before it and does not for sure, and why it must."""

    op: str
    first: str
    why: str


def unordered_elements(after: Summary) -> Iterator[str]:
    """The maps of an ordered module whose elements may run together although they write."""
    for _, ops in levels(after.module.values):
        for op in ops:
            if isinstance(op, Map) and not op.ordered and any(one.writes for one in after.touched.get(op.name, ())):
                yield op.name


def missing_edges(before: Summary, after: Summary, terms: Terms) -> Iterator[Missing]:
    """What the order of `after` lacks."""
    old = dict(levels(before.module.values))
    for name, ops in levels(after.module.values):
        yield from _Level(ops, after, terms).missing(old.get(name, ()), before)


def levels(ops: tuple[ValueOp, ...], name: str = "") -> Iterator[tuple[str, tuple[ValueOp, ...]]]:
    """The plan's own ops, and those of each map's body, by the map's name."""
    yield name, ops
    for op in ops:
        if isinstance(op, Map):
            yield from levels(op.body, op.name)


class _Level:
    def __init__(self, ops: tuple[ValueOp, ...], after: Summary, terms: Terms) -> None:
        self.ops = ops
        self.after = after
        self.terms = terms
        self.bits = {op.name: 1 << place for place, op in enumerate(self._calls())}
        self.names = list(self.bits)

    def _calls(self) -> list[ValueOp]:
        return [op for op in self.ops if op.name in self.after.calls]

    def missing(self, old: tuple[ValueOp, ...], before: Summary) -> Iterator[Missing]:
        """What this level's order lacks; `old` is the level as it was."""
        wanted = self._awaited(old, before)
        if not wanted and not self.after.module.ordered:
            return
        written, read = Sums(union=True), Sums(union=True)
        for op, earlier in self._earlier():
            lacking = wanted.get(op.name, 0) & ~earlier
            if lacking:
                yield Missing(op.name, self._first(lacking), "it came after that before")
            if not self.after.module.ordered:
                continue
            touched = self.after.touched.get(op.name, ())
            conflicting = 0
            for one in touched:
                conflicting |= written.of(one.name) | (read.of(one.name) if one.writes else 0)
            if conflicting & ~earlier:
                yield Missing(op.name, self._first(conflicting & ~earlier), "they conflict")
            for one in touched:
                (written if one.writes else read).add(one.name, self.bits.get(op.name, 0))

    def _first(self, bits: int) -> str:
        return self.names[(bits & -bits).bit_length() - 1]

    def _earlier(self) -> Iterator[tuple[ValueOp, int]]:
        """Each op with all that is over for sure when it starts; what nobody asks for again is forgotten."""
        before = {op.name: {*awaits(op), *op.after} for op in self.ops}
        last = {name: place for place, op in enumerate(self.ops) for name in before[op.name]}
        over: dict[str, int] = {}
        for place, op in enumerate(self.ops):
            earlier = 0
            for name in before[op.name]:
                earlier |= over.get(name, 0)
                if last[name] == place:
                    over.pop(name, None)
            yield op, earlier
            if op.name in last:
                over[op.name] = earlier | self.bits.get(op.name, 0)

    def _awaited(self, old: tuple[ValueOp, ...], before: Summary) -> dict[str, int]:
        """The calls that each call of this level came after by an edge; one that is gone passes its own on."""
        if not any(op.after for op in old):
            return {}
        by_call = {self.after.calls[op.name]: op.name for op in reversed(self._calls())}
        stands: dict[str, str] = {}  # names for earlier values, with the value that each stands for
        for op in self.ops:
            if isinstance(op, Compute) and isinstance(op.expr, Ref):
                stands[op.name] = stands.get(op.expr.name, op.expr.name)
        instead: dict[str, int] = {}
        wanted: dict[str, int] = {}
        for op in old:
            awaited = 0
            for name in op.after:
                awaited |= instead[name]
            now = self._now(op, before, by_call, stands)
            instead[op.name] = awaited if now is None else self.bits[now]
            if now is not None and awaited:
                wanted[now] = wanted.get(now, 0) | (awaited & ~self.bits[now])
        return wanted

    def _now(self, op: ValueOp, before: Summary, by_call: dict[int, str], stands: dict[str, str]) -> str | None:
        """Which op of this level makes the call that an op made before; none, if there is no such call any more."""
        if op.name not in before.calls or op.name in self.bits:
            return op.name if op.name in before.calls else None
        made = before.calls[op.name]
        # Of several that make the call, the one that the op has become a name for.
        named = stands.get(op.name)
        if named in self.bits and self.after.calls[named] == made:
            return named
        other = by_call.get(made)
        # A duplicate that is gone altogether was not needed; one that has become a name for the other was.
        merged = op.name in self.after.outcomes and self.terms.source(self.after.outcomes[op.name]) == made
        return other if other is not None and (merged or other not in before.calls) else None
