"""What a question names of what its tools offer: a plan that leaves that out has probably taken something else.

A tool, a choice of a parameter and a field of a result are named by a word of the question that is a word of its name,
or of what the tool says it does. Names are often cut down to their consonants, and words are inflected. Numbers are
there to be used, unless no tool is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import TypeAlias

from llmcc.ir.expr import Const, walk
from llmcc.ir.ops import Op, calls_in, expressions
from llmcc.ir.signature import Signature
from llmcc.ir.types import EnumType, ListType, RecordType, Type, UnionType

#: A tool's name, the text of a choice or a field, or a number.
Thing: TypeAlias = tuple[str, str | int | float]

#: A word that may stand for more things than this does not say which; and of more numbers not each is to be used.
MOST = 4
#: Words of questions that are in the description of any tool.
_COMMON = frozenset(
    "the and for are was what which how many much who whose its does did has have had with from that this than then not"
    " more less most least all any each give tell please find get show when where".split()
)
#: Forms of a word have so many letters in common at least.
_ALIKE = 4
_WORD = re.compile(r"[^\W\d_]+")
_HUMP = re.compile(r"([a-z])([A-Z])")
_VOWEL = re.compile("[aeiou]")
#: A number that stands for itself: no part of a code, a date, a time or a longer number.
_NUMBER = re.compile(r"(?<![\w.,#/:-])\d{1,15}(?:\.\d{1,15})?(?![\w/:-]|[.,]\d)")
_DIGITS = re.compile(r"\d[\d.,]*")
_IN_WORDS = re.compile(
    r"\b(zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|thousand|million|once|twice"
    r"|double|half|both|first|second|third|quarter)s?\b",
    re.IGNORECASE,
)


class Named:
    """What a question names.

    >>> tools = {name: Signature(name=name) for name in ("get_height", "gt_wght", "lookup")}
    >>> named = Named("How heavy is Bo, what is his weight, and how high is he?", tools)
    >>> named.left_out({("tool", "lookup")}), named.left_out({("tool", "gt_wght")})
    (1.0, 0.0)
    """

    def __init__(self, question: str, signatures: Mapping[str, Signature]) -> None:
        things: dict[str, set[Thing]] = {}
        for signature in signatures.values():
            for thing, text in _offered(signature):
                for word in _words(text):
                    things.setdefault(word, set()).add(thing)
        alike: dict[str, list[str]] = {}
        for word in things:
            alike.setdefault(word[:_ALIKE], []).append(word)
        asked = (word for word in dict.fromkeys(_words(question)) if len(word) > 2)
        meant = (_meant(one, things, alike) for one in asked)
        self._named = [found for found in meant if 0 < len(found) <= MOST]
        numbers = set(_numbers(question))
        self._numbers = numbers if len(numbers) <= MOST else set()
        #: All numbers that a tool may be given; None: some are written in words, so that may be any.
        self._given = None if _IN_WORDS.search(question) else set(_digits(question))

    def left_out(self, used: Set[Thing]) -> float:
        """How much of what is named is not used: for each word that names n things and none of those used, 1/n; and 1
        for each number, if a tool is used at all.
        """
        words = sum((1 / len(found) for found in self._named if found.isdisjoint(used)), 0.0)
        return words + (len(self._numbers - used) if any(kind == "tool" for kind, _ in used) else 0)

    def invented(self, ops: Iterable[Op]) -> int:
        """How many numbers tools are given that are not in the question."""
        if self._given is None:
            return 0
        values = (arg.value for call in calls_in(ops) for _, arg in call.args if isinstance(arg, Const))
        numbers = (value for value in values if isinstance(value, int | float) and not isinstance(value, bool))
        return sum(number not in self._given for number in numbers)


def used_by(ops: Iterable[Op]) -> Iterator[Thing]:
    """The tools, choices, fields and numbers that ops use, those within texts included."""
    for op in ops:
        yield from (("tool", call.tool) for call in calls_in([op]))
        for const in (one for expr in expressions(op) for one in walk(expr) if isinstance(one, Const)):
            if isinstance(const.value, str):
                yield "text", const.value
                yield from _numbers(const.value)
            elif isinstance(const.value, int | float) and not isinstance(const.value, bool):
                yield "number", const.value


def _numbers(text: str) -> Iterator[Thing]:
    return (("number", float(number)) for number in _NUMBER.findall(text))


def _digits(text: str) -> Iterator[float]:
    """All numbers that somebody may have meant: of `1,200` also the 1 and the 200.

    >>> sorted(set(_digits("1,200 of A-7 for 3.50.")))
    [1.0, 3.0, 3.5, 7.0, 50.0, 200.0, 1200.0]
    """
    for found in _DIGITS.findall(text):
        whole = found.strip(".,").replace(",", "")
        yield from (float(part) for part in (*re.findall(r"\d+", found), whole) if part.count(".") < 2)


def _offered(signature: Signature) -> Iterator[tuple[Thing, str]]:
    tool = ("tool", signature.name)
    yield tool, signature.name
    yield tool, signature.description
    for parameter in signature.parameters:
        if isinstance(parameter.type, EnumType):
            yield from ((("text", value), value) for value in parameter.type.values)
    yield from ((("text", name), name) for name in _fields(signature.returns))


def _fields(type_: Type) -> Iterator[str]:
    match type_:
        case RecordType(fields):
            for field in fields:
                yield field.name
                yield from _fields(field.type)
        case ListType(element):
            yield from _fields(element)
        case UnionType(options):
            for option in options:
                yield from _fields(option)


def _words(text: str) -> Iterator[str]:
    words = _WORD.findall(_HUMP.sub(r"\1 \2", text).casefold())
    return (word for word in words if word not in _COMMON)


def _meant(asked: str, things: Mapping[str, Set[Thing]], alike: Mapping[str, Sequence[str]]) -> frozenset[Thing]:
    """What a word of the question may stand for: `alike` has the words of things by their start."""
    words = {word for word in alike.get(asked[:_ALIKE], ()) if _inflected(word, asked)}
    words.add(asked[0] + _VOWEL.sub("", asked[1:]))
    return frozenset().union(*(things.get(word, ()) for word in words if len(word) > 2))


def _inflected(word: str, other: str) -> bool:
    """Whether two words that start alike are forms of one.

    >>> _inflected("weights", "weighing"), _inflected("over", "overdue"), _inflected("age", "age")
    (True, True, True)
    >>> _inflected("height", "heating"), _inflected("running", "run")
    (False, False)
    """
    shorter = min(len(word), len(other))
    begin = max(_ALIKE, shorter - 2)
    return word == other or (shorter >= _ALIKE and word[:begin] == other[:begin] and abs(len(word) - len(other)) <= 3)
