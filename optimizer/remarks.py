"""Remarks: for each opportunity that a pass took or let go, what it was and why, with its place in the plan's text.

The pass manager hands a collector to the passes through a context, so that no pass takes an argument for it: a pass
asks `current()` once, and where that is None nothing is noted and nothing is computed for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec

from llmcc.ir.effects import EVERYTHING
from llmcc.ir.escape import visible
from llmcc.ir.ops import Call, Map, Module, ValueOp
from llmcc.ir.span import Span
from llmcc.optimizer.alias import ANY_RESOURCE, Resource, may_alias, resource


class Remark(msgspec.Struct, frozen=True):
    """One remark: `what` was done (`merged`, `not merged`, ...) with the op called `op`, and `why`."""

    what: str
    op: str
    why: str
    span: Span | None = None


class Remarks:
    """Collects the remarks of one run of a pipeline."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], Remark] = {}
        self._ops: dict[str, ValueOp] = {}

    def know(self, module: Module) -> None:
        """Takes in the names and places of the values that remarks may be about."""
        self._learn(module.values)

    def _learn(self, ops: tuple[ValueOp, ...]) -> None:
        for op in ops:
            self._ops.setdefault(op.name, op)
            if isinstance(op, Map):
                self._learn(op.body)

    def note(self, what: str, op: str, why: str) -> None:
        """Notes what was done with the op of that name, and why; each remark counts once."""
        known = self._ops.get(op)
        self._found[what, op, why] = Remark(what, op, why, None if known is None else known.span)

    def name(self, op: str) -> str:
        """How a reader of the plan would call a value: by its name, `$3`, or the tool whose result it is."""
        known = self._ops.get(op)
        if op.isdecimal():
            return f"${op}"
        if "." not in op or known is None:
            return op
        if isinstance(known, Call):
            return f"{known.tool}(...)"
        return "a map" if isinstance(known, Map) else "an expression"

    def place(self, op: str) -> str:
        """The value's name with its line: `a (line 1)`."""
        known = self._ops.get(op)
        return self.name(op) if known is None or known.span is None else f"{self.name(op)} (line {known.span.line})"

    def found(self) -> list[Remark]:
        """All remarks, in the order of the plan's text; what has no place comes last."""
        return sorted(self._found.values(), key=_order)

    def lines(self, file: str) -> list[str]:
        """The remarks as a reader wants them: `plan.txt:4:5: merged: c is a (line 1): ...`."""
        return [f"{file}{_at(one.span)}: {one.what}: {visible(one.why)}" for one in self.found()]


def _order(one: Remark) -> tuple[float, float]:
    return (one.span.line, one.span.column) if one.span is not None else (float("inf"), 0)


def _at(span: Span | None) -> str:
    return "" if span is None else f":{span.line}:{span.column}"


def touched(op: ValueOp) -> str:
    """What an op does to the world, as a remark says it: `writes mailbox:{to}`; of a map, what the calls in it do.

    A write counts before a read; "" if it does nothing.
    """
    found = sorted(_touched(op), key=lambda one: not one[0])
    return _said(found[0]) if found else ""


def conflict(earlier: ValueOp, later: ValueOp) -> str | None:
    """What the earlier op does that keeps the later one behind it: `writes stock:pens`; None if nothing does."""
    after = _touched(later)
    for one in _touched(earlier):
        if any((one[0] or other[0]) and may_alias(one[1], other[1]) for other in after):
            return _said(one)
    return None


def _said(one: tuple[bool, Resource, str]) -> str:
    return f"{'writes' if one[0] else 'reads'} {one[2]}"


def _touched(op: ValueOp) -> list[tuple[bool, Resource, str]]:
    """What the op touches: whether it writes, the resource, and how that is called."""
    if isinstance(op, Map):
        return [one for inner in op.body for one in _touched(inner)]
    if not isinstance(op, Call) or op.effect.kind == "pure":
        return []
    args = dict(op.args)
    named = [(pattern, resource(pattern, args)) for pattern in op.effect.resources or (EVERYTHING,)]
    return [(op.effect.writes, found, _shown(found, pattern)) for pattern, found in named]


def _shown(found: Resource, pattern: str) -> str:
    if found == ANY_RESOURCE:
        return "anything"
    return pattern if found.exact is None else found.exact


_current: ContextVar[Remarks | None] = ContextVar("remarks", default=None)


def current() -> Remarks | None:
    """The collector of the pipeline that is running; None if nobody wants remarks."""
    return _current.get()


@contextmanager
def collecting(remarks: Remarks | None) -> Iterator[None]:
    """Within the block the passes report to `remarks`, or to nobody."""
    token = _current.set(remarks)
    try:
        yield
    finally:
        _current.reset(token)
