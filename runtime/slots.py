"""Slots of tools: what a tool's `limit` counts. A call by itself takes one, the calls of a batch share one.

A batch is made of calls that are marked for it and start at the same moment: the first one takes a slot, and the
others join it until it is full. It keeps its slot until the last of them is over, further attempts included.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from llmcc.ir.ops import Call
from llmcc.runtime.nodes import Batch, Node


class Slots:
    """Who has slots. `limits` says how many a tool has (absent: any number), `batches` how large its batches may be."""

    def __init__(self, limits: Mapping[str, int], batches: Mapping[str, int]) -> None:
        self._limits = limits
        self._batches = batches
        self._open: dict[str, Batch] = {}
        #: The slots that are taken, of the tools that have a limit.
        self.taken: Counter[str] = Counter()

    def full(self, tool: str) -> bool:
        """Whether the tool has no slot left."""
        return tool in self._limits and self.taken[tool] >= self._limits[tool]

    def take(self, node: Node, op: Call) -> bool:
        """Gives a call a place in a batch that is still being made up, or else a slot; False if there is neither."""
        most = 1 if op.batch is None else min(op.batch, self._batches.get(op.tool, 1))
        batch = self._open.get(op.tool)
        if batch is not None and batch.size < min(batch.most, most):
            _join(node, batch)
            return True
        if self.full(op.tool):
            return False
        if op.tool in self._limits:
            self.taken[op.tool] += 1
        if most > 1:
            self._open[op.tool] = batch = Batch(node.key, most)
            _join(node, batch)
        return True

    def joinable(self, tool: str) -> bool:
        """Whether a batch of the tool is being made up that has room."""
        batch = self._open.get(tool)
        return batch is not None and batch.size < batch.most

    def close(self) -> None:
        """Says that the batches that were being made up start now: nothing can join them any more."""
        if self._open:
            self._open.clear()

    def release(self, node: Node, op: Call) -> bool:
        """Takes back what a call has that is over; whether that gives the tool a slot back."""
        batch = node.batch
        if batch is not None:
            batch.running -= 1
            if batch.running:
                return False
        if op.tool not in self._limits:
            return False
        self.taken[op.tool] -= 1
        return True


def _join(node: Node, batch: Batch) -> None:
    node.batch = batch
    batch.size += 1
    batch.running += 1
