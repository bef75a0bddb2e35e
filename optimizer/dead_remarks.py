"""What `remove-dead` reports: what went, and which values nobody needs although their calls stay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llmcc.ir.expr import Ref, is_literal, refs
from llmcc.ir.ops import Call, Compute, Map, ValueOp, inner, uses
from llmcc.optimizer.alias import access
from llmcc.optimizer.remarks import Remarks, current, touched


def report(before: Sequence[ValueOp], after: Sequence[ValueOp], roots: Iterable[str]) -> None:
    """Compares the ops of one level before and after the pass; `roots` are the values that are needed in any case."""
    remarks = current()
    if remarks is not None:
        _level(remarks, before, after, set(roots))


def _level(remarks: Remarks, before: Sequence[ValueOp], after: Sequence[ValueOp], roots: set[str]) -> None:
    stays = {op.name: op for op in after}
    needed = roots.union(name for op in after for name in uses(op))
    for op in before:
        now = stays.get(op.name)
        if now is None or type(now) is not type(op):
            _removed(remarks, op)
        elif op.name not in needed:
            remarks.note("not removed", op.name, f"nobody needs {remarks.name(op.name)}, but {_reason(op)}")
        if isinstance(op, Map) and isinstance(now, Map):
            _level(remarks, op.body, now.body, {name for expr in inner(now) for name in refs(expr)})


def _reason(op: ValueOp) -> str:
    if not access(op).writes:
        return "without it its map could no longer fail"
    return f"{op.tool if isinstance(op, Call) else 'it'} {touched(op)}"


def _removed(remarks: Remarks, op: ValueOp) -> None:
    # Of a duplicate only its name was left, of a constant only its value; a part of an expression has no name to say.
    if isinstance(op, Compute) and ("." in op.name or isinstance(op.expr, Ref) or is_literal(op.expr)):
        return
    remarks.note("removed", op.name, f"nobody needs {remarks.name(op.name)}")
