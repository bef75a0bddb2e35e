"""Plans under asyncio: results, errors, cancellation and context variables cross over, and nothing is left behind."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Iterator

import pytest
import trio

import llmcc
from llmcc.runtime.models import Scripted

REQUEST: contextvars.ContextVar[str] = contextvars.ContextVar("REQUEST", default="nobody's")
log: list[str] = []


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    log.clear()
    yield
    llmcc.aio.close()
    assert not [t for t in threading.enumerate() if t.name == "llmcc-trio"]


@llmcc.tool(effect="read", resource="r")
async def whose() -> str:
    """Whose request this is."""
    await trio.sleep(0)
    return REQUEST.get()


@llmcc.tool(effect="read", resource="r")
def whose_in_a_thread() -> str:
    """Whose request this is, asked in a thread."""
    return REQUEST.get()


@llmcc.tool(effect="read", resource="r")
async def hang() -> None:
    """Never answer."""
    log.append("started")
    try:
        await trio.sleep_forever()
    finally:
        log.append("stopped")


BOX = llmcc.Toolbox(whose, whose_in_a_thread, hang)


def test_a_plan_runs_under_asyncio() -> None:
    program = llmcc.compile("a = whose()\nreturn a", BOX)
    assert asyncio.run(llmcc.aio.run(program)).value == "nobody's"


def test_many_runs_share_one_thread_and_keep_their_own_context() -> None:
    program = llmcc.compile("a = whose()\nb = whose_in_a_thread()\nreturn [a, b]", BOX)

    async def one(name: str) -> object:
        REQUEST.set(name)
        return (await llmcc.aio.run(program)).value

    async def main() -> list[object]:
        found = await asyncio.gather(*(one(f"r{i}") for i in range(20)))
        assert len([t for t in threading.enumerate() if t.name == "llmcc-trio"]) == 1
        return list(found)

    assert asyncio.run(main()) == [[f"r{i}", f"r{i}"] for i in range(20)]


def test_errors_come_back_as_they_are() -> None:
    with pytest.raises(llmcc.LlmccError, match="needs one to run"):
        asyncio.run(llmcc.aio.run(llmcc.compile("a = f()\nreturn a")))

    async def fails() -> None:
        raise ZeroDivisionError("by design")

    with pytest.raises(ZeroDivisionError, match="by design"):
        asyncio.run(llmcc.aio.call(fails))


def test_cancelling_the_coroutine_stops_the_run_before_it_returns() -> None:
    program = llmcc.compile("a = hang()\nreturn a", BOX)

    async def main() -> None:
        task = asyncio.create_task(llmcc.aio.run(program))
        while not log:
            await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert log == ["started", "stopped"]

    asyncio.run(main())


def test_a_timeout_of_asyncio_works() -> None:
    program = llmcc.compile("a = hang()\nreturn a", BOX)

    async def main() -> None:
        async with asyncio.timeout(0.05):
            await llmcc.aio.run(program)

    with pytest.raises(TimeoutError):
        asyncio.run(main())
    assert log[-1] == "stopped"


def test_the_loop_goes_on_while_a_tool_blocks() -> None:
    @llmcc.tool(effect="pure")
    def block() -> None:
        """Block a thread."""
        time.sleep(0.1)

    async def main() -> int:
        ticks = 0
        task = asyncio.create_task(llmcc.aio.run(llmcc.compile("block()\nreturn 1", llmcc.Toolbox(block), level=0)))
        while not task.done():
            await asyncio.sleep(0.005)
            ticks += 1
        assert (await task).ok
        return ticks

    assert asyncio.run(main()) > 3


def test_an_agent_answers_under_asyncio() -> None:
    agent = llmcc.Agent(BOX, planner=Scripted(["a = whose()\nreturn a\n"]))
    assert asyncio.run(llmcc.aio.ask(agent, "Whose?")).text == "nobody's"


def test_closing_cancels_what_runs_and_a_new_run_starts_anew() -> None:
    program = llmcc.compile("a = hang()\nreturn a", BOX)

    async def main() -> None:
        task = asyncio.create_task(llmcc.aio.run(program))
        while not log:
            await asyncio.sleep(0.001)
        await asyncio.to_thread(llmcc.aio.close)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert asyncio.run(llmcc.aio.run(llmcc.compile("return 1", BOX))).value == 1
