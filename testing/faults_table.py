"""What can go wrong, tried at length: `python -m llmcc.testing.faults_table` (or `make faults`) prints a table of it.

`ROWS` is the registry: functions whose docstring is the promise, and which return how often it was tried and how often
it was broken. Called without arguments they are the long version; the tests call them with less to try.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from llmcc.testing.faults_cancel import cancel_at_any_step
from llmcc.testing.faults_schedule import random_schedules
from llmcc.testing.faults_stream import stream_cut_anywhere
from llmcc.testing.faults_tools import tool_hangs, tool_raises, tool_returns_junk
from llmcc.testing.ledger_faults import (
    byte_changes,
    journal_is_cut,
    kill_9,
    process_dies,
    question_is_cut_off,
    run_is_cut_off,
    two_resumers,
    write_fails,
    write_fails_late,
)

Row: TypeAlias = Callable[[], tuple[int, int]]

ROWS: list[Row] = [
    tool_hangs,
    tool_raises,
    tool_returns_junk,
    stream_cut_anywhere,
    cancel_at_any_step,
    random_schedules,
    process_dies,
    kill_9,
    run_is_cut_off,
    question_is_cut_off,
    byte_changes,
    journal_is_cut,
    write_fails,
    write_fails_late,
    two_resumers,
]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the rows, all or those that are named; returns 1 if a promise was broken or nothing was tried."""
    parser = argparse.ArgumentParser(prog="python -m llmcc.testing.faults_table", description=__doc__)
    parser.add_argument("rows", nargs="*", help=f"of {', '.join(row.__name__ for row in ROWS)}")
    options = parser.parse_args(argv)
    unknown = set(options.rows) - {row.__name__ for row in ROWS}
    if unknown:
        parser.error(f"there is no row {', '.join(sorted(unknown))}")
    broken = 0
    print(f"{'fault':<22} {'tried':>8} {'failed':>7} {'CPU s':>7}  promise")
    for row in ROWS:
        if options.rows and row.__name__ not in options.rows:
            continue
        start = time.process_time()
        tried, failed = row()
        promise = (row.__doc__ or "").split("\n", 1)[0]
        spent = time.process_time() - start
        print(f"{row.__name__:<22} {tried:>8,} {failed:>7,} {spent:>7.1f}  {promise}", flush=True)
        broken += failed > 0 or tried == 0
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
