"""What a plan will take: steps, critical paths, and the time of a schedule under the tools' limits. All times in
seconds.

A call takes what the cost model says, an expression nothing. A map takes its body's critical path as often as its
elements have to come after one another; where their number is not known, it is assumed.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from llmcc.ir.expr import ListOf
from llmcc.ir.ops import Call, Compute, Map, Module, ValueOp, uses
from llmcc.ir.printer import print_name
from llmcc.ir.signature import Signature
from llmcc.optimizer.cost import latency_s, most_at_once
from llmcc.optimizer.times import human

#: How many elements a map is assumed to have, if its source does not show it.
ELEMENTS = 10
#: How many steps, and values of one step, a summary names.
SUMMARY = 20

#: How many elements a map has: for those that do not show it, or a function that tells it of each.
Elements: TypeAlias = int | Callable[[Map], int]


def before(op: ValueOp) -> list[str]:
    """The values and ops that an op has to wait for (also those from outside its level), each once."""
    return list(dict.fromkeys((*uses(op), *op.after)))


def earliest_steps(ops: Iterable[ValueOp], width: int = 0) -> dict[str, int]:
    """The parallel step of each op of one level, from 0: the longest chain of calls and maps before it.

    With a `width`, no step holds more calls and maps than that; those that come first in the program come first.
    """
    steps: dict[str, int] = {}
    following: dict[str, int] = {}
    held: dict[int, int] = {}
    full = _Full()
    for op in ops:
        step = max((following[name] for name in before(op) if name in following), default=0)
        if not isinstance(op, Compute) and width:
            step = full.next_free(step)
            held[step] = held.get(step, 0) + 1
            if held[step] == width:
                full.close(step)
        steps[op.name] = step
        following[op.name] = step if isinstance(op, Compute) else step + 1
    return steps


class _Full:
    """Which steps are full, and which is the next that is not."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}

    def close(self, step: int) -> None:
        self._next[step] = step + 1

    def next_free(self, step: int) -> int:
        passed = []
        while step in self._next:
            passed.append(step)
            step = self._next[step]
        self._next.update(dict.fromkeys(passed, step))
        return step


def duration(op: ValueOp, signatures: Mapping[str, Signature], elements: Elements = ELEMENTS) -> float:
    """How long an op is estimated to take, in seconds."""
    if isinstance(op, Compute):
        return 0.0
    if isinstance(op, Call):
        return latency_s(op.tool, signatures)
    count = _elements(op, elements)
    once = max(critical_paths(op.body, signatures, elements).values(), default=0.0)
    return once * (count if op.ordered else math.ceil(count / min([count or 1, *_limits(op, signatures)])))


def _elements(op: Map, elements: Elements) -> int:
    if callable(elements):
        return elements(op)
    return len(op.source.items) if isinstance(op.source, ListOf) else elements


def _limits(op: Map, signatures: Mapping[str, Signature]) -> list[int]:
    """The limits of the tools that a map's body calls."""
    return list(most_at_once((one for one in op.body if isinstance(one, Call)), signatures).values())


def critical_paths(
    ops: Sequence[ValueOp], signatures: Mapping[str, Signature], elements: Elements = ELEMENTS
) -> dict[str, float]:
    """For each op of one level the length, in seconds, of the longest path from its start to the end of the level."""
    paths: dict[str, float] = {}
    behind: dict[str, float] = {}
    for op in reversed(ops):
        paths[op.name] = length = duration(op, signatures, elements) + behind.get(op.name, 0.0)
        for name in before(op):
            behind[name] = max(behind.get(name, 0.0), length)
    return paths


class Bar(msgspec.Struct, frozen=True):
    """One call or map in the estimated schedule; times in seconds from the start."""

    op: Call | Map
    step: int
    start_s: float
    finish_s: float


class Estimate(msgspec.Struct, frozen=True):
    """The schedule that a list scheduler makes of a plan; times in seconds.

    `makespan_s` is its length under the limits; `span_s` the length of the critical path, which no schedule can beat;
    `work_s` the sum of all calls; `peak` the number of calls that run at the same time at most.
    """

    bars: tuple[Bar, ...]
    makespan_s: float
    span_s: float
    work_s: float
    peak: int

    @property
    def parallelism(self) -> float:
        """Work over span: how many calls could run together on average (1 for a plan that takes no time)."""
        return self.work_s / self.span_s if self.span_s else 1.0


def estimate(
    module: Module, signatures: Mapping[str, Signature] | None = None, *, width: int = 0, elements: int = ELEMENTS
) -> Estimate:
    """Estimates a plan's schedule: what is ready starts by the longest path first, as far as limits allow.

    The limits are those of the tools, and `width` for all calls together (0: none). Order edges must be in the module.
    """
    known = signatures or {}
    ops = module.values
    paths = critical_paths(ops, known, elements)
    times, peak = _Simulation(ops, known, paths, width, elements).run()
    steps = earliest_steps(ops, width)
    bars = tuple(Bar(op, steps[op.name], *times[op.name]) for op in ops if not isinstance(op, Compute))
    return Estimate(
        bars=bars,
        makespan_s=max((finish for _, finish in times.values()), default=0.0),
        span_s=max(paths.values(), default=0.0),
        work_s=sum(duration(op, known, elements) for op in ops),
        peak=peak,
    )


def summary(module: Module, signatures: Mapping[str, Signature] | None = None) -> list[str]:
    """What a reader wants to know of a schedule at a glance: a line for each step, and one with the totals."""
    found = estimate(module, signatures)
    steps: dict[int, list[str]] = {}
    for bar in found.bars:
        steps.setdefault(bar.step, []).append(print_name(bar.op.name))
    lines = [f"step {step}: {_some(names)}" for step, names in sorted(steps.items())]
    lines = lines if len(lines) <= SUMMARY else [*lines[:SUMMARY], f"and {len(lines) - SUMMARY} more steps"]
    calls, times = _count(len(found.bars), "call"), f"{human(found.makespan_s)}, one by one {human(found.work_s)}"
    return [
        *lines,
        f"{calls} in {_count(len(steps), 'step')}, at most {found.peak} at the same time; estimated {times}",
    ]


def _some(names: list[str]) -> str:
    more = len(names) - SUMMARY
    return ", ".join(names[:SUMMARY]) + (f" and {more} more" if more > 0 else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class _Simulation:
    """List scheduling over estimated durations."""

    def __init__(
        self,
        ops: Sequence[ValueOp],
        signatures: Mapping[str, Signature],
        paths: Mapping[str, float],
        width: int,
        elements: int,
    ) -> None:
        self.ops = ops
        self.durations = [duration(op, signatures, elements) for op in ops]
        self.order = [-paths[op.name] for op in ops]
        self.width = width or math.inf
        places = {op.name: i for i, op in enumerate(ops)}
        before_each = [[places[name] for name in before(op) if name in places] for op in ops]
        self.missing = [len(names) for names in before_each]
        self.after: list[list[int]] = [[] for _ in ops]
        for i, names in enumerate(before_each):
            for j in names:
                self.after[j].append(i)
        self.room = most_at_once((op for op in ops if isinstance(op, Call)), signatures)
        self.ready: list[tuple[float, int]] = []
        self.waiting: dict[str, list[tuple[float, int]]] = {}
        self.running: list[tuple[float, int]] = []
        self.busy = 0
        self.peak = 0
        self.times: dict[str, tuple[float, float]] = {}

    def run(self) -> tuple[dict[str, tuple[float, float]], int]:
        """Start and finish of each op, and how many calls ran at the same time at most."""
        self.ready = [(self.order[i], i) for i, missing in enumerate(self.missing) if not missing]
        heapq.heapify(self.ready)
        self.start_all(0.0)
        while self.running:
            now = self.running[0][0]
            while self.running and self.running[0][0] <= now:
                self.finish(heapq.heappop(self.running)[1])
            self.start_all(now)
        return self.times, self.peak

    def start_all(self, now: float) -> None:
        """Starts what is ready and has room."""
        held = []
        while self.ready:
            entry = heapq.heappop(self.ready)
            op = self.ops[entry[1]]
            if isinstance(op, Call) and self.room.get(op.tool) == 0:
                heapq.heappush(self.waiting.setdefault(op.tool, []), entry)
            elif not isinstance(op, Compute) and self.busy >= self.width:
                held.append(entry)
                break
            else:
                self.start(entry[1], now)
        for entry in held:
            heapq.heappush(self.ready, entry)

    def start(self, i: int, now: float) -> None:
        op = self.ops[i]
        heapq.heappush(self.running, (now + self.durations[i], i))
        self.times[op.name] = (now, now + self.durations[i])
        if isinstance(op, Call) and op.tool in self.room:
            self.room[op.tool] -= 1
        if not isinstance(op, Compute):
            self.busy += 1
            self.peak = max(self.peak, self.busy)

    def finish(self, i: int) -> None:
        op = self.ops[i]
        if isinstance(op, Call) and op.tool in self.room:
            self.room[op.tool] += 1
            if self.waiting.get(op.tool):
                heapq.heappush(self.ready, heapq.heappop(self.waiting[op.tool]))
        if not isinstance(op, Compute):
            self.busy -= 1
        for j in self.after[i]:
            self.missing[j] -= 1
            if not self.missing[j]:
                heapq.heappush(self.ready, (self.order[j], j))
