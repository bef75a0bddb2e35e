"""From chunks of text to lines of a plan: the same lines and diagnostics, however the text was cut.

A line leaves the reader as soon as its end is seen. What it knows then is the text up to there, so no decision here
looks ahead. Work is linear in the size of the text.
"""

from __future__ import annotations

import re
from copy import copy

import msgspec

from llmcc.frontend.limits import DEFAULT_LIMITS, SourceLimits
from llmcc.frontend.outside import is_fence, is_statement
from llmcc.ir.diagnostics import Diagnostic
from llmcc.ir.span import Span

_END = re.compile(r"\r\n|\r|\n")


class Line(msgspec.Struct, frozen=True):
    """One line of the text, without its end.

    `ended` is False for a last line that no line end closes: it may have been cut off. A line that is `outside` is no
    part of the plan (text around it, or a limit was passed) and is not to be parsed. `diagnostics` are the reader's.
    """

    number: int
    text: str
    ended: bool = True
    outside: bool = False
    diagnostics: tuple[Diagnostic, ...] = ()


class StatementReader:
    """Takes a text in chunks and gives its lines.

    >>> reader = StatementReader()
    >>> [line.text for line in reader.feed("a = f()\\nb = ")], [line.text for line in reader.feed("g()")]
    (['a = f()'], [])
    >>> [(line.text, line.ended) for line in reader.close()]
    [('b = g()', False)]
    """

    def __init__(self, limits: SourceLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._number = 1
        self._pieces: list[str] = []
        self._held = 0
        self._taken = 0
        self._statements = 0
        self._begun = False
        self._after_cr = False
        self._stopped = False
        self._closed = False
        self._around = _Around()

    def feed(self, chunk: str) -> list[Line]:
        """The lines that `chunk` completes, in order.

        Raises:
            ValueError: the reader is closed.
        """
        if self._closed:
            raise ValueError("the reader is closed")
        if not chunk or self._stopped:
            return []
        if not self._begun:
            self._begun = True
            chunk = chunk.removeprefix("\ufeff")
        room = self._limits.plan - self._taken
        self._taken += len(chunk)
        lines = self._split(chunk[:room])
        if len(chunk) > room and not self._stopped:
            lines.append(self._stop("E0111", f"the plan is longer than {self._limits.plan} characters"))
        return lines

    def glance(self, text: str) -> Line:
        """The line that `text` would be if it came next, whatever of a line is there already. Nothing is changed."""
        around = copy(self._around)
        around.told = set(around.told)
        outside, diagnostics = around.look(self._number, text)
        return Line(self._number, text, True, outside or self._stopped, diagnostics)

    def close(self) -> list[Line]:
        """What is left: a last line without an end, and what can only be said about a whole text."""
        if self._closed:
            return []
        self._closed = True
        lines = [self._line("".join(self._pieces), ended=False)] if self._held and not self._stopped else []
        if self._around.only_text:
            place = Span(self._around.text_line, 1, self._around.text_line, 1)
            found = Diagnostic("E0120", place, "there is no plan in this text", help="write one statement a line")
            lines.append(Line(self._number, "", outside=True, diagnostics=(found,)))
        return lines

    def _split(self, chunk: str) -> list[Line]:
        start = 0
        if self._after_cr and chunk:
            # A line end may be cut in the middle: its first half has ended the line already.
            start = 1 if chunk.startswith("\n") else 0
            self._after_cr = False
        lines: list[Line] = []
        for end in _END.finditer(chunk, start):
            self._hold(chunk[start : end.start()])
            lines.append(self._line("".join(self._pieces), ended=True))
            start = end.end()
            self._after_cr = end.group() == "\r" and start == len(chunk)
            if self._stopped:
                return lines
        self._hold(chunk[start:])
        return lines

    def _hold(self, piece: str) -> None:
        if piece:
            room = max(self._limits.line + 1 - self._held, 0)
            self._held += len(piece)
            self._pieces.append(piece[:room])

    def _line(self, text: str, *, ended: bool) -> Line:
        number, length = self._number, self._held
        self._number, self._held, self._pieces = number + 1, 0, []
        if length > self._limits.line:
            place = Span(number, 1, number, self._limits.line + 1)
            found = Diagnostic("E0113", place, f"the line is longer than {self._limits.line} characters")
            self._around.statement()
            return Line(number, "", ended, True, (found,))
        outside, diagnostics = self._around.look(number, text)
        if not outside and text.strip(" \t"):
            self._statements += 1
        if self._statements > self._limits.statements:
            self._number = number
            return self._stop("E0112", f"the plan has more than {self._limits.statements} statements")
        return Line(number, text, ended, outside, diagnostics)

    def _stop(self, code: str, message: str) -> Line:
        self._stopped = True
        self._pieces = []
        place = Span(self._number, 1, self._number, 1)
        return Line(self._number, "", outside=True, diagnostics=(Diagnostic(code, place, message),))


class _Around:
    """Where in the text around a plan the reader is."""

    def __init__(self) -> None:
        self.text_line = 0  # the first line of text, 0 if there is none
        self._plan = False  # a statement was seen
        self._in_fence = False
        self._after = False  # text was seen after a statement
        self._closed = False  # a fence was closed after a statement: nothing counts any more
        self.told: set[str] = set()

    @property
    def only_text(self) -> bool:
        return self.text_line > 0 and not self._plan

    def statement(self) -> None:
        self._plan = True

    def look(self, number: int, text: str) -> tuple[bool, tuple[Diagnostic, ...]]:
        """Whether a line is outside of the plan, and what is to be said about it."""
        place = Span(number, 1, number, len(text) + 1)
        if is_fence(text):
            return True, self._fence(place)
        blank = not text.strip(" \t")
        if self._closed or not is_statement(text):
            return True, () if blank else self._text(place)
        if blank or text.lstrip(" \t").startswith("#"):
            return False, ()
        goes_on = self._after
        self._plan, self._after = True, False
        if not goes_on:
            return False, ()
        message = "the plan goes on after text that is no part of it"
        return False, (Diagnostic("E0230", place, message, help="start a line of text with `#`"),)

    def _fence(self, place: Span) -> tuple[Diagnostic, ...]:
        self.text_line = self.text_line or place.line
        if self._in_fence:
            self._in_fence, self._closed = False, self._plan
            return ()
        if self._closed:
            return self._tell("W0103", place, "the text after the plan is left out")
        self._in_fence = True
        if self._plan:
            # The statements stood bare, and a block follows: which of them is the plan?
            self._after = True
        return self._tell("W0102", place, "the Markdown fence around the plan is left out")

    def _text(self, place: Span) -> tuple[Diagnostic, ...]:
        self.text_line = self.text_line or place.line
        if not self._plan:
            return self._tell("W0101", place, "the text before the plan is left out")
        self._after = True
        return self._tell("W0103", place, "the text after the plan is left out")

    def _tell(self, code: str, place: Span, message: str) -> tuple[Diagnostic, ...]:
        if code in self.told:
            return ()
        self.told.add(code)
        return (Diagnostic(code, place, message),)
