"""Texts and names as a plan writes them, and as messages do: those are cut, and escaped, so that no control or
invisible character gets through raw.
"""

from __future__ import annotations

import re

from llmcc.grammar import KEYWORDS
from llmcc.ir.escape import quote, visible

#: Longer texts are cut in messages.
LONGEST = 60
_DOTTED = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")


def shown(text: str) -> str:
    """The text between backticks, escaped and cut.

    >>> shown("a\\nb") == "`a\\\\u{a}b`", shown("x" * 100) == "`" + "x" * 59 + "…`"
    (True, True)
    """
    return "`" + visible(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…") + "`"


def string(text: str) -> str:
    """The text as a string literal of the language, as a fix writes it."""
    return quote(text)


def callee(name: str) -> str:
    """A tool's name as a plan calls it: in backticks, if it cannot stand alone.

    >>> callee("mail.send"), callee("when"), callee("in.box"), callee("the mayor")
    ('mail.send', '`when`', '`in.box`', '`the mayor`')
    """
    plain = _DOTTED.fullmatch(name) is not None and name.partition(".")[0] not in KEYWORDS
    return name if plain else f"`{name}`"
