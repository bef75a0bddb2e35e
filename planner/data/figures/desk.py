"""The tools that know figures and texts: one that is told which is wanted, or one for each; beside tools of no help."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from msgspec.structs import replace
from planner.data.boxes.read import trained_boxes
from planner.data.boxes.toolline import read_tool
from planner.data.figures.read import Figure, Text, table
from planner.data.naming import FAMILIES, styled

from llmcc.frontend.quote import callee
from llmcc.ir.builtins import BUILTINS
from llmcc.ir.escape import quote
from llmcc.ir.signature import Signature

_ONE = (
    "lookup",
    "look up",
    "get fact",
    "fact",
    "figure",
    "get figure",
    "property of",
    "query",
    "find value",
    "get",
    "ask",
)
_TEXT = ("describe", "text fact", "ask about", "tell", "get text", "detail", "find text", "who or what")
_APART = ("{f}", "get {f}", "{f} of", "{k} {f}", "find {f}", "look up {f}", "{k} {f} of", "fetch {k} {f}")
_THING = ("entity", "name", "thing", "subject", "of", "what", "topic", "item", "q")
_WHICH = ("property", "field", "attribute", "figure", "key", "which", "prop", "column")
_SEARCH = (
    "search(query: str) -> str  # Search for sentences about a topic.",
    "search(query: str) -> list[str]  # Full-text search in the encyclopedia.",
    "find_passages(words: str) -> list[str]  # Passages in which these words stand.",
    "wiki(text: str) -> str  # What the encyclopedia says about something.",
)
_CONVERT = (
    "convert(value: float, from: str, to: str) -> float  # Convert a value from one unit to another.",
    "to_unit(amount: float, unit: str, target: str) -> float  # An amount in another unit.",
    "convert_units(x: float, from_unit: str, to_unit: str) -> float  # Convert x between units, like meters and feet.",
)
_IDLE = (
    "!note(text: str) -> str  # Write a line into the note file.",
    "list_things(kind: str) -> list[str]  # The names of all things of a kind.",
    "random_fact() -> str  # Something that few people know.",
    "!remember(text: str, topic?: str) -> int  # Keeps a sentence for later.",
    "image_of(name: str) -> str  # The address of a picture.",
    "related(name: str, limit?: int) -> list[str]  # Things that are like another one.",
)


class Desk:
    """The tools of one prompt, and how plans call them."""

    def __init__(self, rng: Random, figures: Sequence[str], texts: Sequence[str], *, together: bool) -> None:
        self.rng = rng
        self.figures = {name: table().figure[name] for name in figures}
        self.texts = {name: table().text[name] for name in texts}
        if not together:  # a tool of its own is for things of one kind
            self.figures = {name: replace(of, kinds=(rng.choice(of.kinds),)) for name, of in self.figures.items()}
            self.texts = {name: replace(of, kinds=(rng.choice(of.kinds),)) for name, of in self.texts.items()}
        self.signatures: dict[str, Signature] = {}
        self.record = rng.choice((("entity", "value", "unit"), ("name", "number", "unit"), ("value", "unit"), ()))
        self.family = rng.choice(FAMILIES) if rng.random() < 0.5 else "snake"
        if not together:
            self.record = ()
        self.called: dict[str, str] = {}
        for name, one in self._known().items():
            free = [other for other in (*one.names, name) if other not in self.called.values()]
            self.called[name] = rng.choice(free[:-1] or free)
        self.swapped = rng.random() < 0.25
        self.numbers = self._told_which(_ONE, list(self.figures), self._answer()) if together else ""
        self.words = self._told_which(_TEXT, list(self.texts), "str") if together and texts else ""
        self.apart: dict[str, str] = {}
        if not together:
            for name, one in self._known().items():
                self.apart[name] = self._one_for(name, one)
        self.search = self._added(rng.choice(_SEARCH)) if rng.random() < 0.5 else ""
        self.convert = self._added(rng.choice(_CONVERT)) if rng.random() < 0.6 else ""
        for line in rng.sample(_IDLE, rng.randint(0, 3)):
            self._added(line)
        if rng.random() < 0.5:
            for stranger in rng.choice(trained_boxes()).tools[:2]:
                self.signatures.setdefault(stranger.name, stranger)
        shuffled = list(self.signatures.items())
        rng.shuffle(shuffled)
        self.signatures = dict(shuffled)

    def _known(self) -> dict[str, Figure | Text]:
        return {**self.figures, **self.texts}

    def call(self, name: str, x: str) -> str:
        """The call for a figure or a text of a thing, which is written as in a plan."""
        if name in self.apart:
            return f"{callee(self.apart[name])}({x})"
        tool = self.numbers if name in self.figures else self.words
        given = (quote(self.called[name]), x) if self.swapped else (x, quote(self.called[name]))
        return f"{callee(tool)}({', '.join(given)})"

    def value(self, of: str) -> str:
        """The number in what such a call gave."""
        return next((f"{of}.{part}" for part in self.record if part in ("value", "number")), of)

    def thing(self, of: str, name: str) -> str:
        """The thing that such a call was about."""
        return f"{of}.{self.record[0]}" if len(self.record) == 3 else quote(name)

    def whole(self, of: str, figure: Figure) -> str:
        """The number with its unit, where there is one."""
        return f'f"{{{self.value(of)}}} {{{of}.unit}}"' if self.record and figure.unit else self.value(of)

    def unit(self, of: str, figure: str) -> str | None:
        """The unit of a call's number, as far as the tools tell it."""
        if self.record:
            return f"{of}.unit"
        unit = self.figures[figure].unit
        return quote(unit) if figure in self.apart and unit in self.signatures[self.apart[figure]].description else None

    def _answer(self) -> str:
        if not self.record:
            return self.rng.choice(("float", "float", "int"))
        kinds = {"value": "float", "number": "float"}
        return "{" + ", ".join(f"{part}: {kinds.get(part, 'str')}" for part in self.record) + "}"

    def _told_which(self, names: Sequence[str], wanted: list[str], answer: str) -> str:
        known = [self.called[name] for name in wanted]
        self.rng.shuffle(known)
        if self.rng.random() < 0.5:
            known.sort()
        thing, which = self.rng.choice(_THING), self.rng.choice(_WHICH)
        listed = self.rng.random() < 0.25 or len(known) < 2
        choices = "str" if listed else " | ".join(map(quote, known))
        told = f": {', '.join(known)}" if listed else self.rng.choice((" about something", " of anything we know", ""))
        parameters = [f"{thing}: str", f"{which}: {choices}"]
        if self.swapped:
            parameters.reverse()
        start = self.rng.choice(("Look up one", "One", "A known", "Any"))
        kind = "number" if answer != "str" else "text"
        return self._added(f"{self._named(names)}({', '.join(parameters)}) -> {answer}  # {start} {kind}{told}.")

    def _one_for(self, name: str, one: Figure | Text) -> str:
        kind = one.kinds[0]
        words = self.rng.choice(_APART).format(f=self.called[name].replace("_", " "), k=kind)
        answer = "str" if isinstance(one, Text) else self.rng.choice(("float", "int"))
        noun = one.noun.format(x=f"a {kind}") if isinstance(one, Text) else f"the {one.noun} of a {kind}"
        unit = f", in {one.unit}" if isinstance(one, Figure) and one.unit else ""
        told = f"  # {noun[0].upper()}{noun[1:]}{unit}." if self.family == "opaque" or self.rng.random() < 0.8 else ""
        return self._added(f"{self._named((words,), kind)}({self.rng.choice((*_THING, kind))}: str) -> {answer}{told}")

    def _named(self, names: Sequence[str], domain: str = "") -> str:
        while True:
            name = styled(self.rng, self.rng.choice(names), self.family, domain or "facts")
            if name not in self.signatures and name not in BUILTINS and name[0].isalpha():
                return name
            names = (*names, f"{names[0]} {self.rng.randint(2, 9)}")

    def _added(self, line: str) -> str:
        one = read_tool(line)
        self.signatures[one.name] = one
        return one.name
