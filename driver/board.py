"""What a live table shows of a run: which calls run, wait (and for what), are done or failed. Knows no screen.

While calls come and go it only counts; what it shows is worked out when it is looked at, from the scheduler's own
state, and bounded: a table of many calls costs no more than one of ten.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeAlias

from llmcc.ir.ops import Call, Map
from llmcc.ir.secrets import Secrets
from llmcc.ir.values import Value
from llmcc.runtime.executor import Execution
from llmcc.runtime.nodes import Node, prerequisites
from llmcc.runtime.outcome import CallEnded, CallRecord, CallStarted
from llmcc.runtime.state import Machine

RowState: TypeAlias = Literal["failed", "running", "waiting", "done", "cancelled"]
#: Ops that are looked at for one that waits; more in a row that do not wait are not skipped.
_LOOK = 500
#: Of a list of what is waited for, as many are named.
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `took_s` is in seconds; `args` are None while they are not known."""

    state: RowState
    key: str
    tool: str
    args: dict[str, Value] | None
    took_s: float | None
    note: str = ""


class Board:
    """Is told of the calls of one run (it is an observer), and looks at the scheduler when it is asked for rows.

    `clock` gives seconds. Rows may be asked for from another thread.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.done = self.failed = self.cancelled = 0
        self._clock = clock
        self._begun = clock()
        self._machine: Machine | None = None
        self._secrets = Secrets()
        self._running: dict[str, CallStarted] = {}
        self._failures: deque[CallRecord] = deque(maxlen=100)
        self._finished: deque[CallRecord] = deque(maxlen=100)
        self._first = 0

    def watch(self, execution: Execution) -> None:
        """The run to look at; its time is that of the rows from here on."""
        self._machine = execution.machine
        self._secrets = execution.secrets
        self._begun = self._clock() - execution.now_s

    def __call__(self, news: object) -> None:
        """Counts."""
        if isinstance(news, CallStarted):
            self._running[news.key] = news
            return
        if not isinstance(news, CallEnded):
            return
        record = news.record
        self._running.pop(record.key, None)
        if record.status == "done":
            self.done += 1
            self._finished.append(record)
        elif record.status == "failed":
            self.failed += 1
            self._failures.append(record)
        else:
            self.cancelled += 1
            self._finished.append(record)

    def rows(self, most: int, *, over: bool = True) -> list[Row]:
        """At most `most` rows: the latest failures, what runs (the longest first), what waits, what was done last;
        without `over` only what runs and waits.
        """
        failed = self._latest(self._failures, most if over else 0)
        running = [*self._maps(most), *self._run()]
        waiting = list(islice(self._waiting(), most))
        done = self._latest(self._finished, most if over else 0)
        shares = _shares(most, [len(failed), len(running), len(waiting), len(done)])
        return [
            *failed[len(failed) - shares[0] :],
            *running[: shares[1]],
            *waiting[: shares[2]],
            *done[len(done) - shares[3] :],
        ]

    def _latest(self, records: deque[CallRecord], most: int) -> list[Row]:
        kept = list(records)
        return [_over(record, self._secrets) for record in kept[max(0, len(kept) - most) :]]

    def summary(self) -> str:
        """All calls in one line."""
        counts = {
            "running": len(self._running),
            "done": self.done,
            "failed": self.failed,
            "cancelled": self.cancelled,
            "to come": self._left(),
        }
        said = [f"{count:,} {what}" for what, count in counts.items() if count]
        return f"{', '.join(said) or 'no calls yet'}, {self._clock() - self._begun:.1f} s"

    def _run(self) -> list[Row]:
        now = self._clock() - self._begun
        started = sorted(list(self._running.values()), key=lambda one: one.at_s)
        rows = [(one, self._secrets.args(one.tool, one.args)) for one in started]
        return [Row("running", one.key, one.tool, args, max(0.0, now - one.at_s)) for one, args in rows]

    def _left(self) -> int:
        """Ops of the plan that are not over and do not run; a map is one."""
        if self._machine is None:
            return 0
        running = sum("[" not in key for key in list(self._running))
        return max(0, self._machine.top.unfinished - running)

    def _unfinished(self) -> Iterator[Node]:
        """The ops of the plan that are not over, from the first one on."""
        if self._machine is None:
            return
        nodes = list(self._machine.top.nodes.values())  # one step, whatever the run does meanwhile
        if self._first > len(nodes):
            self._first = 0  # a plan was given up, and its ops forgotten
        while self._first < len(nodes) and nodes[self._first].over:
            self._first += 1
        for node in nodes[self._first : self._first + _LOOK]:
            if not node.over:
                yield node

    def _maps(self, most: int) -> Iterator[Row]:
        for node in islice(self._unfinished(), most):
            run = node.elements
            if node.state == "open" and run is not None:
                over = len(run.regions) - run.under_way
                yield Row("running", node.key, "map", None, None, f"{over:,} of {len(run.values):,}")

    def _waiting(self) -> Iterator[Row]:
        for node in self._unfinished():
            op = node.op
            if isinstance(op, Call | Map) and node.state in ("waiting", "held", "ready"):
                yield Row("waiting", node.key, op.tool if isinstance(op, Call) else "map", None, None, _reason(node))


def _reason(node: Node) -> str:
    if node.state == "held":
        return "until the plan is accepted"
    if node.state == "ready":
        return "for a slot"
    names = [name for name in prerequisites(node.op) if name in node.region.nodes and not node.region.nodes[name].over]
    more = len(names) - _NAMED
    return f"for {', '.join(names[:_NAMED])}" + (f" and {more:,} more" if more > 0 else "")


def _over(record: CallRecord, secrets: Secrets) -> Row:
    note = "" if record.error is None else secrets.text(f"{record.error.error}: {record.error.message}")
    args = secrets.args(record.tool, record.args)
    return Row(record.status, record.key, record.tool, args, record.ended_s - record.started_s, note)


def _shares(most: int, wanted: list[int]) -> list[int]:
    """How many of `most` lines each kind gets: a quarter if it wants one, then what is left in order.

    >>> _shares(8, [0, 100, 1, 9]), _shares(8, [50, 2, 50, 50]), _shares(8, [0, 1, 0, 3])
    ([0, 5, 1, 2], [2, 2, 2, 2], [0, 1, 0, 3])
    """
    shares = [min(want, most // 4) for want in wanted]
    for i in (1, 0, 2, 3):
        shares[i] += min(wanted[i] - shares[i], most - sum(shares))
    return shares
