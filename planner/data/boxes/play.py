"""Tools that answer anything: a value of the declared type, drawn from the world's seed, the tool and its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from planner.data.entities import invented

from llmcc.ir.errors import ToolError
from llmcc.ir.signature import Signature
from llmcc.ir.types import EnumType, ListType, RecordType, Type, options


@dataclass(frozen=True, slots=True)
class Play:
    """One world. `failing`: its reads fail in half of all cases, for plans that say what to do then."""

    signatures: Mapping[str, Signature]
    seed: int
    failing: bool = False
    written: list[Any] = field(default_factory=list)

    def call(self, name: str, args: dict[str, Any]) -> Any:
        """What a tool answers."""
        one = self.signatures[name]
        rng = Random(f"{self.seed}/{name}/{args}")
        if one.effect is not None and one.effect.writes:
            self.written.append([name, args])
        elif self.failing and rng.random() < 0.5:
            raise ToolError("not known")
        return value(rng, one.returns)


def value(rng: Random, t: Type) -> Any:
    """A value of a type; lists have two to five items.

    >>> from llmcc.ir.type_text import read_type
    >>> value(Random(1), read_type('list[{n: int, of: "a" | "b"}]'))
    [{'n': 73, 'of': 'a'}, {'n': 33, 'of': 'a'}, {'n': 64, 'of': 'b'}]
    """
    one = rng.choice(list(options(t)))
    if isinstance(one, EnumType):
        return rng.choice(sorted(one.values))
    if isinstance(one, ListType):
        return [value(rng, one.element) for _ in range(rng.randint(2, 5))]
    if isinstance(one, RecordType):
        return {f.name: value(rng, f.type) for f in one.fields if f.required or rng.random() < 0.5}
    drawn = {"int": rng.randint(1, 99), "float": round(rng.uniform(0.5, 99.0), 2), "bool": rng.random() < 0.5}
    return drawn.get(str(one), None if str(one) == "null" else invented(rng, 2))
