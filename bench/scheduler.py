"""What the scheduler costs a call, beside bare counters on trio, a task a node on asyncio, and LangGraph.

    python bench/scheduler.py            a table
    python bench/scheduler.py --json     the same figures
    python bench/scheduler.py --quick    up to 10,000 nodes, fewer rounds

Tools do nothing, so that all the time is the scheduler's. There are two kinds of nothing: `instant` returns at once,
`polite` lets others run first, as every asynchronous function that does something has to (one checkpoint in trio, one
`sleep(0)` in asyncio). All times but the two that say `wall` are CPU times of this process, medians over rounds in
which every measurement runs once; a ratio is the median of the rounds' ratios.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import json
import operator
import platform
import statistics
import sys
import time
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, TypedDict

import trio
from measuring import cpu, exponent, options

import llmcc
from llmcc.ir.effects import PURE
from llmcc.ir.expr import Ref
from llmcc.ir.ops import Call, Module
from llmcc.ir.types import ANY
from llmcc.runtime.executor import run_module
from llmcc.runtime.limits import Limits
from llmcc.runtime.models.protocol import Completion, Request
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import tool

SIZES = (1_000, 10_000, 100_000)
LAYER = 50
#: At most; `least` is for figures that should be large. Trio's are those of a task a node, as asyncio's is.
TARGETS = {"over_trio": 2.0, "over_trio_untraced": 1.3, "over_asyncio": 1.0, "exponent": 1.05}
MEMORY_MIB = 1024.0
CHAIN_WALL_MS = 50.0
START_DELAY_MS = 1.0
LANGGRAPH_OVER_OURS = 10.0

#: For each node the ones that it uses, all before it.
Graph = list[tuple[int, ...]]
NoOp = Callable[[], Awaitable[None]]


def wide(size: int) -> Graph:
    """Nobody waits for anybody."""
    return [()] * size


def chain(size: int) -> Graph:
    """Each uses the one before it."""
    return [(i - 1,) if i else () for i in range(size)]


def layered(size: int) -> Graph:
    """Layers of 50; each node uses two of the layer before its own."""
    return [(i - LAYER, i - LAYER - i % LAYER + (i + 1) % LAYER) if i >= LAYER else () for i in range(size)]


SHAPES: dict[str, Callable[[int], Graph]] = {"wide": wide, "chain": chain, "layered": layered}


# -- what is compared --------------------------------------------------------------------------------------------------


def _counters(graph: Graph) -> tuple[list[int], list[list[int]]]:
    """For each node how many it waits for, and which wait for it."""
    dependents: list[list[int]] = [[] for _ in graph]
    for node, uses in enumerate(graph):
        for used in uses:
            dependents[used].append(node)
    return [len(uses) for uses in graph], dependents


async def on_trio(graph: Graph, no_op: NoOp) -> int:
    """A bare scheduler: counts what each node still waits for, starts a task for each that waits for nothing, and keeps
    what it returns. Nobody asks it for arguments, limits, failures, cancellation of one call, or a record.
    """
    unmet, dependents = _counters(graph)
    values: dict[int, None] = {}

    async def work(node: int) -> None:
        values[node] = await no_op()
        for other in dependents[node]:
            unmet[other] -= 1
            if not unmet[other]:
                nursery.start_soon(work, other)

    async with trio.open_nursery() as nursery:
        for node, uses in enumerate(graph):
            if not uses:
                nursery.start_soon(work, node)
    return len(values)


async def on_trio_in_place(graph: Graph, no_op: NoOp) -> int:
    """The same, but a task goes on with the first node that it made ready: a chain is one loop of counting."""
    unmet, dependents = _counters(graph)
    values: dict[int, None] = {}

    async def work(node: int | None) -> None:
        while node is not None:
            values[node] = await no_op()
            following = None
            for other in dependents[node]:
                unmet[other] -= 1
                if unmet[other]:
                    continue
                if following is None:
                    following = other
                else:
                    nursery.start_soon(work, other)
            node = following

    async with trio.open_nursery() as nursery:
        for node, uses in enumerate(graph):
            if not uses:
                nursery.start_soon(work, node)
    return len(values)


async def on_asyncio(graph: Graph, no_op: NoOp) -> int:
    """A task a node, which waits for the tasks of those that it uses."""
    tasks: list[asyncio.Task[None]] = []

    async def work(uses: tuple[int, ...]) -> None:
        for used in uses:
            await tasks[used]
        await no_op()

    async with asyncio.TaskGroup() as group:
        for uses in graph:
            tasks.append(group.create_task(work(uses)))
    return len(tasks)


class State(TypedDict):
    """What LangGraph's nodes change: how many there were."""

    done: Annotated[int, operator.add]


def on_langgraph(graph: Graph) -> Callable[[], object]:
    """The same graph as a LangGraph, compiled; nodes that nobody uses end it."""
    from langgraph.graph import END, START, StateGraph  # type: ignore[import-not-found]

    async def no_op(state: State) -> dict[str, int]:
        return {"done": 1}

    builder = StateGraph(State)
    used = {one for uses in graph for one in uses}
    for node, uses in enumerate(graph):
        builder.add_node(str(node), no_op)
        for source in [str(one) for one in uses] or [START]:
            builder.add_edge(source, str(node))
        if node not in used:
            builder.add_edge(str(node), END)
    compiled = builder.compile()

    async def run() -> None:
        found = await compiled.ainvoke({"done": 0}, {"recursion_limit": len(graph) + 10})
        assert found["done"] >= len(graph)

    return lambda: asyncio.run(run())


@tool(effect="pure")
async def instant(x: int | None = None, y: int | None = None) -> None:
    """Returns at once."""


@tool(effect="pure")
async def polite(x: int | None = None, y: int | None = None) -> None:
    """Lets others run first."""
    await trio.lowlevel.checkpoint()


def module(graph: Graph, tool_name: str) -> Module:
    """The graph as a plan, compiled: what a node uses is its arguments."""
    return Module(
        tuple(
            Call(
                name=f"n{node}",
                type=ANY,
                tool=tool_name,
                args=tuple(zip("xy", (Ref(f"n{one}") for one in uses), strict=False)),
                effect=PURE,
            )
            for node, uses in enumerate(graph)
        ),
        ordered=True,
    )


async def ours(plan: Module, *, trace: bool) -> int:
    """A run with the limits that a run has by itself, but for the number of calls."""
    outcome = await run_module(plan, TOOLBOX, limits=Limits(max_calls=len(plan.ops)), trace=trace)
    assert outcome.ok
    return len(outcome.calls)


TOOLBOX = Toolbox(instant, polite)


# -- measuring ---------------------------------------------------------------------------------------------------------


async def _nothing() -> None:
    pass


async def _asyncio_polite() -> None:
    await asyncio.sleep(0)


def contenders(graph: Graph, kind: str) -> dict[str, Callable[[], int]]:
    """Everything that runs the graph, by name. Each answers how many nodes it ran."""
    trio_no_op: NoOp = _nothing if kind == "instant" else trio.lowlevel.checkpoint
    asyncio_no_op: NoOp = _nothing if kind == "instant" else _asyncio_polite
    plan = module(graph, kind)
    return {
        "traced": lambda: trio.run(lambda: ours(plan, trace=True)),
        "untraced": lambda: trio.run(lambda: ours(plan, trace=False)),
        "trio": lambda: trio.run(on_trio, graph, trio_no_op),
        "trio in place": lambda: trio.run(on_trio_in_place, graph, trio_no_op),
        "asyncio": lambda: asyncio.run(on_asyncio(graph, asyncio_no_op)),
    }


@dataclass(frozen=True)
class Figure:
    """One line of the table; `target` is the most, or with `least` the least, that it may be."""

    name: str
    value: float
    unit: str
    target: float | None = None
    least: bool = False

    @property
    def missed(self) -> bool:
        """Whether there is a target, and it is not reached."""
        return self.target is not None and (self.value < self.target if self.least else self.value > self.target)

    @property
    def group(self) -> str:
        """The part of the name before the colon: figures that share it share a line."""
        return self.name.partition(":")[0]

    def __str__(self) -> str:
        """Value and unit; target, if there is one."""
        value = f"{self.value:.4g}{self.unit}"
        if self.target is None:
            return value
        return f"{value} (at {'least' if self.least else 'most'} {self.target:g}{': MISSED' if self.missed else ''})"


def speeds(kind: str, sizes: tuple[int, ...], rounds: int) -> list[Figure]:
    """Microseconds a node, ratios, and the exponents by which the time grows."""
    found: list[Figure] = []
    for shape, make in SHAPES.items():
        medians: dict[str, list[float]] = {}
        for size in sizes:
            times = _times(make(size), kind, rounds=max(2, rounds * min(10_000, size) // size))
            for name, values in times.items():
                medians.setdefault(name, []).append(statistics.median(values))
            found += _figures(f"{kind} {shape} {size}:", times, size)
        found.append(
            Figure(f"{kind} {shape} exponent: traced", exponent(sizes, medians["traced"]), "", TARGETS["exponent"])
        )
        found.append(Figure(f"{kind} {shape} exponent: trio", exponent(sizes, medians["trio"]), ""))
    return found


def _times(graph: Graph, kind: str, rounds: int) -> dict[str, list[float]]:
    runs = contenders(graph, kind)
    times: dict[str, list[float]] = {name: [] for name in runs}
    repeats = max(1, 3_000 // len(graph))
    for name, run in runs.items():
        assert run() == len(graph), name
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(cpu(lambda run=run: [run() for _ in range(repeats)], freeze=True) / repeats)  # type: ignore[misc]
    return times


def _figures(name: str, times: dict[str, list[float]], size: int) -> list[Figure]:
    def over(one: str, other: str) -> float:
        return statistics.median(a / b for a, b in zip(times[one], times[other], strict=True))

    return [
        *(Figure(f"{name} {who}", statistics.median(values) / size * 1e6, "us") for who, values in times.items()),
        Figure(f"{name} over trio", over("traced", "trio"), "x", TARGETS["over_trio"]),
        Figure(f"{name} untraced over trio", over("untraced", "trio"), "x", TARGETS["over_trio_untraced"]),
        Figure(f"{name} over trio in place", over("traced", "trio in place"), "x"),
        Figure(f"{name} over asyncio", over("traced", "asyncio"), "x", TARGETS["over_asyncio"]),
    ]


def langgraph(rounds: int, size: int = 1_000) -> list[Figure]:
    """LangGraph's time over ours; nothing where it is not installed."""
    if importlib.util.find_spec("langgraph") is None:
        return []
    found = []
    for shape, make in SHAPES.items():
        plan, theirs = module(make(size), "instant"), on_langgraph(make(size))
        theirs()
        runs = theirs, lambda p=plan: trio.run(lambda: ours(p, trace=True))
        pairs = [tuple(cpu(run, freeze=True) for run in runs) for _ in range(rounds)]
        found.append(
            Figure(f"langgraph {shape} {size}: time", statistics.median(a for a, _ in pairs) / size * 1e6, "us")
        )
        ratio = statistics.median(a / b for a, b in pairs)
        found.append(Figure(f"langgraph {shape} {size}: over ours", ratio, "x", LANGGRAPH_OVER_OURS, least=True))
    return found


def chain_wall(rounds: int) -> list[Figure]:
    """How long a chain of 100 calls takes, start and end of trio left out."""
    plan = module(chain(100), "polite")

    async def main() -> float:
        start = time.perf_counter()
        await ours(plan, trace=True)
        return time.perf_counter() - start

    found = statistics.median(trio.run(main) for _ in range(rounds * 3))
    return [Figure("chain of 100: wall", found * 1e3, "ms", CHAIN_WALL_MS)]


def memory(size: int) -> list[Figure]:
    """The peak of what is allocated while a plan runs (tracemalloc); the plan itself is there before."""
    found = []
    for shape, make in SHAPES.items():
        plan = module(make(size), "instant")
        gc.collect()
        tracemalloc.start()
        trio.run(lambda p=plan: ours(p, trace=True))  # type: ignore[misc]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        found.append(Figure(f"memory: {shape} {size}", peak / 2**20, "MiB", MEMORY_MIB))
    return found


class Dictation:
    """A model that writes `text` in chunks of a few characters, a millisecond apart, and notes when a line is done."""

    name = "dictation"
    constrains = False

    def __init__(self, text: str) -> None:
        self.text = text
        self.ended: list[float] = []

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Completion]:
        """Streams the text."""

        async def write() -> AsyncGenerator[str]:
            for line in self.text.splitlines():
                for start in range(0, len(line), 4):
                    yield line[start : start + 4]
                await trio.sleep(0.001)
                self.ended.append(time.perf_counter())
                yield "\n"

        async with aclosing(write()) as chunks:
            yield Completion(chunks, finish="stop")


def start_delay(calls: int) -> list[Figure]:
    """From the chunk that completes a call's line to the tool's first instruction, while a model writes."""
    begun: dict[int, float] = {}

    @tool(effect="read", resource="web")
    async def look(number: int) -> int:
        """Looks something up."""
        begun[number] = time.perf_counter()
        return number

    text = "".join(f"v{i} = look({i})\n" for i in range(calls)) + "return v0\n"
    model = Dictation(text)
    agent = llmcc.Agent(Toolbox(look), planner=model, max_plan_tokens=10**6)  # type: ignore[arg-type]
    answer = agent.ask_sync("What is there?")
    assert answer.problem is None and len(begun) == calls, answer.problem
    delays = [begun[i] - model.ended[i] for i in range(calls)]
    return [Figure("streamed call: start, wall", statistics.median(delays) * 1e3, "ms", START_DELAY_MS)]


def table(figures: list[Figure]) -> str:
    """Figures whose names differ in the last part only share a line, if there are several."""
    lines: dict[str, list[Figure]] = {}
    for one in figures:
        lines.setdefault(one.group, []).append(one)
    return "\n".join(
        f"{group + ':':25}" + "  ".join(f"{one.name.removeprefix(group).strip(': ')} {one}" for one in found)
        for group, found in lines.items()
    )


def main() -> int:
    """Measures, prints, and returns 1 if a target is missed."""
    parser = options(__doc__, rounds=9)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    sizes = SIZES[:2] if given.quick else SIZES
    rounds = 3 if given.quick else given.rounds
    figures = [
        *speeds("instant", sizes, rounds),
        *speeds("polite", sizes, rounds),
        *langgraph(max(2, rounds // 3)),
        *chain_wall(rounds),
        *start_delay(200),
        *memory(sizes[-1]),
    ]
    missed = [one.name for one in figures if one.missed]
    versions = {"python": platform.python_version(), "trio": trio.__version__}
    if given.json:
        values = {one.name: {"value": one.value, "unit": one.unit, "target": one.target} for one in figures}
        print(json.dumps({"figures": values, "missed": missed, "versions": versions}, indent=2))
        return bool(missed)
    print(", ".join(f"{name} {version}" for name, version in versions.items()))
    print(table(figures))
    if importlib.util.find_spec("langgraph") is None:
        print("LangGraph is not installed, and left out (make bench-scheduler installs it)")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
