"""Tasks that make one call after another: what one call leaves behind must not strike the next."""

from __future__ import annotations

import math
from typing import Any

import pytest
import trio

from llmcc.ir.effects import PURE
from llmcc.ir.expr import Const, Ref
from llmcc.ir.ops import Call, Join, Module, Op, Return
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import ANY
from llmcc.runtime.executor import Execution, run_module
from llmcc.runtime.limits import Limits
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import Tool
from llmcc.testing.clock import run_virtual
from llmcc.testing.tools import fake
from llmcc.testing.work import work_of


def call(name: str, tool: str, *uses: str, **rest: Any) -> Call:
    args = tuple(zip("xyz", map(Ref, uses), strict=False))
    return Call(name=name, type=ANY, tool=tool, args=args, effect=PURE, **rest)


def tool(name: str, function: Any, **rules: Any) -> Tool:
    parameters = tuple(Parameter(one, required=False) for one in "xyz")
    return Tool(Signature(name=name, parameters=parameters, effect=PURE, **rules), function)


def run(*ops: Op, tools: list[Tool], **limits: Any) -> Outcome:
    module = Module(ops, ordered=True)
    return run_virtual(lambda: run_module(module, Toolbox(*tools), limits=Limits(**limits), seed=1))


def test_a_call_after_one_that_timed_out_runs_on_in_the_same_task() -> None:
    ops = [
        call("a", "quick"),
        call("b", "hangs", "a", catch=Const(0)),
        call("c", "quick", "b"),
        call("d", "hangs", "c", catch=Const(0)),
        call("e", "quick", "d"),
    ]
    outcome = run(*ops, tools=[fake("quick", 1, latency="1s"), fake("hangs", latency="9h", timeout_s=2.0)])
    assert [(one.key, one.status, one.ended_s) for one in outcome.calls] == [
        ("a", "done", 1.0),
        ("b", "failed", 3.0),
        ("c", "done", 4.0),
        ("d", "failed", 6.0),
        ("e", "done", 7.0),
    ]


def test_the_earliest_of_many_time_outs_comes_first_whatever_came_before() -> None:
    limits = [9.0, 2.0, 5.0, 1.0, 7.0]
    tools = [fake(f"t{i}", latency="1h", timeout_s=limit) for i, limit in enumerate(limits)]
    outcome = run(*(call(f"c{i}", f"t{i}") for i in range(5)), tools=tools)
    assert [one.ended_s for one in outcome.calls] == sorted(limits)
    assert {failure.error for failure in outcome.errors} == {"ToolTimeout"}


def test_no_time_at_all_is_a_time_out_before_the_tool_is_called() -> None:
    called: list[str] = []

    async def note() -> None:
        called.append("called")

    outcome = run(call("a", "t"), tools=[tool("t", note)], timeout_s=0.0)
    assert [failure.error for failure in outcome.errors] == ["ToolTimeout"] and called == []


@pytest.mark.parametrize("ends", ["returns", "raises"])
def test_a_cancelled_call_that_ends_all_the_same_does_not_cancel_the_next(ends: str) -> None:
    async def stubborn(**_: Any) -> int:
        with trio.CancelScope(shield=True):
            await trio.sleep(2)
        if ends == "raises":
            raise ValueError("so what")
        return 1

    async def main() -> Outcome:
        async with Execution.open(Toolbox(tool("stubborn", stubborn), fake("t", 7, latency="1s"))) as execution:
            execution.add([call("a", "stubborn")])
            await trio.sleep(1)
            execution.reject("another one")
            await trio.sleep(5)
            execution.add([call("b", "t"), call("c", "t"), Return(expr=Ref("c"))])
            execution.accept()
            return await execution.finished()

    outcome = run_virtual(main)
    assert outcome.value == 7 and outcome.elapsed_s == pytest.approx(7)
    assert [one.key for one in outcome.calls] == ["a", "b", "c"]


def test_calls_that_never_wait_let_others_run() -> None:
    async def at_once(**_: Any) -> int:
        return 1

    async def main() -> int:
        turns = 0

        async def other() -> None:
            nonlocal turns
            while True:
                await trio.lowlevel.checkpoint()
                turns += 1

        async with trio.open_nursery() as nursery:
            nursery.start_soon(other)
            ops = [call(f"c{i}", "t", *([f"c{i - 1}"] if i else [])) for i in range(2_000)]
            await run_module(Module(tuple(ops), ordered=True), Toolbox(tool("t", at_once)))
            nursery.cancel_scope.cancel()
        return turns

    assert run_virtual(main) >= 20


@pytest.mark.parametrize("timeout_s", [60.0, None])
@pytest.mark.parametrize("waits", [False, True])
def test_a_run_that_was_left_calls_no_further_tool(waits: bool, timeout_s: float | None) -> None:
    """The scope around the run is cancelled by a tool that does not notice: the next one in the chain is not called,
    whether or not one before it has waited, and whether or not there are time-outs that anybody looks after.
    """
    called: list[int] = []

    async def main() -> None:
        with trio.CancelScope() as around:

            async def third_time_stops(**_: Any) -> int:
                called.append(len(called))
                if waits and len(called) == 1:
                    await trio.sleep(1)
                if len(called) == 3:
                    around.cancel()
                return 1

            ops = [call(f"c{i}", "t", *([f"c{i - 1}"] if i else [])) for i in range(10)]
            limits = Limits(timeout_s=timeout_s)
            await run_module(Module(tuple(ops), ordered=True), Toolbox(tool("t", third_time_stops)), limits=limits)

    run_virtual(main)
    assert called == [0, 1, 2]


class Spawned(trio.abc.Instrument):
    """Counts tasks."""

    def __init__(self) -> None:
        self.count = 0

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        """One more."""
        self.count += 1


def test_tasks_are_not_made_anew_for_each_call_that_becomes_ready() -> None:
    """Ten times eight calls that all wait for the eight before them."""
    ops = [
        call(f"c{level}_{i}", "t", *([f"c{level - 1}_{i}", f"c{level - 1}_{(i + 1) % 8}"] if level else []))
        for level in range(10)
        for i in range(8)
    ]
    spawned = Spawned()
    module = Module(tuple(ops), ordered=True)
    outcome = trio.run(
        lambda: run_module(module, Toolbox(fake("t", 1, parameters="xyz"))),
        clock=trio.testing.MockClock(autojump_threshold=0),
        instruments=[spawned],
    )
    assert len(outcome.calls) == 80 and outcome.ok
    assert spawned.count <= 8 + 5


class Stepped(trio.abc.Instrument):
    """Counts how often a task goes on."""

    def __init__(self) -> None:
        self.count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Once more."""
        self.count += 1


def test_calls_that_never_wait_are_made_without_a_change_of_tasks() -> None:
    """Half of the calls make two others ready, half of them none: a lane that has none takes what is there."""

    async def at_once(**_: Any) -> int:
        return 1

    ops = [call("c0_0", "t"), call("c0_1", "t", "c0_0")]
    for level in range(1, 40):
        ops += [call(f"c{level}_0", "t", f"c{level - 1}_0"), call(f"c{level}_1", "t", f"c{level}_0")]
    stepped = Stepped()
    outcome = trio.run(
        lambda: run_module(Module(tuple(ops), ordered=True), Toolbox(tool("t", at_once))),
        clock=trio.testing.MockClock(autojump_threshold=0),
        instruments=[stepped],
    )
    assert len(outcome.calls) == 80 and outcome.ok
    assert stepped.count < 25


@pytest.mark.parametrize("seed", range(8))
def test_a_call_that_is_given_up_before_its_lane_comes_to_it_is_cancelled_once(seed: int) -> None:
    """At one moment a lane is woken for a call that is given up at once, and another lane looks for a call: in some
    order, that the seed decides.
    """
    begun: list[str] = []

    async def nap(x: float = 0.0, y: str = "") -> str:
        begun.append(y)
        await trio.sleep(x)
        return y

    def named(name: str, seconds: float) -> Call:
        return Call(name=name, type=ANY, tool="nap", args=(("x", Const(seconds)), ("y", Const(name))), effect=PURE)

    async def main() -> Outcome:
        async with Execution.open(Toolbox(tool("nap", nap))) as execution:
            execution.add([named("rests", 1.0), named("ends", 3.0), Join(args=(("r", Ref("rests")),))])
            execution.accept()
            await execution.joined()
            await trio.sleep(2)
            execution.add([named("dropped", 9.0), named("dropped2", 9.0)])
            execution.reject("no")
            execution.add([named("last", 1.0), Return(expr=Ref("last"))])
            execution.accept()
            return await execution.finished()

    outcome = run_virtual(main, seed=seed)
    told = [(one.key, one.status) for one in outcome.calls]
    assert sorted(told) == [
        ("dropped", "cancelled"),
        ("dropped2", "cancelled"),
        ("ends", "done"),
        ("last", "done"),
        ("rests", "done"),
    ]
    assert outcome.value == "last" and sorted(begun) == ["ends", "last", "rests"]


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["wide", "chain"])
def test_a_call_costs_the_scheduler_a_bounded_number_of_steps(shape: str) -> None:
    async def at_once(**_: Any) -> int:
        return 1

    toolbox = Toolbox(tool("t", at_once))

    def work(count: int) -> int:
        ops = [call(f"c{i}", "t", *([f"c{i - 1}"] if i and shape == "chain" else [])) for i in range(count)]
        module = Module(tuple(ops), ordered=True)
        return work_of(lambda: run_virtual(lambda: run_module(module, toolbox)))

    few, many = work(200), work(1_600)
    assert (many - few) / 1_400 < 65
    assert math.log(many / few) / math.log(8) < 1.02
