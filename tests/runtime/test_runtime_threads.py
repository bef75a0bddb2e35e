"""Blocking tools, in real threads and real time."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import pytest
import trio

from llmcc.ir.effects import PURE
from llmcc.ir.ops import Call, Module
from llmcc.ir.signature import Signature
from llmcc.ir.types import ANY
from llmcc.runtime.executor import run_module
from llmcc.runtime.limits import Limits
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import Tool


def run(*functions: Any, timeout_s: float | None = None, **limits: Any) -> Outcome:
    tools = [Tool(Signature(name=f.__name__, timeout_s=timeout_s), f) for f in functions]
    ops = tuple(Call(name=f"{t.name}_", type=ANY, tool=t.name, args=(), effect=PURE) for t in tools)
    module = Module(ops, ordered=True)
    return trio.run(lambda: run_module(module, Toolbox(*tools), limits=Limits(**limits)))


def test_blocking_tools_overlap() -> None:
    both = threading.Barrier(2, timeout=5)  # neither gets past it unless the other is there too

    def left() -> int:
        return both.wait()

    def right() -> int:
        return both.wait()

    outcome = run(left, right)
    assert outcome.ok and sorted(outcome.values.values()) == [0, 1]  # type: ignore[type-var]


def test_a_thread_that_hangs_is_abandoned_and_named() -> None:
    release = threading.Event()

    def hangs() -> None:
        release.wait(20)

    outcome = run(hangs, timeout_s=0.02, grace_s=0.01)
    release.set()
    assert outcome.errors[0].error == "ToolTimeout"
    assert outcome.abandoned == ("hangs (hangs_)",)


def test_a_thread_that_asks_whether_it_is_cancelled_is_not_abandoned() -> None:
    def polite() -> None:
        while True:
            trio.from_thread.check_cancelled()
            time.sleep(0.001)

    outcome = run(polite, deadline_s=0.2, grace_s=5.0)
    assert outcome.calls[0].status == "cancelled" and outcome.abandoned == ()


def test_a_call_that_only_waited_for_a_thread_never_runs() -> None:
    release = threading.Event()
    called: list[str] = []

    def left() -> None:
        called.append("left (left_)")
        release.wait(20)

    def right() -> None:
        called.append("right (right_)")
        release.wait(20)

    outcome = run(left, right, threads=1, timeout_s=0.03, grace_s=0.0)
    assert len(outcome.errors) == 2
    assert list(outcome.abandoned) == called  # the one that had the thread
    release.set()


@pytest.mark.parametrize(
    "error", [SystemExit(1), KeyboardInterrupt(), StopIteration(), BaseExceptionGroup("g", [OSError()])]
)
def test_what_a_thread_raises_fails_its_call(error: BaseException) -> None:
    def bad() -> None:
        raise error

    assert len(run(bad).errors) == 1


def test_a_blocking_tool_may_return_something_to_await() -> None:
    async def later() -> int:
        return 4

    assert run(lambda_named("soon", lambda: later())).values == {"soon_": 4}


def lambda_named(name: str, function: Any) -> Any:
    function.__name__ = name
    return function


def test_ctrl_c_cancels_the_run_and_not_the_tool_alone() -> None:
    ended = []

    async def interrupted() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await trio.sleep(20)
        finally:
            ended.append(1)

    with pytest.raises(KeyboardInterrupt):
        run(interrupted)
    assert ended == [1]
