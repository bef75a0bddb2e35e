"""Runs a plan from a plain script: no event loop of its own, tools that block, and an outcome to look at."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import llmcc


@llmcc.tool(effect="read", resource="files", retries=1)
def size(path: str) -> int:
    """The size of a file in bytes."""
    return Path(path).stat().st_size


@llmcc.tool(effect="read", resource="files")
def digest(path: str) -> str:
    """The first 12 signs of a file's SHA-256."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]


PLAN = """
sizes = [size(path) for path in PATHS]
digests = [digest(path) for path in PATHS]
return {"largest": max(sizes), "same": len(unique(digests)) < len(digests)}
"""


def main(paths: list[str]) -> int:
    """Prints what the plan finds about the files; returns 1 if something failed."""
    written = ", ".join('"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"' for path in paths)
    program = llmcc.compile(PLAN.replace("PATHS", f"[{written}]"), llmcc.Toolbox(size, digest))
    outcome = llmcc.run_sync(program, max_running=8, deadline_s=60)
    for failure in outcome.errors:
        print(f"{failure.op}: {failure.error}: {failure.message}", file=sys.stderr)
    print(outcome.value if outcome.failed is None else f"no answer: {outcome.failed.message}")
    return 0 if outcome.ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
