"""What each call came after by an edge before a pass, in names of the module after it."""

from __future__ import annotations

from collections.abc import Iterable, Set

from llmcc.ir.expr import Ref
from llmcc.ir.ops import Compute, ValueOp, awaits
from llmcc.optimizer.validation.summary import Summary
from llmcc.optimizer.validation.terms import Terms

_NONE: frozenset[str] = frozenset()


class Awaited:
    """Of one level: its ops before a pass (`old`) and after it (`new`)."""

    def __init__(
        self, old: tuple[ValueOp, ...], new: tuple[ValueOp, ...], before: Summary, after: Summary, terms: Terms
    ) -> None:
        self._old, self._new = old, {op.name: op for op in new}
        self._before, self._after = before, after
        self._terms = terms
        self._calls: dict[int, str] = {}
        self._stands: dict[str, str] = {}

    def find(self) -> dict[str, Set[str]]:
        """For each call that came after others: the calls, and the other ops, that it must not start before.

        An op that makes no call any more stands for what it still awaits, and for what it came after. One that is gone
        stands for all that it awaited itself.
        """
        if not any(op.after for op in self._old):
            return {}
        if any(self._is_gone(op) for op in self._old):
            self._look_around()
        needed = self._needed()
        instead: dict[str, Set[str]] = {}
        found: dict[str, Set[str]] = {}
        for op in self._old:
            now = self._now(op)
            if now is None and op.name not in needed:
                continue
            awaited = _union(instead.get(name, _NONE) for name in self._behind(op))
            if now is not None:
                instead[op.name] = {now}
                found[now] = found.get(now, _NONE) | (awaited - {now})
            else:
                instead[op.name] = awaited | {op.name} if op.name in self._new else awaited
        return {name: awaited for name, awaited in found.items() if awaited}

    def _needed(self) -> set[str]:
        """The ops that another came after, or one that stood for it."""
        found: set[str] = set()
        for op in reversed(self._old):
            if op.name in found or op.name in self._new:
                found.update(self._behind(op))
        return found

    def _behind(self, op: ValueOp) -> Iterable[str]:
        return op.after if op.name in self._new else (*op.after, *awaits(op))

    def _is_gone(self, op: ValueOp) -> bool:
        """Whether an op that made a call makes none any more."""
        return op.name in self._before.calls and not self._makes_call(op.name)

    def _makes_call(self, name: str) -> bool:
        return name in self._new and name in self._after.calls

    def _look_around(self) -> None:
        """Finds which op makes each call now, and for which value each name for another stands."""
        for op in self._new.values():
            if op.name in self._after.calls:
                self._calls.setdefault(self._after.calls[op.name], op.name)
            if isinstance(op, Compute) and isinstance(op.expr, Ref):
                self._stands[op.name] = self._stands.get(op.expr.name, op.expr.name)

    def _now(self, op: ValueOp) -> str | None:
        """Which op of this level makes the call that an op made before; none, if there is no such call any more."""
        if not self._is_gone(op):
            return op.name if op.name in self._before.calls else None
        made = self._before.calls[op.name]
        # Of several that make the call, the one that the op has become a name for.
        named = self._stands.get(op.name)
        if named is not None and self._makes_call(named) and self._after.calls[named] == made:
            return named
        other = self._calls.get(made)
        # A duplicate that is gone altogether was not needed; one that has become a name for the other was.
        merged = op.name in self._after.outcomes and self._terms.source(self._after.outcomes[op.name]) == made
        return other if other is not None and (merged or other not in self._before.calls) else None


def _union(sets: Iterable[Set[str]]) -> Set[str]:
    return _NONE.union(*sets)
