"""`run` and `run_sync`: a program is executed, its tools called, everything that may overlap overlapping."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from llmcc.driver.program import Program
from llmcc.ir.errors import LlmccError
from llmcc.ir.ops import Module
from llmcc.optimizer.manager import optimize
from llmcc.runtime.executor import run_module
from llmcc.runtime.limits import Limits
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.toolbox import Toolbox

T = TypeVar("T")


async def run(
    program: Program,
    toolbox: Toolbox | None = None,
    *,
    observer: Callable[[Any], None] | None = None,
    seed: int | None = None,
    trace: bool = True,
    journal: str | Path | None = None,
    watch: Callable[[Any], None] | None = None,
    **limits: Any,
) -> Outcome:
    """Runs a program under trio.

    Args:
        program: what `compile` gave.
        toolbox: the tools with their functions; by default those the program was compiled against.
        observer: is told when each call starts and ends.
        seed: decides the pauses before retries.
        trace: whether the outcome is to have a log of all that happened.
        journal: a file in which the run is written down, so that `llmcc.resume` can go on with it. The outcome's `run`
            is its name there.
        watch: is given the run itself (an `llmcc.runtime.executor.Execution`) before it starts, to look at.
        limits: `max_calls`, `max_running`, `deadline_s` and so on; see `llmcc.runtime.limits.Limits`.

    Returns:
        The outcome. Failures of tools are part of it (`.errors`); they do not raise.

    Raises:
        LlmccError: there is no toolbox.
        JournalError: the run cannot be written down from the start. Later that stops the run, and its outcome says so.
    """
    tools = toolbox if toolbox is not None else program.toolbox
    if tools is None:
        raise LlmccError("a program that was compiled without a toolbox needs one to run")
    module, bounds = ordered(program.module, tools), Limits(**limits)
    options: dict[str, Any] = {"observer": observer, "seed": seed, "limits": bounds, "trace": trace, "watch": watch}
    if journal is None:
        return await run_module(module, tools, **options)
    from llmcc.driver import journaled

    return await journaled.execute(journaled.begin(program, module, tools, journal, limits), module, tools, **options)


def ordered(module: Module, toolbox: Toolbox) -> Module:
    """The module with its conflicting calls in order, which a pipeline of the user's own may have left out."""
    return module if module.ordered else optimize(module, passes="order-effects", signatures=toolbox.signatures)


def run_sync(program: Program, toolbox: Toolbox | None = None, **options: Any) -> Outcome:
    """`run` for code that is not asynchronous. Takes the same arguments.

    Raises:
        LlmccError: an event loop is already running in this thread; await `llmcc.run` there instead.
    """
    return to_the_end(partial(run, program, toolbox, **options))


def to_the_end(function: Callable[[], Awaitable[T]], trio_name: str = "llmcc.run", aio_name: str = "run") -> T:
    """What a trio function returns, called from code that is not asynchronous. Raises like `run_sync`.

    `trio_name` is what the function is called, `aio_name` what `llmcc.aio` calls it: for the message.
    """
    import trio

    if _loop_is_running():
        raise LlmccError(
            f"{trio_name.rpartition('.')[2]}_sync cannot be called from asynchronous code: "
            f"await {trio_name}(...) under trio, await llmcc.aio.{aio_name}(...) under asyncio"
        )
    return trio.run(function)


def _loop_is_running() -> bool:
    import trio

    if trio.lowlevel.in_trio_run():
        return True
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return False
    try:
        asyncio.get_running_loop()
        return True
    except RuntimeError:
        return False
