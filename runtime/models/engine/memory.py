"""The sequences of the model's memory: which are free, which are kept for requests to come, and what goes first."""

from __future__ import annotations

from collections.abc import Iterable

from llmcc.runtime.models.engine.beginnings import Idle, Kept
from llmcc.runtime.models.engine.cells import Cells
from llmcc.runtime.models.engine.steps import Cut, Limits, Order


class Memory:
    """What the memory will hold once all orders are done; `take_orders` hands them out."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.kept = Kept()
        self.cells = Cells(limits.cells, limits.sequences)
        self.numbers = list(range(limits.sequences))
        self._orders: list[Order] = []

    def order(self, order: Order) -> None:
        """Has something done before the next batch."""
        self.cells.do(order)
        self._orders.append(order)

    def take_orders(self) -> tuple[Order, ...]:
        """The orders since the last time."""
        orders, self._orders = tuple(self._orders), []
        return orders

    def new_sequence(self, but: Idle | None = None) -> int:
        """A sequence without tokens: if all are taken, that of the kept one used longest ago (last of all `but`)."""
        if not self.numbers:
            oldest = self.kept.oldest(but) or self.kept.oldest()
            assert oldest, "more sequences are taken than there are"
            self.drop(oldest)
        return self.numbers.pop()

    def free(self, sequence: int) -> None:
        """Nobody needs a sequence any more."""
        self.order(Cut(sequence, 0))
        self.numbers.append(sequence)

    def keep(self, idle: Idle) -> None:
        """Nobody uses a sequence, but somebody may."""
        if not self.limits.share or len(idle.tokens) < self.limits.least:
            self.free(idle.sequence)
            return
        for sequence in self.kept.add(idle):
            self.free(sequence)

    def pass_over(self, tokens: int) -> None:
        """So many tokens are decoded, and had to pass over what is kept; what was of no use for too long is given up.

        The one used last stays: whoever comes next most likely goes on from there.
        """
        for idle in self.kept.pass_over(tokens, self.limits.patience):
            self.drop(idle)

    def drop(self, idle: Idle) -> None:
        """Gives a kept sequence up."""
        self.kept.remove(idle)
        self.free(idle.sequence)

    def reclaim(self, count: int) -> None:
        """Gives kept sequences up until `count` cells are free, or nothing is kept."""
        while self.cells.free < count and (idle := self.kept.oldest()):
            self.drop(idle)

    def reclaimable(self, wanted: Iterable[int]) -> int:
        """How many cells would be free if only the sequences `wanted` were left."""
        return self.limits.cells - self.cells.held_by(wanted)

    def restore(self, tokens: list[int], live: Iterable[int]) -> int | None:
        """A sequence for a beginning that is loaded from elsewhere, once the orders are done; then it is kept.

        None if it would not be kept, or if there is no room without disturbing a live one.
        """
        is_known = any(idle.tokens[: len(tokens)] == tokens for idle in self.kept)
        if not self.limits.share or is_known or len(tokens) < self.limits.least:
            return None
        if not (self.numbers or len(self.kept)) or len(tokens) > self.reclaimable(live):
            return None
        sequence = self.new_sequence()
        self.reclaim(len(tokens))
        self.cells.append(sequence, len(tokens))
        self.keep(Idle(sequence, tokens))
        return sequence

    def forget(self, sequence: int) -> None:
        """A kept sequence turned out not to hold what it should."""
        for idle in self.kept:
            if idle.sequence == sequence:
                self.drop(idle)
