"""`llmcc trace`: draws what `llmcc run --trace` wrote down."""

from __future__ import annotations

import json
import shutil
import sys
from typing import Any

import click
import msgspec

from llmcc.driver.trace_chart import chart, waits_by_kind
from llmcc.runtime.trace import Trace
from llmcc.runtime.trace_file import read_trace


@click.command("trace")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print the analysis as one JSON object.")
@click.option("--replay", "again", is_flag=True, help="Run the plan again with the recorded results, and compare.")
@click.option("--lines", type=click.IntRange(min=0), default=40, show_default=True, help="Most calls drawn (0: all).")
@click.option("--width", type=click.IntRange(min=60), metavar="N", help="Columns; by default the terminal's.")
def command(file: str, as_json: bool, again: bool, lines: int, width: int | None) -> int:
    """Draw the trace in FILE: each call by time, what it waited for, and the calls that decided when the run ended.

    FILE opens in Perfetto and chrome://tracing too.
    """
    trace = read_trace(file)
    if again:
        return _replay(trace)
    if as_json:
        click.echo(json.dumps(analysis(trace), ensure_ascii=False, indent=2))
        return 0
    if width is None:
        width = max(60, shutil.get_terminal_size((100, 24)).columns)
    click.echo(chart(trace, width=width, lines=lines, color=sys.stdout.isatty()), nl=False)
    return 0


def analysis(trace: Trace) -> dict[str, Any]:
    """A trace as `--json` prints it; times in seconds since the run's start."""
    found = trace.timeline
    return {
        "plan": trace.plan,
        "digest": trace.digest,
        "began_at": trace.began_at,
        "elapsed_s": trace.elapsed_s,
        "makespan_s": found.makespan_s,
        "work_s": found.work_s,
        "parallelism": found.parallelism,
        "peak": found.peak,
        "critical": list(found.critical),
        "waits_s": waits_by_kind(found),
        "calls": msgspec.to_builtins(found.calls),
        "models": msgspec.to_builtins(trace.moments),
        "truncated": {key: size for key, size in _truncated(trace)},
    }


def _truncated(trace: Trace) -> list[tuple[str, int]]:
    events = [(trace.log[place].event, size) for place, size in trace.truncated.items()]
    return [(str(getattr(event, "key", "")), size) for event, size in events]


def _replay(trace: Trace) -> int:
    from llmcc.runtime.replay import replay

    outcome = replay(trace)
    click.echo(f"replayed {len(trace.log):,} events and {len(outcome.calls):,} calls: same order, same values")
    return 0
