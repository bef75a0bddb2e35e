"""What the benches share: their options, the clock, how a time grows, and the table of figures with their targets."""

from __future__ import annotations

import argparse
import gc
import json
import math
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Mapping


def options(description: str | None, *, rounds: int | None = None) -> argparse.ArgumentParser:
    """The options of every bench; `--rounds` where measurements are repeated, `rounds` times unless told otherwise."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    if rounds is not None:
        parser.add_argument("--rounds", type=int, default=rounds)
    return parser


def cpu(function: Callable[[], object], *, freeze: bool = False) -> float:
    """Seconds of CPU time. With `freeze` the collector looks at what the function makes only, not at what was there."""
    gc.collect()
    if freeze:
        gc.freeze()
    start = time.process_time()
    function()
    seconds = time.process_time() - start
    if freeze:
        gc.unfreeze()
    return seconds


def exponent(sizes: Iterable[int], seconds: Iterable[float]) -> float:
    """The exponent of time over size: the slope of a line of least squares through the logarithms."""
    return statistics.linear_regression([math.log(n) for n in sizes], [math.log(s) for s in seconds]).slope


def report(
    figures: Mapping[str, float],
    targets: Mapping[str, float],
    versions: Mapping[str, str],
    *,
    as_json: bool,
    note: str = "",
) -> bool:
    """Prints the figures, one a line, or as JSON; `targets` are what they may be at most. Whether one is missed."""
    missed = [name for name, most in targets.items() if figures[name] > most]
    versions = {"python": platform.python_version(), **versions}
    if as_json:
        found = {"figures": figures, "targets": targets, "missed": missed, "versions": versions}
        print(json.dumps(found, indent=2))
        return bool(missed)
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    if note:
        print(f"{note}\n")
    width = max(map(len, figures))
    for name, value in figures.items():
        target = f"  at most {targets[name]:g}: {'MISSED' if name in missed else 'reached'}" if name in targets else ""
        print(f"{name:{width}} {value:10.3f}{target}")
    return bool(missed)
