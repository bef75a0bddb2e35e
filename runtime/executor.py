"""Runs plans on trio: does what the scheduler says, decides nothing itself.

One nursery holds all calls. A call's task goes on with the first call that it made ready, so that a chain of calls is
one task, and nothing is ever polled. Importing this module imports trio.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Literal
from uuid import uuid4

import msgspec
import trio

from llmcc.ir import errors
from llmcc.ir.frame import Failure
from llmcc.ir.ops import Call, Module, Op
from llmcc.ir.values import Value
from llmcc.runtime import events as ev
from llmcc.runtime.batching import Together, grouped
from llmcc.runtime.invoke import Caller
from llmcc.runtime.ledger import CallEnd, Ledger, LedgerError
from llmcc.runtime.limits import Limits
from llmcc.runtime.outcome import CallEnded, CallRecord, CallStarted, Observer, Outcome, Pause
from llmcc.runtime.state import IllegalTransition, Machine
from llmcc.runtime.threads import Threads
from llmcc.runtime.timeouts import Lane, Timeouts
from llmcc.runtime.toolbox import Toolbox

#: Tasks that may wait for another call, in one run.
_IDLE = 64
#: Of these types a value cannot change.
_UNCHANGING = frozenset({str, int, float, bool, type(None)})


async def run_module(
    module: Module,
    toolbox: Toolbox,
    *,
    limits: Limits | None = None,
    observer: Observer | None = None,
    seed: int | None = None,
    trace: bool = True,
    watch: Callable[[Execution], None] | None = None,
    ledger: Ledger | None = None,
) -> Outcome:
    """Runs a whole module. `seed` decides the pauses before retries; without `trace` the outcome has no log; `watch` is
    given the run before it starts; `ledger` remembers how calls ended.

    Raises:
        ValueError: the module's conflicting calls are not ordered (run the pass `order-effects` first).
    """
    if not module.ordered:
        raise ValueError("the conflicting calls of the module are not ordered: run the pass order-effects first")
    opened = Execution.open(toolbox, limits=limits, observer=observer, seed=seed, trace=trace, ledger=ledger)
    async with opened as execution:
        if watch is not None:
            watch(execution)
        execution.add(module.ops)
        execution.accept()
        return await execution.finished()


class Execution:
    """One run of a plan that may still be being written, and of the plans that follow it after a `join`.

    Open it with `async with Execution.open(toolbox)`. `add` the ops of each statement as they come (their `after` edges
    in place), then `accept` or `reject` the plan, wait for what it joins with `joined`, `add` a further plan if need
    be, and end with `finished`. Leaving the block earlier cancels everything.
    """

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
        self.machine = Machine(toolbox.runnable, limits)
        #: Each event that the machine was told, with seconds since the run's start; results as the plan saw them.
        self.log: list[tuple[float, ev.Event]] = []
        self._traced = trace
        self._nursery = nursery
        self._limits = limits
        self._observer = observer
        self._random = random.Random(seed)
        self._ledger = ledger
        self._threads = Threads(limits.threads)
        run = uuid4().hex if ledger is None else ledger.run
        self._lanes: dict[str, Lane] = {}
        self._idle: list[Lane] = []
        self._caller = Caller(toolbox, self._threads, Timeouts(nursery, self._lanes.values), limits.timeout_s, run)
        self._clock = trio.lowlevel.current_clock().current_time
        self._begun = self._clock()
        self._began_at = time.time()
        self._records: list[CallRecord] = []
        self._join: ev.JoinReady | None = None
        self._finish: ev.FinishPlan | None = None
        self._ended_s = 0.0
        self._news = trio.Event()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        toolbox: Toolbox,
        *,
        limits: Limits | None = None,
        observer: Observer | None = None,
        seed: int | None = None,
        trace: bool = True,
        ledger: Ledger | None = None,
    ) -> AsyncIterator[Execution]:
        """Starts a run; the end of the block ends it, and whatever it still does. Without `trace` it keeps no log."""
        execution: Execution | None = None
        try:
            async with trio.open_nursery() as nursery:
                execution = cls(nursery, toolbox, limits or Limits(), observer, seed, trace, ledger)
                if execution._limits.deadline_s is not None:
                    nursery.start_soon(execution._expire, execution._limits.deadline_s, name="deadline")
                yield execution
                nursery.cancel_scope.cancel()
        except BaseExceptionGroup as group:
            raise _simplest(group) from None
        finally:
            if execution is not None:
                await execution._close()

    # -- for the caller ------------------------------------------------------------------------------------------------

    def add(self, ops: Iterable[Op]) -> None:
        """Adds ops to the plan; pure calls and reads that wait for nothing start at once.

        Raises:
            Cancelled: the run was cancelled meanwhile (by its deadline, say).
        """
        added = list(ops)
        for op in added:
            self._say(ev.StatementAdded(op, more=op is not added[-1]))

    def accept(self) -> None:
        """Declares the plan complete and sound, so that its writes may start. Raises like `add`."""
        self._join = None
        self._say(ev.PlanAccepted())

    def reject(self, reason: str) -> None:
        """Gives the plan up that was being added: none of its writes has started, its reads are cancelled, its names
        are free again. Raises like `add`.
        """
        self._say(ev.PlanRejected(reason))

    def cancel(self, reason: str) -> None:
        """Stops the run: nothing further starts, calls are cancelled, what is known is kept for `finished`."""
        if self._finish is None:
            self._tell(ev.Cancelled(reason))

    async def joined(self) -> ev.JoinReady:
        """What the accepted plan's `join` gathers, as soon as it is known.

        Raises:
            IllegalTransition: the run finishes without one.
        """
        while self._join is None and self._finish is None:
            await self._news.wait()
        if self._join is None:
            raise IllegalTransition("no accepted plan of this run ends with a join")
        return self._join

    async def finished(self) -> Outcome:
        """The outcome, when everything is over. No further plan can be added then."""
        if self.machine.phase == "settled":
            self._tell(ev.PlanEnded())
        elif self.machine.phase == "open":
            raise IllegalTransition("the plan was neither accepted nor rejected")
        while self._finish is None:
            await self._news.wait()
        await self._threads.wait(self._limits.grace_s)
        return self.outcome()

    def outcome(self) -> Outcome:
        """What is known so far; after the block also of a run that was cut off."""
        frame = self.machine.top.frame
        finish = self._finish or ev.FinishPlan(None)
        return Outcome(
            value=finish.answer,
            failed=finish.failed,
            values={name: value for name, value in frame.values.items() if "." not in name},
            calls=tuple(self._records),
            errors=tuple(dict.fromkeys((*self.machine.failures(), *((finish.failed,) if finish.failed else ())))),
            elapsed_s=self.now_s if self._finish is None else self._ended_s,
            abandoned=self._threads.abandoned,
            log=tuple(self.log),
            stopped=self.machine.stop_reason,
            pauses=dict(self._caller.pauses),
            limits=self._limits,
            began_at=self._began_at,
        )

    @property
    def adding(self) -> bool:
        """Whether a plan is being added, and so can be accepted or rejected."""
        return self.machine.phase == "open"

    @property
    def values(self) -> dict[str, Value]:
        """The values known so far, by op name."""
        return dict(self.machine.top.frame.values)

    @property
    def now_s(self) -> float:
        """Seconds since the run's start."""
        return self._clock() - self._begun

    # -- the loop ------------------------------------------------------------------------------------------------------

    def _say(self, event: ev.Event) -> None:
        if self.machine.stop_reason is not None:
            raise errors.Cancelled(self.machine.stop_reason)
        self._tell(event)

    @trio.lowlevel.enable_ki_protection
    def _tell(self, event: ev.Event, lane: Lane | None = None) -> None:
        """Tells the machine, and does what it says. `lane` is that of the call that has ended, if one has: the first
        call that starts now is its next.
        """
        now = self._clock() - self._begun
        instructions = self.machine.handle(event)
        if self._traced:
            self.log.append((now, self._as_seen(event)))
        if lane is not None:
            self._note_end(lane, event, now)
        starts: list[ev.StartCall] = []
        for instruction in instructions:
            if type(instruction) is ev.StartCall:  # nearly all are
                starts.append(instruction)
            else:
                self._obey(instruction, now)
        if starts:
            self._start(starts, lane, now)

    def _obey(self, instruction: ev.Instruction, now: float) -> None:
        match instruction:
            case ev.CancelCall(key):
                self._lanes[key].cancel()
            case ev.JoinReady():
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
                    self._note_start(share, start, now)
                self._nursery.start_soon(self._work_together, one, name="calls of a batch")
            elif lane is not None and lane.takes(one):
                self._note_start(lane, one, now)
                lane = None
            elif self._idle:
                another = self._idle.pop()
                self._note_start(another, one, now)
                assert another.task is not None
                trio.lowlevel.reschedule(another.task)
            else:
                another = Lane()
                self._note_start(another, one, now)
                self._nursery.start_soon(self._work, another, name="calls")

    # Ctrl-C must not strike a tool in the middle, where it would look like the tool's own failure: protected here, it
    # reaches the task that waits for the outcome, and cancels everything from there.
    @trio.lowlevel.enable_ki_protection
    async def _work(self, lane: Lane) -> None:
        while (start := lane.start) is not None:
            scope = lane.scope
            with scope:
                while start is not None and lane.scope is scope:
                    if self._ledger is not None:
                        self._tell(await self._noted(lane, start, self._ledger), lane)
                    else:
                        self._tell(await self._made(lane, start), lane)
                    if lane.start is None and lane.rests and len(self._idle) < _IDLE:
                        await self._rest(lane)
                    start = lane.start
            if scope.cancelled_caught:
                assert start is not None  # the call that was under way
                end = self._caller.timed_out(start) if lane.timed_out else ev.CallCancelled(start.key)
                self._tell(self._settled(start, end), lane)

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
                await trio.lowlevel.checkpoint()
                return known
            await ledger.intend(start)
        except LedgerError as error:
            self.cancel(str(error))
            return ev.CallCancelled(start.key)
        return self._settled(start, await self._made(lane, start))

    def _settled(self, start: ev.StartCall, end: CallEnd) -> CallEnd:
        if self._ledger is None:
            return end
        try:
            return self._ledger.settle(start, end)
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

    async def _rest(self, lane: Lane) -> None:
        """Waits for another call: cheaper than a task that ends, and one that begins."""

        def abort(_: object) -> trio.lowlevel.Abort:
            self._idle.remove(lane)
            return trio.lowlevel.Abort.SUCCEEDED

        lane.task = trio.lowlevel.current_task()
        self._idle.append(lane)
        await trio.lowlevel.wait_task_rescheduled(abort)

    def _pause(self, start: ev.StartCall) -> float:
        """What the other side said; else full jitter: of many calls that failed together, no two come back together."""
        if start.delay_s is not None:
            return start.delay_s
        bound = min(self._limits.backoff_max_s, self._limits.backoff_s * 2.0 ** min(start.attempt - 2, 60))
        return self._random.uniform(0, bound)

    async def _expire(self, deadline_s: float) -> None:
        await trio.sleep(deadline_s)
        self.cancel(f"the run's deadline of {deadline_s:g} s has passed")

    async def _close(self) -> None:
        """After the nursery: no task is left. What the run was cut off from is marked as cancelled."""
        if self._finish is None:
            self._tell(ev.Cancelled("the run was left before its end"))
            for key in list(self.machine.queue.running):
                self._tell(ev.CallCancelled(key), self._lanes[key])
        await self._threads.wait(self._limits.grace_s)

    # -- what is noted -------------------------------------------------------------------------------------------------

    def _as_seen(self, event: ev.Event) -> ev.Event:
        """The event for the log: with the value as the plan has it, since the tool's own object may be no value, or
        change later; a value that the plan could not take is a failure.
        """
        if type(event) is not ev.CallFinished:
            return event
        node = self.machine.nodes[event.key]
        if node.failure is not None:
            return ev.CallFailed(event.key, node.failure.error, node.failure.message)
        if type(event.value) in _UNCHANGING:
            return event
        assert isinstance(node.op, Call)
        # Of a plan that was rejected nobody has the value.
        return ev.CallFinished(event.key, node.region.frame.values.get(node.op.name) if node.state == "done" else None)

    def _wake(self) -> None:
        self._news.set()
        self._news = trio.Event()

    def _note_start(self, lane: Lane, start: ev.StartCall, now: float) -> None:
        lane.start = start
        if lane.cancelled:
            lane.scope, lane.cancelled, lane.timed_out = trio.CancelScope(), False, False
        if start.attempt > 1:
            return
        lane.started_s = now
        self._lanes[start.key] = lane
        if self._observer is not None:
            self._show(CallStarted(start.key, start.op, start.tool, start.args, now))

    def _show(self, news: CallStarted | CallEnded) -> None:
        observer, self._observer = self._observer, None
        if observer is not None:
            observer(news)
        self._observer = observer  # one that raised is not asked again

    def _note_end(self, lane: Lane, event: ev.Event, now: float) -> None:
        start, lane.start = lane.start, None
        assert start is not None
        if start.key in self.machine.queue.running:
            return  # another attempt follows
        del self._lanes[start.key]
        node = self.machine.nodes[start.key]
        failure = node.failure
        status: Literal["done", "failed", "cancelled"] = "done" if failure is None else "failed"
        if type(event) is not ev.CallFinished:
            status, failure = self._why(start, event, failure)
        record = CallRecord(
            start.key, start.op, start.tool, start.args, lane.started_s, now, start.attempt, status, failure
        )
        self._records.append(record)
        if self._observer is not None:
            # As the plan sees it, not as the tool gave it.
            value = node.region.frame.values.get(start.op) if status == "done" else None
            self._show(CallEnded(record, value))

    def _why(
        self, start: ev.StartCall, event: ev.Event, failure: Failure | None
    ) -> tuple[Literal["failed", "cancelled"], Failure]:
        """What a call is said to have ended with whose tool gave nothing; its plan may have been given up before."""
        if isinstance(event, ev.CallFailed):
            return "failed", failure or Failure(event.error, event.message, start.op)
        reason = self.machine.stop_reason or "the plan was rejected"
        return "cancelled", failure or Failure("Cancelled", reason, start.op)


def _simplest(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error in a group of a nursery, where there is but one besides cancellations; else the group."""
    _, rest = group.split(trio.Cancelled)
    error: BaseException = rest if rest is not None else group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
