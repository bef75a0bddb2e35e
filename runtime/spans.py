"""What a trace tells of each call: when it ran, what it waited for, what it took in and gave back."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from llmcc.ir.frame import Failure
from llmcc.ir.span import Span

#: For another call; for the plan to be accepted; for a slot of the tool or of the run; between two attempts; for the
#: rate at which the tool may be called.
WaitKind: TypeAlias = Literal["dependency", "acceptance", "limit", "retry", "rate"]
Status: TypeAlias = Literal["done", "failed", "cancelled", "running"]
#: What a model did.
What: TypeAlias = Literal["asked", "wrote", "ended"]


class Wait(msgspec.Struct, frozen=True):
    """A time in which a call waited; `on` names the call, the tool, or `the run`."""

    kind: WaitKind
    start_s: float
    end_s: float
    on: str = ""

    @property
    def took_s(self) -> float:
        """How long it was, in seconds."""
        return self.end_s - self.start_s

    def __str__(self) -> str:
        """What was waited for, in words."""
        match self.kind:
            case "dependency":
                return f"for {self.on}" if self.on else "for what it needs"
            case "acceptance":
                return "held for acceptance"
            case "limit":
                return f"limit of {self.on}"
            case "rate":
                return f"rate of {self.on}"
            case "retry":
                return "retry pause"


class Attempt(msgspec.Struct, frozen=True):
    """One attempt of a call. Times are in seconds since the run's start; the pauses before it are no part of it."""

    start_s: float
    end_s: float
    status: Status
    error: str = ""


class CallSpan(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a run, from its first attempt to its end. Times are in seconds since the run's start.

    `added_s` is when its statement was known (for a call in a map: when its element was opened). `by` is the call whose
    end let it start, if one did; `after` are all calls that it needed or came after, the last one for each value.
    `args` and `result` are texts, cut if they are long; `args_bytes` and `result_bytes` the lengths as JSON.
    """

    key: str
    op: str
    tool: str
    plan: int
    at: Span | None
    added_s: float
    start_s: float
    end_s: float
    status: Status
    error: Failure | None
    attempts: tuple[Attempt, ...]
    waits: tuple[Wait, ...]
    by: str | None
    after: tuple[str, ...]
    args: str
    args_bytes: int
    result: str
    result_bytes: int | None

    @property
    def worked_s(self) -> float:
        """How long the attempts took together, in seconds."""
        return sum(one.end_s - one.start_s for one in self.attempts)


class Statement(msgspec.Struct, frozen=True):
    """When an op of the plan was known, in seconds since the run's start. `name` is empty for the plan's end."""

    at_s: float
    name: str
    plan: int
    at: Span | None


class Moment(msgspec.Struct, frozen=True):
    """Something that a model did: `asked` (its name), `wrote` (a piece of text), `ended` (how); the `role` is planner
    or joiner, or cache where a plan was looked for there; the time in seconds since the run's start.
    """

    at_s: float
    role: str
    what: What
    text: str = ""


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """All calls of a run in the order in which they started, and what is true of them together.

    `critical` are the calls that decided when the run ended, in order: each let the next one start. `makespan_s` is the
    time of the last event, `work_s` the time of all attempts, `peak` the most attempts at the same time.
    """

    calls: tuple[CallSpan, ...]
    statements: tuple[Statement, ...]
    critical: tuple[str, ...]
    makespan_s: float
    work_s: float
    peak: int

    @property
    def parallelism(self) -> float:
        """How many calls ran at the same time, on average."""
        return self.work_s / self.makespan_s if self.makespan_s else 0.0


def lanes(times: list[tuple[float, float]]) -> list[int]:
    """For each (start, end), which come in the order of their starts, the first lane from 0 that is free then.

    >>> lanes([(0.0, 2.0), (0.5, 1.0), (1.0, 3.0), (1.5, 1.6)])
    [0, 1, 1, 2]
    """
    from heapq import heappop, heappush

    busy: list[tuple[float, int]] = []
    free: list[int] = []
    found: list[int] = []
    opened = 0
    for start, end in times:
        while busy and busy[0][0] <= start:
            heappush(free, heappop(busy)[1])
        if not free:
            heappush(free, opened)
            opened += 1
        lane = heappop(free)
        heappush(busy, (end, lane))
        found.append(lane)
    return found
