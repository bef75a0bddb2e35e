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


class Halt(msgspec.Struct, frozen=True):
    """Where the parser could not go on, and which terminals it `expected` there: none, if it did not come so far."""

    at: int
    expected: frozenset[str]


#: Where the parser halts in a text; None if the text is a line of a plan.
Halts = Callable[[str], Halt | None]


class Bad(msgspec.Struct, frozen=True):
    """A line that is no statement.

    The parser could not go on at the character `at` (the line's length, if at its end), where it `expected` one of some
    terminals. `halts` tells the same of other texts. A line with `others` has more mistakes than the one looked for.
    """

    text: str
    at: int
    expected: frozenset[str]
    ended: bool
    pieces: list[Piece]
    halts: Halts
    others: bool = False

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

    def parses(self, text: str) -> bool:
        """Whether a text would be a good line."""
        return self.halts(text) is None

    def mended_by(self, repair: Repair) -> bool:
        """Whether a repair makes a statement of the line, or two; if it has other mistakes: whether it gets further."""
        mended = repair.apply(self.text)
        if not self.others:
            return all(map(self.parses, mended.split("\n")))
        halt = self.halts(mended)
        return halt is None or len(mended) - halt.at < len(self.text) - self.at

    def first(self, skip_number: bool = True) -> int:
        """The index of the statement's first piece, behind its number."""
        numbered = len(self.pieces) > 1 and self.pieces[0].kind == "number" and self.pieces[1].text == "."
        return 2 if skip_number and numbered else 0


def bad_line(text: str, at: int, expected: frozenset[str], ended: bool, halts: Halts) -> Bad:
    """The view of a malformed line that finders take."""
    return Bad(text, at, expected, ended, tokens_of(text), halts)


def replace(piece: Piece, text: str) -> Repair:
    """Write `text` for a piece."""
    return Repair(f"write `{text}`", (Change(piece.start, piece.end, text),))


def insert(at: int, text: str) -> Repair:
    """Put `text` in."""
    return Repair(f"insert `{text.strip()}`", (Change(at, at, text),))


def remove(start: int, end: int, what: str) -> Repair:
    """Take a stretch out."""
    return Repair(f"remove {what}", (Change(start, end, ""),))
