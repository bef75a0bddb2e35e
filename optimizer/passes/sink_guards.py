"""Lets a call that costs money wait for the condition under which its result is needed.

Before:

    %a = call report(topic = "K2") : str {effect = read(reports)}
    %ok = call allowed() : bool {effect = read(rules)}
    %b = call summarize(text = %a) : str {effect = pure, when = %ok}
    return %b

After:

    %ok = call allowed() : bool {effect = read(rules)}
    %a = call report(topic = "K2") : str {effect = read(reports), when = %ok}
    %b = call summarize(text = %a) : str {effect = pure, when = %ok}
    return %b

What costs money is what the tools' `cost_usd` says. What the call's result goes through on its way gets the guard too.
Of several users' guards it is what they have in common. With `speculate`, a call on the critical path starts early all
the same: time counts there, and the money may be spent in vain.

Declines: writes; what is looked at outside of guarded ops (also by a guard, a `catch`, the answer, or a branch of an
expression: those fail with it, whichever branch is taken); what has a condition of constants alone; to move a read
across a write that may change it; to change for whose failure a map fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

import msgspec

from llmcc.ir.expr import Expr, refs
from llmcc.ir.ops import Call, Compute, Map, Module, Op, ValueOp, inner, needs, uses
from llmcc.ir.printer import print_expr
from llmcc.ir.signature import Signature
from llmcc.optimizer.facts import all_of
from llmcc.optimizer.forward import changed, each, unscheduled
from llmcc.optimizer.remarks import current
from llmcc.optimizer.schedule import before, critical_paths, duration
from llmcc.optimizer.sinking import Sinking

#: Two lengths of time (seconds) that differ by less are the same.
SAME_S = 1e-9


class SinkGuards(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options of `sink-guards`: whether calls on the critical path start before it is known that they count."""

    speculate: bool = False

    def __call__(self, module: Module, signatures: Mapping[str, Signature]) -> Module:
        """The module with its costly calls behind their conditions."""
        dear = frozenset(name for name, one in signatures.items() if one.cost_usd)
        old = module.values
        if not dear or not any(op.guard is not None for op in _all(old)):
            return module
        visible = uses(module.end) if module.end is not None else [op.name for op in old if "." not in op.name]
        values = self._level(old, visible, dear, _constants(old), signatures)
        if all(a is b for a, b in zip(values, old, strict=True)):
            return module
        _report(old, values, dear)
        ops: tuple[Op, ...] = values if module.end is None else (*values, module.end)
        return msgspec.structs.replace(module, ops=ops)

    def _level(
        self,
        ops: tuple[ValueOp, ...],
        visible: Iterable[str],
        dear: frozenset[str],
        constant: Set[str],
        signatures: Mapping[str, Signature],
    ) -> tuple[ValueOp, ...]:
        ops = each(ops, lambda op: self._region(op, dear, constant, signatures) if isinstance(op, Map) else op)
        early = _critical(ops, signatures) if self.speculate else frozenset()
        sinking = Sinking(ops, visible, constant, lambda op: op.name not in early and _costs(op, dear))
        conditions, places = sinking.find()
        if not conditions:
            return ops
        return sinking.sorted((_sunk(op, conditions.get(op.name)) for op in ops), places)

    def _region(self, op: Map, dear: frozenset[str], constant: Set[str], signatures: Mapping[str, Signature]) -> Map:
        """A map with its body's calls behind their conditions, if it still fails for the same reasons."""
        visible = [name for expr in inner(op) for name in refs(expr)]
        new = changed(op, body=self._level(op.body, visible, dear, constant, signatures))
        return new if new is op or needs(new) == needs(op) else op


def _sunk(op: ValueOp, conditions: list[Expr] | None) -> ValueOp:
    if conditions is None:
        return op
    return unscheduled(changed(op, guard=all_of([*conditions, *([] if op.guard is None else [op.guard])])))


def _report(old: tuple[ValueOp, ...], new: tuple[ValueOp, ...], dear: frozenset[str]) -> None:
    """Remarks on the costly calls that have another guard now."""
    remarks = current()
    if remarks is None:
        return
    guards = {op.name: op.guard for op in _all(old)}
    for op in _all(new):
        if op.guard is not None and op.guard != guards[op.name] and _costs(op, dear):
            name, shown = remarks.name(op.name), print_expr(op.guard)
            remarks.note("sunk", op.name, f"{name} costs money and is only needed if {shown}: it waits for that")


def _all(ops: Iterable[ValueOp]) -> Iterable[ValueOp]:
    for op in ops:
        yield op
        if isinstance(op, Map):
            yield from _all(op.body)


def _constants(ops: Iterable[ValueOp]) -> Set[str]:
    """The names that stand for constants, and for what is made of them alone."""
    found: set[str] = set()
    for op in _all(ops):
        if isinstance(op, Compute) and found.issuperset(refs(op.expr)):
            found.add(op.name)
    return found


def _costs(op: ValueOp, dear: frozenset[str]) -> bool:
    """Whether running the op costs money."""
    if isinstance(op, Call):
        return op.tool in dear
    return isinstance(op, Map) and any(_costs(one, dear) for one in op.body)


def _critical(ops: tuple[ValueOp, ...], signatures: Mapping[str, Signature]) -> frozenset[str]:
    """The ops whose delay would delay the whole level."""
    paths = critical_paths(ops, signatures)
    finished: dict[str, float] = {}
    started: dict[str, float] = {}
    for op in ops:
        started[op.name] = max((finished[name] for name in before(op) if name in finished), default=0.0)
        finished[op.name] = started[op.name] + duration(op, signatures)
    span = max(paths.values(), default=0.0)
    return frozenset(name for name, start in started.items() if start + paths[name] >= span - SAME_S)
