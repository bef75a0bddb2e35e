"""What the executor knows of a journal: three questions around each call. `llmcc.runtime.journal` answers them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias
from uuid import UUID, uuid5

from llmcc.ir.errors import LlmccError
from llmcc.ir.values import Value, canonical
from llmcc.runtime import events as ev
from llmcc.runtime.meter import Attempt, Charge

CallEnd: TypeAlias = ev.CallFinished | ev.CallFailed | ev.CallCancelled

_KEYS = UUID("6f1d9a52-7b0e-5c43-9a3e-2d1c64b0f7a8")


class LedgerError(LlmccError):
    """What a call did, or is about to do, cannot be written down: the run stops before its next effect."""


class Ledger(Protocol):
    """Remembers how calls ended, also beyond the end of this process.

    For each attempt of a call the executor first asks `recall`. Only if that knows nothing it awaits `intend`, has the
    tool called, and hands how that ended to `settle`. Each of the three may raise `LedgerError`, which cancels the run.
    """

    @property
    def run(self) -> str:
        """The run's name: the same in every process that goes on with it."""

    @property
    def charges(self) -> Mapping[Attempt, Sequence[Charge]]:
        """What models used in earlier processes of the run, by the attempts that asked them."""

    def recall(self, start: ev.StartCall) -> ev.CallFinished | ev.CallFailed | None:
        """How this attempt ended in an earlier process; None if that is not known."""

    async def intend(self, starts: Sequence[ev.StartCall]) -> None:
        """Returns when the calls, which are made as one if there are several, may begin."""

    def settle(self, start: ev.StartCall, end: CallEnd, charges: Sequence[Charge] = ()) -> CallEnd:
        """Notes how the call ended, and what models used for it. What is returned is what a later process would recall:
        go on with that.
        """


def idempotency_key(run: str, key: str, args: Mapping[str, Value]) -> str:
    """The key under which an idempotent tool knows a call again: the same for every attempt, in every process.

    >>> idempotency_key("r", "a", {"x": 1}) == idempotency_key("r", "a", {"x": 1})
    True
    """
    return str(uuid5(_KEYS, f"{run}\n{key}\n{canonical(dict(args))}"))
