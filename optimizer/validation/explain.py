"""Says in words in what two modules differ."""

from __future__ import annotations

from collections import Counter
from typing import Any

from llmcc.optimizer.validation.summary import Site
from llmcc.optimizer.validation.terms import Terms

_PARTS = {
    1: "it calls another tool",
    2: "its arguments have other names",
    3: "its effect differs",
    4: "its type differs",
    5: "an argument differs",
    6: "other writes that conflict with it come before",
    7: "it happens for other elements",
}


def write_differs(before: list[Site], after: list[Site], terms: Terms) -> tuple[str, str] | None:
    """The first write of which the two modules do not have as many, and what differs; None if there is none."""
    if before == after:
        return None
    missing = Counter(one.same for one in before)
    missing.subtract(one.same for one in after)
    names = {one.name for one in after}
    lost = [one for one in before if missing[one.same] > 0]
    new = next((one for one in after if missing[one.same] < 0), None)
    gone = [one for one in lost if new is None or one.name not in names]
    if gone:
        return gone[0].name, "the write is lost"
    if new is None:
        return None
    same = next((one for one in before if one.name == new.name), None)
    if same is None:
        return new.name, "the write is new"
    difference = _different(terms.keys[same.made], terms.keys[new.made])
    return new.name, difference or "it happens under other conditions, or not as often"


def _different(a: tuple[Any, ...], b: tuple[Any, ...]) -> str | None:
    return next((text for place, text in _PARTS.items() if a[place] != b[place]), None)


def answer_differs(before: tuple[Any, ...], after: tuple[Any, ...]) -> tuple[str, str] | None:
    """The op and what differs between two answers, if anything: a word and values by name, or values by name alone."""
    if before == after:
        return None
    kinds = [one[0] if one and isinstance(one[0], str) else "nothing" for one in (before, after)]
    if kinds[0] != kinds[1]:
        return "", f"the plan ended with {kinds[0]}, and ends with {kinds[1]}"
    if kinds[0] == "return":
        return "return", "the value differs, or when it fails"
    names = [[one[0] for one in side if not isinstance(one, str)] for side in (before, after)]
    if names[0] != names[1]:
        return kinds[0] if kinds[0] == "join" else "", "other values are part of it, or in another order"
    differing = next(a[0] for a, b in zip(before, after, strict=True) if a != b)
    return differing, "the value differs, or when it fails"
