"""The words of the plan language as forms, bounded in length: those of `plan.lark` that the derived grammars use."""

from __future__ import annotations

import msgspec

from llmcc.frontend.forms import Form, Repeat, Rules, Use, chars, either, optional, seq
from llmcc.ir.builtins import NUMBER
from llmcc.ir.escape import quote
from llmcc.ir.types import FLOAT, INT, STR, EnumType, Type


class Bounds(msgspec.Struct, frozen=True):
    """How long what a model writes may be. Models loop where nothing ends them."""

    text: int = 400
    items: int = 32
    statements: int = 64
    digits: int = 20


_DIGIT, _LETTER, _SIGN = chars("09"), chars("AZ", "az", "_"), optional(chars("+", "-"))
_NAMED = Repeat(chars("AZ", "az", "09", "_"), 0, 40)
_HEX = chars("09", "af", "AF")
# Neither a quote nor a backslash, and no control character but the tab.
_PLAIN = chars('"', "\\", "\x00\x08", "\n\x1f", "\x7f", negated=True)
_PLAIN_F = chars('"', "\\", "{", "}", "\x00\x08", "\n\x1f", "\x7f", negated=True)


def _hex(count: int) -> Form:
    return seq(*[_HEX] * count)


def _escape() -> Form:
    """Escapes of characters: a surrogate stands only as the first or second half of a pair."""
    plain = either(seq(chars("09", "ac", "ef", "AC", "EF"), _hex(3)), seq(chars("d", "D"), chars("07"), _hex(2)))
    high, low = seq(chars("d", "D"), chars("89", "ab", "AB"), _hex(2)), seq(chars("d", "D"), chars("cf", "CF"), _hex(2))
    long = either(
        seq("0000", plain),
        seq("000", chars("19", "af", "AF"), _hex(4)),
        seq("0010", _hex(4)),
    )
    single = either(*'"\\/bfnrtav0', "'")
    return seq("\\", either(single, seq("x", _hex(2)), seq("u", plain), seq("u", high, "\\u", low), seq("U", long)))


def _json_escape() -> Form:
    plain = either(seq(chars("09", "ac", "ef", "AC", "EF"), _hex(3)), seq(chars("d", "D"), chars("07"), _hex(2)))
    return seq("\\", either(*'"\\/bfnrt', seq("u", plain)))


#: A character of a text in JSON: no control character, and no half of a surrogate pair.
JSON_STRING = either(chars('"', "\\", "\x00\x1f", "\x7f", negated=True), _json_escape())


def digits(most: int) -> Form:
    """A whole number of at most so many digits, without a sign."""
    return either("0", seq(chars("19"), Repeat(_DIGIT, 0, most - 1)))


def _index() -> Form:
    return seq(optional("-"), digits(9))


def words(bounds: Bounds) -> Rules:
    """The terminals `NAME`, `DOLLAR`, `INT`, `FLOAT`, `STRING`, `FSTRING`, `FIELD`."""
    name = seq(_LETTER, _NAMED)
    short = digits(4)
    dollar = seq("$", either(name, short, seq("{", either(name, short), "}")))
    exponent = seq(chars("e", "E"), _SIGN, Repeat(_DIGIT, 1, 3))
    whole = digits(bounds.digits)
    fraction = seq(".", Repeat(_DIGIT, 1, bounds.digits))
    string = seq('"', Repeat(either(_PLAIN, _escape()), 0, bounds.text), '"')
    span = seq(optional(_index()), ":", optional(_index()))
    key = seq('"', Repeat(either(_PLAIN, _escape()), 0, 40), '"')
    step = either(seq(".", name), seq("[", either(key, _index(), span), "]"))
    hole = seq("{", either(name, dollar), Repeat(step, 0, 6), "}")
    piece = either(_PLAIN_F, _escape(), "{{", "}}", hole)
    return {
        "NAME": name,
        "DOLLAR": dollar,
        "INT": whole,
        "FLOAT": seq(whole, either(seq(fraction, optional(exponent)), exponent)),
        "STRING": string,
        "FSTRING": seq('f"', Repeat(piece, 0, bounds.text), '"'),
        "FIELD": seq(".", name),
    }


def literals(t: Type) -> list[Form]:
    """The literals without parts of one type, which is no union."""
    if isinstance(t, EnumType):
        return [seq(quote(value)) for value in t.values]
    if t == STR:
        return [Use("STRING")]
    if t == INT:
        return [Use("INT")]
    if t in (FLOAT, NUMBER):
        return [Use("INT"), Use("FLOAT")]
    return []
