"""A scene: one question in the making. A shape draws what it asks about, writes the plan, and says the answer."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, TypeAlias

from planner.data.domains import HERE, Capability, Domain, Field, Kind, Link, Number, domains
from planner.data.entities import entity
from planner.data.kit import Kit, written
from planner.data.world import World

from llmcc.frontend.derive import next_name

#: Says what a plan must answer in a world, and writes there what it must write.
Expected: TypeAlias = Callable[[World], Any]


class Unfit(Exception):
    """The domain has nothing that this shape can ask about."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a shape has made: what its phrases are filled with, the right answer, and things that may be unknown."""

    slots: dict[str, str]
    expected: Expected
    unsure: tuple[str, ...] = ()


class Scene:
    """Draws things, numbers and literals of one domain, and collects the lines of a plan."""

    def __init__(self, rng: Random, kit: Kit, domain: Domain, *, training: bool) -> None:
        self.rng, self.kit, self.d, self.training = rng, kit, domain, training
        self.lines: list[str] = []
        self.names: list[str] = []
        self.noun, self.nouns = rng.choice(domain.nouns)

    @property
    def plan(self) -> str:
        """The plan."""
        return "\n".join(self.lines)

    def draw(self, way: str) -> str:
        """A name of a way, of training or of evaluation."""
        return entity(self.rng, way, training=self.training)

    def thing(self, domain: Domain | None = None) -> str:
        """Something of a domain."""
        return self.draw((domain or self.d).names)

    def things(self, count: int) -> list[str]:
        """Different things of the domain."""
        found: dict[str, None] = {}
        while len(found) < count:
            found[self.thing()] = None
        return list(found)

    def number(self, *, compared: bool = False, of: Domain | None = None) -> Number:
        """A number of a domain; one with words of comparison, if that is asked for and there is one."""
        d = of or self.d
        spoken = [n for n in d.numbers if n.words[0]] if compared else []
        return self.rng.choice(spoken or list(d.numbers))

    def field(self, f: Field) -> str:
        """One of a field's nouns."""
        return self.rng.choice(f.nouns)

    def group(self) -> tuple[str, str]:
        """A group and how a question names it."""
        name = self.draw(self.d.group[2])
        return name, self.d.group[1].format(self.say(name))

    def between(self, number: Number) -> int | float:
        """A threshold for which both answers are likely."""
        span = number.high - number.low
        value = self.rng.uniform(number.low + 0.3 * span, number.low + 0.7 * span)
        digits = 0 if span > 50 else 1
        return round(value) if number.whole or not digits else round(value, digits)

    def say(self, text: str) -> str:
        """A name as a question writes it: mostly plain, sometimes in quotes."""
        draw = self.rng.random()
        if draw < 0.06 and '"' not in text:
            return f'"{text}"'
        return f"'{text}'" if 0.06 < draw < 0.1 and "'" not in text else text

    def quoted(self, text: str) -> str:
        """A text as a question quotes it."""
        return f"'{text}'" if '"' in text else f'"{text}"'

    def cap(self, kind: Kind, field: str = "", domain: Domain | None = None, source: str = "") -> Capability:
        """A capability over a domain."""
        return Capability((domain or self.d).name, kind, field, source)

    def let(self, expression: str, clause: str = "") -> str:
        """Defines the next value."""
        name = next_name(self.names)
        self.names.append(name)
        self.lines.append(f"{name} = {expression}{clause}")
        return name

    def call(self, c: Capability, *args: str, clause: str = "") -> str:
        """A line with a call; gives how its result is written further on."""
        written = self.kit.call(c, *args)
        if self.kit.part(c) and "catch" in clause:
            raise Unfit  # a number cannot stand for a record
        return self.let(written, clause) + self.kit.part(c)

    def count(self, c: Capability, x: str) -> str:
        """A line that reads a number of something, which then is an amount: general tools give no whole numbers."""
        if self.kit.general(c) is not None:
            raise Unfit
        return self.call(c, literal(x))

    def end(self, expression: str) -> None:
        """The plan's answer."""
        self.lines.append(f"return {expression}")

    def join(self, *names: str) -> None:
        """Leaves the answer to a model that reads these values."""
        self.lines.append(f"join({', '.join(names)})")

    def shown(self, name: str, domain: Domain | None = None) -> str:
        """How records call a field."""
        return self.kit.field(domain or self.d, name)

    def target(self, link: Link) -> Domain:
        """Where a link leads."""
        return domains()[link.to]


def listing(names: Sequence[str], last: str = "and") -> str:
    """Names as people list them.

    >>> listing(["a", "b", "c"])
    'a, b and c'
    """
    return f"{', '.join(names[:-1])} {last} {names[-1]}"


def spoken(number: Number) -> dict[str, str]:
    """The words for comparing a number; empty ones fit no phrase."""
    return dict(zip(("more", "most", "less", "least"), number.words, strict=True)) | {"u": number.unit}


def literal(value: object) -> str:
    """A value as a plan writes it."""
    return written(value)


@cache
def phrases() -> dict[str, tuple[str, ...]]:
    """How each shape can be asked."""
    table = tomllib.loads((HERE / "phrases.toml").read_text("utf-8"))
    return {shape: tuple(forms) for shape, forms in table.items()}


def question(rng: Random, shape: str, slots: dict[str, str]) -> str:
    """A question of a shape, in one of its phrasings and of the ways in which people ask."""
    empty = [slot for slot, text in slots.items() if not text]
    forms = [form for form in phrases()[shape] if not any("{" + slot + "}" in form for slot in empty)]
    return as_asked(rng, rng.choice(forms).format(**slots))


def as_asked(rng: Random, text: str) -> str:
    """A question as somebody might type it: with a word before it or behind it, now and then."""
    text = text[0].upper() + text[1:]
    draw = rng.random()
    if draw < 0.12 and text[0].isascii():
        before = rng.choice(_BEFORE)
        first = text.split()[0]
        return before + (text[0].lower() + text[1:] if first in _STARTS else text)
    if draw < 0.2:
        return text.rstrip("?.") + rng.choice(("", " please?", ", please.", "??", " - thanks!"))
    return text


_STARTS = {
    "What",
    "Which",
    "How",
    "Is",
    "Who",
    "Give",
    "Tell",
    "List",
    "Does",
    "Do",
    "If",
    "For",
    "Order",
    "Send",
    "Set",
}
_BEFORE = (
    "Hi! ", "Quick question: ", "I would like to know: ", "Please: ", "For my report: ", "Hello, ", "One thing: ",
    "My boss asks: ", "Hm, ", "Next: ",
)  # fmt: skip
