"""Reads `figures.toml`: kinds of things, their figures and texts, and the words that people ask for them with."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import msgspec

HERE = Path(__file__).parent


class Kind(msgspec.Struct, array_like=True, frozen=True):
    """A kind of things: its article in questions, how names are made up, names that people know."""

    article: str
    way: str
    names: tuple[str, ...]


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A number that things of some kinds have. `words` are how, more, most, less, least; no mean is asked of a year."""

    kinds: tuple[str, ...]
    names: tuple[str, ...]
    noun: str
    unit: str = ""
    range: tuple[int, int]
    words: tuple[str, ...] = ()
    year: bool = False
    sums: bool = False
    into: tuple[str, ...] = ()
    one: tuple[str, ...]
    more: tuple[str, ...] = ()
    less: tuple[str, ...] = ()
    difference: tuple[str, ...] = ()
    total: tuple[str, ...] = ()
    average: tuple[str, ...] = ()
    most: tuple[str, ...] = ()
    least: tuple[str, ...] = ()

    @property
    def compared(self) -> dict[str, str]:
        """The `words`, by what they are: none, or all five."""
        return dict(zip(("how", "more", "most", "less", "least"), self.words, strict=bool(self.words)))


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """A text that things of some kinds have; `leads` is the kind of thing that it names."""

    kinds: tuple[str, ...]
    names: tuple[str, ...]
    way: str
    noun: str
    ask: tuple[str, ...]
    leads: str = ""


class Table(msgspec.Struct, frozen=True):
    """The whole file."""

    kind: dict[str, Kind]
    figure: dict[str, Figure]
    text: dict[str, Text]


@cache
def table() -> Table:
    """What `figures.toml` says.

    >>> table().figure["oscars"].kinds, table().text["capital"].leads
    (('film',), 'city')
    """
    read = msgspec.convert(tomllib.loads((HERE / "figures.toml").read_text("utf-8")), Table)
    known: list[Figure | Text] = [*read.figure.values(), *read.text.values()]
    assert all(read.kind.keys() >= set(one.kinds) for one in known)
    return read
