"""What the finders of mistakes look at and what they answer."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from llmcc.frontend.tokens import Piece, tokens_of, unclosed_brackets


class Change(msgspec.Struct, frozen=True):
    """An edit within the line: the text from `start` to `end` becomes `text`."""

    start: int
    end: int
    text: str


class Repair(msgspec.Struct, frozen=True):
    """Edits, in the order of the line, that may mend it; `title` says what they do."""

    title: str
    changes: tuple[Change, ...]

    def apply(self, line: str) -> str:
        """The line with the edits made."""
        for change in reversed(self.changes):
            line = line[: change.start] + change.text + line[change.end :]
        return line


class Found(msgspec.Struct, frozen=True):
    """A mistake from `start` to `end`; `what` fills the message of its case; one of `repairs` may mend the line."""

    start: int
    end: int
    what: str = ""
    repairs: tuple[Repair, ...] = ()
    note: str | None = None


class Bad(msgspec.Struct, frozen=True):
    """A line that is no statement.

    The parser could not go on at the character `at` (the line's length, if at its end), where it `expected` one of some
    terminals. `parses` tells whether a text would be a good line.
    """

    text: str
    at: int
    expected: frozenset[str]
    ended: bool
    pieces: list[Piece]
    parses: Callable[[str], bool]

    @property
    def index(self) -> int:
        """Which piece the parser could not take; their number, if it failed at the end."""
        return next((i for i, piece in enumerate(self.pieces) if piece.end > self.at), len(self.pieces))

    @property
    def stop(self) -> Piece | None:
        """The piece that the parser could not take."""
        return self.pieces[self.index] if self.index < len(self.pieces) else None

    @property
    def before(self) -> Piece | None:
        """The piece before the one that the parser could not take."""
        return self.pieces[self.index - 1] if self.index else None

    @property
    def end(self) -> int:
        """Where the last piece ends."""
        return self.pieces[-1].end if self.pieces else len(self.text)

    @property
    def open(self) -> list[Piece]:
        """The brackets that are open where the parser stopped, outermost first."""
        return unclosed_brackets(self.pieces[: self.index])[0]

    def first(self, skip_number: bool = True) -> int:
        """The index of the statement's first piece, behind its number."""
        numbered = len(self.pieces) > 1 and self.pieces[0].kind == "number" and self.pieces[1].text == "."
        return 2 if skip_number and numbered else 0


def bad_line(text: str, at: int, expected: frozenset[str], ended: bool, parses: Callable[[str], bool]) -> Bad:
    """The view of a malformed line that finders take."""
    return Bad(text, at, expected, ended, tokens_of(text), parses)


def replace(piece: Piece, text: str) -> Repair:
    """Write `text` for a piece."""
    return Repair(f"write `{text}`", (Change(piece.start, piece.end, text),))


def insert(at: int, text: str) -> Repair:
    """Put `text` in."""
    return Repair(f"insert `{text.strip()}`", (Change(at, at, text),))


def remove(start: int, end: int, what: str) -> Repair:
    """Take a stretch out."""
    return Repair(f"remove {what}", (Change(start, end, ""),))
