"""Runs plans on trio: what callers see of a run. Importing this module imports trio."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import trio

from llmcc.ir import errors
from llmcc.ir.collector import paused
from llmcc.ir.expr import Expr
from llmcc.ir.ops import Map, Module, Op
from llmcc.ir.values import Value
from llmcc.runtime import events as ev
from llmcc.runtime.ledger import Ledger
from llmcc.runtime.limits import Limits
from llmcc.runtime.loop import Loop
from llmcc.runtime.meter import Meter
from llmcc.runtime.outcome import Observer, Outcome
from llmcc.runtime.state import IllegalTransition
from llmcc.runtime.toolbox import Toolbox


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


class Execution(Loop):
    """One run of a plan that may still be being written, and of the plans that follow it after a `join`.

    Open it with `async with Execution.open(toolbox)`. `add` the ops of each statement as they come (their `after` edges
    in place), then `accept` or `reject` the plan, wait for what it joins with `joined`, `add` a further plan if need
    be, and end with `finished`. Leaving the block earlier cancels everything.
    """

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
        if added:
            last = added.pop()
            self._announce(added)
            self._say(ev.StatementAdded(last))

    def begin(self, op: Map) -> None:
        """Starts a map whose statement is still being written with the elements that it has so far: a list literal.

        The map only reads. `grow` adds elements; `add` makes it the whole statement's op if it `continues` as that
        says, else it has to be withdrawn before anything else is said of its name. Raises like `add`.
        """
        self._say(ev.MapBegun(op))

    def grow(self, name: str, elements: Expr) -> None:
        """Adds elements, a list literal, to a map that was begun. Raises like `add`."""
        self._say(ev.MapGrew(name, elements))

    def withdraw(self, names: Iterable[str]) -> None:
        """Gives ops up that the plan says anew, with all that uses them: their calls are cancelled, their names free.
        None of them has written. Raises like `add`.
        """
        self._say(ev.StatementsWithdrawn(tuple(names)))

    def take(self, keys: Iterable[str]) -> None:
        """Keeps keys from the ops that are added later: an earlier process gave them to ops that were given up."""
        taken = tuple(keys)
        if taken:
            self._say(ev.KeysTaken(taken))

    def accept(self) -> None:
        """Declares the plan complete and sound, so that its writes may start. Raises like `add`."""
        self._join = None
        self._say(ev.PlanAccepted())

    def reject(self, reason: str) -> None:
        """Gives the plan up that was being added: none of its writes has started, its reads are cancelled, its names
        are free again. Raises like `add`.
        """
        self._say(ev.PlanRejected(reason))

    async def joined(self) -> ev.EndKnown:
        """What the accepted plan's end gathers, as soon as it is known: the record of a `join`, or a `return`'s value.

        Raises:
            Cancelled: the run was cancelled meanwhile.
            IllegalTransition: the run finishes without one.
        """
        while self._join is None and self._finish is None:
            await self._news.wait()
        self._require_going()
        if self._join is None:
            raise IllegalTransition("no accepted plan of this run has an end")
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
            usage=self.meter.total,
            elapsed_s=self.now_s if self._finish is None else self._ended_s,
            abandoned=self._threads.abandoned,
            log=tuple(self.log),
            stopped=self.machine.stop_reason,
            pauses=dict(self._caller.pauses),
            limits=self._limits,
            began_at=self._began_at,
            secrets=self.secrets,
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
    def given_up(self) -> list[str]:
        """The keys of this plan's ops that were given up before it was accepted, and those that were taken."""
        machine = self.machine
        gone = [one for one in machine.nodes.values() if one.state == "withdrawn" and one.plan == machine.plan]
        return sorted(machine.taken.union(one.key for one in gone if one.region is machine.top))

    def keys(self, names: Iterable[str]) -> list[str]:
        """The keys of ops, by which a journal knows their calls."""
        return [self.machine.top.nodes[name].key for name in names]

    @property
    def meter(self) -> Meter:
        """What the models have used that tools asked."""
        return self._caller.meter

    @property
    def usd(self) -> float:
        """Dollars of all calls so far, retries counted, by what the tools declare."""
        return self.machine.usd

    # -- within --------------------------------------------------------------------------------------------------------

    def _say(self, event: ev.Event) -> None:
        self._require_going()
        self._tell(event)

    @trio.lowlevel.enable_ki_protection
    def _announce(self, ops: list[Op]) -> None:
        """Tells the machine of ops that another one follows: it has nothing to say to that yet."""
        self._require_going()
        now, before = self.now_s, self.machine.events
        with paused(len(ops) > 100):
            try:
                self.machine.announce(ops)
            finally:
                if self._traced:
                    told = ops[: self.machine.events - before]
                    self.log.extend([(now, ev.StatementAdded(op, more=True)) for op in told])

    def _require_going(self) -> None:
        if self.machine.stop_reason is not None:
            raise errors.Cancelled(self.machine.stop_reason)

    async def _expire(self, deadline_s: float) -> None:
        await trio.sleep(deadline_s)
        self.cancel(f"the run's deadline of {deadline_s:g} s has passed")

    async def _close(self) -> None:
        """After the nursery: no task is left. What the run was cut off from is marked as cancelled."""
        if self._finish is None:
            self._tell(ev.Cancelled("the run was left before its end"))
            lanes = self._lanes_by_key()
            for key in list(self.machine.queue.running):
                lane = lanes[key]
                assert lane.start is not None
                self._tell(self._settled(lane.start, ev.CallCancelled(key)), lane)
        await self._threads.wait(self._limits.grace_s)


def _simplest(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error in a group of a nursery, where there is but one besides cancellations; else the group."""
    _, rest = group.split(trio.Cancelled)
    error: BaseException = rest if rest is not None else group
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error
