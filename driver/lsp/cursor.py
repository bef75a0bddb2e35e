"""Where in a line the cursor is: in which call, at which argument, in or behind which word.

All of it works on the pieces of a line, so that it holds for lines that are not finished.
"""

from __future__ import annotations

import msgspec

from llmcc.frontend.tokens import OPENERS, Piece, tokens_of
from llmcc.grammar import KEYWORDS

#: Keywords that end an expression's part as a value does; after all others something must follow.
VALUES = frozenset({"true", "false", "null", "True", "False", "None"})


class Site(msgspec.Struct, frozen=True):
    """The call around a place: the tool's name, the place of its `(`, and what stands between its brackets.

    `index` is the argument's number from 0; `keyword` its name, if it was written; `named` are all written names.
    """

    callee: str
    opener: int
    index: int
    keyword: str | None
    named: tuple[str, ...]


def code_before(line: str, column: int) -> list[Piece] | None:
    """The pieces of `line` before an index; None if a comment or a thought stands there."""
    before = line[:column]
    pieces = tokens_of(before)
    if line.lstrip(" \t").startswith("Thought:") or "#" in before[pieces[-1].end if pieces else 0 :]:
        return None
    return pieces


def is_op(piece: Piece | None, *texts: str) -> bool:
    """Whether a piece is one of some signs."""
    return piece is not None and piece.kind == "op" and piece.text in texts


def at(pieces: list[Piece], index: int) -> Piece | None:
    """The piece of that index, None outside."""
    return pieces[index] if 0 <= index < len(pieces) else None


def ends_value(piece: Piece | None) -> bool:
    """Whether a value can end with this piece."""
    if piece is None:
        return False
    if piece.kind == "name":
        return piece.text not in KEYWORDS or piece.text in VALUES
    return piece.kind in ("reference", "number", "string", "fstring", "quoted") or is_op(piece, ")", "]", "}")


def callee_before(pieces: list[Piece], end: int) -> tuple[str, int] | None:
    """The tool's name that ends before the piece `end`, without its backticks, and the index of its first piece."""
    last = at(pieces, end - 1)
    if last is not None and last.kind == "quoted":
        return last.text[1:-1], end - 1
    if last is None or last.kind != "name":
        return None
    start = end - 1
    while is_op(at(pieces, start - 1), ".") and getattr(at(pieces, start - 2), "kind", "") == "name":
        start -= 2
    if pieces[start].text in KEYWORDS - {"join"}:
        return None
    return "".join(piece.text for piece in pieces[start:end]), start


def open_brackets(pieces: list[Piece]) -> list[int]:
    """The indexes of the brackets that nothing closes, outermost first."""
    stack: list[int] = []
    for index, piece in enumerate(pieces):
        if is_op(piece, *OPENERS):
            stack.append(index)
        elif is_op(piece, *OPENERS.values()) and stack:
            stack.pop()
    return stack


def closer(pieces: list[Piece], opener: int) -> int:
    """The index of the bracket that closes `opener`; the number of pieces if none does."""
    depth = 0
    for index in range(opener, len(pieces)):
        depth += is_op(pieces[index], *OPENERS) - is_op(pieces[index], *OPENERS.values())
        if depth == 0:
            return index
    return len(pieces)


def opener_of(pieces: list[Piece], close: int) -> int | None:
    """The index of the bracket that `close` closes."""
    depth = 0
    for index in range(close, -1, -1):
        depth += is_op(pieces[index], *OPENERS.values()) - is_op(pieces[index], *OPENERS)
        if depth == 0:
            return index
    return None


def call_around(pieces: list[Piece], before: int) -> Site | None:
    """The innermost call in whose brackets the place before the piece `before` is."""
    for opener in reversed(open_brackets(pieces[:before])):
        found = callee_before(pieces, opener) if pieces[opener].text == "(" else None
        if found is None:
            continue
        starts = _arguments(pieces, opener)
        index = sum(start <= before for start in starts[1:])
        names = [_name(pieces, start) for start in starts]
        # While `name` is being written it is no name yet: the cursor has to be behind the `=`.
        keyword = names[index] if before >= starts[index] + 2 else None
        return Site(found[0], opener, index, keyword, tuple(name for name in names if name is not None))
    return None


def _arguments(pieces: list[Piece], opener: int) -> list[int]:
    """The index of each argument's first piece."""
    starts, depth = [opener + 1], 0
    for index in range(opener + 1, closer(pieces, opener)):
        depth += is_op(pieces[index], *OPENERS) - is_op(pieces[index], *OPENERS.values())
        if depth == 0 and is_op(pieces[index], ","):
            starts.append(index + 1)
    return starts


def _name(pieces: list[Piece], start: int) -> str | None:
    first = at(pieces, start)
    named = first is not None and first.kind == "name" and is_op(at(pieces, start + 1), "=")
    return first.text if first is not None and named else None


def hole_before(text: str) -> int | None:
    """Where in the start of an f-string the hole begins that is still open at its end; None if none is.

    >>> hole_before('f"{a} and {b.na'), hole_before('f"{{a'), hole_before('f"{a}')
    (11, None, None)
    """
    hole: int | None = None
    index = 0
    while index < len(text):
        if hole is None and text.startswith(("{{", "}}", "\\"), index):
            index += 2
            continue
        if text[index] == "{" and hole is None:
            hole = index + 1
        elif text[index] == "}":
            hole = None
        index += 1
    return hole
