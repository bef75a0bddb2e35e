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

    A call that came alone, while nobody waited, just starts, if there is a slot in the run and its tool counts none.
    Most others come in the order in which they are to go: those wait in a line, the rest in a heap. Calls whose tool
    is at its limit are parked beside both, and for each slot that the tool gets back, or place in a batch, the best of
    them returns. So a call moves a bounded number of times, however many wait.
    """

    def __init__(self, concurrency: int | None, limits: Mapping[str, int], batches: Mapping[str, int]) -> None:
        self._concurrency = inf if concurrency is None else concurrency
        self._limits = limits
        self._fresh: list[Node] = []
        self._line: deque[_Entry] = deque()
        self._heap: list[_Entry] = []
        self._parked: dict[str, list[_Entry]] = {}
        self._pushed = 0
        self.running: dict[str, Node] = {}
        self.slots = Slots(limits, batches)
        #: Adds a call.
        self.push = self._fresh.append

    def take(self) -> Sequence[Node]:
        """The calls that may start now, the best first; they count as running. They can share batches."""
        fresh, line, running = self._fresh, self._line, self.running
        if fresh:
            if len(fresh) == 1 and not line and not self._heap and len(running) < self._concurrency:
                node = fresh[0]
                op: Call = node.op  # type: ignore[assignment]  # of nothing else there is an entry
                if op.batch is None and op.tool not in self._limits and node.state == "ready":
                    running[node.key] = node
                    fresh.clear()
                    return (node,)
            self._line_up(fresh)
        taken: list[Node] = []
        while (line or self._heap) and len(running) < self._concurrency:
            entry = self._best() if self._heap else line.popleft()
            node = entry[3]
            op = node.op  # type: ignore[assignment]  # as above
            if node.state != "ready":
                self._unpark(op.tool)  # the place that a withdrawn call came back for goes to another
            elif (op.batch is None and op.tool not in self._limits) or self._admits(entry, op):
                running[node.key] = node
                taken.append(node)
        self.slots.close()
        return taken

    def _line_up(self, fresh: list[Node]) -> None:
        line, pushed = self._line, self._pushed
        for node in fresh:
            pushed += 1
            # The third part decides between a call that was withdrawn and the one that took its place in the program.
            entry = (-(node.op.priority or 0.0), node.order, pushed, node)  # type: ignore[union-attr]
            if not line or line[-1] < entry:
                line.append(entry)
            else:
                heappush(self._heap, entry)
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

    def release(self, node: Node) -> None:
        """Gives back the slots of a call that is no longer running."""
        del self.running[node.key]
        op: Call = node.op  # type: ignore[assignment]  # nothing else runs
        if (op.batch is not None or op.tool in self._limits) and self.slots.release(node, op):
            self._unpark(op.tool)

    def clear(self) -> list[Node]:
        """Removes and returns all calls that have not started, in program order."""
        nodes = sorted(self.waiting(), key=lambda node: node.order)
        self._fresh.clear()
        self._line.clear()
        self._heap.clear()
        self._parked.clear()
        return nodes

    def waiting(self) -> Iterator[Node]:
        """The calls that have not started, in no order."""
        yield from (node for node in self._fresh if node.state == "ready")
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
