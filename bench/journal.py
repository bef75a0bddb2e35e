"""What a journal costs a call: the same plans of no-op tools with and without one, on the disk of the current folder.

A write waits for the disk before it begins, which no journal can avoid; calls that are ready together wait together.
How often a plan has to wait is known, so the table also says what is left of the cost without the disk's own part: the
bare time of one small write and one fdatasync, measured beside each run, as disks are slow at times.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import llmcc
from llmcc.runtime.journal.writer import Log

#: Seconds a call that a journal may cost, over many calls.
TARGET_S = 1.5e-3
ROUNDS = 5
#: Small writes for one measurement of the disk.
SYNCS = 40


@llmcc.tool(effect="read", resource="r")
async def read(n: int, uses: Any = None) -> int:
    """Does nothing."""
    return n


@llmcc.tool(effect="write", resource="w:{n}")
async def write(n: int, uses: Any = None) -> int:
    """Does nothing, and must not be done twice."""
    return n


@llmcc.tool(effect="write", resource="b:{n}", batch=50)
async def save(n: int) -> int:
    """Does nothing, many at a time."""
    return n


@save.batched
async def save_many(calls: list[dict[str, Any]]) -> list[int]:
    """Does nothing."""
    return [call["n"] for call in calls]


@dataclass(frozen=True)
class Plan:
    """A plan, its calls, and how often at least it waits for the disk: once for the intents, once for its end."""

    text: str
    calls: int
    waits: int


def at_once(tool: str, calls: int, waits: int) -> Plan:
    """Calls that do not wait for each other."""
    return Plan(f"return [{', '.join(f'{tool}({n})' for n in range(calls))}]", calls, waits)


def chain(tools: list[str]) -> Plan:
    """Calls that each wait for the one before."""
    lines = [f"v{i} = {tool}({i}{f', v{i - 1}' if i else ''})" for i, tool in enumerate(tools)]
    return Plan("\n".join([*lines, f"return v{len(tools) - 1}"]), len(tools), tools.count("write") + 1)


def layers(depth: int, width: int) -> Plan:
    """Layers of writes, each of which waits for all of the layer before."""
    lines = []
    for i in range(depth):
        before = f", [{', '.join(f'v{i - 1}_{k}' for k in range(width))}]" if i else ""
        lines += [f"v{i}_{k} = write({i * width + k}{before})" for k in range(width)]
    return Plan("\n".join([*lines, f"return v{depth - 1}_0"]), depth * width, depth + 1)


PLANS = {
    "1,000 reads at once": at_once("read", 1000, 1),
    "1,000 writes at once": at_once("write", 1000, 2),
    "1,000 writes, batches of 50": at_once("save", 1000, 2),
    "100 reads in a row": chain(["read"] * 100),
    "200 in a row, a tenth writes": chain((["read"] * 9 + ["write"]) * 20),
    "50 layers of 8 writes": layers(50, 8),
    "200 writes in a row": chain(["write"] * 200),
}


def main() -> None:
    """Prints a table."""
    toolbox = llmcc.Toolbox(read, write, save)
    print(f"{'plan':<30}{'without':>11}{'with':>11}{'a call':>11}{'commits':>9}{'fdatasync':>12}{'less disk':>12}")
    for name, plan in PLANS.items():
        program = llmcc.compile(plan.text, toolbox)
        plain = median(_seconds(program, None) for _ in range(ROUNDS))
        with tempfile.TemporaryDirectory(dir=".") as folder:
            rounds = [_round(program, Path(folder), i) for i in range(ROUNDS)]
        noted, sync, commits = (median(column) for column in zip(*rounds, strict=True))
        cost = (noted - plain) / plan.calls
        bare = cost - plan.waits * sync / plan.calls
        verdict = "  over 1.5 ms" if bare > TARGET_S else ""
        print(
            f"{name:<30}{plain * 1e3:>8.1f} ms{noted * 1e3:>8.1f} ms{cost * 1e3:>8.3f} ms{commits:>9.0f}"
            f"{sync * 1e3:>9.3f} ms{bare * 1e3:>9.3f} ms{verdict}"
        )


def _round(program: llmcc.Program, folder: Path, number: int) -> tuple[float, float, float]:
    """Seconds of a run, seconds of a bare write to the disk around it, and how often the run committed."""
    before = _sync_seconds(folder / "bare")
    commits = 0
    append = Log.append

    def counted(log: Log, bodies: list[bytes]) -> None:
        nonlocal commits
        commits += 1
        append(log, bodies)

    Log.append = counted
    try:
        seconds = _seconds(program, folder / f"{number}.db")
    finally:
        Log.append = append
    return seconds, (before + _sync_seconds(folder / "bare")) / 2, commits


def _sync_seconds(path: Path) -> float:
    """Mean seconds of a write of a page behind the end of a file that is then on the disk."""
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        begun = time.perf_counter()
        for i in range(SYNCS):
            os.pwrite(number, bytes(4096), 4096 * i)
            os.fdatasync(number)
        return (time.perf_counter() - begun) / SYNCS
    finally:
        os.close(number)


def _seconds(program: llmcc.Program, journal: Path | None) -> float:
    begun = time.perf_counter()
    outcome = llmcc.run_sync(program, journal=journal)
    assert outcome.ok, outcome.errors
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
