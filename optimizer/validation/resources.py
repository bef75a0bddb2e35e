"""Resources as the validator sees them, and the state of the world between two calls.

The state of a resource is the *set* of the writes so far that may have touched it. Writes that may touch the same have
their own order checked by their own states, so the set says all. A set is the sum of a random number for each write:
adding one is cheap, and two sets with the same sum are the same for all purposes.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import TypeAlias

from llmcc.ir.effects import EVERYTHING, split
from llmcc.ir.values import Value

#: The fixed texts of a resource's name, with something unknown between two of them.
Name: TypeAlias = tuple[str, ...]

ALL: Name = ("", "")


class Hole:
    """The type of `UNKNOWN`."""


UNKNOWN = Hole()


def name_of(pattern: str, fillings: dict[str, Value | Hole]) -> Name:
    """The resource that a pattern names where its holes hold these values.

    >>> name_of("a:{x}/{y}", {"x": 1.0, "y": UNKNOWN})
    ('a:1/', '')
    """
    if pattern == EVERYTHING:
        return ALL
    pieces = _pieces(pattern)
    texts = [pieces[0]]
    for hole, following in zip(pieces[1::2], pieces[2::2], strict=True):
        filling = _text(fillings.get(hole, UNKNOWN))
        if filling is None:
            texts.append(following)
        else:
            texts[-1] += filling + following
    return ALL if texts == [EVERYTHING] else tuple(texts)


_pieces = functools.lru_cache(split)


def _text(value: Value | Hole) -> str | None:
    """The text of a known value in a resource's name; null may stand for the tool's default, which is not known."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    return str(value) if isinstance(value, int | str) else None


def meets(a: Name, b: Name) -> bool:
    """Whether both may be the same resource.

    >>> meets(("a:", ""), ("a:b",)), meets(("a:", ""), ("b:", "")), meets(("a", "c"), ("abbc",))
    (True, False, True)
    """
    if len(a) == 1 and len(b) == 1:
        return a == b
    if len(a) == 1 or len(b) == 1:
        (text,), open_ = (a, b) if len(a) == 1 else (b, a)
        return re.fullmatch(".*".join(map(re.escape, open_)), text, re.DOTALL) is not None
    # Both are open: whatever lies between can be put one after the other, so only the ends count.
    heads, tails = sorted((a[0], b[0]), key=len), sorted((a[-1], b[-1]), key=len)
    return heads[1].startswith(heads[0]) and tails[1].endswith(tails[0])


class Sums:
    """A sum for each resource over all that was added to those that may be the same. `one | two` adds, if so told."""

    def __init__(self, *, union: bool = False) -> None:
        # Numbers add up; with `union`, they are bit sets, and nothing is ever taken out of them.
        self._union = union
        self._exact: dict[Name, int] = {}
        self._open: dict[Name, int] = {}
        self._log: list[tuple[Name, int]] = []
        self._seen: dict[Name, tuple[int, int]] = {}
        self._near: dict[Name, tuple[int, list[Name]]] = {}

    def _plus(self, a: int, b: int) -> int:
        return a | b if self._union else a + b

    def add(self, one: Name, amount: int) -> None:
        """Adds to `one`, and so to all that may be the same."""
        kept = self._exact if len(one) == 1 else self._open
        kept[one] = self._plus(kept.get(one, 0), amount)
        if len(one) == 1:
            self._log.append((one, amount))

    def of(self, one: Name) -> int:
        """The sum of what was added so far to what may be `one`."""
        found = self._exact.get(one, 0) if len(one) == 1 else self._through_exact(one)
        for other in self._near_open(one):
            found = self._plus(found, self._open[other])
        return found

    def _near_open(self, one: Name) -> list[Name]:
        """The open names so far that may be `one`."""
        known, near = self._near.get(one, (0, []))
        if known == len(self._open):
            return near
        near += [other for other in list(self._open)[known:] if meets(one, other)]
        self._near[one] = len(self._open), near
        return near

    def _through_exact(self, one: Name) -> int:
        position, found = self._seen.get(one, (0, 0))
        if position == len(self._log):
            return found
        for exact, amount in self._log[position:]:
            if one == ALL or meets(exact, one):
                found = self._plus(found, amount)
        self._seen[one] = len(self._log), found
        return found


def epoch(state: Sums, names: Iterable[Name]) -> tuple[int, ...]:
    """The state of some resources."""
    return tuple(state.of(one) for one in names)
