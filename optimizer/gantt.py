"""Draws the estimated schedule of a plan as a text chart."""

from __future__ import annotations

from collections.abc import Mapping

from llmcc.ir.escape import quote
from llmcc.ir.ops import Call, Module
from llmcc.ir.printer import print_name
from llmcc.ir.signature import Signature
from llmcc.optimizer.schedule import Bar, Estimate, estimate
from llmcc.optimizer.times import human


def gantt(
    module: Module, signatures: Mapping[str, Signature] | None = None, *, width: int = 0, columns: int = 40
) -> str:
    """The chart, a line for each call and map, and below it the totals; `columns` is the width of the time axis.

    `width` limits the calls that run at the same time (0: no limit but the tools' own). Estimates are in seconds.
    """
    found = estimate(module, signatures, width=width)
    rows = [("step", "value", "call", "start", "end", "")]
    rows += [_row(bar, found.makespan_s, columns) for bar in found.bars]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    return "".join(_line(row, widths) for row in rows) + _totals(found)


def _row(bar: Bar, makespan_s: float, columns: int) -> tuple[str, str, str, str, str, str]:
    label = bar.op.tool if isinstance(bar.op, Call) else "map"
    shown = label if label.isascii() and label.isprintable() else quote(label)
    start, end = human(bar.start_s), human(bar.finish_s)
    return str(bar.step), print_name(bar.op.name), shown, start, end, _drawn(bar, makespan_s, columns)


def _drawn(bar: Bar, makespan_s: float, columns: int) -> str:
    scale = columns / makespan_s if makespan_s else 0.0
    start = min(round(bar.start_s * scale), columns - 1)
    return " " * start + "#" * max(1, round(bar.finish_s * scale) - start)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    step, name, call, start, end, bar = row
    cells = [
        step.rjust(widths[0]),
        name.ljust(widths[1]),
        call.ljust(widths[2]),
        start.rjust(widths[3]),
        end.rjust(widths[4]),
        bar,
    ]
    return "  ".join(cells).rstrip() + "\n"


def _totals(found: Estimate) -> str:
    return (
        f"estimated: makespan {human(found.makespan_s)}, critical path {human(found.span_s)}, "
        f"work {human(found.work_s)}, parallelism {found.parallelism:.2f}, at most {found.peak} at the same time\n"
    )
