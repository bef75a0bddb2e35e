"""Calls that could start if their tool and the run had a slot left."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush
from math import inf
from typing import TypeAlias

from llmcc.ir.ops import Call
from llmcc.runtime.nodes import Node
from llmcc.runtime.slots import Slots

_Entry: TypeAlias = tuple[float, tuple[int, ...], int, Node]


class ReadyQueue:
    """Hands out calls, the longest critical path first, then in program order, within the limits.

    A call that comes alone while nobody waits just starts, if there is a slot in the run and its tool counts none:
    whoever has it counts it as running. Most others come in the order in which they are to go: those wait in a line,
    the rest in a heap. Calls whose tool is at its limit are parked beside both, and for each slot that the tool gets
    back, or place in a batch, the best of them returns. So a call moves a bounded number of times, however many wait.
    """

    def __init__(self, concurrency: int | None, limits: Mapping[str, int], batches: Mapping[str, int]) -> None:
        self.concurrency = inf if concurrency is None else concurrency
        self.limits = limits
        self.batches = batches
        #: Whether no call waits for a slot of the run.
        self.idle = True
        self.fresh: list[Node] = []
        self.line: deque[_Entry] = deque()
        self.heap: list[_Entry] = []
        self._parked: dict[str, list[_Entry]] = {}
        self._pushed = 0
        self.running: dict[str, Node] = {}
        self.slots = Slots(limits, batches)

    def push(self, node: Node) -> None:
        """Adds a call."""
        self.fresh.append(node)
        self.idle = False

    def take(self) -> Sequence[Node]:
        """The calls that may start now, the best first; they count as running. They can share batches."""
        line, running, concurrency = self.line, self.running, self.concurrency
        if self.fresh:
            self._line_up(self.fresh)
        taken: list[Node] = []
        while (line or self.heap) and len(running) < concurrency:
            entry = self._best() if self.heap else line.popleft()
            node = entry[3]
            op: Call = node.op  # type: ignore[assignment]  # of nothing else there is an entry
            if node.state != "ready":
                self._unpark(op.tool)  # the place that a withdrawn call came back for goes to another
            elif (op.batch is None and op.tool not in self.limits) or self._admits(entry, op):
                running[node.key] = node
                taken.append(node)
        self.idle = not line and not self.heap
        self.slots.close()
        return taken

    def _line_up(self, fresh: list[Node]) -> None:
        line, pushed = self.line, self._pushed
        for node in fresh:
            pushed += 1
            # The third part decides between a call that was withdrawn and the one that took its place in the program.
            entry = (-(node.op.priority or 0.0), node.order, pushed, node)  # type: ignore[union-attr]
            if not line or line[-1] < entry:
                line.append(entry)
            else:
                heappush(self.heap, entry)
        self._pushed = pushed
        fresh.clear()

    def _admits(self, entry: _Entry, op: Call) -> bool:
        """Gives a call what it needs of its tool; if there is nothing left, it is parked."""
        if not self.slots.take(entry[-1], op):
            heappush(self._parked.setdefault(op.tool, []), entry)
            return False
        if self.slots.joinable(op.tool):
            self._unpark(op.tool)
        return True

    def release(self, node: Node, op: Call) -> None:
        """Gives back the slots of a call that is no longer running."""
        del self.running[node.key]
        if op.batch is not None or op.tool in self.limits:
            self.release_slot(node, op)

    def release_slot(self, node: Node, op: Call) -> None:
        """Gives back what a call that is over has of its tool, which has a limit or makes batches."""
        if self.slots.release(node, op):
            self._unpark(op.tool)

    def clear(self) -> list[Node]:
        """Removes and returns all calls that have not started, in program order."""
        nodes = sorted(self.waiting(), key=lambda node: node.order)
        self.fresh.clear()
        self.line.clear()
        self.heap.clear()
        self._parked.clear()
        self.idle = True
        return nodes

    def waiting(self) -> Iterator[Node]:
        """The calls that have not started, in no order."""
        yield from (node for node in self.fresh if node.state == "ready")
        for entries in (self.line, self.heap, *self._parked.values()):
            yield from (entry[-1] for entry in entries if entry[-1].state == "ready")

    @property
    def full(self) -> bool:
        """Whether the run has no slot left."""
        return len(self.running) >= self.concurrency

    @property
    def startable(self) -> bool:
        """Whether a call waits although its tool and the run have a slot for it."""
        return not self.full and any(not self.slots.full(call_of(node).tool) for node in self.waiting())

    def _insert(self, entry: _Entry) -> None:
        self.idle = False
        if not self.line or self.line[-1] < entry:
            self.line.append(entry)
        else:
            heappush(self.heap, entry)

    def _best(self) -> _Entry:
        if not self.heap or (self.line and self.line[0] < self.heap[0]):
            return self.line.popleft()
        return heappop(self.heap)

    def _unpark(self, tool: str) -> None:
        if parked := self._parked.get(tool):
            self._insert(heappop(parked))


def call_of(node: Node) -> Call:
    """The call of a node that has one."""
    op = node.op
    assert isinstance(op, Call)
    return op
