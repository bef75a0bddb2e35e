"""What tools, parameters and fields are called: the same capability under very different names.

A family is one way to write names. Families in `HELD_OUT` are never trained on.
"""

from __future__ import annotations

import keyword
import re
from random import Random

from planner.data.domains import Capability, Domain, domains
from planner.data.entities import invented

from llmcc.ir.builtins import BUILTINS

FAMILIES = ("snake", "plain", "camel", "dotted", "short", "opaque", "prefixed")
HELD_OUT = ("pascal", "dashed", "versioned")

_LOOK_UP = ("get {f}", "fetch {f}", "look up {f}", "read {f}", "{f} of", "{n} {f}", "{f}", "query {n} {f}", "find {f}")
_VERBS: dict[str, tuple[str, ...]] = {
    "number": _LOOK_UP,
    "text": _LOOK_UP,
    "link": (*_LOOK_UP, "who is {f}", "{n} to {f}"),
    "flag": ("is {f}", "check {f}", "{n} is {f}", "test {f}"),
    "record": ("{n}", "{n} details", "get {n}", "{n} info", "describe {n}", "{n} record", "load {n}"),
    "names": ("list {ns}", "{ns} in {g}", "{n} names", "find {ns}", "{ns} by {g}", "names of {ns}"),
    "rows": ("all {ns}", "{ns} table", "get {ns}", "search {ns}", "{n} records", "export {ns}"),
    "count": ("count {ns}", "number of {ns}", "how many {ns}", "{n} count"),
    "act": ("{f}", "do {f}", "{f} now", "request {f}"),
    "set": ("set {f}", "update {f}", "change {f}", "write {n} {f}"),
    "convert": ("convert", "convert unit", "to unit", "change units"),
}
_TELLS: dict[str, tuple[str, ...]] = {
    "number": ("The {f} of a {n}{u}.", "{f}{u} of one {n}", "Look up the {f} of a {n}.", "How much: {f} of the {n}{u}"),
    "text": ("The {f} of a {n}.", "Which {f} a {n} has.", "Tells the {f}"),
    "link": ("The {f} of a {n}.", "Who or what the {f} of a {n} is.", "Finds the {f} of the {n}"),
    "flag": ("Whether a {n} is {f}.", "True if the {n} is {f}.", "Tests: {f}?"),
    "record": ("All that is known about a {n}.", "The record of one {n}.", "Details of a {n}"),
    "names": ("The names of the {ns} of a {g}.", "Which {ns} there are in a {g}.", "Lists {ns} by {g}"),
    "rows": ("The records of all {ns} of a {g}.", "All {ns} in a {g}, with details.", "Table of {ns} by {g}"),
    "count": ("How many {ns} a {g} has.", "The number of {ns} in a {g}.", "Counts {ns}"),
    "act": ("To {o}.", "Makes it happen: {o}", "{o}"),
    "set": ("Sets the {f} of a {n}.", "Changes the {f} of the {n}{u}", "Writes a new {f} of a {n}."),
    "convert": ("Converts an amount from one unit to another.", "Changes units", "An amount in another unit"),
}
_KEYS = (
    "name",
    "id",
    "key",
    "query",
    "which",
    "{n}",
    "{n}_name",
    "{n}_id",
    "target",
    "what",
    "entity",
    "x",
    "q",
    "class",
)
_OTHERS = {
    "group": ("{g}", "{g}", "{g}_name", "where", "filter", "by", "group", "in"),
    "amount": ("amount", "count", "n", "value", "quantity", "how_many", "number"),
    "text": ("text", "message", "body", "note", "content", "words"),
    "from": ("from", "source", "unit", "from_unit", "old"),
    "to": ("to", "target", "into", "to_unit", "new"),
}


def styled(rng: Random, words: str, family: str, domain: str = "") -> str:
    """Words as a name of a family.

    >>> [styled(Random(1), "get page count", way, "book") for way in ("snake", "camel", "dotted", "pascal", "dashed")]
    ['get_page_count', 'getPageCount', 'book.get_page_count', 'GetPageCount', 'get-page-count']
    """
    parts = [w for w in re.split(r"[^A-Za-z0-9]+", words) if w] or ["x"]
    low = [p.lower() for p in parts]
    joined = "_".join(low)
    if family == "camel":
        return low[0] + "".join(p.capitalize() for p in low[1:])
    if family == "pascal":
        return "".join(p.capitalize() for p in low)
    if family == "dashed":
        return "-".join(low)
    if family == "short":
        return "_".join(_shortened(p) for p in low)
    if family == "opaque":
        return rng.choice((invented(rng, 2), f"{invented(rng, 1)}_{rng.randint(1, 99)}", f"fn_{rng.randint(10, 999)}"))
    if family == "dotted":
        return f"{domain or 'tools'}.{joined}"
    if family == "prefixed":
        return f"{rng.choice(('api', 'my', 'svc', 'db', 'app'))}_{joined}"
    return f"{joined}_v{rng.randint(1, 4)}" if family == "versioned" else joined


def _shortened(word: str) -> str:
    return word if len(word) < 4 else word[0] + re.sub("[aeiou]", "", word[1:])[:4]


class Words:
    """The words for a capability, drawn once, so that name and description speak of the same."""

    def __init__(self, rng: Random, c: Capability) -> None:
        self.rng = rng
        self.c = c
        d = domains().get(c.domain)
        self.slots = _slots(rng, c, d) if d else {"f": "", "n": "", "ns": "", "g": "", "u": "", "o": ""}

    def name(self, family: str) -> str:
        """The tool's name."""
        words = self.rng.choice(_VERBS[self.c.kind]).format(**self.slots)
        if family == "plain":
            words = self.slots["f"] or words
        if self.c.source:
            words += " " + self.c.source
        if re.match(r"\d", words):
            words = "x " + words
        name = styled(self.rng, words, family, self.c.domain)
        return f"{name}_" if keyword.iskeyword(name) or name in BUILTINS else name

    def description(self) -> str:
        """What the tool line says behind `#`."""
        text = self.rng.choice(_TELLS[self.c.kind]).format(**self.slots)
        if self.c.source:
            text = f"{text.rstrip('.')}, according to the {self.c.source}"
        return text[0].upper() + text[1:] if self.rng.random() < 0.8 else text

    def parameter(self, role: str, *, odd: bool) -> str:
        """A parameter's name for a role: key, group, amount, text, from, to."""
        if odd:
            return self.rng.choice((invented(self.rng, 1), self.rng.choice("abpqxyz"), f"arg{self.rng.randint(0, 9)}"))
        words = self.rng.choice(_KEYS if role == "key" else _OTHERS[role]).format(**self.slots)
        return "_".join(re.findall(r"[a-z0-9]+", words.lower()))


def _slots(rng: Random, c: Capability, d: Domain) -> dict[str, str]:
    one, many = rng.choice(d.nouns)
    field, unit, order = c.field, "", ""
    if c.kind in ("number", "set"):
        number = d.number(c.field)
        field, unit = rng.choice(number.nouns), f" in {number.unit}" if number.unit else ""
    elif c.kind == "text":
        field = rng.choice(d.text(c.field).nouns)
    elif c.kind == "link":
        field = rng.choice(d.link(c.field).nouns)
    elif c.kind == "act":
        act = d.act(c.field)
        field = c.field.replace("_", " ")
        order = act.order.format(x=f"a {one}", v="an amount", t="a text")
    return {"f": field, "n": one, "ns": many, "g": d.group[0], "u": unit, "o": order}
