"""What became of a run, and what is told about its calls while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from llmcc.ir.frame import Failure
from llmcc.ir.secrets import Secrets
from llmcc.ir.values import Value
from llmcc.runtime.events import Event
from llmcc.runtime.limits import Limits
from llmcc.runtime.models.protocol import Usage


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A call starts, `at_s` seconds after the run."""

    key: str
    op: str
    tool: str
    args: dict[str, Value]
    at_s: float


class CallRecord(msgspec.Struct, frozen=True, gc=False):
    """A call that is over. Times are in seconds since the run's start; `error` is set unless its status is `done`.

    `key` is the call's name in the run: the op's, for calls in maps with their place (`m[3].m.1`).
    """

    key: str
    op: str
    tool: str
    args: dict[str, Value]
    started_s: float
    ended_s: float
    attempts: int
    status: Literal["done", "failed", "cancelled"]
    error: Failure | None = None


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A call is over, for good. `value` is what the tool returned; None if it did not."""

    record: CallRecord
    value: Value = None


class Pause(NamedTuple):
    """How many seconds an attempt waited because one before it had failed, and because its tool was called too fast."""

    retry_s: float = 0.0
    rate_s: float = 0.0


#: Is told of each call, at once, in the task that runs it; what it raises ends the run.
Observer: TypeAlias = Callable[[CallStarted | CallEnded], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a run.

    `value` is the answer (for `join`: the record of what it gathered), `failed` why there is none. `values` are those
    of the plan's named and numbered statements that have one. `calls` are in the order in which they ended. `errors`
    are all reasons for which something failed without a `catch` to make up for it. `abandoned` names the blocking tools
    that did not stop when told to and may still be running. `elapsed_s` is in seconds. `stopped` says why the run was
    stopped before its end, if it was; `run` is its name in a journal.

    `log` has every event that the scheduler was told, with seconds since the run's start: told the same again, it comes
    to the same state, and `llmcc.Trace.of` makes a trace of it. Of a result it has what the plan saw. A run without
    trace has none. `pauses` are what was waited before attempts, by key and attempt; `limits` are the run's; `began_at`
    is the wall time of the start, in seconds since 1970. `secrets` knows what is not to be shown of all that.
    """

    value: Value
    failed: Failure | None = None
    values: dict[str, Value] = field(default_factory=dict)
    calls: tuple[CallRecord, ...] = ()
    errors: tuple[Failure, ...] = ()
    usage: Usage = field(default_factory=Usage)
    elapsed_s: float = 0.0
    abandoned: tuple[str, ...] = ()
    stopped: str | None = None
    run: str | None = None
    log: tuple[tuple[float, Event], ...] = field(default=(), repr=False)
    pauses: dict[tuple[str, int], Pause] = field(default_factory=dict, repr=False)
    limits: Limits = field(default_factory=Limits, repr=False)
    began_at: float = field(default=0.0, repr=False, compare=False)
    secrets: Secrets = field(default_factory=Secrets, repr=False, compare=False)

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return self.failed is None and not self.errors
