"""The pieces of a line that need not be well formed: what messages about mistakes are made from.

The parser does not use this lexer. It never fails, and its work is linear in the length of the line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

_PIECE = re.compile(
    r"""
      (?P<space>[ \t]+)
    | (?P<end_of_plan><END_OF_PLAN>)
    | (?P<comment>\#.*)
    | (?P<fstring>[fF](?:
          "(?:(?>\{[^{}"]*(?:"[^"\\]*"[^{}"]*)*\})|[^"\\]|\\.)*+"
        | '(?:(?>\{[^{}']*(?:'[^'\\]*'[^{}']*)*\})|[^'\\]|\\.)*+'))
    | (?P<string>"[^"\\]*+(?:\\.[^"\\]*+)*+"|'[^'\\]*+(?:\\.[^'\\]*+)*+')
    | (?P<unclosed>[fF]?["'].*)
    | (?P<quoted>`[^`]+`)
    | (?P<reference>\$(?:\w+|\{\w+\}))
    | (?P<number>[0-9](?:[eE][+-][0-9]+|[0-9A-Za-z_]|\.(?=[0-9]))*\.?|\.[0-9][0-9A-Za-z_]*)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?!\w))
    | (?P<word>\w+)
    | (?P<op>==|!=|<=|>=|//|&&|\|\||->|=>|:=|\*\*|[+*/%-]=|[-()\[\]{}.,:=<>+*/%])
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_NUMBERING = re.compile(r"[ \t]*([0-9]+)(?=[ \t]*[.):])")
OPENERS = {"(": ")", "[": "]", "{": "}"}


class Piece(msgspec.Struct, frozen=True):
    """A stretch of a line: what kind it is, its text, and where it starts and ends, from 0, in code points."""

    kind: str
    text: str
    start: int
    end: int


def tokens_of(line: str) -> list[Piece]:
    """The pieces of a line without its spaces and its comment.

    >>> [(piece.kind, piece.text) for piece in tokens_of('1. f("a", x')][:4]
    [('number', '1'), ('op', '.'), ('name', 'f'), ('op', '(')]
    """
    return [*read_tokens(line)]


def read_tokens(line: str) -> Iterator[Piece]:
    """`tokens_of`, one by one: who stops early has not paid for the rest."""
    numbering = _NUMBERING.match(line)
    start = 0
    if numbering is not None:
        start = numbering.end()
        yield Piece("number", numbering[1], numbering.start(1), start)
    for found in _PIECE.finditer(line, start):
        kind = found.lastgroup or "other"
        if kind not in ("space", "comment"):
            yield Piece(kind, found[0], found.start(), found.end())


def unclosed_brackets(pieces: list[Piece]) -> tuple[list[Piece], Piece | None]:
    """The brackets that are open at the end, outermost first, and the first closing one that fits no open one."""
    stack: list[Piece] = []
    for piece in pieces:
        if piece.kind == "op" and piece.text in OPENERS:
            stack.append(piece)
        elif piece.kind == "op" and piece.text in ")]}":
            if not stack or OPENERS[stack[-1].text] != piece.text:
                return stack, piece
            stack.pop()
    return stack, None
