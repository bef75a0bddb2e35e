"""What the records of a run come to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from llmcc.runtime.journal.errors import JournalDamaged
from llmcc.runtime.journal.records import (
    Accepted,
    Answered,
    Began,
    Ended,
    Failed,
    Finished,
    Intended,
    NotBegun,
    Record,
    Round,
    Settled,
    Spent,
    Used,
    Wanted,
)
from llmcc.runtime.meter import Attempt, Charge
from llmcc.runtime.models.protocol import Usage

#: How a call that the user settled as failed is reported.
SETTLED_ERROR = "SettledAsFailed"


class History:
    """A run so far, by attempts of calls. It takes the records one by one, in order, also while the run goes on.

    `ends` holds how attempts ended, `charges` what models used for them, `open` the intents of which no end is known,
    `rounds` what happened to a question beside its calls, `spent` what models used for that so far. `ended` is the last
    record of a run that is over.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self.ends: dict[Attempt, Finished | Failed] = {}
        self.charges: dict[Attempt, list[Charge]] = {}
        self.open: dict[Attempt, Intended] = {}
        self.rounds: list[Round] = []
        self.spent = Spent()
        self.ended: Ended | None = None
        rest = iter(records)
        first = next(rest, None)
        if not isinstance(first, Began):
            raise JournalDamaged("the run has no beginning")
        self.began = first
        for record in rest:
            self.add(record)

    @property
    def doubts(self) -> list[Intended]:
        """The writes that must not be made twice, and of which nobody knows whether they were made once."""
        return [intent for intent in self.open.values() if intent.doubtful]

    @property
    def keys(self) -> set[str]:
        """The keys of the calls of which anything is known."""
        return {key for key, _ in (*self.ends, *self.open)}

    @property
    def done(self) -> int:
        """How many calls are over."""
        return self.ended.calls if self.ended is not None else len({key for key, _ in self.ends})

    def add(self, record: Record) -> None:
        """Takes one further record.

        Raises:
            JournalDamaged: it cannot follow those before it.
        """
        if isinstance(record, Ended):
            self.ended = record
            return
        if isinstance(record, Began):
            raise JournalDamaged("the run begins twice")
        if isinstance(record, Spent):
            self.spent = record
            return
        if isinstance(record, Accepted | Wanted | Answered):
            self.rounds.append(record)
            self.spent = record.spent
            return
        at = (record.key, record.attempt)
        if at in self.ends:
            raise JournalDamaged(f"{record.key}: a call that was over goes on")
        match record:
            case Intended():
                if at in self.open and self.open[at].doubtful:
                    raise JournalDamaged(f"{record.key}: a call in doubt begins again")
                self.open[at] = record
            case Used():
                self.charges.setdefault(at, []).append(_charge(record))
            case Finished() | Failed():
                self.open.pop(at, None)
                self.ends[at] = record
            case NotBegun():
                self._take(at)
            case Settled():
                self._settle(at, record)

    def _settle(self, at: Attempt, record: Settled) -> None:
        intent = self._take(at)
        known: dict[str, Any] = {
            "key": intent.key,
            "attempt": intent.attempt,
            "tool": intent.tool,
            "digest": intent.digest,
        }
        if record.word == "done":
            self.ends[at] = Finished(**known, value=record.value)
        elif record.word == "failed":
            self.ends[at] = Failed(**known, error=SETTLED_ERROR, message="the user says that this call failed")

    def _take(self, at: Attempt) -> Intended:
        if at not in self.open:
            raise JournalDamaged(f"{at[0]}: a call ends that was never intended")
        return self.open.pop(at)


def _charge(record: Used) -> Charge:
    usage = Usage(record.prompt_tokens, record.completion_tokens, record.cached_tokens, record.requests)
    return Charge(record.model, usage, record.expected_usd)
