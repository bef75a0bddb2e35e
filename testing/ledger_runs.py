"""Runs that are cut off at one place, and then continued, on a virtual clock and with a real journal.

`cut_short` counts the places at which a run may be cut off, or cuts it off at one of them: the process dies, it is
cancelled, or the journal fails there. `carry_on` resumes until the run is over, and `faults_of` says what went wrong.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import trio

from llmcc.runtime import events as ev
from llmcc.runtime.executor import run_module
from llmcc.runtime.journal.book import Book
from llmcc.runtime.journal.errors import CallsInDoubt, JournalError
from llmcc.runtime.journal.records import Began, Finished, Intended, Round, Spent, decode
from llmcc.runtime.journal.secrets import Redaction
from llmcc.runtime.journal.session import Session
from llmcc.runtime.journal.writer import DirectWriter, Log
from llmcc.runtime.ledger import CallEnd
from llmcc.runtime.meter import Charge
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.toolbox import Toolbox
from llmcc.testing.clock import run_virtual
from llmcc.testing.ledger_world import World, compiled, plan

#: What happens at the place: the process dies, the run is cancelled, a write to the disk fails, or fails but counts.
Kind: TypeAlias = Literal["crash", "cancel", "write fails", "write fails late"]

RUN = "5" * 32
#: A run that is not over after so many is never over.
MOST_RESUMES = 10


class Dead(JournalError):
    """The process is dead: nothing that it still does counts."""


@dataclass
class Cut:
    """Cuts a run off at its place number `at` (None: nowhere). `passed` counts the places, `on_cut` is told."""

    kind: Kind = "crash"
    at: int | None = None
    seed: int = 0
    passed: int = 0
    dead: bool = False
    scope: trio.CancelScope | None = None
    places: list[str] = field(default_factory=list)
    on_cut: Callable[[], None] | None = None

    def here(self, place: str) -> None:
        """A place at which the process may die, or be cancelled."""
        if self.kind in ("crash", "cancel") and self._is_it(place):
            self.dead = self.kind == "crash"
            if self.scope is not None:
                self.scope.cancel()

    async def point(self, place: str) -> None:
        """Like `here`, in a tool: a dead process does not come out of it."""
        self.here(place)
        if self.dead:
            await trio.sleep_forever()

    def disk(self, place: str, *, late: bool) -> None:
        """A place at which the disk may fail. Raises `sqlite3.OperationalError`."""
        if self.dead:
            raise Dead("dead")
        if self.kind == ("write fails late" if late else "write fails") and self._is_it(place):
            raise sqlite3.OperationalError("disk I/O error")

    def _is_it(self, place: str) -> bool:
        self.passed += 1
        self.places.append(place)
        if self.passed == self.at and self.on_cut is not None:
            self.on_cut()
        return self.passed == self.at


class FailingConnection(sqlite3.Connection):
    """A connection whose statements that write may fail, before or after they took effect."""

    cut: Cut

    def execute(self, sql: str, *args: Any) -> sqlite3.Cursor:
        """Runs a statement."""
        counts = sql.startswith(("begin", "insert", "commit"))
        if counts:
            self.cut.disk(sql, late=False)
        cursor = super().execute(sql, *args)
        if counts and sql == "commit":
            self.cut.disk(sql, late=True)
        return cursor

    def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:
        """Runs a statement for each row."""
        self.cut.disk(sql, late=False)
        return super().executemany(sql, rows)


def connecting(cut: Cut, page_size: int | None = None) -> Callable[..., sqlite3.Connection]:
    """What opens databases that fail where `cut` says."""

    def connect(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = sqlite3.connect(*args, factory=FailingConnection, **options)
        connection.cut = cut
        if page_size is not None:
            connection.execute(f"pragma page_size = {page_size}")
        return connection

    return connect


class _Writer(DirectWriter):
    """Commits at times without being waited for, as a thread would. `known` are the digests of durable intents."""

    def __init__(self, log: Log, cut: Cut, known: set[str]) -> None:
        super().__init__(log)
        self._cut = cut
        self._known = known
        self._choices = random.Random(cut.seed)

    def put(self, body: bytes, *, urgent: bool) -> None:
        super().put(body, urgent=urgent)
        if self._choices.random() < 0.3:
            self.commit()

    def commit(self) -> None:
        bodies = list(self._pending)
        self._cut.here("before a commit")
        if self._cut.dead:
            self._failure = Dead("dead")
            return
        super().commit()
        if self._failure is None:
            records = [decode(body) for body in bodies]
            self._known |= {one.digest for one in records if isinstance(one, Intended)}
            self._cut.here("after a commit")


class MortalBook:
    """A ledger with a place to die before and after each of its answers."""

    def __init__(self, book: Book, cut: Cut) -> None:
        self._book = book
        self._cut = cut
        self.run = book.run
        self.history = book.history
        self.charges = book.charges

    def recall(self, start: ev.StartCall) -> ev.CallFinished | ev.CallFailed | None:
        self._cut.here(f"before recall {start.key}")
        return self._book.recall(start)

    async def intend(self, starts: Sequence[ev.StartCall]) -> None:
        keys = " ".join(start.key for start in starts)
        await self._cut.point(f"before intend {keys}")
        await self._book.intend(starts)
        await self._cut.point(f"after intend {keys}")

    def note(self, record: Round | Spent) -> None:
        """Notes what happened to a question, or what it has cost."""
        self._cut.here(f"before a {type(record).__name__}")
        self._book.note(record)
        self._cut.here(f"after a {type(record).__name__}")

    def settle(self, start: ev.StartCall, end: CallEnd, charges: Sequence[Charge] = ()) -> CallEnd:
        self._cut.here(f"before settle {start.key}")
        end = self._book.settle(start, end, charges)
        self._cut.here(f"after settle {start.key}")
        return end


@dataclass
class Trial:
    """One plan in one world with one journal."""

    text: str
    journal: Path
    world: World = field(default_factory=World)
    page_size: int | None = None
    outcome: Outcome | None = None
    known: set[str] = field(default_factory=set)
    resumes: int = 0
    begun: bool = True

    @classmethod
    def drawn(cls, seed: int, journal: Path) -> Trial:
        """One with the plan that comes of a seed."""
        return cls(plan(seed), journal)

    def begin(self, cut: Cut) -> None:
        """The run's first process."""
        try:
            session = Session.begin(self.journal, self._began(), RUN, connect=connecting(cut, self.page_size))
        except JournalError:
            self.begun = False
            return
        self._run(session, cut)

    def _began(self) -> Began:
        return Began(text=self.text, plan="", module="", signatures="", started="")

    def _over(self, session: Session) -> set[str]:
        """The digests of the calls that must not be made again."""
        ends = session.history.ends.values()
        return {end.digest for end in ends if isinstance(end, Finished) or not end.retryable}

    def go_on(self, cut: Cut) -> None:
        """A further process. What is in doubt is settled by what the world knows.

        Raises:
            JournalError: the journal refuses.
        """
        self.resumes += 1
        session = Session.reopen(self.journal, RUN, connect=connecting(cut))
        try:
            self._settle(session)
        except BaseException:
            session.close()
            raise
        self._run(session, cut)

    def _settle(self, session: Session) -> None:
        doubts = session.history.doubts
        if doubts:
            try:
                session.require_no_doubt()
            except CallsInDoubt as error:
                if set(error.calls) != {one.key for one in doubts}:
                    self.world.wrong.append(f"{error.calls} are named, not {doubts}")
        self._check_doubts(session)
        for one in doubts:
            n: Any = one.args["n"]
            if self.world.effects[n]:
                session.settle(one.key, "done", self.world.paid[n][1], {})
            else:
                session.settle(one.key, "rerun", None, {})

    def _check_doubts(self, session: Session) -> None:
        """Whatever took effect is known to be over, or named as in doubt."""
        redaction = Redaction(self.journal, {})
        over = {end.digest for end in session.history.ends.values() if isinstance(end, Finished)}
        named = {one.args["n"] for one in session.history.doubts}
        for n, (args, _) in self.world.paid.items():
            if redaction.digest("pay", args) not in over and n not in named:
                self.world.wrong.append(f"pay {n} took effect, and the journal does not know")

    def _run(self, session: Session, cut: Cut) -> None:
        live(session, lambda: self._process(session, cut), cut)

    async def _process(self, session: Session, cut: Cut) -> None:
        redaction = Redaction(self.journal, {})
        over = self._over(session)

        async def point(tool: str, args: dict[str, Any], place: str) -> None:
            digest = redaction.digest(tool, args)
            if digest in over:
                self.world.wrong.append(f"{tool} {args['n']} is made again, though it was over")
            await cut.point(f"{tool} {args['n']} {place}")
            if place == "about to take effect" and digest not in self.known:
                self.world.wrong.append(f"{tool} {args['n']} begins without a durable intent")

        toolbox = self.world.toolbox(point)
        book = session.ledger(toolbox.signatures, lambda log: _Writer(log, cut, self.known))
        with trio.CancelScope() as cut.scope:
            try:
                await self._execute(toolbox, book, cut)
            finally:
                await book.close()

    async def _execute(self, toolbox: Toolbox, book: Book, cut: Cut) -> None:
        outcome = await run_module(compiled(self.text), toolbox, seed=cut.seed, ledger=MortalBook(book, cut))
        cut.here("before the end")
        if outcome.stopped is None and not cut.dead:
            try:
                await book.finish(len(outcome.calls), ok=outcome.ok)
            except JournalError:
                return  # the disk failed, or the process died: the run is not over
            self.outcome = outcome


def live(session: Session, process: Callable[[], Awaitable[None]], cut: Cut) -> None:
    """Runs a process to its end or until it is cut off, and closes its journal.

    Raises:
        JournalError: the journal refuses, and the process is not dead.
    """
    try:
        run_virtual(process, seed=cut.seed)
    except JournalError:
        if not cut.dead:
            raise
    finally:
        session.close()


def carry_on(trial: Trial, *, again: random.Random | None = None) -> None:
    """Resumes until the run is over; `again` draws what the next processes do, and whether and where they die as well.

    Raises:
        JournalError: the journal refuses.
    """
    while trial.outcome is None and trial.begun and trial.resumes < MOST_RESUMES:
        if again is None:
            trial.go_on(Cut("crash", None, seed=trial.resumes + 1))
            continue
        at = again.randrange(1, 60) if trial.resumes < 3 and again.random() < 0.5 else None
        trial.go_on(Cut("crash", at, seed=again.getrandbits(32)))


def faults_of(trial: Trial, expected: Trial) -> list[str]:
    """What is wrong with a run that was cut off and continued, compared with one that was not."""
    found = list(trial.world.wrong)
    if not trial.begun:
        return [*found, *(f"call {n} was made by a run that never began" for n in trial.world.calls)]
    if trial.outcome is None or expected.outcome is None:
        return [*found, f"not over after {trial.resumes} resumes"]
    if trial.world.effects != expected.world.effects:
        found.append(f"effects {dict(trial.world.effects)}, not {dict(expected.world.effects)}")
    if trial.world.accounts != expected.world.accounts:
        found.append(f"accounts {trial.world.accounts}, not {expected.world.accounts}")
    if (trial.outcome.value, trial.outcome.values) != (expected.outcome.value, expected.outcome.values):
        found.append(f"the answer {trial.outcome.value}, not {expected.outcome.value}")
    return found
