"""Does what the scheduler says, and decides nothing itself: tasks that make calls, and tell it how they ended.

One nursery holds all calls. A call's task goes on with the first call that it made ready, so that a chain of calls is
one task, and nothing is ever polled. Importing this module imports trio.
"""

from __future__ import annotations

import random
import time
from uuid import uuid4

import msgspec
import trio

from llmcc.ir.secrets import Secrets
from llmcc.runtime import events as ev
from llmcc.runtime.batching import Together, grouped
from llmcc.runtime.invoke import Caller
from llmcc.runtime.ledger import CallEnd, Ledger, LedgerError
from llmcc.runtime.limits import Limits
from llmcc.runtime.notes import Notes
from llmcc.runtime.outcome import Observer, Pause
from llmcc.runtime.resting import Resting
from llmcc.runtime.state import Machine
from llmcc.runtime.threads import Threads
from llmcc.runtime.timeouts import Lane, Timeouts
from llmcc.runtime.toolbox import Toolbox


class Loop(Notes):
    """The part of a run that makes calls."""

    def __init__(
        self,
        nursery: trio.Nursery,
        toolbox: Toolbox,
        limits: Limits,
        observer: Observer | None,
        seed: int | None,
        trace: bool,
        ledger: Ledger | None,
    ) -> None:
        signatures = toolbox.runnable
        super().__init__(Machine(signatures, limits), observer, Secrets(signatures))
        self._traced = trace
        self._nursery = nursery
        self._limits = limits
        self._random = random.Random(seed)
        self._ledger = ledger
        self._threads = Threads(limits.threads)
        run = uuid4().hex if ledger is None else ledger.run
        self._resting = Resting()
        self._caller = Caller(toolbox, self._threads, Timeouts(nursery, self._lanes), limits.timeout_s, run)
        if ledger is not None:
            self._caller.meter.restore(ledger.charges)
        self._clock = trio.lowlevel.current_clock().current_time
        self._begun = self._clock()
        self._began_at = time.time()
        self._join: ev.EndKnown | None = None
        self._finish: ev.FinishPlan | None = None
        self._ended_s = 0.0
        self._news = trio.Event()

    @property
    def now_s(self) -> float:
        """Seconds since the run's start."""
        return self._clock() - self._begun

    def cancel(self, reason: str) -> None:
        """Stops the run: nothing further starts, calls are cancelled, what is known is kept for `finished`."""
        if self._finish is None:
            self._tell(ev.Cancelled(reason))

    @trio.lowlevel.enable_ki_protection
    def _tell(self, event: ev.Event, lane: Lane | None = None) -> float | None:
        """Tells the machine, and does what it says. `lane` is that of the call that has ended, if one has: the first
        call that starts now is its next. The time by trio's clock if that is all that follows, as it nearly always is.
        """
        told = self._clock()
        now = told - self._begun
        if type(event) is ev.CallFailed:
            event = self._discreet(event)
        instructions = self.machine.handle(event)
        if self._traced:
            self.log.append((now, self._as_seen(event) if type(event) is ev.CallFinished else event))
        if lane is not None:
            self._note_end(lane, event, now)
            if len(instructions) == 1 and lane.alone and type(start := instructions[0]) is ev.StartCall:
                self._note_start(lane, start, now)
                return told
        if instructions:
            self._follow(instructions, lane, now)
        return None

    def _follow(self, instructions: list[ev.Instruction], lane: Lane | None, now: float) -> None:
        starts: list[ev.StartCall] = []
        given_up: list[str] = []
        for instruction in instructions:
            if type(instruction) is ev.StartCall:  # nearly all are
                starts.append(instruction)
            elif type(instruction) is ev.CancelCall:
                given_up.append(instruction.key)
            else:
                self._obey(instruction, now)
        if given_up:
            lanes = self._lanes_by_key()
            for key in given_up:
                lanes[key].cancel()
        if starts:
            self._start(starts, lane, now)

    def _obey(self, instruction: ev.Instruction, now: float) -> None:
        match instruction:
            case ev.EndKnown():
                self._join = instruction
                self._wake()
            case ev.FinishPlan():
                self._finish = instruction
                self._ended_s = now
                self._wake()

    def _start(self, starts: list[ev.StartCall], lane: Lane | None, now: float) -> None:
        """Starts the calls that may start at this moment, one in `lane`, each of the others in a task of its own, those
        of a batch in one.
        """
        for one in grouped(starts):
            if isinstance(one, Together):
                for share, start in zip(one.shares, one.calls, strict=True):
                    self._lanes[share] = None
                    self._note_start(share, start, now)
                self._nursery.start_soon(self._work_together, one, name="calls of a batch")
            elif lane is not None and (lane.alone or one.attempt > 1):
                self._note_start(lane, one, now)
                lane = None
            elif (another := self._resting.woken()) is not None:
                self._note_start(another, one, now)
            else:
                another = Lane()
                self._lanes[another] = None
                self._note_start(another, one, now)
                self._nursery.start_soon(self._work, another, name="calls")

    # Ctrl-C must not strike a tool in the middle, where it would look like the tool's own failure: protected here, it
    # reaches the task that waits for the outcome, and cancels everything from there.
    @trio.lowlevel.enable_ki_protection
    async def _work(self, lane: Lane) -> None:
        attempt, ledger = self._caller.attempt, self._ledger
        now: float | None = None  # unknown, where time has passed since the call was told to start
        while (start := lane.start) is not None:
            scope = lane.scope
            with scope:
                while start is not None and lane.scope is scope:
                    if ledger is not None:
                        end = await self._noted(lane, start, ledger)
                    elif start.attempt > 1:
                        end = await self._made(lane, start)
                    else:
                        end = await attempt(lane, now)
                    now = self._tell(end, lane)
                    if lane.start is None and lane.alone and not lane.cancelled:
                        if self._resting.woke:
                            self._resting.take_over(lane)
                        else:
                            await self._resting.rest(lane)
                    start = lane.start
            if scope.cancelled_caught:
                assert start is not None  # the call that was under way
                stopped = self._caller.timed_out(start) if lane.timed_out else ev.CallCancelled(start.key)
                now = self._tell(self._settled(start, stopped), lane)
        del self._lanes[lane]

    async def _made(self, lane: Lane, start: ev.StartCall) -> CallEnd:
        if start.attempt > 1:
            pause = self._pause(start)
            self._caller.pauses[start.key, start.attempt] = Pause(retry_s=pause)
            await trio.sleep(pause)
        return await self._caller.attempt(lane)

    async def _noted(self, lane: Lane, start: ev.StartCall, ledger: Ledger) -> CallEnd:
        """The call of a lane remembered, or made and written down. A ledger that fails stops the run."""
        try:
            known = ledger.recall(start)
            if known is not None:
                self._caller.meter.recalled([(start.key, start.attempt)])
                await trio.lowlevel.checkpoint()
                return known
            await ledger.intend((start,))
        except LedgerError as error:
            self.cancel(str(error))
            return ev.CallCancelled(start.key)
        return self._settled(start, await self._made(lane, start))

    def _settled(self, start: ev.StartCall, end: CallEnd) -> CallEnd:
        if self._ledger is None:
            return end
        if type(end) is ev.CallFailed:
            end = self._discreet(end)
        try:
            return self._ledger.settle(start, end, self._caller.meter.charges((start.key, start.attempt)))
        except LedgerError as error:
            self.cancel(str(error))
            return end

    @trio.lowlevel.enable_ki_protection
    async def _work_together(self, batch: Together) -> None:
        """Makes calls as one and tells the end of each. Those that get another attempt make it one after another, as
        they still share a slot; what else is to be done goes on in other tasks.
        """
        try:
            made = await batch.attempt(self._caller, self._ledger)
        except LedgerError as error:
            self.cancel(str(error))
            made = [ev.CallCancelled(call.key) for call in batch.calls]
        ends = [self._settled(call, end) for call, end in zip(batch.calls, made, strict=True)]
        for share, end in zip(batch.shares, ends, strict=True):
            self._tell(msgspec.structs.replace(end, more=end is not ends[-1]), share)
        for share in batch.shares:
            await self._work(share)

    def _pause(self, start: ev.StartCall) -> float:
        """What the other side said; else full jitter: of many calls that failed together, no two come back together."""
        if start.delay_s is not None:
            return start.delay_s
        bound = min(self._limits.backoff_max_s, self._limits.backoff_s * 2.0 ** min(start.attempt - 2, 60))
        return self._random.uniform(0, bound)

    def _wake(self) -> None:
        self._news.set()
        self._news = trio.Event()
