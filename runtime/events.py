"""What the scheduler is told (events) and what it asks for (instructions). Immutable, without clock or I/O."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from llmcc.ir.expr import Expr
from llmcc.ir.frame import Failure
from llmcc.ir.ops import Map, Op
from llmcc.ir.values import Value


class _Message(msgspec.Struct, frozen=True, gc=False, tag=True, tag_field="is"):
    """Not looked at by the collector of cycles: nothing that a message holds can know the message."""


class _Event(_Message, frozen=True, kw_only=True):
    """`more` says that further events follow at once: nothing starts before the last of them."""

    more: bool = False


class StatementAdded(_Event, frozen=True):
    """The plan has one more op. Its `after` edges hold it apart from the conflicting ops before it."""

    op: Op


class MapBegun(_Event, frozen=True):
    """A map whose statement is still being written: `op` has the elements so far, a list literal. It only reads.

    The statement ends it with a `StatementAdded` that has all elements, or else it is withdrawn.
    """

    op: Map


class MapGrew(_Event, frozen=True):
    """The map `name` that was begun has more elements: another list literal."""

    name: str
    elements: Expr


class PlanAccepted(_Event, frozen=True):
    """The plan is complete and sound: what it writes may be written now."""


class PlanRejected(_Event, frozen=True):
    """The plan that was being added is given up, and everything that came of it forgotten. Earlier plans stay."""

    reason: str


class StatementsWithdrawn(_Event, frozen=True):
    """The top-level ops `names` are given up, and with them their names: their calls are cancelled, their values gone.

    All that uses one of them or comes after it is among them, and none of them has written.
    """

    names: tuple[str, ...]


class KeysTaken(_Event, frozen=True):
    """These are the keys of ops that an earlier process of the run gave up: no op added later gets one of them."""

    keys: tuple[str, ...]


class PlanEnded(_Event, frozen=True):
    """No further plan will be added: the run finishes as soon as everything is over."""


class CallFinished(_Event, frozen=True):
    """A tool returned `value`, unchecked."""

    key: str
    value: Any


class CallFailed(_Event, frozen=True):
    """A tool failed with an error of class `error`.

    `retryable` says that another attempt may help, `delay_s` not before how many seconds, if the other side said that.
    """

    key: str
    error: str
    message: str
    retryable: bool = False
    delay_s: float | None = None


class CallCancelled(_Event, frozen=True):
    """A call was stopped because `CancelCall` asked for it."""

    key: str


#: How a call's attempt can end.
ENDS = (CallFinished, CallFailed, CallCancelled)


class Cancelled(_Event, frozen=True):
    """The run is to stop: nothing further starts, what runs is cancelled, what is known is kept."""

    reason: str


Event: TypeAlias = (
    StatementAdded
    | MapBegun
    | MapGrew
    | StatementsWithdrawn
    | KeysTaken
    | PlanAccepted
    | PlanRejected
    | PlanEnded
    | CallFinished
    | CallFailed
    | CallCancelled
    | Cancelled
)


class StartCall(_Message, frozen=True):
    """Call `tool` with `args` now (an `attempt` beyond the first: after a pause, of `delay_s` seconds if that is said).

    `op` is the op's name; `key` is the call's own name in the run, such as `m[3].m.1` for an op in a map. Calls with
    the same `batch` (the key of the first of them) share a slot of their tool: their first attempts can be made as one,
    further ones are to be made one after another.
    """

    key: str
    op: str
    tool: str
    args: dict[str, Value]
    attempt: int
    delay_s: float | None = None
    batch: str | None = None


class CancelCall(_Message, frozen=True):
    """Stop this call, then report how it ended (`CallCancelled`, or that it was over before)."""

    key: str


class EndKnown(_Message, frozen=True):
    """What the end of a plan gathers is known: `args` is the record of a `join` or the value of a `return`, or `failed`
    says why there is none. Of a `return` it is said only while another plan could follow.
    """

    args: Value
    failed: Failure | None = None


class FinishPlan(_Message, frozen=True):
    """Everything is over. `answer` is the plan's, or `failed` says why there is none."""

    answer: Value
    failed: Failure | None = None


Instruction: TypeAlias = StartCall | CancelCall | EndKnown | FinishPlan
