"""Characters that a reader of the plan cannot see, and how a message shows text that may hold them."""

from __future__ import annotations

import re

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
    """The first character of a line that has no place there: E0101, E0102 or E0105.

    Inside strings, characters that merely cannot be seen are text.
    """
    if text.isascii() and text.replace("\t", "").isprintable():
        return None
    inside = [(token.start, token.end) for token in tokens_of(text) if token.kind in ("string", "fstring")]
    for found in _SUSPECT.finditer(text):
        char, at = found[0], found.start()
        place = Span(number, at + 1, number, at + 2)
        if "\ud800" <= char <= "\udfff":
            return Diagnostic("E0105", place, f"half a surrogate pair ({_code(char)}) is no character")
        if _IS_CONTROL.match(char):
            fix = Fix("remove the character", (Edit(place, ""),))
            return Diagnostic("E0101", place, f"a control character ({_code(char)}) stands in the plan", fixes=(fix,))
        if not any(start <= at < end for start, end in inside):
            fix = Fix("remove the character", (Edit(place, ""),))
            message = f"a character that cannot be seen ({_code(char)}) stands outside of a string"
            return Diagnostic("E0102", place, message, fixes=(fix,))
    return None


def _code(char: str) -> str:
    return f"U+{ord(char):04X}"
