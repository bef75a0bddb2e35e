"""Compiles the cases and runs them under many schedules, in one way or another, and counts what comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
from bench.bfcl.cases import Case, Verdict, judge
from bench.bfcl.world import World

import llmcc
from llmcc.ir.ops import Call
from llmcc.runtime.catalog import Catalog
from llmcc.testing.clock import run_virtual


@dataclass(frozen=True)
class Way:
    """A way to run the cases: with the catalogue's effects or with none that orders anything, at a level of optimizing;
    a plan for each turn or for the `whole` case; `repeats` asks again what does not write, so that there is to merge.
    """

    title: str
    effects: bool
    level: int
    whole: bool = False
    repeats: bool = False


@dataclass
class Tally:
    """What was found for one way."""

    verdicts: dict[str, list[Verdict]] = field(default_factory=dict)
    written: int = 0
    calls: int = 0
    span: int = 0
    work_s: float = 0.0
    elapsed_s: float = 0.0
    untyped: dict[str, str] = field(default_factory=dict)

    @property
    def always(self) -> int:
        """Cases that were valid under every seed."""
        return sum(all(verdict.valid for verdict in verdicts) for verdicts in self.verdicts.values())

    @property
    def exact(self) -> int:
        """Cases of which every call gave its own right result under every seed."""
        return sum(all(verdict.same_results for verdict in verdicts) for verdicts in self.verdicts.values())

    @property
    def by_seed(self) -> list[int]:
        """For each seed, how many cases were valid."""
        return [sum(verdict.valid for verdict in column) for column in zip(*self.verdicts.values(), strict=True)]

    def notes(self) -> list[str]:
        """The cases that could not run as they are typed."""
        told = "ran without its tools' type hints, which it does not fit"
        return [f"{name} {told}: {reason}" for name, reason in self.untyped.items()]

    def failures(self, title: str) -> list[str]:
        """The runs that were not exact, each with the checker's reason if it has one."""
        return [
            f"{title}: {name}, seed {seed}: {verdict.reason or 'another result'}"
            for name, verdicts in self.verdicts.items()
            for seed, verdict in enumerate(verdicts)
            if not (verdict.valid and verdict.same_results)
        ]


def plan_of(calls: Sequence[str]) -> str:
    """The plan that makes these calls, which Python and our language write alike, and gives all results in order.

    >>> print(plan_of(["cd(folder='a')", "ls()"]))
    r0 = cd(folder='a')
    r1 = ls()
    return [r0, r1]
    """
    lines = [f"r{i} = {call}" for i, call in enumerate(calls)]
    return "\n".join([*lines, f"return [{', '.join(f'r{i}' for i in range(len(calls)))}]"])


class Runner:
    """Compiles and runs cases in one way; what it found is in `tally`."""

    def __init__(self, way: Way, catalog: Catalog) -> None:
        self.tally = Tally()
        self._way = way
        self._catalog = catalog
        self._worlds: dict[tuple[tuple[str, ...], bool], tuple[World, llmcc.Toolbox]] = {}

    def add(self, case: Case, seeds: int) -> None:
        """Runs a case under the seeds from 0 on."""
        if self._way.whole:
            case = case.in_one_turn()
        if self._way.repeats:
            case = case.repeating(lambda tool: self._catalog.entries[tool].effect != "write")
        try:
            world, programs = self._compiled(case, typed=True)
        except llmcc.CompileError as error:
            # A sequence that is right by the data set, but not by the hints of its tools: run as Python would.
            self.tally.untyped[case.name] = "; ".join(one.message for one in error.diagnostics)
            world, programs = self._compiled(case, typed=False)
        for program in programs:
            steps = [op.step or 0 for op in program.module.ops if isinstance(op, Call)]
            self.tally.calls += len(steps)
            self.tally.span += max(steps, default=-1) + 1
        self.tally.written += sum(map(len, case.turns))
        verdicts = [judge(case, partial(self._turn, programs, world, seed)) for seed in range(seeds)]
        self.tally.verdicts[case.name] = verdicts

    def _turn(
        self, programs: list[llmcc.Program], world: World, seed: int, turn: int, calls: list[str], instances: Any
    ) -> list[str]:
        program = programs[turn]
        world.begin(instances, f"{seed} {turn} {program.text}")
        before = world.work_s
        outcome = run_virtual(partial(llmcc.run, program), seed=seed)
        if outcome.failed is not None or outcome.errors:
            raise RuntimeError(f"the runtime failed on a plan that cannot fail: {outcome.failed or outcome.errors}")
        self.tally.work_s += world.work_s - before
        self.tally.elapsed_s += outcome.elapsed_s
        return msgspec.convert(outcome.value, list[str])

    def _compiled(self, case: Case, *, typed: bool) -> tuple[World, list[llmcc.Program]]:
        key = case.classes, typed
        if key not in self._worlds:
            world = World(case.classes, typed=typed)
            self._worlds[key] = world, self._catalog.apply(world.toolbox)
        world, toolbox = self._worlds[key]
        plans = map(plan_of, case.turns)
        return world, [llmcc.compile(plan, toolbox, level=self._way.level, name=case.name) for plan in plans]
