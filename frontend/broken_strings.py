"""Strings with a line's end in them: several lines that make no sense, and one mistake."""

from __future__ import annotations

from llmcc.frontend.parse import halts
from llmcc.frontend.reader import Line
from llmcc.frontend.tokens import tokens_of
from llmcc.ir.diagnostics import Diagnostic, Edit, Fix
from llmcc.ir.span import Span

#: A string is looked for no further than this: in lines, and in characters.
MAX_LINES = 50
MAX_LENGTH = 20_000


class BrokenStrings:
    """Looks at the lines that are no statements, and finds those that are one with the line's ends in a string escaped.

    >>> watch, found = BrokenStrings(), [Diagnostic("E0103", Span(1, 3, 1, 5), "the string is not closed")]
    >>> watch.look(Line(1, 'f("a'), found, 0), watch.look(Line(2, 'b")'), found, 1).code
    (None, 'E0119')
    """

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._quote = ""
        self._length = 0
        self._from = 0

    @property
    def open(self) -> bool:
        """Whether lines are held that a further one may make sense of."""
        return bool(self._lines)

    def forget(self) -> None:
        """A statement has come: what was open before it is not closed behind it."""
        self._lines = []

    def look(self, line: Line, found: list[Diagnostic], before: int) -> Diagnostic | None:
        """Takes a line about which `found` says what stands there from `before` on.

        If it ends a broken string, `found` then says that, instead of what it said about each of the string's lines.
        """
        if self._lines:
            self._lines.append(line)
            self._length += len(line.text)
            if self._length > MAX_LENGTH or len(self._lines) > MAX_LINES:
                self.forget()
            elif self._quote in line.text:
                whole = self._whole(found)
                self.forget()
                if whole is not None:
                    return whole
        if not self._lines and line.ended and any(d.code == "E0103" for d in found[before:]):
            self._begin(line, before)
        return None

    def _begin(self, line: Line, before: int) -> None:
        piece = next((piece for piece in tokens_of(line.text) if piece.kind == "unclosed"), None)
        if piece is not None and len(line.text) <= MAX_LENGTH:
            self._lines, self._length, self._from = [line], len(line.text), before
            self._quote = piece.text.lstrip("fF")[0]

    def _whole(self, found: list[Diagnostic]) -> Diagnostic | None:
        if halts("\\n".join(line.text for line in self._lines)) is not None:
            return None
        ends = [(line.number, len(line.text) + 1) for line in self._lines[:-1]]
        edits = tuple(Edit(Span(number, column, number + 1, 1), "\\n") for number, column in ends)
        whole = Diagnostic(
            "E0119",
            found[self._from].span,
            "the string goes on in the next line",
            help="a line's end within a string is written `\\n`",
            fixes=(
                Fix("write `\\n` for the line's end" if len(ends) == 1 else "write `\\n` for the lines' ends", edits),
            ),
        )
        del found[self._from :]
        found.append(whole)
        return whole
