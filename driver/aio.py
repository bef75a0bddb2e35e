"""llmcc for code that runs on asyncio (or uvloop): `await llmcc.aio.run(program)`.

Plans run on trio, in one thread of their own that all runs of the process share. A run there and the coroutine that
waits for it here end together: an exception comes back as it is, cancelling the coroutine cancels the run and waits
until nothing of it is left, and tools see the context variables of the caller.

Asynchronous tools are trio's, since they run there; blocking ones need not care.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import trio

from llmcc.driver import execute
from llmcc.driver.agent import Agent, Answer
from llmcc.driver.program import Program
from llmcc.ir.values import Value
from llmcc.runtime.journal.records import Word
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.toolbox import Toolbox

T = TypeVar("T")


async def run(program: Program, toolbox: Toolbox | None = None, **options: Any) -> Outcome:
    """`llmcc.run` under asyncio; the same arguments, outcome and errors. An observer is called in trio's thread."""
    return await call(partial(execute.run, program, toolbox, **options))


async def ask(agent: Agent, question: str, *, journal: str | Path | None = None) -> Answer:
    """`agent.ask` under asyncio."""
    return await call(partial(agent.ask, question, journal=journal))


async def resume(run: str, toolbox: Toolbox | None = None, **options: Any) -> Outcome:
    """`llmcc.resume` under asyncio; the same arguments, outcome and errors."""
    from llmcc.driver import journaled

    return await call(partial(journaled.resume, run, toolbox, **options))


async def resume_answer(
    agent: Agent, run: str, *, journal: str | Path, settle: Mapping[str, Word | tuple[Word, Value]] | None = None
) -> Answer:
    """`agent.resume` under asyncio: goes on with a question that was cut off."""
    return await call(partial(agent.resume, run, journal=journal, settle=settle))


async def call(function: Callable[[], Awaitable[T]]) -> T:
    """Awaits any trio function from asyncio.

    Raises:
        Exception: what `function` raises.
        asyncio.CancelledError: this coroutine was cancelled; the run is over by then.
    """
    loop = asyncio.get_running_loop()
    over: asyncio.Future[T] = loop.create_future()
    scope = trio.CancelScope()
    token = _HOST.token()
    task = partial(_serve, function, scope, partial(_deliver, loop, over))
    token.run_sync_soon(partial(trio.lowlevel.spawn_system_task, task, context=contextvars.copy_context()))
    try:
        return await asyncio.shield(over)
    except asyncio.CancelledError:
        if not over.done():
            with suppress(trio.RunFinishedError):  # closed meanwhile, which cancels just as well
                token.run_sync_soon(scope.cancel)
            await _settled(over)
        raise


async def _serve(function: Callable[[], Awaitable[T]], scope: trio.CancelScope, deliver: Callable[..., None]) -> None:
    """In trio: runs the function, and delivers its end whatever it is (a system task must not raise)."""
    try:
        with scope:
            deliver(await function(), None)
            return
    except BaseException as error:
        if _only_cancelled(error):  # trio itself is being closed
            deliver(None, asyncio.CancelledError("llmcc.aio was closed"))
            raise
        deliver(None, error)
        return
    deliver(None, asyncio.CancelledError("the run was cancelled"))


def _only_cancelled(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(map(_only_cancelled, error.exceptions))
    return isinstance(error, trio.Cancelled)


def _deliver(loop: asyncio.AbstractEventLoop, over: asyncio.Future[T], value: T, error: BaseException | None) -> None:
    """Carries the end over to asyncio's thread."""

    def settle() -> None:
        if over.done():
            return
        if error is None:
            over.set_result(value)
        elif isinstance(error, asyncio.CancelledError):
            over.cancel()
        else:
            over.set_exception(error)

    if not loop.is_closed():
        loop.call_soon_threadsafe(settle)


async def _settled(over: asyncio.Future[Any]) -> None:
    """Waits for the end of a run that was told to stop, also if this coroutine is cancelled again meanwhile."""
    while not over.done():
        try:
            await asyncio.wait([over])
        except asyncio.CancelledError:
            continue
    if not over.cancelled():
        over.exception()  # looked at: nobody else will


class _Host:
    """The thread in which trio runs; started when it is first needed, ended by `close`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._stop: Callable[[], None] | None = None

    def token(self) -> trio.lowlevel.TrioToken:
        with self._lock:
            if self._token is None:
                ready: Future[trio.lowlevel.TrioToken] = Future()
                self._thread = threading.Thread(
                    target=trio.run, args=(self._main, ready), name="llmcc-trio", daemon=True
                )
                self._thread.start()
                self._token = ready.result()
            return self._token

    async def _main(self, ready: Future[trio.lowlevel.TrioToken]) -> None:
        stop = trio.Event()
        self._stop = stop.set
        ready.set_result(trio.lowlevel.current_trio_token())
        await stop.wait()

    def close(self) -> None:
        with self._lock:
            if self._token is None or self._stop is None or self._thread is None:
                return
            self._token.run_sync_soon(self._stop)
            self._thread.join()
            self._token = self._thread = self._stop = None


_HOST = _Host()


def close() -> None:
    """Ends the thread; runs that are still going on are cancelled. The next call starts a new one."""
    _HOST.close()
