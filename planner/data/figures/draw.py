"""Draws questions about figures with their plans; all are of shapes that training may have."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeAlias

from planner.data.boxes.check import Drawn, check
from planner.data.figures.desk import Desk
from planner.data.figures.read import table
from planner.data.figures.wording import Wanted, Wording
from planner.data.scene import as_asked

from llmcc.driver.adapted import NO_TOOL
from llmcc.frontend.quote import callee
from llmcc.ir.escape import quote

Asked: TypeAlias = tuple[str, str] | None
#: How many figures a tool knows that is told which is wanted, and how many have tools of their own.
TOGETHER, APART = (5, 34), (4, 8)
NONE = f"return {quote(NO_TOOL)}"


def figure_episode(seed: int, index: int, questions: int) -> list[Drawn]:
    """Questions over the same tools, checked; the same for the same arguments, everywhere and always."""
    rng = Random(f"figures/{seed}/{index}")
    many = rng.random() < 0.65
    figures = rng.sample(sorted(table().figure), rng.randint(*(TOGETHER if many else APART)))
    texts = rng.sample(sorted(table().text), rng.choice((0, 0, 1, 2, 3, 5)))
    desk = Desk(rng, figures, texts, together=many)
    asker = Asker(rng, desk)
    ways = rng.choices(list(_WAYS), weights=[weight for weight, _ in _WAYS.values()], k=2 * questions)
    made = [asked for way in ways if (asked := _WAYS[way][1](asker)) is not None]
    drawn = [Drawn("figures", as_asked(rng, text), plan, desk.signatures) for text, plan in made[:questions]]
    for one in drawn:
        check(one)
    return drawn


class Asker(Wording):
    """Questions over a desk's tools. Each way to ask gives a question and its plan; None where the tools do not do."""

    def one(self) -> Asked:
        """What one thing's figure is."""
        figure, (x,) = self.drawn(1)
        return self.say(self.ones(figure), x), self.plan(figure, (x,), self.desk.whole("a", figure.of))

    def both(self) -> Asked:
        """Two figures of a thing."""
        figure, (x,) = self.drawn(1)
        others = [other for other in self.figures_of(x.kind) if other.name != figure.name]
        if not others:
            return None
        other = self.rng.choice(others)
        say = ("What are the {n} and the {m} of {x}?", "{n} and {m} of {x}?", "For {x}, I need both {n} and {m}.")
        text = self.say([form.replace("{n}", figure.of.noun).replace("{m}", other.of.noun) for form in say], x)
        calls = f"a = {self.desk.call(figure.name, quote(x.name))}\nb = {self.desk.call(other.name, quote(x.name))}"
        return text, f"{calls}\nreturn [{self.desk.value('a')}, {self.desk.value('b')}]"

    def more(self) -> Asked:
        """Which of two has more."""
        return self._which(">", "more", ("Which has the greater {noun}, {x} or {y}?",))

    def less(self) -> Asked:
        """Which of two has less."""
        return self._which("<", "less", ("Which has the smaller {noun}, {x} or {y}?",))

    def difference(self) -> Asked:
        """By how much one is ahead of another."""
        figure, (x, y) = self.drawn(2)
        forms = ["How much {more} is {x} than {y}?", "By how much is {x} {more} than {y}?", *figure.of.difference]
        forms += ["What is the {noun} of {x} minus that of {y}?", "By how many {unit} is {x} {more} than {y}?"]
        a, b = self.desk.value("a"), self.desk.value("b")
        return self.say(self.fit(figure, forms), x, y), self.plan(figure, (x, y), f"{a} - {b}")

    def total(self) -> Asked:
        """What several make together."""
        figure, things = self.drawn(self.rng.choice((2, 2, 3)), lambda of: of.sums)
        forms = ["What is the combined {noun} of {xs}?", "Add up the {noun} of {xs}.", *figure.of.total]
        values = [self.desk.value(name) for name in "abc"[: len(things)]]
        return self.say(self.fit(figure, forms), *things), self.plan(figure, things, " + ".join(values))

    def average(self) -> Asked:
        """The mean of several."""
        figure, things = self.drawn(self.rng.choice((2, 3, 3)), lambda of: not of.year)
        forms = ["On average, how {how} are {xs}?", "What is the average {noun} of {xs}?", "The mean {noun} of {xs}?"]
        values = " + ".join(self.desk.value(name) for name in "abc"[: len(things)])
        forms += figure.of.average
        return self.say(self.fit(figure, forms), *things), self.plan(figure, things, f"({values}) / {len(things)}")

    def highest(self) -> Asked:
        """How much the first of several has."""
        return self._extreme(
            "max", ["How {how} is the {most} of {xs}?", "What is the highest {noun} among {xs}?"], "most"
        )

    def lowest(self) -> Asked:
        """How much the last of several has."""
        return self._extreme(
            "min", ["How {how} is the {least} of {xs}?", "What is the lowest {noun} of {xs}?"], "least"
        )

    def winner(self) -> Asked:
        """Which of three has most."""
        figure, things = self.drawn(3)
        forms = ["Which of {xs} is the {most}?", "Which is the {most}: {ors}?", "Name the {most} of {xs}."]
        forms += ["Which of {xs} has the highest {noun}?", "Who is {most}, {ors}?"]
        if len(self.desk.record) == 3:
            ends = f'max([a, b, c], by="{self.desk.record[1]}").{self.desk.record[0]}'
        else:
            a, b, c = (self.desk.value(name) for name in "abc")
            x, y, z = (quote(thing.name) for thing in things)
            ends = f"{x} if {a} > {b} and {a} > {c} else {y} if {b} > {c} else {z}"
        return self.say(self.fit(figure, forms), *things), self.plan(figure, things, ends)

    def above(self) -> Asked:
        """Whether a figure is above a limit."""
        figure, (x,) = self.drawn(1)
        limit = self.rng.randint(*figure.of.range)
        forms = ["Is {x} {more} than {v} {unit}?", "Is the {noun} of {x} above {v}?", "Is {x}'s {noun} more than {v}?"]
        text = self.say([form.replace("{v}", str(limit)) for form in self.fit(figure, forms)], x)
        return text, self.plan(figure, (x,), f"{self.desk.value('a')} > {limit}")

    def converted(self) -> Asked:
        """A figure in another unit."""
        if not self.desk.convert or not any(of.into for of in self.desk.figures.values()):
            return None
        figure, (x,) = self.drawn(1, lambda of: bool(of.into))
        unit = self.rng.choice(figure.of.into)
        asked = [form.rstrip("?") + " in {w}?" for form in self.ones(figure) if form.endswith("?") and ". " not in form]
        text = self.say([form.replace("{w}", unit) for form in asked], x)
        of = self.desk.unit("a", figure.name)
        if of is None:
            return None
        changed = f"b = {callee(self.desk.convert)}({self.desk.value('a')}, {of}, {quote(unit)})"
        return text, f"a = {self.desk.call(figure.name, quote(x.name))}\n{changed}\nreturn b"

    def text(self) -> Asked:
        """What a thing's text is, by a tool or by searching."""
        name, of, known = self.some_text()
        x = self.things(self.rng.choice(of.kinds), 1)[0]
        marked = self.say(of.ask, x)
        text = re.sub(r"[\[\]]", "", marked)
        if known:
            return text, f"a = {self.desk.call(name, quote(x.name))}\nreturn a"
        if self.desk.search:
            words = quote(marked.partition("[")[2].partition("]")[0])
            return text, f"a = {callee(self.desk.search)}({words})\njoin(a)"
        return text, NONE

    def chain(self) -> Asked:
        """A figure of what a text of a thing names; or that of two things, compared."""
        name, of, known = self.some_text()
        figures = self.figures_of(of.leads) if known and of.leads else []
        if not figures:
            return None
        figure, (x, y) = self.rng.choice(figures), self.things(self.rng.choice(of.kinds), 2)
        calls = f"a = {self.desk.call(name, quote(x.name))}\n"
        if self.rng.random() < 0.7 or not figure.of.more:
            forms = [form.replace("{x}", of.noun) for form in self.ones(figure)]
            return self.say(
                forms, x
            ), f"{calls}b = {self.desk.call(figure.name, 'a')}\nreturn {self.desk.whole('b', figure.of)}"
        forms = [
            form.replace("{x}", of.noun).replace("{y}", of.noun.replace("{x}", "{y}"))
            for form in self.fit(figure, figure.of.more)
        ]
        calls += f"b = {self.desk.call(name, quote(y.name))}\n"
        calls += f"c = {self.desk.call(figure.name, 'a')}\nd = {self.desk.call(figure.name, 'b')}\n"
        return self.say(forms, x, y), f"{calls}return a if {self.desk.value('c')} > {self.desk.value('d')} else b"

    def unknown(self) -> Asked:
        """A figure that no tool has."""
        absent = [name for name in table().figure if name not in self.desk.figures]
        kinds = {kind for of in self.desk.figures.values() for kind in of.kinds}
        name = self.rng.choice([n for n in absent if kinds & set(table().figure[n].kinds)] or absent)
        figure = Wanted(name, table().figure[name], self.rng.choice(table().figure[name].kinds))
        if self.desk.search or any(one.range == figure.of.range for one in self.desk.figures.values()):
            return None
        return self.say(figure.of.one, *self.things(figure.kind, 1)), NONE

    def _which(self, sign: str, way: str, forms: Sequence[str]) -> Asked:
        figure, (x, y) = self.drawn(2)
        if figure.of.words:
            said = figure.of.compared[way]
            forms = [f"Which is {said}, {{x}} or {{y}}?", f"Is {{x}} or {{y}} {said}?", *forms]
            forms += [f"{{x}} or {{y}}: which one is {said}?", f"Which is the {said} {x.kind}, {{x}} or {{y}}?"]
        forms = [*forms, *getattr(figure.of, way)]
        a, b = self.desk.value("a"), self.desk.value("b")
        ends = f"{self.desk.thing('a', x.name)} if {a} {sign} {b} else {self.desk.thing('b', y.name)}"
        return self.say(self.fit(figure, forms), x, y), self.plan(figure, (x, y), ends)

    def _extreme(self, builtin: str, forms: list[str], way: str) -> Asked:
        figure, things = self.drawn(self.rng.choice((2, 3, 3)))
        forms += getattr(figure.of, way)
        values = ", ".join(self.desk.value(name) for name in "abc"[: len(things)])
        return self.say(self.fit(figure, forms), *things), self.plan(figure, things, f"{builtin}({values})")


_WAYS: dict[str, tuple[int, Callable[[Asker], Asked]]] = {
    "one": (18, Asker.one),
    "both": (3, Asker.both),
    "more": (13, Asker.more),
    "less": (9, Asker.less),
    "difference": (11, Asker.difference),
    "total": (8, Asker.total),
    "average": (5, Asker.average),
    "highest": (5, Asker.highest),
    "lowest": (3, Asker.lowest),
    "winner": (5, Asker.winner),
    "above": (5, Asker.above),
    "converted": (8, Asker.converted),
    "text": (14, Asker.text),
    "chain": (9, Asker.chain),
    "unknown": (3, Asker.unknown),
}
