"""Did you mean: the known word that a mistyped one stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

import msgspec

from llmcc.frontend.confusable import plain

#: Letters that are taken for each other, each mapped to one of its group.
_CONFUSED = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "-": "_", " ": "_", ".": "_"})
#: No more candidates than this are looked at for one word.
MAX_CANDIDATES = 2000
#: A longer word is no name that somebody mistyped.
MAX_LETTERS = 80
_DIGITS = re.compile(r"\d+")


class Meant(msgspec.Struct, frozen=True):
    """What a word may stand for: the nearest `words`, all equally near; and the `only` one, if no other comes near.

    What `only` names may be written in its place without asking.
    """

    words: tuple[str, ...] = ()
    only: str | None = None

    @property
    def help(self) -> str | None:
        """The help that names the words.

        >>> Meant(("a", "b")).help
        'did you mean `a` or `b`?'
        """
        if not self.words:
            return None
        *others, last = (f"`{name}`" for name in self.words[:3])
        return f"did you mean {', '.join(others)} or {last}?" if others else f"did you mean {last}?"


def look(word: str) -> str:
    """What a word looks like when case and letters that are taken for each other do not count.

    >>> look("lD_O") == look("1d_0")
    True
    """
    return plain(word).casefold().translate(_CONFUSED).replace("rn", "m")


def distance(a: str, b: str, limit: int) -> int:
    """Letters to insert, delete, replace or swap with the next to make `b` of `a`; `limit + 1` if more than `limit`.

    >>> distance("serch", "search", 2), distance("hieght", "height", 2), distance("abc", "xyz", 1)
    (1, 1, 2)
    """
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(row[-1] + 1, last[j] + 1, last[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and y == a[i - 2]:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
        before, last = last, row
    return min(last[-1], limit + 1)


def _near(shape: str, other: str, limit: int) -> int:
    """How far a known word is: 0 if both look the same, 1 if they have the same parts; `limit + 1`: farther."""
    if shape == other:
        return 0
    if "_" in shape and sorted(shape.split("_")) == sorted(other.split("_")):
        return 1
    return distance(shape, other, limit)


def closest(word: str, known: Iterable[str]) -> Meant:
    """The known words that `word` may stand for: a third of its letters may be wrong, one of two, none of one.

    >>> closest("serch", ["search", "send", "speech"]).words, closest("weather_get", ["get_weather"]).words
    (('search',), ('get_weather',))
    >>> closest("print", ["int"]).words, closest("x", ["y"]).words
    ((), ())
    """
    if len(word) > MAX_LETTERS:
        return Meant()
    shape = look(word)
    limit = min(max(len(word), 3) // 3, len(word) - 1)
    found: dict[str, int] = {}
    for candidate in islice(known, MAX_CANDIDATES):
        near = _near(shape, look(candidate), limit) if candidate != word else limit + 1
        if near <= limit:
            found[candidate] = near
    best = min(found.values(), default=0)
    words = tuple(sorted(candidate for candidate, near in found.items() if near == best))
    alone = len(words) == 1 and (not best or (len(found) == 1 and _is_slip(word, words[0])))
    return Meant(words, words[0] if alone else None)


def _is_slip(word: str, meant: str) -> bool:
    """Whether `word` is no other name: `xs` may be one, and so may `day3`, where only `day2` is known."""
    return len(word) > 2 and _DIGITS.findall(word) == _DIGITS.findall(meant)


class Suggester:
    """`closest`, but only so many times: a plan of 100,000 wrong names must not take minutes."""

    def __init__(self, budget: int = 200) -> None:
        self.budget = budget

    def closest(self, word: str, known: Iterable[str]) -> Meant:
        """Like the function `closest`; nothing once the budget is used up."""
        if self.budget <= 0:
            return Meant()
        self.budget -= 1
        return closest(word, known)
