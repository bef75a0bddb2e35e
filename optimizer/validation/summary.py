"""What is known of a module once its values are numbered, and what two modules are compared by."""

from __future__ import annotations

import random
from operator import attrgetter, is_
from typing import TypeAlias, TypeVar

import msgspec

from llmcc.ir.ops import Call, Compute, Join, Map, Module, Op, Return
from llmcc.ir.types import Type
from llmcc.optimizer.validation.elements import Elements
from llmcc.optimizer.validation.laws import Laws
from llmcc.optimizer.validation.resources import Name
from llmcc.optimizer.validation.rewrite import Rewriting
from llmcc.optimizer.validation.terms import Facts, Terms

T = TypeVar("T")
#: What two sites of the same call share: its number, the conditions, the lists.
Same: TypeAlias = tuple[int, Facts, tuple[int, ...]]


class Site(msgspec.Struct, frozen=True):
    """A call of a module. `made` is its number in the table: tool, arguments, effect, and the state that it meets.

    It runs where all `conditions` hold, for each element of the lists `loops` (outermost first); `around` are the
    elements of those of these maps that write nothing.
    """

    made: int
    conditions: Facts
    loops: tuple[int, ...]
    name: str
    around: tuple[int, ...]

    @property
    def same(self) -> Same:
        """What two sites of the same call share."""
        return self.made, self.conditions, self.loops


class Claim(msgspec.Struct, frozen=True, gc=False):
    """What a module says of the type of a value (its number), which stands in maps as a `Site` does."""

    name: str
    number: int
    type: Type
    around: tuple[int, ...]


class Touch(msgspec.Struct, frozen=True):
    """A resource that an op touches."""

    name: Name
    writes: bool


class Summary(msgspec.Struct, frozen=True):
    """A module as the validator sees it; ops by name, levels by the map's name ("" for the plan's own)."""

    module: Module
    answer: tuple[object, ...]
    claims: list[Claim]
    writes: list[Site]
    looks: list[Site]
    touched: dict[str, tuple[Touch, ...]]
    calls: dict[str, int]
    outcomes: dict[str, int]


class Region(msgspec.Struct, frozen=True):
    """Where an op stands: what is known there, when it runs at all, over which lists, and `around` as for a `Site`."""

    facts: Facts = frozenset()
    conditions: Facts = frozenset()
    loops: tuple[int, ...] = ()
    around: tuple[int, ...] = ()


class Numbered(msgspec.Struct, frozen=True, gc=False):
    """What an op came to where it stood, with these values `given` by name; and the call that it made, if it did."""

    op: Call | Compute
    region: Region
    given: dict[str, int]
    outcome: int
    claims: list[Claim]
    site: Site | None = None
    touched: tuple[Touch, ...] = ()


#: What an op's value does not depend on.
FIGURES = frozenset({"after", "step", "priority", "batch", "span"})


def same_value(a: Op, b: Op) -> bool:
    """Whether two ops have the same parts, the very same objects, but for order and figures."""
    return a is b or (type(a) is type(b) and all(map(is_, _PARTS[type(a)](a), _PARTS[type(b)](b))))


_KINDS = (Compute, Call, Map, Join, Return)
#: The class is among them so that there are always several, which come as a tuple.
_PARTS = {kind: attrgetter("__class__", *(set(kind.__struct_fields__) - FIGURES)) for kind in _KINDS}


def unlike(some: list[T], others: list[T]) -> list[T]:
    """Those that are not the very same objects as any of the others."""
    same = set(map(id, others))
    return [one for one in some if id(one) not in same]


class Shared:
    """What two modules are compared by: one table, and a random number for each write."""

    def __init__(self) -> None:
        self.terms = Terms()
        self.laws = Laws(self.terms)
        self.elements = Elements(self.terms)
        self.rewriting = Rewriting(self.laws, self.elements)
        #: By the ops' names: most passes leave most of them as they are.
        self.numbered: dict[str, Numbered] = {}
        self._regions: dict[Region, Region] = {}
        self._tokens: dict[int, int] = {}
        self._random = random.Random(0)

    def region(self, region: Region) -> Region:
        """The one of all equal regions."""
        return self._regions.setdefault(region, region)

    def token(self, made: int) -> int:
        """The number that stands for a write in a set of writes."""
        if made not in self._tokens:
            self._tokens[made] = self._random.getrandbits(128)
        return self._tokens[made]
