"""From a run's log to its timeline: the log is told to a fresh scheduler, and what that does at each event tells which
event let each call start. So a run has to note nothing but its events.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import msgspec

from llmcc.ir.escape import visible
from llmcc.ir.frame import Failure
from llmcc.ir.ops import Call, Map, ValueOp
from llmcc.ir.secrets import Secrets
from llmcc.ir.signature import Signature
from llmcc.ir.values import Value
from llmcc.runtime import events as ev
from llmcc.runtime.limits import Limits
from llmcc.runtime.nodes import Node, prerequisites
from llmcc.runtime.outcome import Pause
from llmcc.runtime.spans import Attempt, CallSpan, Statement, Status, Timeline, Wait
from llmcc.runtime.state import Machine

Log = Sequence[tuple[float, ev.Event]]
#: Characters of arguments and results that a span shows.
SHOWN = 200
_STATUS: dict[type, Status] = {ev.CallFinished: "done", ev.CallFailed: "failed", ev.CallCancelled: "cancelled"}


def timeline(
    log: Log,
    signatures: Mapping[str, Signature],
    limits: Limits,
    pauses: Mapping[tuple[str, int], Pause] | None = None,
    secrets: Secrets | None = None,
) -> Timeline:
    """The timeline of a log, without what `secrets` hide.

    Raises:
        IllegalTransition: the log is that of another plan, of other tools or limits.
    """
    seen = _Seen(log, signatures, limits, secrets or Secrets())
    spans = [_Reader(seen, pauses or {}, node).span() for node in seen.started]
    spans.sort(key=lambda span: span.start_s)  # a tool's rate can hold a call up after it was told to start
    last = log[-1][0] if log else 0.0
    return Timeline(
        calls=tuple(spans),
        statements=tuple(seen.statements),
        critical=_critical(log, {span.key: span for span in spans}),
        makespan_s=last,
        work_s=sum(span.worked_s for span in spans),
        peak=_peak(attempt for span in spans for attempt in span.attempts),
    )


class _Seen:
    """What a scheduler does when it is told a log. Events are known by their place in it."""

    def __init__(self, log: Log, signatures: Mapping[str, Signature], limits: Limits, secrets: Secrets) -> None:
        self.log = log
        self.secrets = secrets
        self.machine = Machine(signatures, limits)
        self.limits = limits
        #: The calls that were started, in order; for each the starts and the ends of its attempts, and its arguments.
        self.started: list[Node] = []
        self.starts: dict[str, list[int]] = {}
        self.ends: dict[str, list[int]] = {}
        self.args: dict[str, dict[str, Value]] = {}
        #: Of the calls that waited for a slot of the run, and not of their tool, the keys.
        self.crowded: set[str] = set()
        #: When each op was known.
        self.created: dict[str, int] = {}
        self.statements: list[Statement] = []
        self._deps: dict[str, tuple[str, ...]] = {}
        for place, (_, event) in enumerate(log):
            self._tell(place, event)

    def _tell(self, place: int, event: ev.Event) -> None:
        machine = self.machine
        full = machine.queue.full
        known = len(machine.nodes)
        instructions = machine.handle(event)
        new = len(machine.nodes) - known
        for node in islice(reversed(machine.nodes.values()), new):
            self.created[node.key] = place
        if isinstance(event, ev.ENDS):
            self.ends.setdefault(event.key, []).append(place)
        if isinstance(event, ev.StatementAdded):
            self._note_statement(place, event)
        for instruction in instructions:
            if isinstance(instruction, ev.StartCall):
                self._note_start(place, instruction, full)

    def _note_statement(self, place: int, event: ev.StatementAdded) -> None:
        op = event.op
        name = op.name if isinstance(op, ValueOp) else ""
        self.statements.append(Statement(self.log[place][0], name, self.machine.plan, op.span))

    def _note_start(self, place: int, start: ev.StartCall, full: bool) -> None:
        self.starts.setdefault(start.key, []).append(place)
        if start.attempt > 1:
            return
        self.started.append(self.machine.nodes[start.key])
        self.args[start.key] = self.secrets.args(start.tool, start.args)
        if full:
            self.crowded.add(start.key)

    def time(self, place: int) -> float:
        return self.log[place][0]

    def ended_by(self, place: int | None) -> str | None:
        """The call whose end the event was; None if it was something else."""
        event = None if place is None else self.log[place][1]
        return event.key if isinstance(event, ev.ENDS) else None

    def entered(self, node: Node, *states: str) -> int | None:
        """The event at which the op first came into one of the states."""
        return next((event - 1 for event, state in node.history if state in states), None)

    def needed(self, node: Node) -> tuple[str, ...]:
        """The calls that an op's guard, arguments and order edges led back to."""
        if node.key in self._deps:
            return self._deps[node.key]
        owner = node.region.owner
        others = [node.region.nodes[name] for name in prerequisites(node.op) if name in node.region.nodes]
        found = [self._stands_for(other) for other in others]
        if owner is not None:
            found += self.needed(owner)
        self._deps[node.key] = tuple(dict.fromkeys(key for key in found if key is not None))
        return self._deps[node.key]

    def _stands_for(self, node: Node) -> str | None:
        if node.key in self.starts:
            return node.key
        return self.ended_by(self.entered(node, "done", "failed"))


class _Reader:
    """Reads one call out of what was seen."""

    def __init__(self, seen: _Seen, pauses: Mapping[tuple[str, int], Pause], node: Node) -> None:
        self.seen = seen
        self.pauses = pauses
        self.node = node
        self.starts = seen.starts[node.key]
        self.ends = seen.ends.get(node.key, [])

    def span(self) -> CallSpan:
        seen, node, op = self.seen, self.node, self.node.op
        assert isinstance(op, ValueOp)
        attempts = self._attempts()
        end = seen.log[self.ends[-1]][1] if len(self.ends) == len(self.starts) else None
        value = end.value if isinstance(end, ev.CallFinished) else None
        args, args_bytes = shown(seen.args[node.key])
        result, result_bytes = shown(seen.secrets.value(value))
        done = attempts[-1].status == "done"
        return CallSpan(
            key=node.key,
            op=op.name,
            tool=self._tool(),
            plan=node.plan,
            at=op.span,
            added_s=seen.time(seen.created[node.key]),
            start_s=attempts[0].start_s,
            end_s=attempts[-1].end_s,
            status=attempts[-1].status,
            error=self._failure() if attempts[-1].status != "running" else None,
            attempts=attempts,
            waits=(*self._waits(node), *self._waits_between(attempts)),
            by=seen.ended_by(self.starts[0]),
            after=seen.needed(node),
            args=args,
            args_bytes=args_bytes,
            result=result if done else "",
            result_bytes=result_bytes if done else None,
        )

    def _failure(self) -> Failure | None:
        failure, text = self.node.failure, self.seen.secrets.text
        if failure is None:
            return None
        return msgspec.structs.replace(failure, message=text(failure.message), call=text(failure.call))

    def _attempts(self) -> tuple[Attempt, ...]:
        found: list[Attempt] = []
        for i, start in enumerate(self.starts):
            place = self.ends[i] if i < len(self.ends) else None
            end_s = self.seen.log[-1][0] if place is None else self.seen.time(place)
            # A run that was cancelled within a pause never came to the attempt.
            start_s = min(end_s, self.seen.time(start) + sum(self._pause(i)))
            event = None if place is None else self.seen.log[place][1]
            status = "running" if event is None else _STATUS[type(event)]
            error = (
                self.seen.secrets.text(f"{event.error}: {event.message}") if isinstance(event, ev.CallFailed) else ""
            )
            found.append(Attempt(start_s, end_s, status, error))
        return tuple(found)

    def _pause(self, attempt: int) -> Pause:
        return self.pauses.get((self.node.key, attempt + 1), Pause())

    def _waits_between(self, attempts: Sequence[Attempt]) -> Iterable[Wait]:
        """What the attempts waited for, each after the scheduler had told it to start."""
        for i, (start, attempt) in enumerate(zip(self.starts, attempts, strict=True)):
            told_s = self.seen.time(start)
            again_s = min(told_s + self._pause(i).retry_s, attempt.start_s)
            if again_s > told_s:
                yield Wait("retry", told_s, again_s)
            if attempt.start_s > again_s:
                yield Wait("rate", again_s, attempt.start_s, self._tool())

    def _waits(self, node: Node) -> list[Wait]:
        """What an op waited for until it started (a map: until its elements could)."""
        seen = self.seen
        created = seen.created[node.key]
        held, ready = seen.entered(node, "held"), seen.entered(node, "ready", "open")
        if ready is None:
            return []
        known = held if held is not None else ready
        waits = [] if node.region.owner is None else self._outer(node.region.owner, created)
        waits.append(self._wait("dependency", created, known, seen.ended_by(known) or ""))
        waits.append(self._wait("acceptance", known, ready))
        if node is self.node:
            waits.append(self._wait("limit", ready, self.starts[0], self._limit()))
        return [wait for wait in waits if wait.took_s > 0]

    def _outer(self, owner: Node, created: int) -> list[Wait]:
        """What the map around the call waited for, and then the call's element for its turn."""
        opened = self.seen.entered(owner, "open")
        assert opened is not None and isinstance(owner.op, Map)
        by = self.seen.ended_by(created)
        if isinstance(self.seen.log[created][1], ev.MapGrew | ev.StatementAdded):
            return self._waits(owner)  # until then the element was not written
        if owner.op.ordered:
            turn = self._wait("dependency", opened, created, by or "")
        else:
            turn = self._wait("limit", opened, created, "the run")
        return [*self._waits(owner), turn]

    def _limit(self) -> str:
        return "the run" if self.node.key in self.seen.crowded else self._tool()

    def _tool(self) -> str:
        assert isinstance(self.node.op, Call)
        return self.node.op.tool

    def _wait(self, kind: str, start: int, end: int, on: str = "") -> Wait:
        return Wait(kind, self.seen.time(start), self.seen.time(end), on)  # type: ignore[arg-type]


def _critical(log: Log, spans: Mapping[str, CallSpan]) -> tuple[str, ...]:
    """From the call that ended last back to one that no call let start."""
    last = next((event.key for _, event in reversed(log) if isinstance(event, ev.ENDS)), None)
    found: list[str] = []
    while last is not None and last in spans:
        found.append(last)
        last = spans[last].by
    return tuple(reversed(found))


def _peak(attempts: Iterable[Attempt]) -> int:
    found = list(attempts)
    steps = [step for one in found if one.end_s > one.start_s for step in ((one.start_s, 1), (one.end_s, -1))]
    running, peak = 0, min(1, len(found))
    for _, step in sorted(steps):  # at the same time, what ends makes room first
        running += step
        peak = max(peak, running)
    return peak


def shown(value: Value) -> tuple[str, int]:
    """A value's JSON as it may stand on a screen, cut if it is long; and the whole one's length in bytes.

    >>> shown({"a": [1, "é"]})
    ('{"a": [1, "é"]}', 16)
    """
    text = json.dumps(value, ensure_ascii=False)
    size = len(text) if text.isascii() else len(text.encode())
    return (visible(text) if len(text) <= SHOWN else visible(text[: SHOWN - 1]) + "…"), size
