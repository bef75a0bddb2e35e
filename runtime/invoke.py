"""One attempt of one call: checks the arguments, calls the function here or in a thread, tells the result."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Coroutine, Mapping
from functools import partial
from math import inf
from typing import Any, TypeAlias

import trio

from llmcc.ir.errors import CircuitOpen, ToolInputError, ToolMissing, ToolTimeout
from llmcc.runtime import events as ev
from llmcc.runtime.callee import Callee, check_arguments
from llmcc.runtime.faults import class_name, delay_s, message, retryable
from llmcc.runtime.governor import governed
from llmcc.runtime.ledger import idempotency_key
from llmcc.runtime.meter import Meter
from llmcc.runtime.outcome import Pause
from llmcc.runtime.threads import Threads
from llmcc.runtime.timeouts import Lane, Timeouts
from llmcc.runtime.tools import Tool

#: Other tasks are let run after so many calls, which may not have waited for anything,
_STREAK = 100
#: and after so many seconds.
_HOLD_S = 0.001
Ended: TypeAlias = ev.CallFinished | ev.CallFailed


class Caller:
    """Makes the calls of one run; `run` is its name."""

    def __init__(
        self, toolbox: Mapping[str, Tool], threads: Threads, timeouts: Timeouts, timeout_s: float | None, run: str
    ) -> None:
        self._toolbox = toolbox
        self._threads = threads
        self._timeouts = timeouts
        self._timeout_s = timeout_s
        self._run = run
        self.meter = Meter()
        #: What attempts waited after they were told to start, by key and attempt.
        self.pauses: dict[tuple[str, int], Pause] = {}
        self._callees: dict[str, Callee] = {}
        self._batch_callees: dict[str, Callee] = {}
        self._clock = trio.lowlevel.current_clock().current_time
        self._streak = 0
        #: Until when calls may begin without giving way.
        self._hold = self._clock() + _HOLD_S

    def attempt(self, lane: Lane, now: float | None = None) -> Coroutine[Any, Any, Ended]:
        """Tells when awaited how the call of the lane ended; whatever the tool raises becomes a `CallFailed`.

        Only the `trio.Cancelled` of a scope around it passes through; one that a tool kept from another time is an
        error like any other. A tool that shields itself from cancellation is waited for, since trio has no means to
        stop it; one in a thread is abandoned. `now` is the time by trio's clock, if that is known.
        """
        start: ev.StartCall = lane.start  # type: ignore[assignment]  # it has one
        try:
            callee = self._callees.get(start.tool) or self._callee(start.tool)
            positional, named = callee.bound(start.args)
        except (ToolMissing, ToolInputError) as error:
            return _known(failed(start.key, error))
        if callee.simple:
            return self._call(lane, start, callee, positional, named, now)
        named = {**named, **self._hidden(callee.tool, start)}
        call = self._governed if callee.governed else self._call
        return call(lane, start, callee, positional, named)

    async def attempt_batch(self, lane: Lane, calls: list[dict[str, Any]]) -> Ended:
        """How an invocation of the batch function ended, as if all of it were the call of the lane."""
        start = lane.start
        assert start is not None
        callee = self._batch_callee(start.tool)
        await trio.lowlevel.checkpoint_if_cancelled()  # of a batch nobody has noted that
        if callee.governed:
            return await self._governed(lane, start, callee, (calls,), {})
        return await self._call(lane, start, callee, (calls,), {})

    def arguments(self, start: ev.StartCall) -> dict[str, Any]:
        """The arguments of a call of a batch, by the names that the signature shows.

        Raises:
            ToolInputError: the arguments do not fit.
        """
        tool = self._batch_callee(start.tool).tool
        check_arguments(tool.signature, start.args)
        try:
            ready = tool.converted(start.args)
        except ValueError as error:
            raise ToolInputError(f"{tool.name}: {error}") from error
        return ready | self._hidden(tool, start)

    def _hidden(self, tool: Tool, start: ev.StartCall) -> dict[str, Any]:
        """The arguments that plans do not see."""
        found: dict[str, Any] = {}
        if tool.meter is not None:
            found[tool.meter] = self.meter.of_call((start.key, start.attempt))
        if tool.key is not None:
            found[tool.key] = idempotency_key(self._run, start.key, start.args)
        return found

    def retry_on(self, name: str) -> Collection[str] | None:
        """After which errors the tool says that a call is tried again; None if it does not."""
        return self._toolbox[name].signature.retry_on

    def _batch_callee(self, name: str) -> Callee:
        if name not in self._batch_callees:
            tool = self._toolbox[name]
            assert tool.batch_function is not None
            self._batch_callees[name] = Callee(tool, tool.batch_function, self._timeout_s)
        return self._batch_callees[name]

    def timed_out(self, start: ev.StartCall) -> ev.CallFailed:
        """The event of an attempt that took too long."""
        callee = self._callees.get(start.tool) or self._callee(start.tool)
        error = ToolTimeout(f"{start.tool} did not answer within {callee.timeout_s:g} s")
        return failed(start.key, error, callee.tool.signature.retry_on)

    def _callee(self, name: str) -> Callee:
        tool = self._toolbox.get(name)
        if tool is None:
            raise ToolMissing(f"there is no tool {name!r}")
        if tool.function is None:
            raise ToolMissing(f"{name} has a signature but no function to call")
        callee = self._callees[name] = Callee(tool, tool.function, self._timeout_s)
        return callee

    async def _governed(
        self, lane: Lane, start: ev.StartCall, callee: Callee, positional: Collection[Any], named: Mapping[str, Any]
    ) -> Ended:
        governor = governed(callee.tool)
        assert governor is not None
        try:
            await governor.enter(partial(self._note_rate, start))
        except CircuitOpen as error:
            return failed(start.key, error)
        event: Ended | None = None
        try:
            event = await self._call(lane, start, callee, positional, named)
            return event
        finally:
            governor.ended(self.timed_out(start) if event is None and lane.timed_out else event)

    def _note_rate(self, start: ev.StartCall, seconds: float) -> None:
        before = self.pauses.get((start.key, start.attempt), Pause())
        self.pauses[start.key, start.attempt] = before._replace(rate_s=seconds)

    async def _call(
        self,
        lane: Lane,
        start: ev.StartCall,
        callee: Callee,
        positional: Collection[Any],
        named: Mapping[str, Any],
        now: float | None = None,
    ) -> Ended:
        if now is None:
            now = self._clock()
        lane.deadline = now + callee.timeout_s
        if lane.deadline < self._timeouts.next:
            self._timeouts.arm(lane, now)
        try:
            self._streak = streak = self._streak + 1
            if streak > _STREAK or now > self._hold:
                await self._give_way()
            elif lane.cancelled or not self._timeouts.quiet:
                await trio.lowlevel.checkpoint_if_cancelled()
            if callee.is_async:
                return ev.CallFinished(start.key, await callee.function(*positional, **named))
            return ev.CallFinished(start.key, await self._in_thread(start, callee, positional, named))
        except BaseException as error:  # also SystemExit and KeyboardInterrupt: a tool's own, never the user's
            rest = _without_cancellation(error) if _is_cancelled() else error
            if rest is None:
                raise
            return failed(start.key, rest, callee.tool.signature.retry_on)
        finally:
            lane.deadline = inf

    async def _give_way(self) -> None:
        """Calls that never wait would keep their siblings, the deadline and Ctrl-C waiting: not for long, then. To give
        way before each of them costs more than all the rest of a call.
        """
        self._streak, self._hold = 0, self._clock() + _HOLD_S
        await trio.lowlevel.checkpoint()

    async def _in_thread(
        self, start: ev.StartCall, callee: Callee, positional: Collection[Any], named: Mapping[str, Any]
    ) -> Any:
        function = callee.function
        result = await self._threads.run(f"{start.tool} ({start.key})", lambda: function(*positional, **named))
        return await result if inspect.isawaitable(result) else result


def _is_cancelled() -> bool:
    return trio.current_effective_deadline() == -inf


def _without_cancellation(error: BaseException) -> BaseException | None:
    """The error without trio's cancellations in it; None if nothing is left."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(trio.Cancelled)[1]
    return None if isinstance(error, trio.Cancelled) else error


async def _known(event: Ended) -> Ended:
    return event


def failed(key: str, error: BaseException, retry_on: Collection[str] | None = None) -> ev.CallFailed:
    """The event of a call that failed with `error`; `retry_on` is what the tool says about trying again."""
    return ev.CallFailed(key, class_name(error), message(error), retryable(error, retry_on), delay_s(error))
