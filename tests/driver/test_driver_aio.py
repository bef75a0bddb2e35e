"""Plans under asyncio and uvloop: results, errors, cancellation and context variables cross over, and nothing is left
behind; `run_sync` says where it cannot.
"""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

import llmcc
from llmcc.runtime.journal.session import runs
from llmcc.runtime.models import Scripted

#: Runs a coroutine in a loop of its own, as `asyncio.run` does.
Start = Callable[[Coroutine[Any, Any, Any]], Any]

REQUEST: contextvars.ContextVar[str] = contextvars.ContextVar("REQUEST", default="nobody's")
log: list[str] = []


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    log.clear()
    yield
    llmcc.aio.close()
    assert not [t for t in threading.enumerate() if t.name == "llmcc-trio"]


@pytest.fixture(params=["asyncio", "uvloop"])
def start(request: pytest.FixtureRequest) -> Start:
    factory: Any = asyncio.new_event_loop
    if request.param == "uvloop":
        if sys.platform == "win32":
            pytest.skip("uvloop does not exist for Windows")
        import uvloop

        factory = uvloop.new_event_loop

    def run(main: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(main)

    return run


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
HANGS = llmcc.compile("a = hang()\nreturn a", BOX)


async def hanging() -> None:
    """Returns when `hang` has been called."""
    while not log:
        await asyncio.sleep(0.001)


def test_a_plan_runs(start: Start) -> None:
    program = llmcc.compile("a = whose()\nreturn a", BOX)
    assert start(llmcc.aio.run(program)).value == "nobody's"


def test_many_runs_share_one_thread_and_keep_their_own_context(start: Start) -> None:
    program = llmcc.compile("a = whose()\nb = whose_in_a_thread()\nreturn [a, b]", BOX)

    async def one(name: str) -> object:
        REQUEST.set(name)
        return (await llmcc.aio.run(program)).value

    async def main() -> list[object]:
        found = await asyncio.gather(*(one(f"r{i}") for i in range(20)))
        assert len([t for t in threading.enumerate() if t.name == "llmcc-trio"]) == 1
        return list(found)

    assert start(main()) == [[f"r{i}", f"r{i}"] for i in range(20)]


def test_a_plan_without_tools_says_what_it_needs(start: Start) -> None:
    with pytest.raises(llmcc.LlmccError, match="needs one to run"):
        start(llmcc.aio.run(llmcc.compile("a = f()\nreturn a")))


@pytest.mark.parametrize("error", [ZeroDivisionError("z"), ExceptionGroup("two", [ValueError("1"), OSError("2")])])
def test_exceptions_come_back_as_they_are(start: Start, error: Exception) -> None:
    async def fails() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        start(llmcc.aio.call(fails))
    assert caught.value is error


def test_cancelling_the_coroutine_stops_the_run_before_it_returns(start: Start) -> None:
    async def main() -> None:
        task = asyncio.create_task(llmcc.aio.run(HANGS))
        await hanging()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert log == ["started", "stopped"]

    start(main())


def test_a_task_group_that_fails_takes_its_run_along(start: Start) -> None:
    async def fail() -> None:
        await hanging()
        raise LookupError("a sibling")

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(llmcc.aio.run(HANGS))
            group.create_task(fail())

    with pytest.raises(ExceptionGroup) as caught:
        start(main())
    assert [str(error) for error in caught.value.exceptions] == ["a sibling"]
    assert log == ["started", "stopped"]


def test_a_timeout_of_asyncio_works(start: Start) -> None:
    async def main() -> None:
        async with asyncio.timeout(0.05):
            await llmcc.aio.run(HANGS)

    with pytest.raises(TimeoutError):
        start(main())
    assert log[-1] == "stopped"


def test_the_loop_goes_on_while_a_tool_blocks(start: Start) -> None:
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

    assert start(main()) > 3


def test_an_agent_answers(start: Start) -> None:
    agent = llmcc.Agent(BOX, planner=Scripted(["a = whose()\nreturn a\n"]))
    assert start(llmcc.aio.ask(agent, "Whose?")).text == "nobody's"


PLAN = "a = once()\nb = then(a)\nreturn b\n"


def shop(last: str, *, waits: bool) -> llmcc.Toolbox:
    """Two writes; the second one is called `last` (`then` is idempotent), and waits for ever if it is to be cut off."""

    @llmcc.tool(effect="write", resource="w")
    async def once() -> int:
        log.append("once")
        return 1

    @llmcc.tool(effect="write", resource="w", name=last, idempotent=last == "then")
    async def second(x: int) -> int:
        log.append(last)
        if waits:
            await trio.sleep_forever()
        return x + 1

    return llmcc.Toolbox(once, second)


async def cut_off(work: Coroutine[Any, Any, Any], last: str) -> None:
    """Cancels the coroutine once the second write is under way."""
    task = asyncio.create_task(work)
    while last not in log:
        await asyncio.sleep(0.005)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_run_that_was_cancelled_is_gone_on_with(start: Start, tmp_path: Path) -> None:
    journal = tmp_path / "runs.db"

    async def main() -> llmcc.Outcome:
        await cut_off(llmcc.aio.run(llmcc.compile(PLAN, shop("then", waits=True)), journal=journal), "then")
        (line,) = runs(journal)
        return await llmcc.aio.resume(line.run, shop("then", waits=False), journal=journal)

    outcome = start(main())
    assert outcome.value == 2 and outcome.ok
    assert log == ["once", "then", "then"]  # what is idempotent is made again


def test_a_question_that_was_cancelled_is_gone_on_with(start: Start, tmp_path: Path) -> None:
    journal = tmp_path / "runs.db"
    first = llmcc.Agent(shop("then", waits=True), planner=Scripted([PLAN]))
    other = llmcc.Agent(shop("then", waits=False), planner=Scripted([]))  # the plan stands: nobody is asked for one

    async def main() -> llmcc.Answer:
        await cut_off(llmcc.aio.ask(first, "What?", journal=journal), "then")
        (line,) = runs(journal)
        return await llmcc.aio.resume_answer(other, line.run, journal=journal)

    answer = start(main())
    assert answer.value == 2 and not answer.unfinished
    assert log == ["once", "then", "then"]


def test_a_question_in_doubt_is_refused_and_settled_under_asyncio_too(start: Start, tmp_path: Path) -> None:
    journal = tmp_path / "runs.db"
    first = llmcc.Agent(shop("lost", waits=True), planner=Scripted([PLAN.replace("then", "lost")]))
    other = llmcc.Agent(shop("lost", waits=False), planner=Scripted([]))

    async def main() -> llmcc.Answer:
        await cut_off(llmcc.aio.ask(first, "What?", journal=journal), "lost")
        (line,) = runs(journal)
        with pytest.raises(llmcc.CallsInDoubt, match="b"):
            await llmcc.aio.resume_answer(other, line.run, journal=journal)
        return await llmcc.aio.resume_answer(other, line.run, journal=journal, settle={"b": ("done", 7)})

    assert start(main()).value == 7
    assert log == ["once", "lost"]


@pytest.mark.parametrize("name", ["ask", "resume"])
def test_an_agents_sync_twins_inside_a_loop_say_what_to_use(start: Start, name: str) -> None:
    agent = llmcc.Agent(BOX, planner=Scripted([]))

    async def main() -> None:
        if name == "ask":
            agent.ask_sync("Whose?")
        else:
            agent.resume_sync("3f2a91c0", journal="runs.db")

    with pytest.raises(llmcc.LlmccError, match=rf"{name}_sync cannot.*await llmcc\.aio\.{name}"):
        start(main())
    with pytest.raises(llmcc.LlmccError, match=rf"await agent\.{name}\("):
        trio.run(main)


def test_an_agents_sync_twin_goes_on_with_a_question(tmp_path: Path) -> None:
    journal = tmp_path / "runs.db"
    asked = llmcc.Agent(shop("then", waits=False), planner=Scripted([PLAN])).ask_sync("What?", journal=journal)
    assert asked.outcome.run is not None
    other = llmcc.Agent(shop("then", waits=False), planner=Scripted([]))
    assert other.resume_sync(asked.outcome.run, journal=journal).value == asked.value == 2
    assert log == ["once", "then"]


def test_closing_cancels_what_runs_and_a_new_run_starts_anew(start: Start) -> None:
    async def main() -> None:
        task = asyncio.create_task(llmcc.aio.run(HANGS))
        await hanging()
        await asyncio.to_thread(llmcc.aio.close)
        with pytest.raises(asyncio.CancelledError):
            await task

    start(main())
    assert start(llmcc.aio.run(llmcc.compile("return 1", BOX))).value == 1


def test_run_sync_inside_a_loop_says_what_to_use(start: Start) -> None:
    async def main() -> None:
        llmcc.run_sync(llmcc.compile("return 1"), BOX)

    with pytest.raises(llmcc.LlmccError, match=r"await llmcc\.aio\.run"):
        start(main())
    with pytest.raises(llmcc.LlmccError, match=r"await llmcc\.run"):
        trio.run(main)


def test_run_sync_works_in_a_thread_of_a_loop(start: Start) -> None:
    async def main() -> Any:
        REQUEST.set("threaded")
        return (await asyncio.to_thread(llmcc.run_sync, llmcc.compile("a = whose()\nreturn a", BOX))).value

    assert start(main()) == "threaded"
