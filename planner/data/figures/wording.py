"""How questions name figures and things."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from planner.data.entities import entity
from planner.data.figures.desk import Desk
from planner.data.figures.read import Figure, Text, table
from planner.data.scene import Unfit, listing

from llmcc.ir.escape import quote

SLOT = re.compile(r"\{(\w+)\}")
#: How often a thing has a name that nobody knows, and then is called "the river Such-and-such".
STRANGE, TOLD = 0.4, 0.5


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing: its name, how a question says it, and its kind."""

    name: str
    said: str
    kind: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A figure that is asked of a kind."""

    name: str
    of: Figure
    kind: str


class Wording:
    """Draws figures and things that a desk's tools know, and puts them into words."""

    def __init__(self, rng: Random, desk: Desk) -> None:
        self.rng = rng
        self.desk = desk

    def ones(self, figure: Wanted) -> list[str]:
        """The forms that ask for the figure of `{x}`."""
        forms = ["How {how} is {x}?", "{x}: how {how}?", "What is the {noun} of {x}?", "What's {x}'s {noun}?"]
        return self.fit(figure, [*forms, *figure.of.one, *figure.of.one])

    def fit(self, figure: Wanted, forms: Sequence[str]) -> list[str]:
        """The forms that have words for the figure, with those words."""
        words = figure.of.compared | {
            "noun": figure.of.noun,
            "kind": figure.kind,
            "x": "{x}",
            "y": "{y}",
            "xs": "{xs}",
            "ors": "{ors}",
        }
        words |= {"v": "{v}", "unit": figure.of.unit} if figure.of.unit else {"v": "{v}"}
        return [form.format_map(words) for form in forms if all(slot in words for slot in SLOT.findall(form))]

    def drawn(self, count: int, fits: Callable[[Figure], bool] = lambda _: True) -> tuple[Wanted, tuple[Thing, ...]]:
        """A figure that fits, and so many things that have it; `Unfit` where the tools know none."""
        names = [name for name, of in self.desk.figures.items() if fits(of)]
        if not names:
            raise Unfit
        name = self.rng.choice(names)
        wanted = Wanted(name, self.desk.figures[name], self.rng.choice(self.desk.figures[name].kinds))
        return wanted, self.things(wanted.kind, count)

    def figures_of(self, kind: str) -> list[Wanted]:
        """The figures that the tools know of a kind."""
        return [Wanted(name, of, kind) for name, of in self.desk.figures.items() if kind in of.kinds]

    def some_text(self) -> tuple[str, Text, bool]:
        """A text, and whether a tool has it."""
        texts = self.desk.texts if self.desk.texts and self.rng.random() < 0.7 else table().text
        name = self.rng.choice(sorted(texts))
        return name, texts[name], name in self.desk.texts

    def things(self, name: str, count: int) -> tuple[Thing, ...]:
        """So many things of a kind."""
        kind = table().kind[name]
        known = self.rng.sample(kind.names, count)
        told = self.rng.random() < TOLD
        things: list[Thing] = []
        for one in known:
            strange = self.rng.random() < STRANGE
            called = entity(self.rng, kind.way, training=True) if strange else one
            article = f"the {name}" if strange and told else kind.article
            if article == "a" and called[0].lower() in "aeiou":
                article = "an"
            if called.startswith(("The ", "A ")) and article in ("the", "a"):
                article = ""
            things.append(Thing(called, f"{article} {called}".strip(), name))
        return tuple(things)

    def plan(self, figure: Wanted, things: Sequence[Thing], ends: str) -> str:
        """A call for the figure of each thing, `a`, `b`, `c`, and what is returned."""
        named = zip("abc", things, strict=False)
        calls = [f"{name} = {self.desk.call(figure.name, quote(thing.name))}" for name, thing in named]
        return "\n".join([*calls, f"return {ends}"])

    def say(self, forms: Sequence[str], *things: Thing) -> str:
        """One of the forms, about these things."""
        said = [thing.said for thing in things]
        words = dict(zip("xy", said, strict=False))
        if len(said) > 1:
            words |= {"xs": listing(said), "ors": listing(said, "or")}
        return self.rng.choice(forms).format_map(words)
