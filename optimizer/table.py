"""Shows the bounds of a plan: as a table, and in the lines of a summary."""

from __future__ import annotations

from collections.abc import Mapping

from llmcc.ir.escape import visible
from llmcc.ir.ops import Module
from llmcc.ir.signature import Signature
from llmcc.optimizer.bounds import Bounds, ToolBounds, bounds
from llmcc.optimizer.cost import basis, named
from llmcc.optimizer.times import human


def table(found: Bounds) -> str:
    """The bounds of each tool, a line each, and below them those of the plan."""
    rows = [("tool", "calls", "attempts", "USD", "latency"), *map(_row, found.tools), _total(found)]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = ["  ".join([row[0].ljust(widths[0]), *_right(row, widths)]).rstrip() for row in rows]
    return "".join(f"{line}\n" for line in [*lines, *_notes(found)])


def bounds_lines(
    module: Module,
    signatures: Mapping[str, Signature] | None = None,
    latencies: Mapping[str, float] | None = None,
) -> list[str]:
    """The bounds in a line, and in another on what the estimates rest, if that is not all declared.

    `latencies` are those that a profile measured; they must be in the signatures already.
    """
    found = bounds(module, signatures)
    rest = basis(module.values, signatures or {}, latencies or {})
    return [_in_a_line(found), *([rest] if rest is not None else [])]


def _in_a_line(found: Bounds) -> str:
    calls = f"at most {found.most:,} call{'' if found.most == 1 else 's'}"
    if found.usd is None:
        return calls
    unpriced = f", without the price of {named(found.unpriced)}" if found.unpriced else ""
    return f"{calls}, {dollars(found.usd)} USD{unpriced}"


def dollars(amount: float) -> str:
    """An amount with as many digits as it has, up to six.

    >>> dollars(0.1 + 0.2), dollars(12.0), dollars(1e-05), dollars(1234567.0)
    ('0.3', '12', '0.00001', '1,234,567')
    """
    if amount >= 1000:
        return f"{amount:,.0f}"
    return f"{float(f'{amount:.6g}'):.12f}".rstrip("0").rstrip(".")


def _row(one: ToolBounds) -> tuple[str, ...]:
    price = "-" if one.cost_usd is None else dollars(one.most * one.cost_usd)
    return visible(one.tool), _range(one.least, one.most), f"{one.attempts:,}", price, _latency(one)


def _latency(one: ToolBounds) -> str:
    return human(one.latency_s) if one.known else f"{human(one.latency_s)}?"


def _total(found: Bounds) -> tuple[str, ...]:
    usd = "-" if found.usd is None else dollars(found.usd)
    return "total", _range(found.least, found.most), f"{found.attempts:,}", usd, human(found.work_s)


def _range(least: int, most: int) -> str:
    return f"{most:,}" if least == most else f"{least:,}..{most:,}"


def _right(row: tuple[str, ...], widths: list[int]) -> list[str]:
    return [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]


def _notes(found: Bounds) -> list[str]:
    notes = [f"critical path {human(found.span_s)}; at most {found.peak:,} at the same time"]
    if found.usd is not None and found.usd_retried is not None and found.usd_retried > found.usd:
        notes.append(f"with every retry: {dollars(found.usd_retried)} USD")
    if found.unpriced and found.usd is not None:
        notes.append(f"no price is declared for {named(found.unpriced)}")
    unknown = [one.tool for one in found.tools if not one.known]
    return [*notes, *([f"?: no latency is known for {named(unknown)}"] if unknown else [])]
