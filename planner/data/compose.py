"""Parts of questions, put together freely: things, however they are described, and numbers of things and groups.

A fixed shape is learnt as a whole; what is composed can only be learnt by its parts. Each part has its words, its place
in the plan, and its value in a world, so that the words and the plan of the whole follow from those of the parts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from planner.data.domains import Domain, Link, Number
from planner.data.scene import Scene, Unfit, literal, spoken
from planner.data.world import World

#: How a sign is said, and what it means.
OVER = {
    ">": ("above", "more than", "greater than", "over"),
    "<": ("below", "less than", "smaller than", "under"),
    ">=": ("at least", "no less than"),
    "<=": ("at most", "no more than", "not above"),
}
#: Where a figure may stand, if tools have it from several sources.
SOURCES = ("land register", "annual report", "survey", "press", "old ledger", "ministry", "sensor log", "web form")
#: How often a link leads on to another.
DEEPER = 0.35
COMPARES: dict[str, Callable[[Any, Any], bool]] = {
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a question: its words, what the plan writes for it, and what it is in a world.

    Attributes:
        row: what the plan writes for the record of a thing that was chosen among records; empty for others.
        asked: the words as a question, for a condition.
        denied: the code of a condition's opposite.
        whole: whether the code stands as it is within another expression.
    """

    said: str
    code: str
    value: Callable[[World], Any]
    row: str = ""
    asked: str = ""
    denied: str = ""
    whole: bool = True

    @property
    def inner(self) -> str:
        """The code within another expression."""
        return self.code if self.whole else f"({self.code})"


class Finder:
    """Draws what can be found by calls over a scene's domain."""

    def __init__(self, s: Scene) -> None:
        self.s = s
        self.rng: Random = s.rng

    def named(self, d: Domain | None = None) -> Part:
        """A thing by its name."""
        return self.called(self.s.thing(d))

    def called(self, x: str) -> Part:
        """The thing of a name."""
        return Part(self.s.say(x), literal(x), lambda w: x)

    def linked(self) -> tuple[Part, Domain]:
        """What another thing leads to, in a step or in several: the owner of the house, the mother of that owner."""
        found = self._led(self.named() if self.rng.random() < 0.75 else self.chosen(), self.s.d)
        while self.rng.random() < DEEPER:
            found = self._led(*found)
        return found

    def _led(self, to: Part, d: Domain, link: Link | None = None) -> tuple[Part, Domain]:
        """What a thing leads to by a link of its domain."""
        link = link or self.rng.choice(d.links)
        noun, target = self.s.field(link), self.s.target(link)
        c = self.s.cap("link", link.name, d)
        said = f"{to.said}'s {noun}" if not to.row and self.rng.random() < 0.4 else f"the {noun} of {to.said}"
        if to.row and link == d.links[0]:
            code = f"{to.row}.{self.s.shown(link.name)}"
        else:
            code = self.s.call(c, to.code)
        return Part(said, code, lambda w: w.do(c, to.value(w))), target

    def chosen(self) -> Part:
        """The first or last of a group by a number."""
        s, (g, said), c = self.s, self.s.group(), self.s.cap("rows")
        f, most = s.number(compared=True), self.rng.random() < 0.65
        words = spoken(f)["most" if most else "least"]
        forms = [f"the {s.noun} {said} with the {'highest' if most else 'lowest'} {s.field(f)}"]
        forms += [f"the {words} {s.noun} {said}", f"the {words} of the {s.nouns} {said}"] if words else []
        row = f"{'max' if most else 'min'}({s.call(c, literal(g))}, by={literal(s.shown(f.name))})"
        best = max if most else min
        return Part(
            self.rng.choice(forms),
            f"{row}.{s.shown('name')}",
            lambda w: best(w.do(c, g), key=lambda r: r[f.name])["name"],
            row,
        )

    def thing(self) -> tuple[Part, Domain]:
        """A thing, however it is described."""
        draw = self.rng.random()
        if draw < 0.45:
            return self.named(), self.s.d
        return self.linked() if draw < 0.75 else (self.chosen(), self.s.d)

    def figure(self, x: Part, d: Domain, f: Number, source: str = "") -> Part:
        """A number of a thing."""
        c = self.s.cap("number", f.name, d, source)
        code = f"{x.row}.{self.s.shown(f.name)}" if x.row and not source else self.s.call(c, x.code)
        noun = self.s.field(f)
        said = f"{x.said}'s {noun}" if x.code[0] == '"' and self.rng.random() < 0.4 else f"the {noun} of {x.said}"
        if source:
            forms = ("{} according to the {}", "{} in the {}", "{} as the {} has it")
            said = self.rng.choice(forms).format(said, source)
        return Part(said, code, lambda w: w.do(c, x.value(w)))

    def _of_group(self, f: Number) -> Part:
        """A number of a whole group: its sum, mean, highest, lowest; by records, or thing by thing."""
        s, (g, where) = self.s, self.s.group()
        noun, c = s.field(f), s.cap("number", f.name)
        if self.rng.random() < 0.35 and s.kit.general(c) is None:
            names = s.cap("names")
            a = s.call(names, literal(g))
            values = counted = s.let(f"[{s.kit.call(c, 'each')} for each in {a}]")

            def column(w: World) -> list[Any]:
                return [w.do(c, x) for x in w.do(names, g)]
        else:
            rows = s.cap("rows")
            a = counted = s.call(rows, literal(g))
            values = f"[each.{s.shown(f.name)} for each in {a}]"

            def column(w: World) -> list[Any]:
                return [r[f.name] for r in w.do(rows, g)]

        ways: dict[str, tuple[tuple[str, ...], str, Callable[[list[Any]], Any]]] = {
            "sum": (("total", "combined", "summed"), f"sum({values})", sum),
            "max": (("highest", "largest", "maximum"), f"max({values})", max),
            "min": (("lowest", "smallest", "minimum"), f"min({values})", min),
            "mean": (("average", "mean"), f"sum({values}) / len({counted})", lambda v: sum(v) / len(v)),
        }
        word, code, of = ways[self.rng.choice([*ways, "mean"])]
        said = f"the {self.rng.choice(word)} {noun} of {self.rng.choice(('the', 'all', 'all the'))} {s.nouns} {where}"
        return Part(said, code, lambda w: of(column(w)), whole="/" not in code)

    def counted(self) -> Part:
        """How many of a group there are, or are so."""
        s, (g, where), f = self.s, self.s.group(), self.s.number()
        if self.rng.random() < 0.4:
            c = s.cap("count")
            return Part(f"the number of {s.nouns} {where}", s.call(c, literal(g)), lambda w: w.do(c, g))
        if self.rng.random() < 0.4:
            b, flag, so = self.flagged(g)
            return Part(f"the number of {s.nouns} {where} that are {flag}", f"len({b})", lambda w: len(so(w)))
        c, v, sign = s.cap("rows"), s.between(f), self.rng.choice("><")
        a = s.call(c, literal(g))
        words = f"whose {s.field(f)} is {self.rng.choice(OVER[sign])} {v}"
        code = f"len([each for each in {a} if each.{s.shown(f.name)} {sign} {v}])"
        fits = COMPARES[sign]
        said = f"the number of {s.nouns} {where} {words}"
        return Part(said, code, lambda w: sum(fits(r[f.name], v) for r in w.do(c, g)))

    def flagged(self, g: str) -> tuple[str, str, Callable[[World], list[str]]]:
        """Those of a group of which a thing is true: the line that has them, the word for it, and who they are."""
        flag, names = self.rng.choice(self.s.d.flags), self.s.cap("names")
        c, a = self.s.cap("flag", flag), self.s.call(names, literal(g))
        b = self.s.let(f"[each for each in {a} if {self.s.kit.call(c, 'each')}]")
        return b, flag, lambda w: [x for x in w.do(names, g) if w.do(c, x)]

    def number(self, f: Number | None = None) -> Part:
        """A number: a thing's, a group's; of the figure that is given, or of any."""
        draw = self.rng.random()
        if draw < 0.3:
            return self._of_group(f or self.s.number())
        if f is None and draw < 0.4:
            return self.counted()
        if f is not None:
            return self.figure(self.named() if draw < 0.75 else self.chosen(), self.s.d, f)
        x, d = self.thing()
        return self.figure(x, d, self.s.number(of=d))

    def two(self, *, positive: bool = False) -> tuple[Part, Part]:
        """Two numbers of one figure: of different things, or of one by different sources. `positive`: none is zero."""
        draw = self.rng.random()
        if draw < 0.25:
            return self._by_source(positive)
        if draw < 0.5:
            return self._by_path(positive)
        f = self.positive() if positive else self.s.number()
        return self.number(f), self.number(f)

    def positive(self, d: Domain | None = None) -> Number:
        """A figure that is never zero."""
        f = self.s.number(of=d)
        if f.low <= 0:
            raise Unfit
        return f

    def _by_source(self, positive: bool) -> tuple[Part, Part]:
        """The figure of one thing, or of two, where several registers have it."""
        f, x, d = self.positive() if positive else self.s.number(), self.named(), self.s.d
        one, other = self.rng.sample(SOURCES, 2)
        y = x if self.rng.random() < 0.6 else self.named()
        self.s.kit.use(self.s.cap("number", f.name, source=other))
        return self.figure(x, d, f, one), self.figure(y, d, f, other if y is x or self.rng.random() < 0.5 else one)

    def _by_path(self, positive: bool) -> tuple[Part, Part]:
        """The figure of what two things lead to, in the same steps."""
        d, links = self.s.d, list[Link]()
        for _ in range(self.rng.choice((1, 2, 2, 3))):
            links.append(self.rng.choice(d.links))
            d = self.s.target(links[-1])
        f = self.positive(d) if positive else self.s.number(of=d)
        ends = []
        for x in self.s.things(2):
            at = (self.called(x), self.s.d)
            for link in links:
                at = self._led(*at, link)
            ends.append(self.figure(*at, f))
        return ends[0], ends[1]
