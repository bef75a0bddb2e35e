"""Calls that are made as one: which of those that start at a moment they are, and one invocation of the tool's batch
function for them, in which each call keeps its own end. Importing this module imports trio.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import trio

from llmcc.ir.errors import ToolInputError, ToolOutputError
from llmcc.runtime import events as ev
from llmcc.runtime.invoke import Caller, failed
from llmcc.runtime.ledger import CallEnd, Ledger
from llmcc.runtime.timeouts import Lane


@dataclass(slots=True, eq=False)
class Share(Lane):
    """One call of a batch. While the batch is under way, all its calls have the same scope; afterwards each one that is
    tried again has its own, and nothing else is done in its lane: others wait for the slot.
    """

    alone: bool = False
    batch: Together | None = None

    def cancel(self) -> None:
        """Stops the call: the others of the batch go on, if there are any."""
        if self.batch is None:
            Lane.cancel(self)
        else:
            self.batch.give_up(self)


@dataclass(slots=True, eq=False)
class Together:
    """Calls of one tool that are made as one."""

    calls: tuple[ev.StartCall, ...]
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    shares: list[Share] = field(init=False)
    dropped: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Gives each call its lane."""
        self.shares = [Share(scope=self.scope, batch=self) for _ in self.calls]

    def give_up(self, share: Share) -> None:
        """Drops what will come of one call; the last one to be dropped cancels the invocation."""
        assert share.start is not None
        self.dropped.add(share.start.key)
        if len(self.dropped) == len(self.calls):
            self.scope.cancel()

    async def attempt(self, caller: Caller, ledger: Ledger | None = None) -> list[CallEnd]:
        """How each call ended, in their order. Calls whose ends a ledger knows are not made; it may raise."""
        ends: dict[str, CallEnd] = {}
        first = self.shares[0]
        with self.scope:
            calls = self.calls if ledger is None else await self._unknown(ledger, caller, ends)
            await _make(calls, first, caller, ends)
        for share in self.shares:
            share.batch, share.scope = None, trio.CancelScope()
        return [self._end(call, ends, caller, timed_out=first.timed_out) for call in self.calls]

    async def _unknown(self, ledger: Ledger, caller: Caller, ends: dict[str, CallEnd]) -> list[ev.StartCall]:
        """The calls that are to be made, which may begin now; the ends of the others are noted."""
        ends.update((call.key, end) for call in self.calls if (end := ledger.recall(call)) is not None)
        caller.meter.recalled((call.key, call.attempt) for call in self.calls if call.key in ends)
        rest = [call for call in self.calls if call.key not in ends]
        await ledger.intend(rest)
        return rest

    def _end(self, call: ev.StartCall, ends: Mapping[str, CallEnd], caller: Caller, *, timed_out: bool) -> CallEnd:
        if call.key in self.dropped:
            return ev.CallCancelled(call.key)
        if call.key in ends:
            return ends[call.key]
        return caller.timed_out(call) if timed_out else ev.CallCancelled(call.key)


def grouped(starts: Sequence[ev.StartCall]) -> Iterable[ev.StartCall | Together]:
    """The calls that start, the first attempts of one batch as one, at the place of the first of them."""
    if len(starts) == 1 or not any([one.batch for one in starts]):
        return starts
    groups: dict[tuple[str, int], list[ev.StartCall]] = {}
    for i, one in enumerate(starts):
        alone = one.batch is None or one.attempt > 1
        groups.setdefault(("", i) if alone else (one.batch or "", 0), []).append(one)
    return [Together(tuple(group)) if len(group) > 1 else group[0] for group in groups.values()]


async def _make(calls: Sequence[ev.StartCall], lane: Lane, caller: Caller, ends: dict[str, CallEnd]) -> None:
    """Notes how the calls end, by their keys: those whose arguments fit, by one invocation."""
    ready = {}
    for call in calls:
        try:
            ready[call.key] = caller.arguments(call)
        except ToolInputError as error:
            ends[call.key] = failed(call.key, error)
    if not ready:
        return
    end = await caller.attempt_batch(lane, list(ready.values()))
    retry_on = caller.retry_on(calls[0].tool)
    if isinstance(end, ev.CallFailed):
        ends.update((key, msgspec.structs.replace(end, key=key)) for key in ready)
        return
    wrong = _wrong(calls[0].tool, end.value, len(ready))
    results = [wrong] * len(ready) if wrong is not None else end.value
    for key, result in zip(ready, results, strict=True):
        is_error = isinstance(result, Exception)
        ends[key] = failed(key, result, retry_on) if is_error else ev.CallFinished(key, result)


def _wrong(tool: str, results: object, calls: int) -> ToolOutputError | None:
    if not isinstance(results, list | tuple):
        return ToolOutputError(f"{tool} returned no list of results for a batch of {calls} calls")
    if len(results) != calls:
        return ToolOutputError(f"{tool} returned {len(results)} results for a batch of {calls} calls")
    return None
