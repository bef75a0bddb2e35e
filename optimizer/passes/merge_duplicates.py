"""Makes one call of calls that cannot differ: pure ones, and reads without a conflicting write between.

Before:

    %a = call search(query = "K2") : str {effect = read(web)}
    %b = call search(query = "K2") : str {effect = read(web)}
    join(a = %a, b = %b)

After:

    %a = call search(query = "K2") : str {effect = read(web)}
    %b = expr %a : str
    join(a = %a, b = %a)

The duplicate stays as a name for the first (`remove-dead` takes it out where nobody can see it), and keeps its own
guard or catch where the first has none. Equal pure expressions become one value in the same way, and so do maps over
the same list whose bodies are the same; all of it in the plan and inside a map's body.

Declines: writes; calls with different guards, catches or types, unless the first has none; a duplicate that comes
`after` an op that the first does not come after; calls on different levels (`hoist-invariant` brings those to one level
that do not depend on the element), or in two maps that differ.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

import msgspec

from llmcc.ir.expr import Expr, Ref, is_literal
from llmcc.ir.normal import normal
from llmcc.ir.ops import Call, Compute, Join, Map, Module, Op, Return, ValueOp, operands
from llmcc.ir.signature import Signature
from llmcc.ir.types import ANY, NULL, union
from llmcc.optimizer.alias import Resource, WriteLog, access
from llmcc.optimizer.forward import Forward, changed, each, over_module, unscheduled
from llmcc.optimizer.merge_remarks import MergeRemarks
from llmcc.optimizer.numbering import Numbering, standard


class MergeDuplicates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options of `merge-duplicates`: none."""

    def __call__(self, module: Module, signatures: Mapping[str, Signature]) -> Module:
        """The module with its duplicates merged."""
        return over_module(self.forward(), module)

    def forward(self) -> Forward:
        """The pass for a plan that streams in."""
        return _Merging(Numbering())


class _First(msgspec.Struct, frozen=True):
    """The first of some equal ops: its name, after what it comes, what it reads, and the number of writes before it."""

    name: str
    after: frozenset[str]
    reads: tuple[Resource, ...]
    time: int


class _Merging:
    """One level: the plan, or the body of a map."""

    def __init__(self, numbering: Numbering) -> None:
        self._numbering = numbering
        self._writes = WriteLog()
        self._firsts: dict[Hashable, _First] = {}
        self._remarks = MergeRemarks.wanted()

    def step(self, op: Op) -> tuple[Op, ...]:
        """The op, or its duplicate's new name."""
        if isinstance(op, Join):
            return (changed(op, args=self._args(op.args)),)
        if isinstance(op, Return):
            return (changed(op, expr=self._numbering.rename(op.expr)),)
        return (self._value(op),)

    def _value(self, op: ValueOp) -> ValueOp:
        new = self._renamed(op)
        touched = access(new)
        for written in touched.writes:
            self._writes.note(written)
        merged = new if touched.writes else self._merged(new, touched.reads)
        if self._remarks is not None:
            self._remarks.saw(new, merged, None if isinstance(new, Map) else _what(new))
        if isinstance(merged, Compute) and isinstance(merged.expr, Ref) and merged.guard is merged.catch is None:
            self._numbering.alias(op.name, merged.expr.name)
        return op if merged is op else unscheduled(merged)

    def _renamed(self, op: ValueOp) -> ValueOp:
        """The op with the values that it uses by their earliest names."""
        rename = self._numbering.rename
        guard = None if op.guard is None else rename(op.guard)
        catch = None if op.catch is None else rename(op.catch)
        if isinstance(op, Compute):
            return changed(op, guard=guard, catch=catch, expr=rename(op.expr))
        if isinstance(op, Call):
            return changed(op, guard=guard, catch=catch, args=self._args(op.args))
        source = rename(op.source)
        body = each(op.body, _Merging(self._numbering)._value)
        keep = None if op.keep is None else rename(op.keep)
        return changed(op, guard=guard, catch=catch, source=source, body=body, keep=keep, result=rename(op.result))

    def _args(self, args: tuple[tuple[str, Expr], ...]) -> tuple[tuple[str, Expr], ...]:
        renamed = tuple((name, self._numbering.rename(expr)) for name, expr in args)
        return args if all(a is b for (_, a), (_, b) in zip(args, renamed, strict=True)) else renamed

    def _merged(self, op: ValueOp, reads: tuple[Resource, ...]) -> ValueOp:
        if isinstance(op, Compute) and (isinstance(op.expr, Ref) or is_literal(op.expr)):
            return op  # nothing to save
        what = _what(op)
        guard = None if op.guard is None else normal(op.guard)
        catch = None if op.catch is None else normal(op.catch)
        # What the first of them lacks, the duplicate keeps.
        for same_guard in dict.fromkeys((None, guard)):
            for same_catch in dict.fromkeys((None, catch)):
                first = self._firsts.get((what, same_guard, same_catch))
                if first is not None and self._holds(first, op):
                    return _name_for(op, first.name, same_guard, same_catch)
        self._firsts[what, guard, catch] = _First(op.name, frozenset(op.after), reads, self._writes.count)
        return op

    def _holds(self, first: _First, op: ValueOp) -> bool:
        """Whether the first one's value is still the one that `op` would have."""
        if not first.after.issuperset(op.after):
            return False
        return all(self._writes.last(one) <= first.time for one in first.reads)


def _what(op: ValueOp) -> Hashable:
    """What an op computes: two with the same are duplicates, as far as guards, catches and time allow."""
    if isinstance(op, Map):
        return standard(op)
    exprs = tuple(map(normal, operands(op)))
    if isinstance(op, Compute):
        return exprs, op.type
    return op.tool, tuple(name for name, _ in op.args), exprs, op.effect, op.type, op.untrusted


def _name_for(op: ValueOp, first: str, guard: Expr | None, catch: Expr | None) -> Compute:
    """The duplicate `op` as a name for its first, of which guard and catch are given: it keeps what that lacks."""
    own_guard = op.guard if guard is None else None
    # A guard of its own can also fail by itself, which the first one's catch does not see.
    own_catch = op.catch if catch is None or own_guard is not None else None
    # The first one's value can also be what its guard or catch makes of it.
    type_ = ANY if catch is not None else op.type if guard is None else union(op.type, NULL)
    return Compute(name=op.name, type=type_, expr=Ref(first), guard=own_guard, catch=own_catch, span=op.span)
