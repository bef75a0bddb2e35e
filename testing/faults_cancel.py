"""A row of the table of faults: a run is cancelled at each of its steps, in each of the ways there are."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import trio

from llmcc.driver.program import compile
from llmcc.ir.ops import Module
from llmcc.ir.signature import Signature
from llmcc.ir.values import Value, canonical
from llmcc.runtime.executor import Execution
from llmcc.runtime.limits import Limits
from llmcc.runtime.outcome import CallEnded, CallStarted, Outcome
from llmcc.testing.clock import run_virtual
from llmcc.testing.drawn import drawn, simulations
from llmcc.testing.reference import reference_run
from llmcc.testing.schedule import Schedule
from llmcc.testing.tools import SimulatedTools

Way: TypeAlias = Literal["scope", "word", "deadline", "ctrl-c"]
WAYS: tuple[Way, ...] = ("scope", "word", "deadline", "ctrl-c")
#: Seconds of virtual time in which a cancelled run must be over.
SOON_S = 1.0


def cancel_at_any_step(plans: int = 50) -> tuple[int, int]:
    """Cancelled at any step, a run stops within 1 s, keeps what is finished and leaves nothing behind."""
    with _ctrl_c_counts():
        return _each_step(plans)


def _each_step(plans: int) -> tuple[int, int]:
    tried = failed = 0
    for number, (text, tools) in enumerate(drawn(simulations(), plans)):
        for way in WAYS:
            step = 0
            while (found := _cancelled(text, tools, number, step, way)) is not None:
                tried += 1
                failed += bool(found)
                if found:
                    print(f"plan {number}, step {step}, {way}: {'; '.join(found)}\n{text}")
                step += 1
    return tried, failed


@contextmanager
def _ctrl_c_counts() -> Iterator[None]:
    """What a shell starts in the background ignores Ctrl-C, and so would all that runs here."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@dataclass
class _Watched:
    """One run, and what was seen of it until step number `stop_at`, when `stop` is called."""

    stop_at: int
    stop: Callable[[], None] = lambda: None
    steps: int = 0
    stopped_s: float | None = None
    started: set[str] = field(default_factory=set)
    done: dict[str, Value] = field(default_factory=dict)

    def __call__(self, news: CallStarted | CallEnded) -> None:
        if isinstance(news, CallStarted):
            self.started.add(news.key)
        elif self.stopped_s is None and news.record.status == "done" and "." not in news.record.key:
            self.done[news.record.key] = news.value
        self.steps += 1
        self.reach(self.steps)

    def reach(self, step: int) -> None:
        """Stops the run if it is time to."""
        if step == self.stop_at:
            self.stopped_s = trio.current_time()
            self.stop()


@dataclass(frozen=True)
class _Ended:
    """A run that is over: when it was, in virtual seconds, and the tasks that are left."""

    outcome: Outcome
    execution: Execution
    over_s: float
    left: int


def _cancelled(text: str, tools: Mapping[str, Signature], seed: int, step: int, way: Way) -> list[str] | None:
    """Which promises a run broke that was cancelled at that step; None if the run has no such step."""

    def once(watched: _Watched, way: Way, deadline_s: float | None) -> tuple[SimulatedTools, _Ended]:
        world = SimulatedTools(tools.values(), schedule=Schedule(seed), failing=0.1)
        module = compile(text, world.toolbox()).module
        limits = Limits(deadline_s=deadline_s)
        return world, run_virtual(lambda: _run(module, world, watched, limits, way), seed=seed)

    watched = _Watched(step)
    world, ended = once(watched, "scope" if way == "deadline" else way, None)
    if watched.stopped_s is None:
        return None
    stopped_s = watched.stopped_s
    if way == "deadline":  # it had to be known before when that step is
        watched = _Watched(-1)
        world, ended = once(watched, way, stopped_s)
    return [*_broken(text, world, watched, ended, stopped_s)]


async def _run(module: Module, world: SimulatedTools, watched: _Watched, limits: Limits, way: Way) -> _Ended:
    before = trio.lowlevel.current_statistics().tasks_living
    kept: list[Execution] = []
    try:
        with trio.CancelScope() as scope:
            async with Execution.open(world.toolbox(), limits=limits, observer=watched) as execution:
                kept.append(execution)
                asked = trio.Event()
                watched.stop = {"scope": scope.cancel, "word": asked.set, "ctrl-c": _interrupt}.get(way, _nothing)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_cancel, execution, asked)
                    watched.reach(0)
                    execution.add(module.ops)
                    execution.accept()
                    await execution.finished()
                    nursery.cancel_scope.cancel()
    except* KeyboardInterrupt:
        if way != "ctrl-c":
            raise
    over_s = trio.current_time()
    return _Ended(kept[0].outcome(), kept[0], over_s, trio.lowlevel.current_statistics().tasks_living - before)


async def _cancel(execution: Execution, asked: trio.Event) -> None:
    await asked.wait()
    execution.cancel("by design")


def _interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def _nothing() -> None:
    """A deadline comes by itself."""


def _broken(text: str, world: SimulatedTools, watched: _Watched, ended: _Ended, stopped_s: float) -> Iterator[str]:
    expected = reference_run(text, world)
    values = ended.outcome.values
    if ended.over_s - stopped_s > SOON_S:
        yield f"it took {ended.over_s - stopped_s:g} s"
    for name, value in watched.done.items():
        if name not in values or canonical(values[name]) != canonical(value):
            yield f"the result of {name} is lost"
    for name, value in values.items():
        if name in expected.failures or canonical(value) != canonical(expected.values.get(name, value)):
            yield f"{name} has a wrong value"
    if {one.key for one in ended.outcome.calls} != watched.started:
        yield "a call has started and has no end"
    if world.overlaps:
        yield "conflicting calls overlapped"
    if ended.left or ended.outcome.abandoned:
        yield f"{ended.left} tasks are left"
    ended.execution.machine.validate()
