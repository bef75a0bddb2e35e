"""What the tokens of a plan stand for: the values of strings and numbers, the parts of an f-string."""

from __future__ import annotations

import math
import re

from llmcc.frontend.syntax import Attribute, Expression, Literal, Reference, SliceOf, Subscript, UnaryOp
from llmcc.grammar import KEYWORDS
from llmcc.ir.span import Span

#: The most digits an integer may have: what Python converts in a time that nobody notices.
MAX_DIGITS = 4300

_NOT_FINITE = frozenset({"NaN", "Infinity"})
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
_ESCAPE = re.compile(r"\\(?:x(?P<x>..)|u(?P<u>[dD][89abAB]..\\u....|....)|U(?P<U>.{8})|(?P<simple>.))")
# A part of an f-string: a run of text, a doubled brace, or a hole, whose strings and `${x}` hold braces.
_PIECE = re.compile(
    r"""(?P<hole>\{(?!\{)(?:\$\{\w+\}|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^}"'])*\})|(?P<brace>\{\{|\}\})|(?P<text>(?:[^{}\\]|\\.)+)"""
)
_STEP = re.compile(
    r"""\.(?P<name>\w+)|\[(?:(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<index>-?\d+)|(?P<start>-?\d*):(?P<stop>-?\d*))\]"""
)
_HEAD = re.compile(r"\{ *(\$\{\w+\}|\$?\w+)")


class LiteralError(Exception):
    """A token has the form of a literal and yet no value. `code` and `message` are for the diagnostic."""

    def __init__(self, code: str, message: str, span: Span) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.span = span


def unescape(text: str) -> str:
    r"""The text that the inside of a string token stands for; the escapes are known to be good.

    >>> unescape(r'a\n\u00e9\ud83d\ude00\x41')
    'a\né😀A'
    """
    return _ESCAPE.sub(_unescape, text) if "\\" in text else text


def _unescape(found: re.Match[str]) -> str:
    simple = found["simple"]
    if simple is not None:
        return _SIMPLE.get(simple, simple)
    digits = found["x"] or found["u"] or found["U"]
    if "\\" not in digits:
        return chr(int(digits, 16))
    high, low = digits.split("\\u")
    return chr(0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00)


def value_name(text: str, span: Span) -> str:
    """`text`, if it may name a value (a number's digits may).

    Raises:
        LiteralError: it is a keyword, a word for a number that is not finite, or has too many digits.
    """
    if text in KEYWORDS:
        raise LiteralError("E0209", f"`{text}` is a word of the language and cannot be a name", span)
    if text in _NOT_FINITE:
        raise LiteralError("E0108", f"`{text}` is no number: numbers are finite", span)
    if text.isdecimal():
        integer(text, span)
    return text


def integer(text: str, span: Span) -> int:
    """The value of an integer token.

    Raises:
        LiteralError: it has too many digits.
    """
    if len(text) > MAX_DIGITS:
        raise LiteralError("E0110", f"the number has {len(text)} digits, and the limit is {MAX_DIGITS}", span)
    return int(text)


def floating(text: str, span: Span) -> float:
    """The value of a token with a point or an exponent.

    Raises:
        LiteralError: no finite float is that large.
    """
    value = float(text)
    if math.isinf(value):
        raise LiteralError("E0108", "the number is too large to be finite", span)
    return value


def fstring_parts(token: str, line: int, column: int) -> tuple[Expression, ...]:
    """The parts of the f-string `token` (with its `f` and quotes) that stands at `line` and `column`."""
    parts: list[Expression] = []
    text, text_start = "", 2
    for piece in _PIECE.finditer(token, 2, len(token) - 1):
        if piece.lastgroup != "hole":
            text_start = text_start if text else piece.start()
            text += piece[0][0] if piece.lastgroup == "brace" else piece[0]
            continue
        if text:
            parts.append(_text(text, line, column, text_start, piece.start()))
        text = ""
        parts.append(_hole(piece[0], line, column + piece.start()))
    if text:
        parts.append(_text(text, line, column, text_start, len(token) - 1))
    return tuple(parts)


def _text(text: str, line: int, column: int, start: int, end: int) -> Literal:
    return Literal(Span(line, column + start, line, column + end), unescape(text))


def _hole(hole: str, line: int, column: int) -> Expression:
    head = _HEAD.match(hole)
    assert head is not None, "the token's pattern says that a hole starts with a name"
    start = column + head.start(1)
    place = Span(line, start, line, column + head.end(1))
    node: Expression = Reference(place, value_name(head[1].strip("${}"), place))
    for step in _STEP.finditer(hole, head.end()):
        node = _step(node, step, Span(line, start, line, column + step.end()), column)
    return node


def _step(base: Expression, step: re.Match[str], span: Span, column: int) -> Expression:
    def at(group: str) -> Span:
        return Span(span.line, column + step.start(group), span.line, column + step.end(group))

    if step["name"] is not None:
        return Attribute(span, base, step["name"])
    if step["string"] is not None:
        return Subscript(span, base, Literal(at("string"), unescape(step["string"][1:-1])))
    if step["index"] is not None:
        return Subscript(span, base, _index(step["index"], at("index")))
    start = _index(step["start"], at("start")) if step["start"] else None
    stop = _index(step["stop"], at("stop")) if step["stop"] else None
    return SliceOf(span, base, start, stop)


def _index(text: str, span: Span) -> Expression:
    if not text.startswith("-"):
        return Literal(span, integer(text, span))
    digits = Span(span.line, span.column + 1, span.end_line, span.end_column)
    return UnaryOp(span, "-", Literal(digits, integer(text[1:], digits)))
