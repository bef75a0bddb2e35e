"""Places in a text as editors count them: from 0, in UTF-16 units unless something else was agreed on.

A plan's spans count from 1, in code points, and leave out a byte order mark. Lines end as in a plan and as in the
protocol: with LF, CR LF or CR, and with nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

_END = re.compile(r"\r\n|\r|\n")


def _utf16(character: str) -> int:
    return 2 if ord(character) > 0xFFFF else 1


def _utf8(character: str) -> int:
    # Not by encoding it: half of a surrogate pair, which JSON can hold, has no encoding.
    code = ord(character)
    return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4


#: How many units a character has, in each of the protocol's encodings.
_UNITS: dict[str, Callable[[str], int]] = {"utf-8": _utf8, "utf-16": _utf16, "utf-32": lambda _: 1}
ENCODINGS = tuple(_UNITS)


class Text:
    r"""A document. `encoding` says in what units the editor counts the characters of a line.

    >>> text = Text('a = f("😋")\r\nreturn a')
    >>> text.position(1, 9), text.place(0, 9), text.lines[1]
    ((0, 9), (1, 9), 'return a')
    """

    def __init__(self, source: str, encoding: str = "utf-16") -> None:
        self.source = source
        self.encoding = encoding
        self._units = _UNITS[encoding]
        self._mark = 1 if source.startswith("\ufeff") else 0

    @cached_property
    def _bounds(self) -> list[tuple[int, int]]:
        """Where each line starts and ends, without its end."""
        ends = [*_END.finditer(self.source)]
        starts = [0, *(end.end() for end in ends)]
        return [*zip(starts, (*(end.start() for end in ends), len(self.source)), strict=True)]

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The lines as the plan has them: without their ends, the first without a byte order mark."""
        (first, _), *_ = self._bounds
        return tuple(self.source[max(start, first + self._mark) : end] for start, end in self._bounds)

    @property
    def ends(self) -> tuple[str, ...]:
        """What ends each line; the last one is ended by nothing."""
        after = [start for start, _ in self._bounds[1:]] + [len(self.source)]
        return tuple(self.source[end:start] for (_, end), start in zip(self._bounds, after, strict=True))

    @property
    def line_end(self) -> str:
        """The end of the first line: what new lines should end with too."""
        return self.ends[0] or "\n"

    def line(self, number: int) -> str:
        """The line of that number, from 1; empty if there is none."""
        return self.lines[number - 1] if 1 <= number <= len(self.lines) else ""

    def offset(self, line: int, character: int) -> int:
        """The index in `source` of an editor's place; one that is outside of the text is brought to its nearest end."""
        if line >= len(self._bounds):
            return len(self.source)
        start, end = self._bounds[line]
        if self.encoding == "utf-32" or self.source[start:end].isascii():
            return min(start + character, end)
        for index in range(start, end):
            character -= self._units(self.source[index])
            if character < 0:
                return index
        return end

    def place(self, line: int, character: int) -> tuple[int, int]:
        """An editor's place as line and column of the plan."""
        row = min(line, len(self._bounds) - 1)
        start = self._bounds[row][0] + (self._mark if row == 0 else 0)
        return row + 1, max(self.offset(line, character) - start, 0) + 1

    def position(self, line: int, column: int) -> tuple[int, int]:
        """A line and column of the plan as an editor's place."""
        if line > len(self._bounds):
            return self.end
        start, end = self._bounds[line - 1]
        shift = self._mark if line == 1 else 0
        return line - 1, self._count(start, min(start + shift + column - 1, end))

    @property
    def end(self) -> tuple[int, int]:
        """The editor's place behind the last character."""
        return len(self._bounds) - 1, self._count(*self._bounds[-1])

    def replace(self, start: tuple[int, int], end: tuple[int, int], new: str) -> Text:
        """The text in which `new` stands between two of the editor's places."""
        first = self.offset(*start)
        last = max(self.offset(*end), first)
        return Text(self.source[:first] + new + self.source[last:], self.encoding)

    def _count(self, start: int, end: int) -> int:
        part = self.source[start:end]
        return len(part) if part.isascii() else sum(map(self._units, part))
