"""Embedding on every event loop: `llmcc.aio` keeps its promises under uvloop too, `run_sync` says where it cannot."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import trio

import llmcc

WHO: contextvars.ContextVar[str] = contextvars.ContextVar("WHO", default="nobody")
RUNNERS = ["asyncio", "uvloop"]
log: list[str] = []


@pytest.fixture(params=RUNNERS)
def start(request: pytest.FixtureRequest) -> Iterator[Callable[[Coroutine[Any, Any, Any]], Any]]:
    log.clear()
    if request.param == "uvloop":
        if sys.platform == "win32":
            pytest.skip("uvloop does not exist for Windows")
        import uvloop

        factory: Any = uvloop.new_event_loop
    else:
        factory = asyncio.new_event_loop

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(main)

    yield run
    llmcc.aio.close()


@llmcc.tool(effect="read", resource="r")
async def whose() -> str:
    """Whose request this is."""
    await trio.sleep(0)
    return WHO.get()


@llmcc.tool(effect="read", resource="r")
def whose_blocking() -> str:
    """Whose request this is, asked in a thread."""
    return WHO.get()


@llmcc.tool(effect="read", resource="r")
async def hang() -> None:
    """Never answer."""
    log.append("started")
    try:
        await trio.sleep_forever()
    finally:
        log.append("stopped")


BOX = llmcc.Toolbox(whose, whose_blocking, hang)


def test_values_and_context_cross_over(start: Callable[..., Any]) -> None:
    program = llmcc.compile("a = whose()\nb = whose_blocking()\nreturn [a, b]", BOX)

    async def one(name: str) -> object:
        WHO.set(name)
        return (await llmcc.aio.run(program)).value

    async def main() -> Any:
        return await asyncio.gather(*(one(f"r{i}") for i in range(10)))

    assert start(main()) == [[f"r{i}", f"r{i}"] for i in range(10)]


def test_a_cancelled_coroutine_ends_after_its_run(start: Callable[..., Any]) -> None:
    program = llmcc.compile("a = hang()\nreturn a", BOX)

    async def main() -> None:
        task = asyncio.create_task(llmcc.aio.run(program))
        while not log:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    start(main())
    assert log == ["started", "stopped"]


def test_a_task_group_that_fails_takes_its_run_along(start: Callable[..., Any]) -> None:
    program = llmcc.compile("a = hang()\nreturn a", BOX)

    async def fail() -> None:
        while not log:
            await asyncio.sleep(0.001)
        raise LookupError("a sibling")

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(llmcc.aio.run(program))
            group.create_task(fail())

    with pytest.raises(ExceptionGroup) as caught:
        start(main())
    assert [str(error) for error in caught.value.exceptions] == ["a sibling"]
    assert log == ["started", "stopped"]


@pytest.mark.parametrize("error", [ZeroDivisionError("z"), ExceptionGroup("two", [ValueError("1"), OSError("2")])])
def test_exceptions_come_back_as_they_are(start: Callable[..., Any], error: Exception) -> None:
    async def fails() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        start(llmcc.aio.call(fails))
    assert caught.value is error


def test_run_sync_inside_a_loop_says_what_to_use(start: Callable[..., Any]) -> None:
    async def main() -> None:
        llmcc.run_sync(llmcc.compile("return 1"), BOX)

    with pytest.raises(llmcc.LlmccError, match=r"await llmcc\.aio\.run"):
        start(main())
    with pytest.raises(llmcc.LlmccError, match=r"await llmcc\.run"):
        trio.run(main)


def test_run_sync_works_in_a_thread_of_a_loop(start: Callable[..., Any]) -> None:
    async def main() -> Any:
        WHO.set("threaded")
        return (await asyncio.to_thread(llmcc.run_sync, llmcc.compile("a = whose()\nreturn a", BOX))).value

    assert start(main()) == "threaded"
