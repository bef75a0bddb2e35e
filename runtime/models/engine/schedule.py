"""Requests in, batches out: who is let in, whose tokens are in the next batch, what is shared, given up, put back.

A state machine: it has no clock, no threads and no model, and decides by what it was told alone. Somebody else decodes
the batches, chooses tokens and says what came of it:

| request | it means                                          | next                                             |
|---------|---------------------------------------------------|--------------------------------------------------|
| waiting | it has no sequence                                | live (in `next_step`), over (`end`)              |
| live    | it has one; its tokens are decoded in chunks, and | waiting again (put back in `next_step`, to make  |
|         | then `append` tells those that come next          | room), over (`end`)                              |

Requests are ranked: by priority, then as they came. This is relied on: the first in rank goes on in every step; a
request is put back only for one before it; nobody is let in before one that waits longer. So every request is over some
time, whatever the others do, because each fits into the memory alone.

A beginning that several live requests share is decoded for the first of them, while the others wait for it. What a
request leaves in its sequence is kept, as long as there is room, for requests that begin alike.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Hashable, Sequence
from operator import attrgetter

from llmcc.runtime.models.engine.beginnings import Idle, common_length
from llmcc.runtime.models.engine.entry import NOWHERE, Entry
from llmcc.runtime.models.engine.sharing import Sharing
from llmcc.runtime.models.engine.steps import Cut, Limits, Order, Row, Step

_RANK = attrgetter("rank")


class Schedule(Sharing):
    """The requests of one model. What `next_step` says is decoded, or taken back with `undo`, before anything else."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.waiting: list[Entry] = []
        self._entries: dict[Hashable, Entry] = {}
        self._arrivals = 0

    def submit(self, key: Hashable, tokens: Sequence[int], priority: float = 0.0) -> None:
        """A request comes; one of higher priority goes first.

        Raises:
            ValueError: the key is taken, or there are no tokens, or too many for the memory.
        """
        if key in self._entries:
            raise ValueError(f"there is a request {key!r} already")
        self._check_size(len(tokens))
        self._arrivals += 1
        entry = self._entries[key] = Entry(key, list(tokens), (-priority, self._arrivals))
        insort(self.waiting, entry, key=_RANK)

    def append(self, key: Hashable, tokens: Sequence[int]) -> None:
        """The next tokens of a request were chosen (or are forced), and are to be decoded.

        Raises:
            ValueError: all its tokens together are too many for the memory.
        """
        entry = self._entries[key]
        self._check_size(len(entry.tokens) + len(tokens))
        entry.tokens += tokens

    def rewrite(self, key: Hashable, tokens: Sequence[int]) -> None:
        """A request goes on with other tokens; what they have in common with those that it had is not decoded again.

        Raises:
            ValueError: they are too many for the memory, or none.
        """
        self._check_size(len(tokens))
        entry = self._entries[key]
        held = min(common_length(entry.tokens, list(tokens)[:-1]), entry.held)
        entry.tokens = list(tokens)
        if held < entry.held:
            entry.held = held if self.limits.rewinds else 0
            self.memory.order(Cut(entry.sequence, entry.held))

    @property
    def room(self) -> int:
        """How many more requests could be live at once."""
        return self.limits.live - len(self.live) - len(self.waiting)

    def waits(self, key: Hashable) -> bool:
        """True if a request has no sequence yet, or none any more."""
        return self._entries[key].sequence == NOWHERE

    def end(self, key: Hashable, *, keep: bool = True) -> None:
        """A request is over, done or not; what its sequence holds is kept for others, if it is of any use to them."""
        entry = self._entries.pop(key)
        if entry.sequence == NOWHERE:
            self.waiting.remove(entry)
            return
        self.live.remove(entry)
        if keep:
            self.memory.keep(Idle(entry.sequence, entry.tokens[: entry.held]))
        else:
            self.memory.free(entry.sequence)

    def cached(self, key: Hashable) -> int:
        """How many tokens of a request were not decoded for it, because they had been for others."""
        return self._entries[key].cached

    def holds(self, key: Hashable) -> tuple[int, int]:
        """The sequence of a request, and how many of its tokens that holds."""
        entry = self._entries[key]
        return entry.sequence, entry.held

    def forget(self, sequence: int) -> None:
        """What was to be loaded into a sequence is not there."""
        self.memory.forget(sequence)

    def next_step(self) -> Step | None:
        """The next batch, decoded from now on; None if there is nothing to decode."""
        self._admit()
        rows = self._rows()
        if not rows:
            return None
        self.memory.pass_over(sum(len(row.tokens) for row in rows))
        for row in rows:
            self._entries[row.key].held += len(row.tokens)
            self.memory.cells.append(row.sequence, len(row.tokens))
        return Step(self.memory.take_orders(), tuple(rows))

    def undo(self, step: Step) -> None:
        """The batch was not decoded, or not all of it; its orders were carried out."""
        for row in step.rows:
            entry = self._entries[row.key]
            entry.held = row.start if self.limits.rewinds else 0
            self.memory.order(Cut(row.sequence, entry.held))

    def restore(self, tokens: list[int]) -> tuple[tuple[Order, ...], int] | None:
        """Makes room for a beginning that is loaded from elsewhere: the orders that come before, and its sequence."""
        sequence = self.memory.restore(tokens, [entry.sequence for entry in self.live])
        return None if sequence is None else (self.memory.take_orders(), sequence)

    def _admit(self) -> None:
        """Lets waiting requests in, in rank, while there are sequences and room."""
        while self.waiting and len(self.live) < self.limits.live and self._fits(self.waiting[0]):
            entry = self.waiting.pop(0)
            self.attach(entry)
            insort(self.live, entry, key=_RANK)

    def _fits(self, entry: Entry) -> bool:
        """True if all tokens of a request, and one more, have room beside what the live ones are about to decode."""
        if not self.live:
            return True
        wanted = [other.sequence for other in self.live]
        if idle := self.best_kept(entry):
            wanted.append(idle.sequence)
        promised = sum(other.pending for other in self.live)
        return len(entry.tokens) + 1 - self.expected(entry) <= self.memory.reclaimable(wanted) - promised

    def _rows(self) -> list[Row]:
        """The batch: all that is pending of requests that write, and as much of prompts as there is room for, in rank.

        A request writes if few tokens are pending: its choice, and what a grammar forces behind it.
        """
        pending = [entry for entry in self.live if entry.pending]
        writers = {entry.rank: entry.pending for entry in pending if entry.pending <= self.limits.least}
        room = self.limits.batch - sum(writers.values())
        reading = min(self.limits.chunk, room) if writers else room
        rows: list[Row] = []
        reserved = 0
        for place, entry in enumerate(pending):
            is_put_back = entry.sequence == NOWHERE
            if is_put_back or self.is_provided_for(entry, pending[:place]):
                continue
            is_writing = entry.rank in writers
            count = self._make_room(entry, entry.pending if is_writing else min(entry.pending, reading), reserved)
            if not count:
                continue
            rows.append(_row(entry, count))
            reserved += count
            reading -= 0 if is_writing else count
        return rows

    def _make_room(self, entry: Entry, count: int, reserved: int) -> int:
        """Frees cells for a request, at others' cost; returns how many of the `count` it gets.

        What is kept goes first. Then, for one cell at least, requests after this one are put back, or it is itself.
        """
        if not count:
            return 0
        cells = self.memory.cells
        self.memory.reclaim(reserved + count)
        while cells.free <= reserved and self.live[-1] is not entry:
            self._put_back(self.live[-1])
        if cells.free <= reserved:
            self._put_back(entry)
            return 0
        return min(count, cells.free - reserved)

    def _put_back(self, entry: Entry) -> None:
        """A live request gives its sequence up and waits; its tokens, chosen ones too, are decoded again later."""
        self.live.remove(entry)
        self.memory.free(entry.sequence)
        entry.sequence, entry.held, entry.is_fresh = NOWHERE, 0, False
        insort(self.waiting, entry, key=_RANK)

    def _check_size(self, count: int) -> None:
        if not 1 <= count <= self.limits.cells:
            raise ValueError(f"a request of {count} tokens; the memory holds {self.limits.cells}")


def _row(entry: Entry, count: int) -> Row:
    stop = entry.held + count
    return Row(entry.key, entry.sequence, entry.held, tuple(entry.tokens[entry.held : stop]), stop == len(entry.tokens))
