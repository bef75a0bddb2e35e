"""Lanes that wait for another call, which is cheaper than a task that ends and one that begins.

Importing this module imports trio.
"""

from __future__ import annotations

import trio

from llmcc.runtime.timeouts import Lane

#: Tasks that may wait for another call, in one run.
_IDLE = 64


class Resting:
    """The lanes of a run that rest, and those that were woken and have not had their turn since."""

    def __init__(self) -> None:
        self._idle: list[Lane] = []
        #: Lanes that were woken for a call and have not come to it.
        self.woke: dict[Lane, None] = {}
        #: Lanes that were woken for a call which another lane took.
        self._robbed: dict[Lane, None] = {}

    async def rest(self, lane: Lane) -> None:
        """Returns when the lane has a call; at once if enough others rest."""
        if len(self._idle) >= _IDLE:
            return

        def abort(_: object) -> trio.lowlevel.Abort:
            self._idle.remove(lane)
            return trio.lowlevel.Abort.SUCCEEDED

        lane.task = trio.lowlevel.current_task()
        while lane.start is None:
            self._idle.append(lane)
            await trio.lowlevel.wait_task_rescheduled(abort)
            self.woke.pop(lane, None)
            self._robbed.pop(lane, None)

    def woken(self) -> Lane | None:
        """A lane that rested, for a call that it has to be given now; None if there is none."""
        if self._robbed:
            lane = self._robbed.popitem()[0]
        elif self._idle:
            lane = self._idle.pop()
            assert lane.task is not None
            trio.lowlevel.reschedule(lane.task)
        else:
            return None
        self.woke[lane] = None
        return lane

    def take_over(self, lane: Lane) -> None:
        """Gives the lane, which has no call, that of the lane that was woken first; `lanes` has them by their calls.

        Where tools never wait, that saves most changes of tasks. A lane that was cancelled keeps its call, as it has to
        tell that.
        """
        other = next(iter(self.woke))
        if other.cancelled:
            return
        del self.woke[other]
        self._robbed[other] = None
        lane.start, lane.started_s = other.start, other.started_s
        other.start = None
