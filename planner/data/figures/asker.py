"""Questions about one thing: its figures and texts, by one tool that is told or by many, and those that none knows."""

from __future__ import annotations

import re

from planner.data.figures.comparing import Asked, Comparing
from planner.data.figures.read import Figure, table
from planner.data.figures.wording import Wanted

from llmcc.driver.adapted import NO_TOOL
from llmcc.frontend.quote import callee
from llmcc.ir.escape import quote

NONE = f"return {quote(NO_TOOL)}"


class Asker(Comparing):
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
        if self.desk.search or any(_alike(one, figure.of) for one in self.desk.figures.values()):
            return None
        return self.say(figure.of.one, *self.things(figure.kind, 1)), NONE


def _alike(one: Figure, other: Figure) -> bool:
    """Whether the same words may ask for both."""
    return one.noun == other.noun or bool({*one.one, *one.words[:1]} & {*other.one, *other.words[:1]})
