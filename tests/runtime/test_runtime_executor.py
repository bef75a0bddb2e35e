"""The executor on the virtual clock: what overlaps, what fails, what is cancelled, to the second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import trio

from llmcc.ir.effects import PURE, Effect
from llmcc.ir.errors import Cancelled, ToolError, ToolInputError
from llmcc.ir.expr import Const, ListOf, Ref
from llmcc.ir.ops import Call, Join, Map, Module, Op, Return
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import ANY, INT
from llmcc.runtime.executor import Execution, run_module
from llmcc.runtime.limits import Limits
from llmcc.runtime.outcome import CallEnded, CallStarted, Outcome
from llmcc.runtime.state import IllegalTransition
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import Tool
from llmcc.testing.clock import run_virtual, seeded_scheduler
from llmcc.testing.tools import fake

WRITE = Effect("write", ("w",))


def call(name: str, tool: str = "t", *uses: str, **rest: Any) -> Call:
    args = (("x", ListOf(tuple(map(Ref, uses)))),) if uses else ()
    return Call(name=name, type=ANY, tool=tool, args=args, **{"effect": PURE, **rest})


def run(ops: Sequence[Op], *tools: Tool, seed: int = 0, **limits: Any) -> Outcome:
    module = Module(tuple(ops), ordered=True)
    return run_virtual(lambda: run_module(module, Toolbox(*tools), limits=Limits(**limits), seed=seed), seed=seed)


def times(outcome: Outcome) -> dict[str, tuple[float, float]]:
    return {one.key: (round(one.started_s, 6), round(one.ended_s, 6)) for one in outcome.calls}


def test_independent_calls_overlap_and_dependent_ones_start_at_once() -> None:
    ops: list[Op] = [
        call("a", "slow"),
        call("b", "fast"),
        call("c", "fast", "b"),
        Join(args=(("a", Ref("a")), ("c", Ref("c")))),
    ]
    outcome = run(ops, fake("slow", "A", latency="4s"), fake("fast", "B", latency="1s"))
    assert times(outcome) == {"a": (0, 4), "b": (0, 1), "c": (1, 2)}
    assert outcome.elapsed_s == pytest.approx(4)
    assert outcome.value == {"a": "A", "c": "B"}
    assert outcome.ok and outcome.errors == () and outcome.abandoned == ()


def test_the_limit_of_a_tool_and_of_the_run_make_calls_wait() -> None:
    ops: list[Op] = [call(f"a{i}", "two") for i in range(4)]
    assert run(ops, fake("two", latency="1s", limit=2)).elapsed_s == pytest.approx(2)
    assert run(ops, fake("two", latency="1s", limit=2), max_running=1).elapsed_s == pytest.approx(4)


def test_a_map_takes_as_long_as_its_slowest_element() -> None:
    async def nap(x: float) -> float:
        await trio.sleep(x)
        return x

    body = (Call(name="m.1", type=ANY, tool="nap", args=(("x", Ref("v")),), effect=PURE),)
    source = ListOf(tuple(Const(n) for n in (3, 1, 2)))
    op = Map(name="m", type=ANY, var="v", var_type=ANY, source=source, body=body, result=Ref("m.1"), ordered=False)
    outcome = run([op, Return(expr=Ref("m"))], Tool(Signature(name="nap", parameters=(Parameter("x"),)), nap))
    assert outcome.value == [3, 1, 2] and outcome.elapsed_s == pytest.approx(3)
    assert outcome.values == {"m": [3, 1, 2]}


def test_a_time_out_is_a_failure_of_that_call_only() -> None:
    outcome = run([call("a", "hangs"), call("b", "t")], fake("hangs", latency="1h", timeout_s=2.0), fake("t", 1))
    assert [(f.error, f.op) for f in outcome.errors] == [("ToolTimeout", "a")]
    assert outcome.values == {"b": 1} and outcome.elapsed_s == pytest.approx(2)


def test_a_tool_without_a_time_out_of_its_own_gets_that_of_the_run() -> None:
    outcome = run([call("a", "hangs")], fake("hangs", latency="9h"))
    assert outcome.elapsed_s == pytest.approx(120) and not outcome.ok


def test_retries_wait_longer_and_longer_and_are_counted() -> None:
    passing = ConnectionError("again")
    outcome = run([call("a"), Return(expr=Ref("a"))], fake("t", 7, fails=passing, failures=3, retries=3))
    assert outcome.value == 7
    (record,) = outcome.calls
    assert (record.attempts, record.status, record.error) == (4, "done", None)
    assert 0 < outcome.elapsed_s <= 0.1 + 0.2 + 0.4
    assert run([call("a")], fake("t", fails=passing, retries=1)).calls[0].attempts == 2


def test_a_write_is_not_tried_twice() -> None:
    outcome = run([call("a", effect=WRITE)], fake("t", fails=ConnectionError("lost"), effect=WRITE, retries=5))
    assert outcome.calls[0].attempts == 1 and outcome.calls[0].status == "failed"


class Odd(BaseException):
    def __str__(self) -> str:
        raise RuntimeError("no text")


RAISED: list[tuple[Callable[[], BaseException], str, str]] = [
    (lambda: ValueError("v"), "ValueError", "v"),
    (lambda: ValueError(), "ValueError", "ValueError"),
    (lambda: KeyError("k"), "KeyError", "'k'"),
    (lambda: IndexError(3), "IndexError", "3"),
    (lambda: TypeError("t"), "TypeError", "t"),
    (lambda: AttributeError("a"), "AttributeError", "a"),
    (lambda: NameError("n"), "NameError", "n"),
    (lambda: ZeroDivisionError("z"), "ZeroDivisionError", "z"),
    (lambda: OverflowError("o"), "OverflowError", "o"),
    (lambda: RecursionError("r"), "RecursionError", "r"),
    (lambda: MemoryError("m"), "MemoryError", "m"),
    (lambda: NotImplementedError("n"), "NotImplementedError", "n"),
    (lambda: AssertionError("a"), "AssertionError", "a"),
    (lambda: OSError(2, "gone"), "FileNotFoundError", "[Errno 2] gone"),
    (lambda: ConnectionError("c"), "ConnectionError", "c"),
    (lambda: TimeoutError("t"), "TimeoutError", "t"),
    (lambda: EOFError("e"), "EOFError", "e"),
    (lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "UnicodeDecodeError", "bad"),
    (lambda: ToolError("said"), "ToolError", "said"),
    (lambda: ToolInputError("wrong"), "ToolInputError", "wrong"),
    (lambda: StopIteration("s"), "RuntimeError", "StopIteration"),
    (lambda: StopAsyncIteration("s"), "StopAsyncIteration", "s"),
    (lambda: GeneratorExit("g"), "GeneratorExit", "g"),
    (lambda: SystemExit(3), "SystemExit", "3"),
    (lambda: KeyboardInterrupt("k"), "KeyboardInterrupt", "k"),
    (lambda: asyncio.CancelledError("c"), "CancelledError", "c"),
    (lambda: trio.TooSlowError("slow"), "TooSlowError", "slow"),
    (lambda: BaseException("b"), "BaseException", "b"),
    (lambda: ExceptionGroup("two", [ValueError("1"), OSError("2")]), "ExceptionGroup", "ValueError: 1; OSError: 2"),
    (lambda: BaseExceptionGroup("all", [SystemExit(1)]), "BaseExceptionGroup", "SystemExit: 1"),
    (lambda: Odd(), "Odd", "Odd, whose text fails with RuntimeError"),
    (lambda: ValueError("\x1b[31m\u202e"), "ValueError", "\\u{1b}[31m\\u{202e}"),
    (lambda: ValueError("x" * 10_000), "ValueError", "xxx…"),
]


@pytest.mark.parametrize(("make", "error", "text"), RAISED)
def test_whatever_a_tool_raises_fails_its_call_and_no_other(
    make: Callable[[], BaseException], error: str, text: str
) -> None:
    outcome = run([call("a", "bad"), call("b", "good")], fake("bad", fails=make()), fake("good", 1, latency="1s"))
    assert [f.error for f in outcome.errors] == [error]
    assert text in outcome.errors[0].message and len(outcome.errors[0].message) <= 2000
    assert outcome.values == {"b": 1}


def test_a_tool_with_tasks_of_its_own_that_fail_together_fails() -> None:
    async def bad() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            raise ValueError("inside")

    outcome = run([call("a", "bad")], Tool(Signature(name="bad"), bad))
    assert outcome.errors[0].error == "ExceptionGroup" and "ValueError: inside" in outcome.errors[0].message


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ((("x", Const("one")),), "x: the value is a str, not int"),
        ((), "the argument 'x' is missing"),
        ((("x", Const(1)), ("y", Const(1))), "no parameter 'y'"),
    ],
)
def test_arguments_are_checked_before_the_call(args: Any, text: str) -> None:
    called = []
    tool = Tool(Signature(name="t", parameters=(Parameter("x", INT),)), lambda x: called.append(x))
    outcome = run([Call(name="a", type=ANY, tool="t", args=args, effect=PURE)], tool)
    assert outcome.errors[0].error == "ToolInputError" and text in outcome.errors[0].message
    assert called == []


def test_tools_without_a_function_and_unknown_ones_are_missing() -> None:
    outcome = run([call("a", "described"), call("b", "unknown")], Tool(Signature(name="described")))
    assert [f.error for f in outcome.errors] == ["ToolMissing", "ToolMissing"]


def test_a_tool_cannot_change_the_values_of_the_plan() -> None:
    async def change(x: list[Any]) -> None:
        x.append("changed")

    ops = [call("a", "list"), Call(name="b", type=ANY, tool="change", args=(("x", Ref("a")),), effect=PURE)]
    tool = Tool(Signature(name="change", parameters=(Parameter("x"),)), change)
    assert run(ops, fake("list", [1]), tool).values["a"] == [1]


def test_the_deadline_ends_the_run_with_what_is_known() -> None:
    ops: list[Op] = [call("a", "fast"), call("b", "slow"), Return(expr=Ref("b"))]
    outcome = run(ops, fake("fast", 1, latency="1s"), fake("slow", latency="1h"), deadline_s=5.0)
    assert outcome.elapsed_s == pytest.approx(5)
    assert outcome.values == {"a": 1}
    assert outcome.failed is not None and outcome.failed.error == "Cancelled"
    assert [one.status for one in outcome.calls] == ["done", "cancelled"]


def test_cancelling_from_outside_stops_everything_and_keeps_what_is_known() -> None:
    async def main() -> tuple[float, Outcome]:
        begun = trio.current_time()
        kept: list[Execution] = []
        with trio.move_on_after(3):
            async with Execution.open(Toolbox(fake("fast", 1), fake("slow", latency="1h"))) as execution:
                kept.append(execution)
                execution.add([call("a", "fast"), call("b", "slow"), call("c", "slow", "b")])
                execution.accept()
                await execution.finished()
        assert trio.lowlevel.current_task().child_nurseries == []
        return trio.current_time() - begun, kept[0].outcome()

    elapsed, outcome = run_virtual(main)
    assert elapsed == pytest.approx(3)
    assert outcome.values == {"a": 1}
    assert [(one.key, one.status) for one in outcome.calls] == [("a", "done"), ("b", "cancelled")]
    assert not outcome.ok


def test_the_observer_hears_of_each_call_in_time() -> None:
    heard: list[tuple[str, str]] = []

    def observer(news: CallStarted | CallEnded) -> None:
        key = news.key if isinstance(news, CallStarted) else news.record.key
        heard.append((type(news).__name__, key))

    module = Module((call("a"), call("b", "t", "a")), ordered=True)
    run_virtual(lambda: run_module(module, Toolbox(fake("t", 1)), observer=observer))
    assert heard == [("CallStarted", "a"), ("CallEnded", "a"), ("CallStarted", "b"), ("CallEnded", "b")]


def test_what_the_observer_raises_surfaces_as_it_is() -> None:
    def observer(news: object) -> None:
        raise LookupError("the screen is gone")

    module = Module((call("a"),), ordered=True)
    with pytest.raises(LookupError, match="screen"):
        run_virtual(lambda: run_module(module, Toolbox(fake("t", latency="1s")), observer=observer))


def test_a_plan_that_streams_reads_early_and_writes_late() -> None:
    async def main() -> Outcome:
        async with Execution.open(Toolbox(fake("r", 1, latency="1s"), fake("w", 2, latency="1s"))) as execution:
            execution.add([call("a", "r")])
            await trio.sleep(3)
            execution.add([call("b", "w", "a", effect=WRITE)])
            await trio.sleep(3)
            execution.add([Return(expr=Ref("b"))])
            execution.accept()
            return await execution.finished()

    assert times(run_virtual(main)) == {"a": (0, 1), "b": (6, 7)}


def test_a_replan_goes_on_with_the_values_of_the_plan_before() -> None:
    async def main() -> Outcome:
        async with Execution.open(Toolbox(fake("t", 5, latency="1s"))) as execution:
            execution.add([call("a"), Join(args=(("a", Ref("a")),))])
            execution.accept()
            first = await execution.joined()
            execution.add([call("b", "t", "a"), Join(args=(("a", Ref("a")), ("b", Ref("b"))))])
            execution.accept()
            second = await execution.joined()
            assert (first.args, second.args) == ({"a": 5}, {"a": 5, "b": 5})
            return await execution.finished()

    outcome = run_virtual(main)
    assert outcome.value == {"a": 5, "b": 5} and len(outcome.calls) == 2


def test_a_rejected_plan_is_stopped_and_another_may_take_its_place() -> None:
    async def main() -> Outcome:
        async with Execution.open(Toolbox(fake("t", 5, latency="1h"), fake("u", 6))) as execution:
            execution.add([call("a"), call("b", effect=WRITE)])
            await trio.sleep(1)
            execution.reject("the second half makes no sense")
            execution.add([call("a", "u"), Return(expr=Ref("a"))])
            execution.accept()
            return await execution.finished()

    outcome = run_virtual(main)
    assert outcome.value == 6 and outcome.elapsed_s == pytest.approx(1)
    assert {one.key: one.status for one in outcome.calls} == {"a": "cancelled", "a~2": "done"}


def test_a_plan_cannot_grow_once_the_run_is_cancelled() -> None:
    async def main() -> None:
        async with Execution.open(Toolbox(fake("t")), limits=Limits(deadline_s=1)) as execution:
            execution.add([call("a")])
            await trio.sleep(2)
            with pytest.raises(Cancelled, match="deadline of 1 s"):
                execution.add([call("b")])

    run_virtual(main)


def test_a_wait_for_a_join_that_never_comes_ends() -> None:
    async def main() -> None:
        async with Execution.open(Toolbox(fake("t"))) as execution:
            with pytest.raises(IllegalTransition, match="neither accepted"):
                await execution.finished()
            execution.add([call("a")])
            execution.accept()
            await execution.finished()
            with pytest.raises(IllegalTransition, match="has an end"):
                await execution.joined()

    run_virtual(main)


def test_the_same_seed_gives_the_same_run() -> None:
    ops: list[Op] = [call(f"a{i}") for i in range(6)]

    def once(seed: int) -> Outcome:
        return run(ops, fake("t", fails=ConnectionError("x"), retries=3), seed=seed)

    assert once(4) == once(4)
    assert times(once(4)) != times(once(5))


def test_the_scheduler_of_trio_is_as_it_was_after_a_seeded_run() -> None:
    source = trio._core._run._r
    before = source.getstate()
    with seeded_scheduler(1):
        assert source.getstate() != before
    assert source.getstate() == before


def test_a_failure_tells_the_call_with_its_arguments_but_no_secret() -> None:
    async def unlock(x: str, token: str) -> None:
        raise ToolError("no")

    parameters = (Parameter("x"), Parameter("token", secret=True))
    ops: list[Op] = [
        Call(name=name, type=ANY, tool="unlock", args=(("x", Const(text)), ("token", Const("hunter2"))), effect=PURE)
        for name, text in (("a", "door\n"), ("b", "y" * 10_000))
    ]
    outcome = run(ops, Tool(Signature(name="unlock", parameters=parameters, effect=PURE), unlock))
    told = [one.call for one in outcome.errors]
    assert told[0] == "unlock(x=door\\u{a}, token=<secret>)"
    assert len(told[1]) == 200 and "hunter2" not in told[1]
    assert {one.error for one in outcome.calls} == set(outcome.errors)


def test_a_result_that_is_refused_tells_the_call_too() -> None:
    async def junk() -> object:
        return object()

    tool = Tool(Signature(name="t", effect=PURE), junk)
    (failure,) = run([Call(name="a", type=ANY, tool="t", args=(), effect=PURE)], tool).errors
    assert (failure.error, failure.call) == ("ToolOutputError", "t()")
