"""The shape of a question: its text with numbers and quoted texts taken out."""

from __future__ import annotations

import re
from typing import NamedTuple

#: A text in quotes (an apostrophe within a word opens none), or a number.
_LITERAL = re.compile(
    r"\"(?P<double>[^\"\n]*)\"|“(?P<curly>[^”\n]*)”|(?<!\w)'(?P<single>[^'\n]*)'(?!\w)"
    r"|(?<![\w.])(?P<number>(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?)(?![\w]|\.\d)",
    re.ASCII,
)

_KINDS = {int: "int", float: "float", str: "text"}


class Shape(NamedTuple):
    """`text` has `⟨int⟩`, `⟨float⟩` or `⟨text⟩` where the `literals` were, which are in the order of the question."""

    text: str
    literals: tuple[int | float | str, ...]


def shape_of(question: str) -> Shape:
    """The shape of a question. What stands in it for literals stands in no other question's text.

    >>> shape_of('Buy 3 of "paper A4" for Ann\\'s 2.5 offices')
    Shape(text="Buy ⟨int⟩ of ⟨text⟩ for Ann's ⟨float⟩ offices", literals=(3, 'paper A4', 2.5))
    """
    literals: list[int | float | str] = []
    text, end = "", 0
    for found in _LITERAL.finditer(question):
        literals.append(_value(found))
        text += f"{_escaped(question[end : found.start()])}⟨{_KINDS[type(literals[-1])]}⟩"
        end = found.end()
    return Shape(text + _escaped(question[end:]), tuple(literals))


def _escaped(words: str) -> str:
    return words.replace("⟨", "⟨⟨")  # a question may hold the very sign that begins a literal


def _value(found: re.Match[str]) -> int | float | str:
    number = found["number"]
    if number is None:
        return next(text for text in (found["double"], found["curly"], found["single"]) if text is not None)
    return float(number) if "." in number else int(number)
