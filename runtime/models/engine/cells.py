"""The model's memory as the schedule sees it: cells, each with one token, that several sequences may share."""

from __future__ import annotations

from collections.abc import Iterable

from llmcc.runtime.models.engine.steps import Copy, Cut, Order


class Cells:
    """Follows the orders and counts what is left.

    >>> cells = Cells(8, 2)
    >>> cells.append(0, 5)
    >>> cells.do(Copy(source=0, target=1, start=0, stop=4))
    >>> cells.append(1, 1)
    >>> cells.free, cells.length(1), cells.held_by([0])
    (2, 5, 5)
    >>> cells.do(Cut(0, 0))
    >>> cells.free
    3
    """

    def __init__(self, count: int, sequences: int) -> None:
        self._unused = list(range(count))
        self._owners = [0] * count
        self._held: list[list[int]] = [[] for _ in range(sequences)]

    @property
    def free(self) -> int:
        """How many cells no sequence holds."""
        return len(self._unused)

    def length(self, sequence: int) -> int:
        """How many tokens a sequence holds."""
        return len(self._held[sequence])

    def held_by(self, sequences: Iterable[int]) -> int:
        """How many cells these sequences hold together."""
        return len(set[int]().union(*(self._held[sequence] for sequence in sequences)))

    def append(self, sequence: int, count: int) -> None:
        """Gives a sequence `count` cells of its own.

        Raises:
            IndexError: there are not so many.
        """
        for _ in range(count):
            cell = self._unused.pop()
            self._owners[cell] = 1
            self._held[sequence].append(cell)

    def do(self, order: Order) -> None:
        """Does what the model's memory does for this order."""
        if isinstance(order, Copy):
            self._copy(order)
        else:
            self._cut(order)

    def _copy(self, order: Copy) -> None:
        shared = self._held[order.source][order.start : order.stop]
        assert len(shared) == order.stop - order.start, f"{order} copies what is not there"
        assert order.start == self.length(order.target), f"{order} leaves a gap or doubles tokens"
        self._held[order.target] += shared
        for cell in shared:
            self._owners[cell] += 1

    def _cut(self, order: Cut) -> None:
        held = self._held[order.sequence]
        for cell in held[order.length :]:
            self._owners[cell] -= 1
            if not self._owners[cell]:
                self._unused.append(cell)
        del held[order.length :]
