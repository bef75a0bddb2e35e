"""Runs the cases in several ways, and prints in a table how many of them BFCL's checker finds valid."""

from __future__ import annotations

import time
from pathlib import Path

import click
from bench.bfcl.cases import load
from bench.bfcl.runs import Runner, Tally, Way

from llmcc.runtime.catalog import Catalog, Entry

EFFECTS = Path(__file__).parent / "effects.toml"

WAYS = (
    Way("a plan a turn, effects, -O2", effects=True, level=2),
    Way("a plan a turn, effects, -O0", effects=True, level=0),
    Way("a plan a turn, data edges only", effects=False, level=0),
    Way("a plan a case, effects, -O2", effects=True, level=2, whole=True),
    Way("a plan a case, effects, -O0", effects=True, level=0, whole=True),
    Way("a plan a case, reads repeated, -O2", effects=True, level=2, whole=True, repeats=True),
    Way("a plan a case, data edges only", effects=False, level=0, whole=True),
)


def without_effects(catalog: Catalog) -> Catalog:
    """The catalogue with every tool declared pure: nothing but the use of values orders calls."""
    return Catalog({name: Entry(effect="pure") for name in catalog.entries}, catalog.file)


COLUMNS = {"valid": 6, "a seed": 9, "exact": 7, "calls": 7, "run": 6, "steps": 7, "calls/step": 12, "speed-up": 10}
LEGEND = """
valid     cases that BFCL's checker accepts under every seed: the states after each turn, and the results in any order
a seed    the fewest and the most cases that it accepts under one seed
exact     cases of which every call, under every seed, gave the very result that it gives when all run one by one
calls     calls in the plans; run: those left after optimizing
steps     the longest chains of calls that wait for each other, over all plans
speed-up  virtual time of all calls one by one, over that of the runs; latencies are drawn from 0.01 s to 10 s
"""


def row(way: Way, tally: Tally) -> str:
    """A line of the table."""
    found = (
        tally.always,
        f"{min(tally.by_seed)}-{max(tally.by_seed)}",
        tally.exact,
        tally.written,
        tally.calls,
        tally.span,
        f"{tally.calls / tally.span:.2f}",
    )
    return line(way.title, *found, f"{tally.work_s / tally.elapsed_s:.2f}")


def line(title: str, *cells: object) -> str:
    """The cells under their columns."""
    return f"{title:<36}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, COLUMNS.values(), strict=True))


@click.command()
@click.option("--cases", "wanted", type=click.IntRange(min=1), metavar="N", help="Only the first N cases of the 200.")
@click.option("--seeds", type=click.IntRange(min=1), default=20, show_default=True, metavar="K", help="Runs a case.")
def main(wanted: int | None, seeds: int) -> None:
    """Run BFCL's 200 multi_turn_base cases on our runtime; its own checker compares each with a run of one by one.

    Exits 1 if a case goes wrong although effects order its calls.
    """
    started = time.process_time()
    catalog = Catalog.read(EFFECTS)
    cases = load()[:wanted]
    print(f"{len(cases)} cases of {sum(len(case.turns) for case in cases)} turns, {seeds} seeds each\n")
    print(line("", *COLUMNS), flush=True)
    notes: dict[str, None] = {}
    wrong = False
    for way in WAYS:
        runner = Runner(way, catalog if way.effects else without_effects(catalog))
        for case in cases:
            runner.add(case, seeds)
        print(row(way, runner.tally), flush=True)
        notes.update(dict.fromkeys(runner.tally.notes()))
        if way.effects:
            wrong |= runner.tally.exact < len(cases)
            notes.update(dict.fromkeys(runner.tally.failures(way.title)))
    print(LEGEND, *notes, f"{time.process_time() - started:.0f} s of CPU time", sep="\n")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
