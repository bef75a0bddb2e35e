"""The ledger of one run: what the executor asks, answered from the journal and written into it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import trio

from llmcc.ir.signature import Signature
from llmcc.ir.values import importable
from llmcc.runtime import events as ev
from llmcc.runtime.journal.errors import JournalError
from llmcc.runtime.journal.history import History
from llmcc.runtime.journal.records import (
    Ended,
    Failed,
    Finished,
    Intended,
    NotBegun,
    Record,
    Round,
    Spent,
    Used,
    encode,
)
from llmcc.runtime.journal.secrets import Redaction
from llmcc.runtime.journal.writer import Writer
from llmcc.runtime.ledger import CallEnd
from llmcc.runtime.meter import Attempt, Charge


class Book:
    """See `llmcc.runtime.ledger.Ledger`. `run` is the run's name."""

    def __init__(
        self, run: str, history: History, writer: Writer, redaction: Redaction, signatures: Mapping[str, Signature]
    ) -> None:
        self.run = run
        self.history = history
        self._writer = writer
        self._redaction = redaction
        self._signatures = signatures
        #: Whether the journal says, durably, that the run is over.
        self.over = False
        #: As they were before this process added any.
        self.charges: dict[Attempt, tuple[Charge, ...]] = {at: tuple(one) for at, one in history.charges.items()}

    def recall(self, start: ev.StartCall) -> ev.CallFinished | ev.CallFailed | None:
        """How the attempt ended in an earlier process.

        Raises:
            JournalError: the journal holds another call in this place.
        """
        end = self.history.ends.get((start.key, start.attempt))
        if end is None:
            return None
        if (end.tool, end.digest) != (start.tool, self._redaction.digest(start.tool, start.args)):
            raise JournalError(f"{start.key}: the journal holds another call in this place, with other arguments")
        if isinstance(end, Finished):
            return ev.CallFinished(start.key, end.value)
        return ev.CallFailed(start.key, end.error, end.message, end.retryable, end.delay_s)

    async def intend(self, starts: Sequence[ev.StartCall]) -> None:
        """Returns when the calls may begin: writes, when their intents are durable, in one step for all of them.

        Raises:
            JournalError: they cannot be made durable.
        """
        intents = [intent for start in starts if (intent := self._intent(start)) is not None]
        if not intents:
            return
        for intent in intents:
            self._put(intent, urgent=True)
        try:
            await self._writer.durable()
        except trio.Cancelled:
            with suppress(JournalError):  # the journal has failed, and nothing more is known than that
                for intent in intents:
                    self._put(NotBegun(key=intent.key, attempt=intent.attempt), urgent=True)
            raise

    def _intent(self, start: ev.StartCall) -> Intended | None:
        """The intent of a call that needs one."""
        signature = self._signatures.get(start.tool)
        if signature is not None and signature.effect is not None and not signature.effect.writes:
            return None
        return Intended(
            key=start.key,
            attempt=start.attempt,
            tool=start.tool,
            args=self._redaction.shown(start.tool, start.args),
            digest=self._redaction.digest(start.tool, start.args),
            doubtful=signature is None or not signature.idempotent,
        )

    def settle(self, start: ev.StartCall, end: CallEnd, charges: Sequence[Charge] = ()) -> CallEnd:
        """Notes what models used for the call, and how it ended. A call that was cancelled has no end: nobody knows how
        far it came.

        Raises:
            JournalError: an earlier record could not be made durable.
        """
        if (start.key, start.attempt) in self.history.ends:
            return end
        is_over = not isinstance(end, ev.CallCancelled)
        for charge in charges:  # before the end: what is known to be over is known to be paid
            self._put(_used(start, charge, is_over=is_over), urgent=False)
        if isinstance(end, ev.CallCancelled):
            return end
        if isinstance(end, ev.CallFinished):
            end = _plain(start, end)
        intent = self.history.open.get((start.key, start.attempt))
        known: dict[str, Any] = {
            "key": start.key,
            "attempt": start.attempt,
            "tool": start.tool,
            "digest": self._redaction.digest(start.tool, start.args) if intent is None else intent.digest,
        }
        if isinstance(end, ev.CallFinished):
            self._put(Finished(**known, value=end.value), urgent=False)
            return end
        fields: dict[str, Any] = {
            "error": end.error,
            "message": end.message,
            "retryable": end.retryable,
            "delay_s": end.delay_s,
        }
        self._put(Failed(**known, **fields), urgent=False)
        return end

    def note(self, record: Round | Spent) -> None:
        """Notes what happened to the question that the run is for, or what models have used for it so
        far; durably before any write that is intended later.

        Raises:
            JournalError: an earlier record could not be made durable.
        """
        self._put(record, urgent=False)

    async def finish(self, calls: int, *, ok: bool) -> None:
        """Notes that the run is over, durably. Raises like `settle`."""
        if self.history.ended is None:
            self._put(Ended(calls=calls, ok=ok), urgent=True)
        await self._writer.durable()
        self.over = True

    async def close(self) -> None:
        """Makes durable what is known, if the journal still takes anything."""
        await self._writer.close()

    def _put(self, record: Record, *, urgent: bool) -> None:
        self.history.add(record)  # first, so that nothing is written down that could not be read again
        self._writer.put(encode(record), urgent=urgent)


def _plain(start: ev.StartCall, end: ev.CallFinished) -> ev.CallFinished | ev.CallFailed:
    """The result as the plan value that can be written down, or the failure that it is."""
    try:
        return ev.CallFinished(end.key, importable(end.value))
    except ValueError as error:
        text = f"{start.tool} returned something that is no plan value: {error}"
        return ev.CallFailed(end.key, "ToolOutputError", text)


def _used(start: ev.StartCall, charge: Charge, *, is_over: bool) -> Used:
    """The record of a charge. An attempt that is not over is made, and counted by the scheduler, once more."""
    expected = charge.expected_usd if is_over or charge.expected_usd is None else 0.0
    usage = asdict(charge.usage)
    return Used(key=start.key, attempt=start.attempt, model=charge.model, expected_usd=expected, **usage)
