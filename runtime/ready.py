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

    Most calls come in the order in which they are to go: those wait in a line, the others in a heap. Calls whose tool
    is at its limit are parked beside both, and for each slot that the tool gets back, or place in a batch, the best of
    them returns. So a call moves a bounded number of times, however many wait.
    """

    def __init__(self, concurrency: int | None, limits: Mapping[str, int], batches: Mapping[str, int]) -> None:
        self._concurrency = inf if concurrency is None else concurrency
        self._line: deque[_Entry] = deque()
        self._heap: list[_Entry] = []
        self._parked: dict[str, list[_Entry]] = {}
        self._pushed = 0
        self.running: dict[str, Node] = {}
        self.slots = Slots(limits, batches)

    def push(self, node: Node) -> None:
        """Adds a call."""
        self._pushed += 1
        # The third part decides between a call that was withdrawn and the one that took its place in the program.
        self._insert((-(call_of(node).priority or 0.0), node.order, self._pushed, node))

    def take(self) -> Sequence[Node]:
        """The calls that may start now, the best first; they count as running. They can share batches."""
        if not self._line and not self._heap:
            return ()
        taken: list[Node] = []
        while (self._line or self._heap) and len(self.running) < self._concurrency:
            entry = self._best() if self._heap else self._line.popleft()
            node = entry[3]
            op = call_of(node)
            if node.state != "ready":
                self._unpark(op.tool)
            elif not self.slots.counts(op) or self._admits(entry, op):
                self.running[node.key] = node
                taken.append(node)
        self.slots.close()
        return taken

    def _admits(self, entry: _Entry, op: Call) -> bool:
        """Gives a call what it needs of its tool; if there is nothing left, it is parked."""
        if not self.slots.take(entry[-1], op):
            heappush(self._parked.setdefault(op.tool, []), entry)
            return False
        if self.slots.joinable(op.tool):
            self._unpark(op.tool)
        return True

    def release(self, node: Node) -> None:
        """Gives back the slots of a call that is no longer running."""
        del self.running[node.key]
        op = call_of(node)
        if self.slots.counts(op) and self.slots.release(node, op):
            self._unpark(op.tool)

    def clear(self) -> list[Node]:
        """Removes and returns all calls that have not started, in program order."""
        nodes = sorted(self.waiting(), key=lambda node: node.order)
        self._line.clear()
        self._heap.clear()
        self._parked.clear()
        return nodes

    def waiting(self) -> Iterator[Node]:
        """The calls that have not started, in no order."""
        for entries in (self._line, self._heap, *self._parked.values()):
            yield from (entry[-1] for entry in entries if entry[-1].state == "ready")

    @property
    def full(self) -> bool:
        """Whether the run has no slot left."""
        return len(self.running) >= self._concurrency

    @property
    def startable(self) -> bool:
        """Whether a call waits although its tool and the run have a slot for it."""
        return not self.full and any(not self.slots.full(call_of(node).tool) for node in self.waiting())

    def _insert(self, entry: _Entry) -> None:
        if not self._line or self._line[-1] < entry:
            self._line.append(entry)
        else:
            heappush(self._heap, entry)

    def _best(self) -> _Entry:
        if not self._heap or (self._line and self._line[0] < self._heap[0]):
            return self._line.popleft()
        return heappop(self._heap)

    def _unpark(self, tool: str) -> None:
        if parked := self._parked.get(tool):
            self._insert(heappop(parked))


def call_of(node: Node) -> Call:
    """The call of a node that has one."""
    op = node.op
    assert isinstance(op, Call)
    return op
