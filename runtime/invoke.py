"""One attempt of one call: checks the arguments, calls the function here or in a thread, tells the result."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

import trio

from llmcc.ir.errors import CircuitOpen, ToolInputError, ToolMissing, ToolTimeout
from llmcc.ir.signature import Signature
from llmcc.ir.values import Value, mismatch
from llmcc.runtime import events as ev
from llmcc.runtime.faults import class_name, delay_s, message, retryable
from llmcc.runtime.governor import governed
from llmcc.runtime.threads import Threads
from llmcc.runtime.tools import Tool


async def attempt(
    start: ev.StartCall, toolbox: Mapping[str, Tool], threads: Threads, timeout_s: float | None
) -> ev.CallFinished | ev.CallFailed:
    """How the call ended; whatever the tool raises becomes a `CallFailed`.

    Only `trio.Cancelled` passes through: it belongs to the scope around the call. A tool that shields itself from
    cancellation is waited for, since trio has no means to stop it; one in a thread is abandoned.
    """
    try:
        tool = _tool(start, toolbox)
        positional, named = _bound(tool, start.args)
    except (ToolMissing, ToolInputError) as error:
        return failed(start.key, error)
    governor = governed(tool)
    if governor is None:
        return await _ended(start, tool, threads, timeout_s, positional, named)
    try:
        await governor.enter()
    except CircuitOpen as error:
        return failed(start.key, error)
    event = None
    try:
        event = await _ended(start, tool, threads, timeout_s, positional, named)
    finally:
        governor.ended(event)
    return event


async def _ended(
    start: ev.StartCall,
    tool: Tool,
    threads: Threads,
    timeout_s: float | None,
    positional: list[Any],
    named: dict[str, Any],
) -> ev.CallFinished | ev.CallFailed:
    retry_on = tool.signature.retry_on
    limit = tool.signature.timeout_s if tool.signature.timeout_s is not None else timeout_s
    with trio.move_on_after(float("inf") if limit is None else limit):
        try:
            return ev.CallFinished(start.key, await _call(tool, start.key, threads, positional, named))
        except trio.Cancelled:
            raise
        except BaseExceptionGroup as group:
            _, rest = group.split(trio.Cancelled)
            if rest is None:
                raise
            return failed(start.key, rest, retry_on)
        except BaseException as error:  # also SystemExit and KeyboardInterrupt: a tool's own, never the user's
            return failed(start.key, error, retry_on)
    return failed(start.key, ToolTimeout(f"{start.tool} did not answer within {limit:g} s"), retry_on)


def failed(key: str, error: BaseException, retry_on: Collection[str] | None = None) -> ev.CallFailed:
    """The event of a call that failed with `error`; `retry_on` is what the tool says about trying again."""
    return ev.CallFailed(key, class_name(error), message(error), retryable(error, retry_on), delay_s(error))


def check_arguments(signature: Signature, args: Mapping[str, Value]) -> None:
    """Raises `ToolInputError` if the arguments do not fit the tool."""
    for name, value in args.items():
        parameter = signature.parameter(name)
        if parameter is None:
            raise ToolInputError(f"{signature.name} has no parameter {name!r}")
        wrong = mismatch(value, parameter.type)
        if wrong:
            raise ToolInputError(f"{signature.name}: {name}: {wrong}")
    for parameter in signature.parameters:
        if parameter.required and parameter.name not in args:
            raise ToolInputError(f"{signature.name}: the argument {parameter.name!r} is missing")


def _tool(start: ev.StartCall, toolbox: Mapping[str, Tool]) -> Tool:
    tool = toolbox.get(start.tool)
    if tool is None:
        raise ToolMissing(f"there is no tool {start.tool!r}")
    if tool.function is None:
        raise ToolMissing(f"{start.tool} has a signature but no function to call")
    return tool


def _bound(tool: Tool, args: Mapping[str, Value]) -> tuple[list[Any], dict[str, Any]]:
    check_arguments(tool.signature, args)
    try:
        return tool.bind(args)
    except ValueError as error:
        raise ToolInputError(f"{tool.name}: {error}") from error


async def _call(tool: Tool, key: str, threads: Threads, positional: list[Any], named: dict[str, Any]) -> Any:
    function: Callable[..., Any] | None = tool.function
    assert function is not None
    # A tool that never waits would otherwise keep its siblings, the deadline and Ctrl-C waiting.
    await trio.lowlevel.checkpoint()
    if tool.is_async:
        return await function(*positional, **named)
    result = await threads.run(f"{tool.name} ({key})", lambda: function(*positional, **named))
    return await result if inspect.isawaitable(result) else result
