"""Text of a plan inside a message: cut, and escaped, so that no control or invisible character gets through raw."""

from __future__ import annotations

from llmcc.ir.escape import quote, visible

#: Longer texts are cut in messages.
LONGEST = 60


def shown(text: str) -> str:
    """The text between backticks, escaped and cut.

    >>> shown("a\\nb") == "`a\\\\u{a}b`", shown("x" * 100) == "`" + "x" * 59 + "…`"
    (True, True)
    """
    return "`" + visible(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…") + "`"


def string(text: str) -> str:
    """The text as a string literal of the language, as a fix writes it."""
    return quote(text)
