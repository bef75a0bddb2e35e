"""General tools: one that knows many numbers, and is told which one is wanted by a parameter with a fixed choice.

The tools of a prompt may have one such tool where they would have a tool for each number.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from planner.data.domains import Capability, Domain
from planner.data.naming import styled

from llmcc.ir.effects import Effect
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import FLOAT, STR, EnumType, Field, RecordType

_NAMES = ("lookup", "look up", "get value", "fact", "query", "find", "get", "value of", "stat", "read figure", "facts")
_TELLS = ("Look up one number about {a}.", "One figure of {a}.", "A property of {a}, as a number", "Facts about {a}.")
_KEYS = ("entity", "name", "subject", "what", "id", "thing", "of", "key", "item")
_CHOICES = ("property", "field", "attribute", "which", "metric", "column", "kind", "figure")
_VALUES = ("value", "number", "amount", "result", "v")
_SOURCES = (("unit", "source"), ("unit",), ("unit", "year"), ("source",), ())


@dataclass(frozen=True, slots=True)
class General:
    """A general tool: what it knows, by property; `value` is the field of its result that holds the number, if any."""

    signature: Signature
    key: str
    choice: str
    properties: dict[str, Capability]
    value: str
    name_field: str

    def named(self, c: Capability) -> str:
        """The property that means a capability."""
        return next(name for name, known in self.properties.items() if known == c)

    def shown(self, key: str, wanted: str, value: Any) -> Any:
        """What the tool answers."""
        if not self.value:
            return value
        known = {self.value: value, self.name_field: key, "unit": "", "source": "the register", "year": "2026"}
        result = self.signature.returns
        assert isinstance(result, RecordType)
        return {field.name: known.get(field.name, wanted) for field in result.fields}


def general(rng: Random, family: str, own: Domain, others: list[Domain], taken: set[str]) -> General:
    """A general tool over the numbers of a domain, and perhaps of some others."""
    properties: dict[str, Capability] = {}
    for d in (own, *others):
        for number in d.numbers:
            name = styled(rng, rng.choice(number.nouns), family if family in ("camel", "short") else "snake")
            properties.setdefault(name, Capability(d.name, "number", number.name))
    mixed = sorted(properties.items()) if rng.random() < 0.5 else rng.sample(list(properties.items()), len(properties))
    key, choice = rng.choice(_KEYS), rng.choice(_CHOICES)
    parameters = [Parameter(key, STR), Parameter(choice, EnumType(tuple(name for name, _ in mixed)))]
    if rng.random() < 0.2:
        parameters.reverse()
    value = rng.choice(_VALUES) if rng.random() < 0.6 else ""
    name_field = rng.choice(("entity", "name", "of"))
    fields = [Field(name_field, STR), *([Field(choice, STR)] if rng.random() < 0.5 else []), Field(value, FLOAT)]
    fields += [Field(extra, STR) for extra in rng.choice(_SOURCES)]
    unique = tuple({field.name: field for field in fields}.values())
    told = rng.choice(_TELLS).format(a=f"a {own.nouns[0][0]}" if not others else "anything we know")
    name = styled(rng, rng.choice(_NAMES), family, "facts")
    while name in taken:
        name += "_"
    signature = Signature(
        name=name,
        parameters=tuple(parameters),
        returns=RecordType(unique) if value else FLOAT,
        effect=Effect("read", (own.name,)),
        description=told if rng.random() < 0.85 else "",
    )
    return General(signature, key, choice, dict(mixed), value, name_field)
