"""Puts records into a journal: in a thread that commits all that came in while it committed the last ones."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Protocol

import trio

from llmcc.runtime.journal.chain import Row, Tip, extend
from llmcc.runtime.journal.errors import JournalError
from llmcc.runtime.journal.runfile import RunFile
from llmcc.runtime.journal.storage import Storage

#: Seconds for which records that nobody waits for are gathered into one commit.
LINGER_S = 0.005


class Writer(Protocol):
    """Takes records, and makes them durable in the order in which they came."""

    def put(self, body: bytes, *, urgent: bool) -> None:
        """Takes a record. Raises `JournalError` if an earlier one could not be made durable."""

    async def durable(self) -> None:
        """Returns when all that was put so far is durable. Raises like `put`."""

    async def close(self) -> None:
        """Makes durable what was put, and ends. Does not raise: `durable` says whether all is well."""


class Log:
    """The end of a run's chain in a journal. `append` is the only thing that adds to a run."""

    def __init__(self, storage: Storage, file: RunFile, run: str, tip: Tip) -> None:
        self.storage = storage
        self.file = file
        self.run = run
        self.tip = tip

    def append(self, bodies: list[bytes]) -> None:
        """Adds records, durably.

        Raises:
            JournalError: they may not be durable. Nothing further can be added then.
        """
        rows = list(extend(self.tip, bodies))
        self.storage.append(self.run, rows)
        self._note(rows[-1])

    def _note(self, last: Row) -> None:
        self.tip = Tip(last.seq, last.sum)
        try:
            self.file.note(self.tip)
        except OSError as error:
            raise JournalError(f"{self.file.path}: {error.strerror or error}") from error


class ThreadWriter:
    """Commits in a thread of its own, as often as the disk allows.

    The thread is woken when the loop has come round: by then all calls that one end made ready have put their intents,
    and that end and they are one commit. The end of a call hurries nobody, so that it does not keep the disk busy when
    an intent comes.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._token = trio.lowlevel.current_trio_token()
        self._changed = threading.Condition()
        self._pending: list[bytes] = []
        self._urgent = False
        self._waking = False
        self._closing = False
        self._put = 0
        self._durable = 0
        self._failure: JournalError | None = None
        self._over = False
        self._news = trio.Event()
        self._thread = threading.Thread(target=self._work, name="llmcc-journal", daemon=True)
        self._thread.start()

    def put(self, body: bytes, *, urgent: bool) -> None:
        """Takes a record; one that is not `urgent` may wait for a few others."""
        if self._failure is not None:
            raise self._failure
        self._put += 1
        with self._changed:
            self._pending.append(body)
            if not urgent and len(self._pending) == 1:
                self._changed.notify()
        if urgent and not self._waking:
            self._waking = True
            self._token.run_sync_soon(self._come_round)

    async def durable(self) -> None:
        """See `Writer`."""
        target = self._put
        while self._durable < target and not self._over:
            await self._news.wait()
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """See `Writer`; not cut short by a cancellation."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        with trio.CancelScope(shield=True):
            while not self._over:
                await self._news.wait()
        self._thread.join()

    # -- in the thread -------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        failure: JournalError | None = None
        try:
            while bodies := self._next():
                self._log.append(bodies)
                self._tell(len(bodies), None, over=False)
        except JournalError as error:
            failure = error
        except BaseException as error:  # whatever it is, the run must hear of it, or it would wait for ever
            failure = JournalError(f"the journal failed with {type(error).__name__}: {error}")
            failure.__cause__ = error
        self._tell(0, failure, over=True)

    def _next(self) -> list[bytes]:
        """What is to be committed next; nothing when the writer is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._closing)
            if not (self._urgent or self._closing):
                self._changed.wait_for(lambda: self._urgent or self._closing, LINGER_S)
            bodies, self._pending, self._urgent = self._pending, [], False
            return bodies

    def _tell(self, count: int, failure: JournalError | None, *, over: bool) -> None:
        try:
            self._token.run_sync_soon(self._advance, count, failure, over)
        except trio.RunFinishedError:
            return  # nobody is left who waits

    # -- in the loop ---------------------------------------------------------------------------------------------------

    def _come_round(self) -> None:
        # One round more: whatever was made ready runs in the same round as this, perhaps behind it.
        with suppress(trio.RunFinishedError):  # nobody is left who waits
            self._token.run_sync_soon(self._wake)

    def _wake(self) -> None:
        self._waking = False
        with self._changed:
            if self._pending:  # else they went with a commit that others had begun
                self._urgent = True
                self._changed.notify()

    def _advance(self, count: int, failure: JournalError | None, over: bool) -> None:
        self._durable += count
        self._failure = failure
        self._over = over
        self._news.set()
        self._news = trio.Event()


class DirectWriter:
    """Commits in the task that waits, and nothing before somebody does: for virtual clocks, and for tests that say
    themselves when (`commit`).
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._pending: list[bytes] = []
        self._failure: JournalError | None = None

    def put(self, body: bytes, *, urgent: bool) -> None:
        """See `Writer`."""
        if self._failure is not None:
            raise self._failure
        self._pending.append(body)

    async def durable(self) -> None:
        """See `Writer`."""
        self.commit()
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """See `Writer`."""
        self.commit()

    def commit(self) -> None:
        """Makes durable what was put so far."""
        bodies, self._pending = self._pending, []
        if not bodies or self._failure is not None:
            return
        try:
            self._log.append(bodies)
        except JournalError as error:
            self._failure = error
