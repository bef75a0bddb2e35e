"""Which ops of one level are needed only under a condition, and where they can stand so that they wait for it.

An op that is looked at only by ops with a guard need not run where none of those guards is true. A guard that fails
does no harm either: the op that it guards fails for that reason, without a look at what it would have used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set

from llmcc.ir.expr import Expr, refs
from llmcc.ir.ops import Map, ValueOp, needs, uses
from llmcc.optimizer.alias import WriteLog, access
from llmcc.optimizer.facts import conjuncts

#: How often it is tried again without an op that turned out to be in the way.
ROUNDS = 4


class Sinking:
    """Finds them. `visible` are the names that something outside the level's ops looks at; `constant` those that stand
    for constants; `saves` tells which ops are worth it.
    """

    def __init__(
        self, ops: Sequence[ValueOp], visible: Iterable[str], constant: Set[str], saves: Callable[[ValueOp], bool]
    ) -> None:
        self._ops = ops
        self._places = {op.name: i for i, op in enumerate(ops)}
        self._pinned = set(visible) | {op.name for op in ops if access(op).writes}
        # An op whose own condition is a constant does run, or does not: nothing is to be waited for.
        self._pinned.update(op.name for op in ops if op.guard is not None and constant >= set(refs(op.guard)))
        self._saves = saves

    def find(self) -> tuple[dict[str, list[Expr]], dict[str, int]]:
        """The conditions that ops get, and behind which place of the level each of those then stands."""
        for _ in range(ROUNDS):
            conditions = self._chosen(self._needed_under())
            places = self._moved(conditions)
            wrong = self._in_the_way(places)
            if not wrong:
                return conditions, places
            self._pinned |= wrong
        return {}, {}

    def _needed_under(self) -> dict[str, list[Expr]]:
        """For each op that may wait: the conditions that hold wherever it is looked at, beyond its own."""
        found: dict[str, list[Expr]] = {}
        common: dict[str, list[Expr]] = {}
        for op in reversed(self._ops):
            own = conjuncts(op.guard)
            if op.name in common and op.name not in self._pinned:
                # A map that looks at a condition itself, somewhere in its body, is left as clear as it is.
                inside = set(needs(op)) if isinstance(op, Map) else set()
                new = (one for one in common[op.name] if one not in own)
                found[op.name] = [one for one in new if inside.isdisjoint(refs(one))]
            # What a map's writes use is left alone: they happen in many places, under more conditions.
            plain = not (isinstance(op, Map) and access(op).writes)
            holding = dict.fromkeys((*own, *found.get(op.name, ())) if plain else ())
            for name in dict.fromkeys(needs(op)):
                if name in self._places:
                    before = common.get(name, list(holding))
                    common[name] = [one for one in before if one in holding]
            for expr in (op.guard, op.catch):
                common.update((name, []) for name in (() if expr is None else refs(expr)))
        return {name: new for name, new in found.items() if new}

    def _chosen(self, possible: Mapping[str, list[Expr]]) -> dict[str, list[Expr]]:
        """What is worth it, and what has to wait with it because it looks at it."""
        chosen: dict[str, list[Expr]] = {}
        for op in self._ops:
            if op.name in possible and (self._saves(op) or any(name in chosen for name in needs(op))):
                chosen[op.name] = possible[op.name]
        return chosen

    def _moved(self, conditions: Mapping[str, list[Expr]]) -> dict[str, int]:
        """The place of the last op that each op has to stand behind, its own if it need not move."""
        places: dict[str, int] = {}
        for i, op in enumerate(self._ops):
            if op.name in conditions:
                before = {*uses(op), *op.after, *(name for one in conditions[op.name] for name in refs(one))}
                known = (places.get(name, self._places[name]) for name in before if name in self._places)
                places[op.name] = max([i, *known])
        return places

    def _in_the_way(self, places: Mapping[str, int]) -> set[str]:
        """Ops that cannot move as far as they have to: something on the way needs them or changes what they read."""
        orders = {name: self._order(name, places) for name in self._places}
        wrong: set[str] = set()
        log = WriteLog()
        due: dict[int, list[tuple[ValueOp, int]]] = {}
        for i, op in enumerate(self._ops):
            later = (name for name in (*uses(op), *op.after) if name in orders and orders[name] > orders[op.name])
            wrong.update(later)
            for written in access(op).writes:
                log.note(written)
            if places.get(op.name, i) > i:
                due.setdefault(places[op.name], []).append((op, log.count))
            for moved, time in due.pop(i, ()):
                if any(log.last(one) > time for one in access(moved).reads):
                    wrong.add(moved.name)
        return wrong

    def _order(self, name: str, places: Mapping[str, int]) -> tuple[int, int]:
        """What ops are sorted by: those that move stand behind the op whose place they get, in their old order."""
        place = self._places[name]
        return (places[name], place) if places.get(name, place) > place else (place, -1)

    def sorted(self, ops: Iterable[ValueOp], places: Mapping[str, int]) -> tuple[ValueOp, ...]:
        """The ops of the level (with other guards), moved to their places."""
        return tuple(sorted(ops, key=lambda op: self._order(op.name, places)))
