"""Runs a traced plan again, with the recorded results, on a virtual clock: the scheduler decides everything anew, and
the calls end as they did, when they did. Importing this module imports trio.
"""

from __future__ import annotations

import msgspec
import trio
import trio.testing

from llmcc.ir.errors import LlmccError
from llmcc.ir.signature import Signature
from llmcc.ir.values import Value
from llmcc.runtime import events as ev
from llmcc.runtime.batching import Together
from llmcc.runtime.executor import Execution
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.state import IllegalTransition
from llmcc.runtime.timeouts import Lane
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import Tool
from llmcc.runtime.trace import Entry, Trace, TraceError

#: Virtual seconds after which an event that has not happened will never.
_PATIENCE_S = 1.0


class ReplayError(TraceError):
    """The run does not go as the trace says: it was made by another version, or changed."""


def replay(trace: Trace) -> Outcome:
    """The outcome of the traced run, run again. No tool is called, and no time passes.

    Calls take the recorded times and give the recorded results, attempt by attempt; events of the same moment come in
    the recorded order. So the outcome has the same values, failures and calls, and its log is the trace's.

    Raises:
        TraceError: a value of the trace was too long to be kept.
        ReplayError: the run does not go as recorded.
        LlmccError: an event loop of trio is already running in this thread.
    """
    if trace.truncated:
        raise TraceError(f"the trace cannot be replayed without the values that it leaves out: {_left_out(trace)}")
    if trio.lowlevel.in_trio_run():
        raise LlmccError("replay runs a clock of its own: call it from a thread that runs no trio")
    try:
        return trio.run(_replayed, trace, clock=trio.testing.MockClock(autojump_threshold=0))
    except IllegalTransition as error:
        raise ReplayError(f"the run does not go as the trace says: {error}") from error


def _left_out(trace: Trace) -> str:
    events = [(trace.log[place].event, size) for place, size in trace.truncated.items() if place < len(trace.log)]
    named = [f"{event.key} ({size:,} bytes)" for event, size in events if isinstance(event, ev.CallFinished)]
    return ", ".join([*named[:5], *([f"{len(named) - 5} more"] if len(named) > 5 else [])])


async def _replayed(trace: Trace) -> Outcome:
    toolbox = Toolbox(*map(_described, trace.tools))
    # What stopped the run is in the log, and comes from there.
    limits = msgspec.structs.replace(trace.limits, deadline_s=None)
    async with _Replay.open(toolbox, limits=limits) as execution:
        assert isinstance(execution, _Replay)
        return await execution.follow(trace.log)


def _described(signature: Signature) -> Tool:
    tool = Tool(signature)
    # The scheduler made batches of what can be made as one; here nothing is called.
    tool.batch_function = None if signature.batch is None else _uncalled
    return tool


def _uncalled(calls: list[dict[str, Value]]) -> list[Value]:
    raise AssertionError("a replay calls no tool")


class _Replay(Execution):
    """An execution whose calls end as a script says, each event in its turn."""

    _script: tuple[Entry, ...]
    _ends: dict[tuple[str, int], int]

    async def follow(self, script: tuple[Entry, ...]) -> Outcome:
        """Says what was said from outside; the calls' ends come from their tasks."""
        self._script = script
        self._turns: dict[int, trio.Event] = {}
        self._ends = _ends_of(script)
        try:
            return await self._told(script)
        finally:
            self._script = ()  # what the end of an unfinished run says is no part of it

    async def _told(self, script: tuple[Entry, ...]) -> Outcome:
        for place, entry in enumerate(script):
            if not isinstance(entry.event, ev.ENDS):
                await self._require_turn(place)
                self._tell(entry.event)
        await self._require_turn(len(script))
        return self.outcome()

    @trio.lowlevel.enable_ki_protection
    def _tell(self, event: ev.Event, lane: Lane | None = None) -> float | None:
        place = len(self.log)
        now = super()._tell(event, lane)
        if place < len(self._script) and self.log[place][1] != self._script[place].event:
            raise ReplayError(f"event {place} is {self.log[place][1]!r}, not {self._script[place].event!r}")
        turn = self._turns.pop(place + 1, None)
        if turn is not None:
            turn.set()
        return now

    async def _work(self, lane: Lane) -> None:
        while (start := lane.start) is not None:
            self._tell(await self._recorded(lane, start), lane)
        del self._lanes[lane]

    @trio.lowlevel.enable_ki_protection
    async def _work_together(self, batch: Together) -> None:
        for share in batch.shares:  # each end is in the trace by itself
            share.batch, share.scope = None, trio.CancelScope()
            self._nursery.start_soon(self._work, share)

    async def _recorded(self, lane: Lane, start: ev.StartCall) -> ev.Event:
        place = self._ends.get((start.key, start.attempt))
        # A call that was cancelled ends in its turn too.
        with trio.CancelScope(shield=True):
            if place is not None and await self._turn(place):
                return self._script[place].event
        with lane.scope:  # the trace ends before the call does, or `follow` is about to say why
            await trio.sleep_forever()
        return ev.CallCancelled(start.key)

    async def _require_turn(self, place: int) -> None:
        if not await self._turn(place):
            raise ReplayError(f"event {len(self.log)} never comes: {self._script[len(self.log)].event!r}")

    async def _turn(self, place: int) -> bool:
        """Waits until it is time for an event, and all events before it have happened; False if they do not."""
        at_s = self._script[min(place, len(self._script) - 1)].at_s
        await trio.sleep_until(self._begun + at_s)
        if len(self.log) >= place:
            return True
        turn = self._turns.setdefault(place, trio.Event())
        with trio.move_on_after(_PATIENCE_S):
            await turn.wait()
        return turn.is_set()


def _ends_of(script: tuple[Entry, ...]) -> dict[tuple[str, int], int]:
    """The place of the event that ended each attempt of each call."""
    found: dict[tuple[str, int], int] = {}
    attempts: dict[str, int] = {}
    for place, entry in enumerate(script):
        event = entry.event
        if isinstance(event, ev.ENDS):
            attempts[event.key] = attempts.get(event.key, 0) + 1
            found[event.key, attempts[event.key]] = place
    return found
