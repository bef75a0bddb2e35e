"""Calls that could start if their tool and the run had a slot left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import TypeAlias

from llmcc.ir.ops import Call
from llmcc.runtime.nodes import Node

_Entry: TypeAlias = tuple[float, tuple[int, ...], int, Node]


class ReadyQueue:
    """Hands out calls, the longest critical path first, then in program order, within the limits.

    Calls whose tool is at its limit are parked beside the queue, and for each slot that the tool gets back the best of
    them returns. So a call moves a bounded number of times, however many wait.
    """

    def __init__(self, concurrency: int | None, limit: Callable[[str], int | None]) -> None:
        self._concurrency = concurrency
        self._limit = limit
        self._heap: list[_Entry] = []
        self._parked: dict[str, list[_Entry]] = {}
        self._pushed = 0
        self.running: dict[str, Node] = {}
        self.by_tool: Counter[str] = Counter()

    def push(self, node: Node) -> None:
        """Adds a call."""
        self._pushed += 1
        # The third part decides between a call that was withdrawn and the one that took its place in the program.
        heappush(self._heap, (-_priority(node), node.order, self._pushed, node))

    def take(self) -> Node | None:
        """The best call that may start now, which then counts as running; None if none may."""
        while self._heap and not self.full:
            entry = heappop(self._heap)
            node = entry[-1]
            tool = tool_of(node)
            if node.state != "ready":
                self._unpark(tool)
                continue
            if self._tool_full(tool):
                heappush(self._parked.setdefault(tool, []), entry)
                continue
            self.running[node.key] = node
            self.by_tool[tool] += 1
            return node
        return None

    def release(self, node: Node) -> None:
        """Gives back the slots of a call that is no longer running."""
        del self.running[node.key]
        tool = tool_of(node)
        self.by_tool[tool] -= 1
        self._unpark(tool)

    def clear(self) -> list[Node]:
        """Removes and returns all calls that have not started, in program order."""
        nodes = sorted(self.waiting(), key=lambda node: node.order)
        self._heap.clear()
        self._parked.clear()
        return nodes

    def waiting(self) -> Iterator[Node]:
        """The calls that have not started, in no order."""
        for heap in (self._heap, *self._parked.values()):
            yield from (entry[-1] for entry in heap if entry[-1].state == "ready")

    @property
    def full(self) -> bool:
        """Whether the run has no slot left."""
        return self._concurrency is not None and len(self.running) >= self._concurrency

    @property
    def startable(self) -> bool:
        """Whether a call waits although its tool and the run have a slot for it."""
        return not self.full and any(not self._tool_full(tool_of(node)) for node in self.waiting())

    def _tool_full(self, tool: str) -> bool:
        limit = self._limit(tool)
        return limit is not None and self.by_tool[tool] >= limit

    def _unpark(self, tool: str) -> None:
        if parked := self._parked.get(tool):
            heappush(self._heap, heappop(parked))


def tool_of(node: Node) -> str:
    """The tool that a call's node calls."""
    assert isinstance(node.op, Call)
    return node.op.tool


def _priority(node: Node) -> float:
    assert isinstance(node.op, Call)
    return node.op.priority or 0.0
