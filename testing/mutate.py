"""Wrong plans from right ones: small random changes of a text, as a fuzzer makes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

#: What the language is made of, and what is often taken for it.
WORDS = (
    *"( ) [ ] { } , : = == != < <= > >= + - * / // % . $ ` \" ' # ; & | ! ? @ \\ -> := ** ``` ~~~".split(),
    *"not and or in if else for when after catch join return true false null True None".split(),
    *"NaN 1e999 0x1F 007 1_000".split(),
    *"a b $1 ${1} $2 $99 a.b a[0] a[-1] a[1:2] a[:] 1. 2) 3: 0 1 -5 2.5 1e21 99999999999999999999".split(),
    *'len( max( range( search( serch( math( hotel.book( `odd name`( f"{a} f\'{{ "$1" "\\u00e9 "\\ud800" "\\'.split(),
    *("\n", "\r\n", "\r", "\n\n", " ", "\t", "return a\n", "join()\n", "<END_OF_PLAN>", "Thought: so\n", "# why\n"),
    *("for x in xs", "if a else b", "when a != null", "after a, b", "catch null", "let a = ", "import os\n", "- 1. "),
    *("\x00", "\x1b", "\ufeff", "\u200b", "\u202e", "\u2028", "\u201c", "\u201d", "\uff11", "\u0430", "\ud800", "\xa0"),
    *("```plan\n", "Sure! Here it is:\n", '{"name": "search", "arguments": {}}\n', "\U0001f600", "e\u0301"),
)
MOST = 2000


def mutated(random: Random, text: str, others: Sequence[str]) -> str:
    """`text` after one to six changes, some of them with parts of `others`; never longer than MOST."""
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 6))):
        text = random.choice(_CHANGES)(random, text, others)[:MOST]
    return text


def _at(random: Random, text: str) -> int:
    return random.randint(0, len(text))


def _range(random: Random, text: str) -> tuple[int, int]:
    start = _at(random, text)
    return start, min(len(text), start + random.choice((1, 1, 2, 4, 12, 60)))


def _insert(random: Random, text: str, _others: Sequence[str]) -> str:
    at = _at(random, text)
    return text[:at] + random.choice(WORDS) + text[at:]


def _replace(random: Random, text: str, _others: Sequence[str]) -> str:
    start, end = _range(random, text)
    return text[:start] + random.choice(WORDS) + text[end:]


def _delete(random: Random, text: str, _others: Sequence[str]) -> str:
    start, end = _range(random, text)
    return text[:start] + text[end:]


def _repeat(random: Random, text: str, _others: Sequence[str]) -> str:
    start, end = _range(random, text)
    return text[:end] + text[start:end] * random.choice((1, 1, 2, 8, 90)) + text[end:]


def _flip(random: Random, text: str, _others: Sequence[str]) -> str:
    """Turns over one bit of the text's bytes; what is no UTF-8 any more is read as half surrogate pairs."""
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return data.decode("utf-8", "surrogateescape")


def _truncate(random: Random, text: str, _others: Sequence[str]) -> str:
    return text[: _at(random, text)]


def _splice(random: Random, text: str, others: Sequence[str]) -> str:
    other = random.choice(others)
    return text[: _at(random, text)] + other[_at(random, other) :]


def _lines(random: Random, text: str, others: Sequence[str]) -> str:
    """Moves, doubles or brings in a line."""
    lines = text.splitlines(keepends=True) or [""]
    line = random.choice([*lines, *(random.choice(others).splitlines(keepends=True) or [""])])
    if random.random() < 0.5:
        lines.pop(random.randrange(len(lines)))
    lines.insert(random.randint(0, len(lines)), line)
    return "".join(lines)


_CHANGES: tuple[Callable[[Random, str, Sequence[str]], str], ...] = (
    _insert, _insert, _replace, _replace, _delete, _repeat, _flip, _truncate, _splice, _lines, _lines,
)  # fmt: skip
