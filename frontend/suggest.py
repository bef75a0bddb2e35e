"""Did you mean: the known word that a mistyped one stands for."""

from __future__ import annotations

from collections.abc import Iterable

from llmcc.frontend.confusable import plain

#: Letters that are taken for each other, each mapped to one of its group.
_CONFUSED = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "-": "_", " ": "_", ".": "_"})
#: No more candidates than this are looked at for one word.
MAX_CANDIDATES = 2000


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


def closest(word: str, known: Iterable[str]) -> list[str]:
    """The known words that `word` most likely stands for: all that are equally near, none if none is near.

    >>> closest("serch", ["search", "send", "speech"])
    ['search']
    >>> closest("x", ["y", "z"])
    []
    """
    if len(word) > 80:
        return []
    shape = look(word)
    limit = min(len(word) // 3 + (len(word) > 3), 3)
    found: dict[str, int] = {}
    for _, candidate in zip(range(MAX_CANDIDATES), known, strict=False):
        if abs(len(candidate) - len(word)) > limit + 1 or candidate == word:
            continue
        near = distance(shape, look(candidate), limit)
        if near <= limit:
            found[candidate] = near
    best = min(found.values(), default=0)
    return sorted(candidate for candidate, near in found.items() if near == best)


class Suggester:
    """`closest`, but only so many times: a plan of 100,000 wrong names must not take minutes."""

    def __init__(self, budget: int = 200) -> None:
        self.budget = budget

    def closest(self, word: str, known: Iterable[str]) -> list[str]:
        """Like the function `closest`; nothing once the budget is used up."""
        if self.budget <= 0:
            return []
        self.budget -= 1
        return closest(word, known)


def did_you_mean(found: list[str]) -> str | None:
    """The help that names the words found.

    >>> did_you_mean(["a", "b"])
    'did you mean `a` or `b`?'
    """
    if not found:
        return None
    *others, last = (f"`{name}`" for name in found[:3])
    return f"did you mean {', '.join(others)} or {last}?" if others else f"did you mean {last}?"
