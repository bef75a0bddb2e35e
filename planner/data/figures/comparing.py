"""Questions that set things side by side by a figure: which is ahead, by how much, what they make together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from planner.data.figures.wording import Wording

from llmcc.ir.escape import quote

#: A question and its plan; None where the tools do not do.
Asked: TypeAlias = tuple[str, str] | None


class Comparing(Wording):
    """Ways to ask about several things, or about one beside a limit."""

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
