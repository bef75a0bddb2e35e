"""Shows that two plans differ: small worlds in which every call counts, and the order that edges keep."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator

from llmcc.ir.errors import ToolError
from llmcc.ir.frame import Failure
from llmcc.ir.interpret import Result, interpret
from llmcc.ir.ops import Map, Module, ValueOp, awaits
from llmcc.ir.values import Value, canonical
from llmcc.optimizer import alias
from llmcc.optimizer.alias import may_alias
from llmcc.testing.access import filled
from llmcc.testing.modules import TOOLS


class World:
    """Resources that remember who wrote them. What a call gives, or whether it fails, depends on what it touches."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.calls: Counter[str] = Counter()
        self.writes: list[tuple[frozenset[str], str]] = []

    def call(self, tool: str, args: dict[str, Value]) -> Value:
        effect = TOOLS[tool].effect if tool in TOOLS else None
        if effect is None:
            raise ToolError(f"there is no tool {tool}")
        touched = frozenset(filled(effect, args))
        key = canonical([self.seed, tool, args, self.state(touched) if touched else None])
        number = zlib.crc32(key.encode())
        self.calls[key] += 1
        if effect.writes:
            self.writes.append((touched, f"{number}"))
        if number % 5 == 0:
            raise ToolError(f"{tool} {number}")
        values: list[Value] = ["a", "b", True, ["a", "b"], ["c"], [], None, "x"]
        return values[number // 5 % len(values)]

    def state(self, touched: frozenset[str]) -> Value:
        """The writes that may matter to a call, for each resource in their order."""
        names = {name for one, _ in self.writes for name in one if "*" in touched or name in touched or name == "*"}
        return {name: [key for one, key in self.writes if name in one or "*" in one] for name in sorted(names)}


def _told(failure: Failure | None) -> object:
    return None if failure is None else (failure.error, failure.message)


def differ(before: Module, after: Module, seeds: int = 3000) -> bool:
    """Whether a run shows that they differ: in the answer, in what is written, or by a call that is new."""
    for seed in range(seeds):
        first, second = World(seed), World(seed)
        old, new = interpret(before, first.call), interpret(after, second.call)
        if first.state(frozenset("*")) != second.state(frozenset("*")) or second.calls - first.calls:
            return True
        if (before.end is None) != (after.end is None) or _told(old.failed) != _told(new.failed):
            return True
        if repr(old.answer) != repr(new.answer):  # tells types apart, and the order of fields
            return True
        if before.end is None and _named(old) != _named(new):
            return True
    return False


def _named(result: Result) -> dict[str, object]:
    values = {name: repr(value) for name, value in result.values.items() if "." not in name}
    return values | {name: _told(failure) for name, failure in result.failures.items() if "." not in name}


def order_lost(before: Module, after: Module) -> bool:
    """Whether a scheduler that goes by edges may run what it must not."""
    if not after.ordered:
        return False
    old = dict(_levels(before.values))
    for name, ops in _levels(after.values):
        over = _earlier(ops)
        was = _earlier(old[name]) if before.ordered else {}
        if any(x in over and y in over and x not in over[y] for y, them in was.items() for x in them if x in over):
            return True
        for i, later in enumerate(ops):
            if any(_conflict(one, later) and one.name not in over[later.name] for one in ops[:i]):
                return True
            if isinstance(later, Map) and not later.ordered and alias.access(later).writes:
                return True
    return False


def _levels(ops: tuple[ValueOp, ...], name: str = "") -> Iterator[tuple[str, tuple[ValueOp, ...]]]:
    yield name, ops
    for op in ops:
        if isinstance(op, Map):
            yield from _levels(op.body, op.name)


def _earlier(ops: tuple[ValueOp, ...]) -> dict[str, set[str]]:
    """What is over when each op starts."""
    found: dict[str, set[str]] = {}
    for op in ops:
        direct = {name for name in (*awaits(op), *op.after) if name in found}
        found[op.name] = direct.union(*(found[name] for name in direct))
    return found


def _conflict(one: ValueOp, other: ValueOp) -> bool:
    a, b = alias.access(one), alias.access(other)
    pairs = [(x, y) for x in a.writes for y in (*b.reads, *b.writes)] + [(x, y) for x in a.reads for y in b.writes]
    return any(may_alias(x, y) for x, y in pairs)
