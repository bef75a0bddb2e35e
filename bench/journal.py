"""What a journal costs a call: the same plans of no-op tools with and without one, on the disk of the current folder.

Calls share commits. Writes in a row cannot: each waits for the disk before it begins, which no journal can avoid, so
that row shows what a commit costs and has no target.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import llmcc

#: Seconds a call that a journal may cost, over many calls.
TARGET_S = 1.5e-3
ROUNDS = 5


@llmcc.tool(effect="read", resource="r")
async def read(n: int, uses: Any = None) -> int:
    """Does nothing."""
    return n


@llmcc.tool(effect="write", resource="w:{n}")
async def write(n: int, uses: Any = None) -> int:
    """Does nothing, and must not be done twice."""
    return n


def chain(tool: str, length: int) -> str:
    """Calls that each wait for the one before."""
    lines = [f"v{i} = {tool}({i}{f', v{i - 1}' if i else ''})" for i in range(length)]
    return "\n".join([*lines, f"return v{length - 1}"])


PLANS = {
    "1,000 reads at once": (1000, f"return [{', '.join(f'read({n})' for n in range(1000))}]"),
    "1,000 writes at once": (1000, f"return [{', '.join(f'write({n})' for n in range(1000))}]"),
    "200 reads in a row": (200, chain("read", 200)),
    "200 writes in a row": (200, chain("write", 200)),
}


def main() -> None:
    """Prints a table."""
    toolbox = llmcc.Toolbox(read, write)
    print(f"{'plan':<24} {'without':>12} {'with':>12} {'a call':>12}")
    for name, (calls, text) in PLANS.items():
        program = llmcc.compile(text, toolbox)
        plain = median(_seconds(program, None) for _ in range(ROUNDS))
        with tempfile.TemporaryDirectory(dir=".") as folder:
            noted = median(_seconds(program, Path(folder) / f"{i}.db") for i in range(ROUNDS))
        cost = (noted - plain) / calls
        missed = cost > TARGET_S and "writes in a row" not in name
        verdict = "  over the target of 1.5 ms" if missed else ""
        print(f"{name:<24} {plain * 1e3:>9.1f} ms {noted * 1e3:>9.1f} ms {cost * 1e3:>9.3f} ms{verdict}")


def _seconds(program: llmcc.Program, journal: Path | None) -> float:
    begun = time.perf_counter()
    outcome = llmcc.run_sync(program, journal=journal)
    assert outcome.ok, outcome.errors
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
