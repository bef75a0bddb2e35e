"""The table of values: a number for each node, and what is certain of it.

Each node knows whether it always has a value, and of which type that certainly is; nothing ever walks down a term, so
that long chains of ops cost no more than short ones.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, TypeAlias

from llmcc.ir import expr as e
from llmcc.ir.errors import EvaluationError
from llmcc.ir.evaluate import evaluate
from llmcc.ir.types import ANY, ANY_LIST, ANY_RECORD, BOOL, NULL, STR, ListType, Prim, RecordType, Type
from llmcc.ir.values import Value

Key: TypeAlias = tuple[Any, ...]

#: How deep a known value may be nested; more than passes ask for.
DEEP = 64
#: Steps that computing one node may take before it is left as it is: more than any pass spends on one.
MAX_STEPS = 100_000


class Table:
    """Its methods give the number of a node, made once for each key."""

    def __init__(self) -> None:
        self.keys: list[Key] = []
        self.types: list[Type] = []
        #: Whether the value exists wherever those of its parts do (outcomes: wherever it is asked for).
        self.total: list[bool] = []
        #: Of outcomes: whether they may be failures.
        self.uncertain: list[bool] = []
        self.values: dict[int, Value] = {}
        self._numbers: dict[Key, int] = {}
        self.true, self.false, self.null = (self.const(v) for v in (True, False, None))
        self._nodes: dict[e.Expr, int] = {}

    def node(self, key: Key, type_: Type = ANY, *, total: bool = True, uncertain: bool = False) -> int:
        """The number of the node with this key."""
        found = self._numbers.get(key)
        if found is not None:
            return found
        number = self._numbers[key] = len(self.keys)
        self.keys.append(key)
        self.types.append(type_)
        self.total.append(total)
        self.uncertain.append(uncertain)
        return number

    def element(self, depth: int, source: int) -> int:
        """The element of a map over a list, with so many others over the same list around it."""
        return self.node(("element", depth, source), self.item(source))

    def item(self, source: int) -> Type:
        """The type of a list's elements, as far as it is certain."""
        type_ = self.types[source]
        return type_.element if isinstance(type_, ListType) else ANY

    def kind(self, number: int) -> str:
        """The kind of a node, the first part of its key."""
        return self.keys[number][0]  # type: ignore[no-any-return]

    def const(self, value: Value) -> int:
        """A known value."""
        number = self.node(("const", _frozen(value)), _type_of(value))
        self.values[number] = value
        return number

    def known(self, numbers: Iterable[int]) -> bool:
        """Whether all of them are known values."""
        return all(one in self.values for one in numbers)

    def computed(self, shape: e.Expr, parts: list[int]) -> int | None:
        """The value of `shape` with these known values as its direct parts, unless it has none or takes too long."""
        values = [self.values[part] for part in parts]
        if isinstance(shape, e.Builtin) and shape.name == "range" and _too_long(values):
            return None
        names = iter(range(len(values)))
        open_shape = e.rebuild(shape, lambda _: e.Ref(str(next(names))))
        return self.evaluated(open_shape, {str(i): value for i, value in enumerate(values)})

    def evaluated(self, shape: e.Expr, env: dict[str, Value]) -> int | None:
        """The value of `shape`, unless it has none or takes too long."""
        try:
            value = evaluate(shape, env, max_steps=MAX_STEPS)
        except EvaluationError:
            return None
        return self.const(value) if _small(value) else None


#: How much of the key of a node stands before its parts, where that is more than the kind.
_HEAD = {"const": 2, "dict": 2, "binary": 2, "builtin": 2, "unary": 2, "check": 2, "map": 2, "element": 2, "bound": 2,
         "comprehension": 2}  # fmt: skip


def parts(key: Key) -> list[int]:
    """The nodes that the one with this key is made of (of a map: without its element)."""
    if key[0] == "eval":
        return [*key[1], key[2]]
    if key[0] == "call":
        return list(key[5])
    return [one for one in key[_HEAD.get(key[0], 1) :] if one is not None]


def with_parts(key: Key, new: list[int]) -> Key:
    """The key of a node with other parts."""
    if key[0] == "eval":
        return "eval", tuple(new[:-1]), new[-1]
    if key[0] == "call":
        return (*key[:5], tuple(new), *key[6:])
    head, rest = _HEAD.get(key[0], 1), iter(new)
    return (*key[:head], *(None if one is None else next(rest) for one in key[head:]))


def _frozen(value: Value) -> Hashable:
    if isinstance(value, list):
        return ("list", *map(_frozen, value))
    if isinstance(value, dict):
        return ("dict", *((k, _frozen(v)) for k, v in value.items()))
    # The text of a float tells -0.0 from 0.0.
    return type(value), repr(value) if isinstance(value, float) else value


def _small(value: Value) -> bool:
    """Whether a value has no more parts than `MAX_STEPS`, nested no deeper than `DEEP`."""
    level, parts, depth = [value], 0, 0
    while level and parts <= MAX_STEPS and depth <= DEEP:
        parts, depth = parts + len(level), depth + 1
        lists = [one for one in level if isinstance(one, list)]
        records = [one for one in level if isinstance(one, dict)]
        if parts + sum(map(len, lists)) > MAX_STEPS:
            return False
        level = [part for one in lists for part in one] + [part for one in records for part in one.values()]
    return not level


def shallow(type_: Type, depth: int = 4) -> Type:
    """The type, less what it says of parts that are nested deeper than this."""
    if isinstance(type_, ListType):
        return ListType(shallow(type_.element, depth - 1) if depth else ANY)
    if isinstance(type_, RecordType):
        return type_ if depth else ANY_RECORD
    return type_ if depth or isinstance(type_, Prim) else ANY


def _type_of(value: Value) -> Type:
    if isinstance(value, list):
        return ANY_LIST
    if isinstance(value, dict):
        return ANY_RECORD
    if value is None or isinstance(value, bool):
        return NULL if value is None else BOOL
    return STR if isinstance(value, str) else ANY


def _too_long(bounds: list[Any]) -> bool:
    if not 1 <= len(bounds) <= 3 or any(type(one) is not int for one in bounds) or 0 in bounds[2:]:
        return True  # it has no value
    return bool(range(*bounds)[MAX_STEPS:])
