"""The kinds of things in `domains.toml`, and the capabilities that a tool can have over them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

HERE = Path(__file__).parent

#: What a tool does: look a number, text, flag, link or record up, list names or records of a group, count them, act.
Kind: TypeAlias = Literal["number", "text", "flag", "link", "record", "names", "rows", "count", "act", "set", "convert"]
WRITES = ("act", "set")


@dataclass(frozen=True, slots=True)
class Number:
    """A number that things of a domain have; `words` are more, most, less, least, empty where nobody says so."""

    nouns: tuple[str, ...]
    unit: str
    low: float
    high: float
    words: tuple[str, ...]

    @property
    def name(self) -> str:
        """How the worlds call it."""
        return self.nouns[0]

    @property
    def whole(self) -> bool:
        """Whether it is an int."""
        return isinstance(self.low, int)


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is one of a few."""

    nouns: tuple[str, ...]
    values: tuple[str, ...]

    @property
    def name(self) -> str:
        """How the worlds call it."""
        return self.nouns[0]


@dataclass(frozen=True, slots=True)
class Link:
    """A way from one thing to another."""

    nouns: tuple[str, ...]
    to: str

    @property
    def name(self) -> str:
        """How the worlds call it."""
        return self.nouns[0]


Field: TypeAlias = Number | Text | Link


@dataclass(frozen=True, slots=True)
class Act:
    """Something that is done to a thing: `takes` is what it takes beside (`plain`: nothing, `amount`, `text`)."""

    name: str
    takes: str
    order: str


@dataclass(frozen=True, slots=True)
class Domain:
    """A kind of thing."""

    name: str
    nouns: tuple[tuple[str, str], ...]
    names: str
    group: tuple[str, str, str]
    numbers: tuple[Number, ...]
    texts: tuple[Text, ...]
    flags: tuple[str, ...]
    links: tuple[Link, ...]
    acts: tuple[Act, ...]
    held_out: bool

    @property
    def facts(self) -> tuple[Number | Text, ...]:
        """Its numbers and texts."""
        return (*self.numbers, *self.texts)

    @property
    def fields(self) -> tuple[Field, ...]:
        """What a record of one holds beside the name."""
        return (*self.numbers, *self.texts, *self.links[:1])

    @property
    def leads(self) -> tuple[Text | Link, ...]:
        """Its texts and links."""
        return (*self.texts, *self.links)

    def number(self, name: str) -> Number:
        """The number called so."""
        return next(n for n in self.numbers if n.name == name)

    def text(self, name: str) -> Text:
        """The text called so."""
        return next(t for t in self.texts if t.name == name)

    def link(self, name: str) -> Link:
        """The link called so."""
        return next(x for x in self.links if x.name == name)

    def act(self, name: str) -> Act:
        """The act called so."""
        return next(a for a in self.acts if a.name == name)


@dataclass(frozen=True, slots=True)
class Capability:
    """What one tool can do. `field` is the number, text, flag, link or act; `source` tells two registers apart."""

    domain: str
    kind: Kind
    field: str = ""
    source: str = ""

    @property
    def writes(self) -> bool:
        """Whether it changes anything."""
        return self.kind in WRITES


def _parts(text: str) -> tuple[str, ...]:
    return tuple(text.split("|"))


def _domain(name: str, raw: dict[str, Any]) -> Domain:
    return Domain(
        name=name,
        nouns=tuple((one, many) for one, _, many in (noun.partition("/") for noun in raw["nouns"])),
        names=raw["names"],
        group=(raw["group"][0], raw["group"][1], raw["group"][2]),
        numbers=tuple(Number(_parts(n[0]), n[1], n[2], n[3], tuple(n[4:])) for n in raw["numbers"]),
        texts=tuple(Text(_parts(t[0]), _parts(t[1])) for t in raw["texts"]),
        flags=tuple(raw["flags"]),
        links=tuple(Link(_parts(x[0]), x[1]) for x in raw["links"]),
        acts=tuple(Act(*a) for a in raw["acts"]),
        held_out=raw.get("held_out", False),
    )


@cache
def domains() -> dict[str, Domain]:
    """All domains, in the order of the table."""
    table = tomllib.loads((HERE / "domains.toml").read_text("utf-8"))
    return {name: _domain(name, raw) for name, raw in table.items()}


@cache
def capabilities(domain: str) -> tuple[Capability, ...]:
    """What tools over a domain can do.

    >>> sum(len(capabilities(name)) for name in domains()) > 400
    True
    """
    d = domains()[domain]
    fields = [("number", n.name) for n in d.numbers] + [("text", t.name) for t in d.texts]
    fields += [("flag", f) for f in d.flags] + [("link", x.name) for x in d.links]
    fields += [("act", a.name) for a in d.acts] + [("set", d.numbers[0].name)]
    fields += [(kind, "") for kind in ("record", "names", "rows", "count")]
    return tuple(Capability(domain, kind, field) for kind, field in fields)  # type: ignore[arg-type]
