"""Bounds of what a plan can do, known before anything of it runs: calls, dollars, time.

A guard counts as true at most, as false at least. A map has the elements that its source shows, at most `max_fanout`.
What is said of the least holds if nothing fails. Times are those of the cost model, in seconds: they are estimates, and
only the number of calls they are taken for is a bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from llmcc.ir.frame import MAX_FANOUT
from llmcc.ir.ops import Call, Map, Module, ValueOp
from llmcc.ir.signature import Signature
from llmcc.optimizer.cost import declared_latency_s, latency_s
from llmcc.optimizer.peak import peak
from llmcc.optimizer.schedule import critical_paths
from llmcc.optimizer.widths import Widths


class ToolBounds(msgspec.Struct, frozen=True):
    """What one tool is called for: `least` to `most` calls, at most `attempts` if every retry is needed.

    `cost_usd` (a call) is None where the tool declares none; `latency_s` is what the cost model says, `known` whether
    it was measured or declared.
    """

    tool: str
    least: int
    most: int
    attempts: int
    cost_usd: float | None
    latency_s: float
    known: bool


class Bounds(msgspec.Struct, frozen=True):
    """The bounds of a plan. `tools` are in order of first appearance.

    `span_s` is the length of the critical path, `work_s` the time of all calls one after another, both with all that
    can run; `peak` bounds the number of calls that run at the same time.
    """

    tools: tuple[ToolBounds, ...]
    span_s: float
    work_s: float
    peak: int

    @property
    def least(self) -> int:
        """Calls at least, if nothing fails."""
        return sum(one.least for one in self.tools)

    @property
    def most(self) -> int:
        """Calls at most."""
        return sum(one.most for one in self.tools)

    @property
    def attempts(self) -> int:
        """Calls at most, with all retries."""
        return sum(one.attempts for one in self.tools)

    @property
    def usd(self) -> float | None:
        """Dollars at most, retries not counted; None if no tool has a price."""
        return self._dollars((one, one.most) for one in self.tools)

    @property
    def usd_retried(self) -> float | None:
        """Dollars at most if every retry is needed, and paid for."""
        return self._dollars((one, one.attempts) for one in self.tools)

    @property
    def unpriced(self) -> list[str]:
        """The tools that declare no price."""
        return [one.tool for one in self.tools if one.cost_usd is None]

    def _dollars(self, counts: Iterable[tuple[ToolBounds, int]]) -> float | None:
        parts = [count * one.cost_usd for one, count in counts if one.cost_usd is not None]
        return sum(parts) if parts else None


def bounds(
    module: Module, signatures: Mapping[str, Signature] | None = None, *, max_fanout: int = MAX_FANOUT
) -> Bounds:
    """The bounds of a module whose order edges are in place. `max_fanout` is the run's limit for elements of a map.

    A limit of calls that the run keeps besides is not looked at: no bound says that a plan gets as far as that.
    """
    known = signatures or {}
    widths = Widths(max_fanout)
    widths.learn(module.values)
    counts: dict[str, tuple[int, int, int]] = {}
    _count(module.values, (1, 1), known, widths, counts)
    found = tuple(_tool(tool, known, *count) for tool, count in counts.items())
    paths = critical_paths(module.values, known, widths.most)
    return Bounds(
        tools=found,
        span_s=max(paths.values(), default=0.0),
        work_s=sum(one.most * one.latency_s for one in found),
        peak=min(peak(module.values, known, widths), sum(one.most for one in found)),
    )


def _tool(tool: str, signatures: Mapping[str, Signature], least: int, most: int, attempts: int) -> ToolBounds:
    price = signatures[tool].cost_usd if tool in signatures else None
    known = declared_latency_s(tool, signatures) is not None
    return ToolBounds(tool, least, most, attempts, price, latency_s(tool, signatures), known)


def _count(
    ops: Iterable[ValueOp],
    times: tuple[int, int],
    signatures: Mapping[str, Signature],
    widths: Widths,
    counts: dict[str, tuple[int, int, int]],
) -> None:
    """Adds the calls of one level, which runs so many times (at least, at most), to those of each tool."""
    for op in ops:
        least, most = times if op.guard is None else (0, times[1])
        if isinstance(op, Map):
            _count(op.body, (least * widths.least(op), most * widths.most(op)), signatures, widths, counts)
        elif isinstance(op, Call):
            a, b, c = counts.get(op.tool, (0, 0, 0))
            counts[op.tool] = (a + least, b + most, c + most * _attempts(op, signatures.get(op.tool)))


def _attempts(op: Call, signature: Signature | None) -> int:
    """How often one call is tried: a write is only tried again if that does no harm."""
    again = signature is not None and (not op.effect.writes or signature.idempotent)
    return 1 + signature.retries if again and signature is not None else 1
