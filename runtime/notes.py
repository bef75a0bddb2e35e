"""What a run notes while it goes on: the events that the scheduler was told, the calls that ended, what observers hear.

Importing this module imports trio.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import trio

from llmcc.ir.frame import Failure
from llmcc.ir.ops import Call
from llmcc.ir.secrets import Secrets
from llmcc.runtime import events as ev
from llmcc.runtime.outcome import CallEnded, CallRecord, CallStarted, Observer
from llmcc.runtime.state import Machine
from llmcc.runtime.timeouts import Lane

#: Of these types a value cannot change.
_UNCHANGING = frozenset({str, int, float, bool, type(None)})


class Notes:
    """The part of a run that writes down what happens to its machine and in its lanes."""

    def __init__(self, machine: Machine, observer: Observer | None, secrets: Secrets) -> None:
        self.machine = machine
        #: What is not to be shown of this run, as far as it is known.
        self.secrets = secrets
        #: Each event that the machine was told, with seconds since the run's start; results as the plan saw them.
        self.log: list[tuple[float, ev.Event]] = []
        #: Whether anything is to be done when a call starts but to note its time.
        self._heeded = observer is not None or bool(secrets.marked)
        self._observer = observer
        self._records: list[CallRecord] = []
        #: All lanes, with a call under way or without.
        self._lanes: dict[Lane, None] = {}

    def _lanes_by_key(self) -> dict[str, Lane]:
        """The lanes of the calls under way, by the calls' keys."""
        return {lane.start.key: lane for lane in self._lanes if lane.start is not None}

    def _as_seen(self, event: ev.CallFinished) -> ev.Event:
        """The event for the log: with the value as the plan has it, since the tool's own object may be no value, or
        change later; a value that the plan could not take is a failure.
        """
        node = self.machine.nodes[event.key]
        if node.failure is not None:
            return ev.CallFailed(event.key, node.failure.error, node.failure.message)
        if type(event.value) in _UNCHANGING:
            return event
        assert isinstance(node.op, Call)
        # Of a plan that was rejected nobody has the value.
        return ev.CallFinished(event.key, node.region.frame.values.get(node.op.name) if node.state == "done" else None)

    def _discreet(self, event: ev.CallFailed) -> ev.CallFailed:
        """The failure as anybody may hear of it: tools put what they were given into their messages."""
        message = self.secrets.text(event.message)
        return event if message == event.message else msgspec.structs.replace(event, message=message)

    def _note_start(self, lane: Lane, start: ev.StartCall, now: float) -> None:
        lane.start = start
        if lane.cancelled:
            lane.scope, lane.cancelled, lane.timed_out = trio.CancelScope(), False, False
        if start.attempt > 1:
            return
        lane.started_s = now
        if not self._heeded:
            return
        if start.tool in self.secrets.marked:
            self.secrets.note(start.tool, start.args)
        if self._observer is not None:
            self._show(CallStarted(start.key, start.op, start.tool, start.args, now))

    def _show(self, news: CallStarted | CallEnded) -> None:
        observer, self._observer = self._observer, None
        if observer is not None:
            observer(news)
        self._observer = observer  # one that raised is not asked again

    def _note_end(self, lane: Lane, event: ev.Event, now: float) -> None:
        start: ev.StartCall = lane.start  # type: ignore[assignment]  # it was under way
        lane.start = None
        failure = self.machine.nodes[start.key].failure
        status: Literal["done", "failed", "cancelled"] = "done"
        if failure is not None or type(event) is not ev.CallFinished:
            if start.key in self.machine.queue.running:
                return  # another attempt follows
            status, failure = self._why(start, event, failure)
        record = CallRecord(
            start.key, start.op, start.tool, start.args, lane.started_s, now, start.attempt, status, failure
        )
        self._records.append(record)
        if self._observer is not None:
            # As the plan sees it, not as the tool gave it.
            values = self.machine.nodes[start.key].region.frame.values
            self._show(CallEnded(record, values.get(start.op) if status == "done" else None))

    def _why(
        self, start: ev.StartCall, event: ev.Event, failure: Failure | None
    ) -> tuple[Literal["failed", "cancelled"], Failure]:
        """What a call is said to have ended with that has no value; its plan may have been given up before."""
        if isinstance(event, ev.CallFinished):
            assert failure is not None
            return "failed", failure
        if isinstance(event, ev.CallFailed):
            return "failed", failure or Failure(event.error, event.message, start.op)
        reason = self.machine.stop_reason or "the plan was rejected, or says something else now"
        return "cancelled", failure or Failure("Cancelled", reason, start.op)
