"""Whether the order edges of a module are enough: those for conflicting calls, and those that were there before.

What certainly comes before an op is a set of bits, one for each op of its level that matters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

import msgspec

from llmcc.ir.ops import Map, ValueOp, awaits
from llmcc.optimizer.validation.awaited import Awaited
from llmcc.optimizer.validation.resources import Sums
from llmcc.optimizer.validation.summary import Summary, Touch
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
            if isinstance(op, Map) and not op.ordered and _writes(after, op):
                yield op.name


def missing_edges(before: Summary, after: Summary, terms: Terms) -> Iterator[Missing]:
    """What the order of `after` lacks."""
    old = dict(levels(before.module.values))
    for name, ops in levels(after.module.values):
        wanted = Awaited(old.get(name, ()), ops, before, after, terms).find()
        yield from _Level(ops, after, wanted).missing()


def levels(ops: tuple[ValueOp, ...], name: str = "") -> Iterator[tuple[str, tuple[ValueOp, ...]]]:
    """The plan's own ops, and those of each map's body, by the map's name."""
    yield name, ops
    for op in ops:
        if isinstance(op, Map):
            yield from levels(op.body, op.name)


class _Level:
    """A level of the module `after`; `wanted` is what must come before its calls because it did so before."""

    def __init__(self, ops: tuple[ValueOp, ...], after: Summary, wanted: Mapping[str, Set[str]]) -> None:
        self._ops = ops
        self._wanted = wanted
        #: What the ops touch, where something may conflict with it.
        self._touched = _conflicting(ops, after) if after.module.ordered else {}
        #: The ops that count, and a bit for each.
        self._names = [op.name for op in ops if op.name in self._touched or (wanted and op.name in after.calls)]
        self._bits = {name: 1 << place for place, name in enumerate(self._names)}

    def missing(self) -> Iterator[Missing]:
        """What this level's order lacks."""
        if not self._bits:
            return
        written, read = Sums(union=True), Sums(union=True)
        for op, earlier, lacking in self._earlier():
            if lacking:
                yield Missing(op.name, self._first(lacking), "it came after that before")
            touched = self._touched.get(op.name, ())
            conflicting = 0
            for one in touched:
                conflicting |= written.of(one.name) | (read.of(one.name) if one.writes else 0)
            if conflicting & ~earlier:
                yield Missing(op.name, self._first(conflicting & ~earlier), "they conflict")
            for one in touched:
                (written if one.writes else read).add(one.name, self._bits[op.name])

    def _first(self, bits: int) -> str:
        return self._names[(bits & -bits).bit_length() - 1]

    def _earlier(self) -> Iterator[tuple[ValueOp, int, int]]:
        """Each op with all that is over for sure when it starts, and with what of that is wanted and lacks.

        What nobody asks for again is forgotten.
        """
        before = {op.name: {*awaits(op), *op.after} for op in self._ops}
        asked = {name: one | self._wanted.get(name, set()) for name, one in before.items()} if self._wanted else before
        last = {name: place for place, op in enumerate(self._ops) for name in asked[op.name]}
        over: dict[str, int] = {}
        for place, op in enumerate(self._ops):
            earlier = wanted = 0
            for name in before[op.name]:
                earlier |= over.get(name, 0)
            for name in self._wanted.get(op.name, ()):
                wanted |= over.get(name, 0) | self._bits.get(name, 0)
            for name in asked[op.name]:
                if last[name] == place:
                    over.pop(name, None)
            yield op, earlier, wanted & ~earlier
            if op.name in last:
                over[op.name] = earlier | self._bits.get(op.name, 0)


def _conflicting(ops: tuple[ValueOp, ...], module: Summary) -> dict[str, list[Touch]]:
    """What each of these ops touches that one of them writes."""
    written = Sums(union=True)
    for op in ops:
        for one in module.touched.get(op.name, ()):
            if one.writes:
                written.add(one.name, 1)
    found: dict[str, list[Touch]] = {}
    for op in ops:
        touched = [one for one in module.touched.get(op.name, ()) if written.of(one.name)]
        if touched:
            found[op.name] = touched
    return found


def _writes(module: Summary, op: ValueOp) -> bool:
    return any(one.writes for one in module.touched.get(op.name, ()))
