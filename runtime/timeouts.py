"""Time-outs of calls without a cancel scope each: one task sleeps until the first of them, and there are hardly any."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from math import inf

import trio

from llmcc.runtime import events as ev


@dataclass(slots=True, eq=False)
class Lane:
    """A task that makes one call after another. `start` is the call under way, None while there is none for it.

    `scope` is around all its calls until it is cancelled: then the next call gets a new one. `timed_out` tells why.
    `started_s` is when the call's first attempt began, in seconds since the run did; `deadline` when the attempt under
    way has to be over, by trio's clock.
    """

    start: ev.StartCall | None = None
    started_s: float = 0.0
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    deadline: float = inf
    timed_out: bool = False
    cancelled: bool = False
    task: trio.lowlevel.Task | None = None
    #: Whether the lane goes on with other calls: any that may start as its own is over, or that come while it rests.
    alone: bool = True

    def cancel(self) -> None:
        """Stops the call under way."""
        self.cancelled = True
        self.scope.cancel()


class Timeouts:
    """Cancels the scope of a lane whose deadline has passed."""

    def __init__(self, nursery: trio.Nursery, lanes: Collection[Lane]) -> None:
        self._nursery = nursery
        self._lanes = lanes
        #: When the alarm rings; deadlines after that need no other.
        self.next = inf
        self._sleep: trio.CancelScope | None = None
        #: Whether it is sure that nobody has cancelled the run from outside: its task would have been told.
        self.quiet = False

    def arm(self, lane: Lane, now: float) -> None:
        """Sees to it that the lane's deadline, which is before `next`, is kept. Whoever ends the attempt clears it."""
        if lane.deadline <= now:
            return self._expire(lane)
        deadline = self.next = lane.deadline
        if self._sleep is None:
            self._sleep = trio.CancelScope(deadline=deadline)
            self._nursery.start_soon(self._watch, name="time-outs")
        else:
            self._sleep.deadline = deadline

    @trio.lowlevel.enable_ki_protection
    async def _watch(self) -> None:
        while True:
            assert self._sleep is not None
            with self._sleep:
                self.quiet = True
                await trio.lowlevel.wait_task_rescheduled(self._disturbed)
            now = trio.current_time()
            for lane in self._lanes:
                if lane.deadline <= now:
                    self._expire(lane)
            self.next = min((lane.deadline for lane in self._lanes if lane.deadline > now), default=inf)
            self._sleep = trio.CancelScope(deadline=self.next)

    def _disturbed(self, _: object) -> trio.lowlevel.Abort:
        self.quiet = False  # trio says so while the scope is being cancelled, before anything else runs
        return trio.lowlevel.Abort.SUCCEEDED

    def _expire(self, lane: Lane) -> None:
        if not lane.scope.cancel_called:
            lane.timed_out = lane.cancelled = True
            lane.scope.cancel()
