"""Runs plans on trio: does what the scheduler says, decides nothing itself.

One nursery holds all calls. A call's task goes on with the first call that it made ready, so that a chain of calls is
one task, and nothing is ever polled. Importing this module imports trio.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import trio

from llmcc.ir import errors
from llmcc.ir.frame import Failure
from llmcc.ir.ops import Module, Op
from llmcc.ir.values import Value
from llmcc.runtime import events as ev
from llmcc.runtime.invoke import attempt
from llmcc.runtime.limits import Limits
from llmcc.runtime.outcome import CallEnded, CallRecord, CallStarted, Observer, Outcome
from llmcc.runtime.state import IllegalTransition, Machine
from llmcc.runtime.threads import Threads
from llmcc.runtime.toolbox import Toolbox


async def run_module(
    module: Module,
    toolbox: Toolbox,
    *,
    limits: Limits | None = None,
    observer: Observer | None = None,
    seed: int | None = None,
) -> Outcome:
    """Runs a whole module. `seed` decides the pauses before retries.

    Raises:
        ValueError: the module's conflicting calls are not ordered (run the pass `order-effects` first).
    """
    if not module.ordered:
        raise ValueError("the conflicting calls of the module are not ordered: run the pass order-effects first")
    async with Execution.open(toolbox, limits=limits, observer=observer, seed=seed) as execution:
        execution.add(module.ops)
        execution.accept()
        return await execution.finished()


@dataclass(slots=True)
class _Running:
    start: ev.StartCall
    started_s: float
    scope: trio.CancelScope


class Execution:
    """One run of a plan that may still be being written, and of the plans that follow it after a `join`.

    Open it with `async with Execution.open(toolbox)`. `add` the ops of each statement as they come (their `after` edges
    in place), then `accept` or `reject` the plan, wait for what it joins with `joined`, `add` a further plan if need
    be, and end with `finished`. Leaving the block earlier cancels everything.
    """

    def __init__(
        self, nursery: trio.Nursery, toolbox: Toolbox, limits: Limits, observer: Observer | None, seed: int | None
    ) -> None:
        self.machine = Machine(toolbox.signatures, limits)
        self._nursery = nursery
        self._toolbox = toolbox
        self._limits = limits
        self._observer = observer
        self._random = random.Random(seed)
        self._threads = Threads(limits.threads)
        self._begun = trio.current_time()
        self._running: dict[str, _Running] = {}
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
    ) -> AsyncIterator[Execution]:
        """Starts a run; the end of the block ends it, and whatever it still does."""
        execution: Execution | None = None
        try:
            async with trio.open_nursery() as nursery:
                execution = cls(nursery, toolbox, limits or Limits(), observer, seed)
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
        for op in ops:
            self._say(ev.StatementAdded(op))

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
            elapsed_s=self._now() if self._finish is None else self._ended_s,
            abandoned=self._threads.abandoned,
        )

    @property
    def adding(self) -> bool:
        """Whether a plan is being added, and so can be accepted or rejected."""
        return self.machine.phase == "open"

    @property
    def values(self) -> dict[str, Value]:
        """The values known so far, by op name."""
        return dict(self.machine.top.frame.values)

    # -- the loop ------------------------------------------------------------------------------------------------------

    def _say(self, event: ev.Event) -> None:
        if self.machine.stop_reason is not None:
            raise errors.Cancelled(self.machine.stop_reason)
        self._tell(event)

    @trio.lowlevel.enable_ki_protection
    def _tell(self, event: ev.Event, ended: ev.StartCall | None = None) -> ev.StartCall | None:
        """Tells the machine, and does what it says. If a call has `ended`, the next one is left to its task."""
        mine: ev.StartCall | None = None
        instructions = self.machine.handle(event)
        if ended is not None:
            self._note_end(ended, event)
        for instruction in instructions:
            match instruction:
                case ev.StartCall():
                    self._note_start(instruction)
                    if ended is not None and mine is None:
                        mine = instruction
                    else:
                        self._nursery.start_soon(self._work, instruction, name=f"call {instruction.key}")
                case ev.CancelCall(key):
                    self._running[key].scope.cancel()
                case ev.JoinReady():
                    self._join = instruction
                    self._wake()
                case ev.FinishPlan():
                    self._finish = instruction
                    self._ended_s = self._now()
                    self._wake()
        return mine

    # Ctrl-C must not strike a tool in the middle, where it would look like the tool's own failure: protected here, it
    # reaches the task that waits for the outcome, and cancels everything from there.
    @trio.lowlevel.enable_ki_protection
    async def _work(self, start: ev.StartCall | None) -> None:
        while start is not None:
            start = self._tell(await self._attempt(start), start)

    async def _attempt(self, start: ev.StartCall) -> ev.CallFinished | ev.CallFailed | ev.CallCancelled:
        with self._running[start.key].scope:
            if start.attempt > 1:
                await trio.sleep(self._pause(start))
            return await attempt(start, self._toolbox, self._threads, self._limits.timeout_s)
        return ev.CallCancelled(start.key)

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
                self._tell(ev.CallCancelled(key), self._running[key].start)
        await self._threads.wait(self._limits.grace_s)

    # -- what is noted -------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        return trio.current_time() - self._begun

    def _wake(self) -> None:
        self._news.set()
        self._news = trio.Event()

    def _note_start(self, start: ev.StartCall) -> None:
        if start.attempt > 1:
            self._running[start.key].start = start
            self._running[start.key].scope = trio.CancelScope()
            return
        now = self._now()
        self._running[start.key] = _Running(start, now, trio.CancelScope())
        self._show(CallStarted(start.key, start.op, start.tool, start.args, now))

    def _show(self, news: CallStarted | CallEnded) -> None:
        observer, self._observer = self._observer, None
        if observer is not None:
            observer(news)
        self._observer = observer  # one that raised is not asked again

    def _note_end(self, start: ev.StartCall, event: ev.Event) -> None:
        if start.key in self.machine.queue.running:
            return  # another attempt follows
        running = self._running.pop(start.key)
        status, error = self._status(start, event)
        record = CallRecord(
            start.key,
            start.op,
            start.tool,
            start.args,
            running.started_s,
            self._now(),
            start.attempt,
            status,
            error,
        )
        self._records.append(record)
        # As the plan sees it, not as the tool gave it.
        frame = self.machine.nodes[start.key].region.frame
        self._show(CallEnded(record, frame.values.get(start.op) if status == "done" else None))

    def _status(
        self, start: ev.StartCall, event: ev.Event
    ) -> tuple[Literal["done", "failed", "cancelled"], Failure | None]:
        node = self.machine.nodes[start.key]
        if isinstance(event, ev.CallCancelled):
            reason = self.machine.stop_reason or "the plan was rejected"
            return "cancelled", node.failure or Failure("Cancelled", reason, start.op)
        if isinstance(event, ev.CallFailed):
            return "failed", node.failure or Failure(event.error, event.message, start.op)
        return ("done", None) if node.failure is None else ("failed", node.failure)


def _simplest(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error in a group of a nursery, where there is but one besides cancellations; else the group."""
    _, rest = group.split(trio.Cancelled)
    error: BaseException = rest if rest is not None else group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
