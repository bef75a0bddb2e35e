"""Places in a plan's text."""

from __future__ import annotations

import re

import msgspec

#: Compiled when it is first needed: who checks a plan reads no printed places.
_TEXT = r"(\d+):(\d+)-(?:(\d+):)?(\d+)"


class Span(msgspec.Struct, frozen=True, order=True, array_like=True, gc=False):
    """A half-open stretch of a text: lines and columns count from 1, columns in code points, the end is not part of it.

    >>> str(Span(2, 5, 2, 9)), str(Span(2, 5, 3, 1))
    ('2:5-9', '2:5-3:1')
    """

    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        """`line:column-end`, with the end's line only where it differs."""
        end = str(self.end_column) if self.end_line == self.line else f"{self.end_line}:{self.end_column}"
        return f"{self.line}:{self.column}-{end}"

    def to(self, other: Span) -> Span:
        """The stretch from the start of this one to the end of `other`."""
        return Span(self.line, self.column, other.end_line, other.end_column)

    @staticmethod
    def parse(text: str) -> Span:
        """The span that `str` printed as `text`.

        >>> Span.parse("2:5-9") == Span(2, 5, 2, 9)
        True

        Raises:
            ValueError: `text` is no span.
        """
        found = re.fullmatch(_TEXT, text)
        if found is None:
            raise ValueError(f"not a span: {text!r}")
        line, column, end_line, end_column = found.groups()
        return Span(int(line), int(column), int(end_line or line), int(end_column))
