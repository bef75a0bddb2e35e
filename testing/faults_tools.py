"""Rows of the table of faults: what a tool may do. Each is tried asynchronous and blocking, by itself and in a map.

Its siblings must finish.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import trio

from llmcc.driver.program import compile
from llmcc.runtime.executor import run_module
from llmcc.runtime.faults import MAX_MESSAGE
from llmcc.runtime.limits import Limits
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import Tool, tool
from llmcc.testing.clock import run_virtual
from llmcc.testing.oddities import ERRORS, HUGE, JUNK

#: The bad call, one in a map, one that is caught, one that depends on it, and a sibling before and behind.
PLAN = """first = good(1)
bad = tool()
caught = tool() catch "caught"
each = [tool() for x in [1, 2]]
last = good(2)
needs = good(bad)
return [first, last, caught]
"""


def tool_hangs() -> tuple[int, int]:
    """A hanging tool is timed out, its siblings finish."""

    async def hang() -> str:
        await trio.sleep_forever()
        return ""

    async def hang_twice() -> str:
        try:
            await trio.sleep_forever()
        finally:
            await trio.sleep(0)  # meets the cancellation again
        return ""

    async def hang_inside() -> str:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
        return ""

    bad = [hang, hang_twice, hang_inside]
    return len(bad), sum(_broken(run_virtual(partial(_run, one, True)), "ToolTimeout") for one in bad)


def tool_raises(names: Mapping[str, Callable[[], BaseException]] = ERRORS) -> tuple[int, int]:
    """Whatever a tool raises fails its call with a class and a text, its siblings finish."""
    failed = 0
    for make in names.values():

        def blocking(make: Callable[[], BaseException] = make) -> str:
            raise make()

        async def asynchronous(make: Callable[[], BaseException] = make) -> str:
            await trio.lowlevel.checkpoint()
            raise make()

        # A coroutine cannot raise StopIteration: Python makes a RuntimeError of it.
        kind = type(make()).__name__
        failed += sum(
            _broken(outcome, "RuntimeError" if kind == "StopIteration" else kind)
            for outcome in _both(blocking, asynchronous)
        )
    return 2 * len(names), failed


def tool_returns_junk(names: Mapping[str, Callable[[], object]] | None = None) -> tuple[int, int]:
    """A result that is no plan value, too large or of a wrong type is a `ToolOutputError`, siblings finish."""
    junk = {**JUNK, **HUGE, "a wrong type": lambda: 7} if names is None else names
    failed = 0
    for make in junk.values():

        def blocking(make: Callable[[], object] = make) -> Any:
            return make()

        async def asynchronous(make: Callable[[], object] = make) -> Any:
            return make()

        failed += sum(_broken(outcome, "ToolOutputError") for outcome in _both(blocking, asynchronous))
    return 2 * len(junk), failed


def _both(blocking: Callable[..., Any], asynchronous: Callable[..., Any]) -> list[Outcome]:
    """With threads there is no virtual clock; nothing here waits."""
    return [trio.run(_run, blocking, False), run_virtual(partial(_run, asynchronous, False))]


async def _run(function: Callable[..., Any], hangs: bool) -> Outcome:
    toolbox = Toolbox(Tool(_SIGNATURE, function), _GOOD)
    program = compile(PLAN, toolbox, level=0)
    outcome = await run_module(program.module, toolbox, limits=Limits(timeout_s=1.0 if hangs else None))
    if trio.lowlevel.current_task().child_nurseries:
        raise AssertionError("a task was left behind")
    return outcome


def _says_text() -> str:
    """Say something."""
    return ""


async def _good(x: Any) -> Any:
    """Answer after a while."""
    await trio.sleep(0.001)
    return x


_SIGNATURE = tool(effect="read", resource="bad", name="tool")(_says_text).signature
_GOOD = tool(effect="pure", name="good")(_good)


def _broken(outcome: Outcome, kind: str) -> bool:
    """Whether the promise is: each of the bad calls failed with that class and a text fit to print, the rest works."""
    told = {one.op: one for one in outcome.errors}
    classed = "bad" in told and told["bad"].error == kind
    statuses = [one.status for one in outcome.calls if one.tool == "tool"]
    return not (
        classed
        and outcome.value == [1, 2, "caught"]
        and statuses == ["failed"] * 4
        and all(0 < len(one.message) <= MAX_MESSAGE and one.message.isprintable() for one in outcome.errors)
        and outcome.abandoned == ()
    )
