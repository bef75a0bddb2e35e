"""A drawn world: every fact about every thing, made when it is asked for; and the record of what was written.

A fact is drawn from the world's seed and its own name, so that two worlds agree on nothing but on what names mean. A
plan that is right for the wrong reason in one world is wrong in another.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

from planner.data.domains import Capability, Domain, domains
from planner.data.entities import entity

from llmcc.ir.errors import ToolError

#: Conversions: (from, to) and the factor.
FACTORS = {
    ("m", "ft"): 3.28084, ("km", "miles"): 0.621371, ("kg", "lb"): 2.20462, ("g", "oz"): 0.035274,
    ("cm", "in"): 0.393701, ("l", "gal"): 0.264172, ("min", "s"): 60.0, ("h", "min"): 60.0, ("km2", "sq mi"): 0.386102,
    ("GB", "MB"): 1000.0, ("m2", "sq ft"): 10.7639, ("years", "months"): 12.0, ("days", "h"): 24.0,
}  # fmt: skip


class World:
    """What holds in one world.

    Args:
        seed: which one.
        unsure: things that half of all worlds do not know.
    """

    def __init__(self, seed: int, unsure: Iterable[str] = ()) -> None:
        self.seed = seed
        self.unsure = frozenset(unsure)
        self.written: list[list[Any]] = []
        self._changed: dict[tuple[str, str, str], Any] = {}

    def do(self, capability: Capability, *args: Any) -> Any:
        """What a tool with this capability gives for these arguments."""
        c = capability
        if c.kind == "convert":
            return round(args[0] * FACTORS[args[1], args[2]], 3)
        d = domains()[c.domain]
        if c.kind in ("names", "rows", "count"):
            members = self.members(d, str(args[0]))
            rows = [self.row(d, name) for name in members] if c.kind == "rows" else members
            return len(members) if c.kind == "count" else rows
        key = str(args[0])
        if c.writes:
            return self._write(c, list(args))
        self._known(key)
        return self.row(d, key) if c.kind == "record" else self.fact(d, c.kind, c.field, key, c.source)

    def fact(self, d: Domain, kind: str, field: str, key: str, source: str = "") -> Any:
        """One fact about one thing."""
        if not source and (d.name, field, key) in self._changed:
            return self._changed[d.name, field, key]
        rng = self._random(d.name, field, key, source)
        if kind == "flag":
            return rng.random() < 0.5
        if kind == "text":
            return rng.choice(d.text(field).values)
        if kind == "link":
            return entity(rng, domains()[d.link(field).to].names)
        number = d.number(field)
        if number.whole:
            return rng.randint(int(number.low), int(number.high))
        return round(rng.uniform(number.low, number.high), 2)

    def row(self, d: Domain, key: str) -> dict[str, Any]:
        """The record of a thing: its name, numbers, first text and first link."""
        numbers = {n.name: self.fact(d, "number", n.name, key) for n in d.numbers}
        texts = {t.name: self.fact(d, "text", t.name, key) for t in d.texts}
        links = {x.name: self.fact(d, "link", x.name, key) for x in d.links[:1]}
        return {"name": key, **numbers, **texts, **links}

    def members(self, d: Domain, group: str) -> list[str]:
        """The things of a group, three to six."""
        rng = self._random(d.name, "group", group)
        names = dict.fromkeys(entity(rng, d.names) for _ in range(rng.randint(3, 6)))
        return list(names)

    def _write(self, c: Capability, args: list[Any]) -> str:
        self.written.append([c.domain, c.kind, c.field, *args])
        if c.kind == "set":
            self._changed[c.domain, c.field, str(args[0])] = args[1]
        return f"R{self._random('receipt', c.field, *map(str, args)).randint(1000, 9999)}"

    def _known(self, key: str) -> None:
        if key in self.unsure and self._random("unsure", key).random() < 0.5:
            raise ToolError(f"nothing is known about {key}")

    def _random(self, *names: str) -> Random:
        return Random("\0".join((str(self.seed), *names)))
