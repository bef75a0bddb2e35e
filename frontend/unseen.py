"""Characters that a reader of the plan cannot see, and how a message shows text that may hold them."""

from __future__ import annotations

import re
from bisect import bisect_right

from llmcc.frontend.tokens import tokens_of
from llmcc.ir.diagnostics import Diagnostic, Edit, Fix
from llmcc.ir.span import Span

_CONTROL = "\x00-\x08\x0a-\x1f\x7f"
_INVISIBLE = (
    "\x80-\x9f\u2028\u2029\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
)
_SUSPECT = re.compile(f"[{_CONTROL}{_INVISIBLE}\ud800-\udfff]")
_IS_CONTROL = re.compile(f"[{_CONTROL}]")
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_MESSAGES = {
    "E0101": "a control character ({}) stands in the plan",
    "E0102": "a character that cannot be seen ({}) stands outside of a string",
    "E0105": "half a surrogate pair ({}) is no character",
    "E0121": "a character that turns the direction of the text ({}) stands outside of a string",
}


def quoted(text: str, most: int = 40) -> str:
    r"""`text` in backticks for a message: shortened, and without a character that a terminal would obey.

    >>> quoted("a\u200bb\n")
    '`a\\u200bb\\n`'
    """
    shown = text if len(text) <= most else text[: most - 3] + "..."
    return "`" + escaped(shown) + "`"


def escaped(text: str) -> str:
    """`text` with every character that cannot be seen written as an escape."""
    if text.isprintable() and not _SUSPECT.search(text):
        return text
    return "".join(char if char.isprintable() and not _SUSPECT.match(char) else _escape(char) for char in text)


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode()


def find_unseen(text: str, number: int) -> Diagnostic | None:
    """The first character of a line that has no place there: E0101, E0102, E0105 or E0121.

    Inside strings, characters that merely cannot be seen are text. The fix takes out all of the kind, not the first.
    """
    if text.isascii() and text.replace("\t", "").isprintable():
        return None
    # Where strings start and end, in turn: an odd number of such places before a character means that it is inside.
    strings = (token for token in tokens_of(text) if token.kind in ("string", "fstring"))
    bounds = [place for token in strings for place in (token.start, token.end)]
    first: str | None = None
    places: list[Span] = []
    for found in _SUSPECT.finditer(text):
        code = _judge(found[0], outside=bisect_right(bounds, found.start()) % 2 == 0)
        first = first or code
        if code == first and code is not None:
            places.append(Span(number, found.start() + 1, number, found.end() + 1))
    if first is None:
        return None
    message = _MESSAGES[first].format(_code(text[places[0].column - 1]))
    title = "remove the character" if len(places) == 1 else f"remove the {len(places)} characters"
    fix = Fix(title, tuple(Edit(place, "") for place in places))
    return Diagnostic(first, places[0], message, fixes=() if first == "E0105" else (fix,))


def _judge(char: str, *, outside: bool) -> str | None:
    """The code for such a character; None where it is text."""
    if "\ud800" <= char <= "\udfff":
        return "E0105"
    if _IS_CONTROL.match(char):
        return "E0101"
    if not outside:
        return None
    return "E0121" if _TURNS.match(char) else "E0102"


def _code(char: str) -> str:
    return f"U+{ord(char):04X}"
