"""Who can take what from whom: common beginnings of live requests and of sequences that are kept."""

from __future__ import annotations

from collections.abc import Iterable

from llmcc.runtime.models.engine.beginnings import Idle, common_length
from llmcc.runtime.models.engine.entry import NOWHERE, Entry
from llmcc.runtime.models.engine.memory import Memory
from llmcc.runtime.models.engine.steps import Copy, Cut, Limits


class Sharing:
    """The live requests, in rank, and the memory; the part of the schedule that compares tokens."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.memory = Memory(limits)
        self.live: list[Entry] = []
        #: A sequence can begin with a part of another.
        self.copies = limits.share and limits.rewinds

    def known(self, tokens: list[int]) -> int:
        """How many of the first tokens of `tokens` some sequence holds."""
        return max((common_length(held, tokens) for _, held in self._sources(None)), default=0)

    def expected(self, entry: Entry) -> int:
        """How many of a request's tokens others hold or will hold."""
        if not self.copies:
            return 0
        texts = [other.tokens for other in self.live] + [idle.tokens for idle in self.memory.kept]
        return max((common_length(text, entry.shareable) for text in texts), default=0)

    def best_kept(self, entry: Entry) -> Idle | None:
        """The kept sequence that a request can use most of, if that is worth it."""
        wanted = entry.shareable
        shared = [(common_length(idle.tokens, wanted), idle) for idle in self.memory.kept]
        useful = [
            (common, idle)
            for common, idle in shared
            if common >= self.limits.least and (self.copies or common == len(idle.tokens))
        ]
        return max(useful, key=lambda one: one[0], default=(0, None))[1]

    def attach(self, entry: Entry) -> None:
        """Gives a request a sequence: that of a kept beginning, if it goes on from its end, else a new one."""
        idle = self.best_kept(entry)
        if idle is None:
            entry.sequence = self.memory.new_sequence()
            return
        common = common_length(idle.tokens, entry.shareable)
        is_last = not self.memory.numbers and len(self.memory.kept) == 1
        if common < len(idle.tokens) and not is_last:
            entry.sequence = self.memory.new_sequence(but=idle)  # what is common is copied before it is needed
            return
        self.memory.kept.remove(idle)
        self.memory.order(Cut(idle.sequence, common))
        entry.sequence = idle.sequence
        entry.hold_shared(common)

    def is_provided_for(self, entry: Entry, before: Iterable[Entry]) -> bool:
        """Takes what others hold by now; True if one of those `before` will decode more that the request needs."""
        if not self.copies or entry.pending <= self.limits.least:
            return False
        self._catch_up(entry)
        wanted, least = entry.shareable, self.limits.least
        return any(
            other.pending and common_length(other.tokens, wanted) >= max(entry.held, other.held) + least
            for other in before
        )

    def _catch_up(self, entry: Entry) -> None:
        """Copies what another sequence holds beyond what the request's own does."""
        enough = entry.held + self.limits.least
        wanted = entry.shareable
        sources = [
            (common_length(held, wanted), number) for number, held in self._sources(entry) if len(held) >= enough
        ]
        common, source = max(sources, default=(0, NOWHERE))
        if common < enough:
            return
        self.memory.order(Copy(source, entry.sequence, entry.held, common))
        entry.hold_shared(common)
        self.memory.kept.use(source)

    def _sources(self, entry: Entry | None) -> list[tuple[int, list[int]]]:
        """The sequences of others, and the tokens that they hold."""
        live = [(other.sequence, other.tokens[: other.held]) for other in self.live if other is not entry]
        return live + [(idle.sequence, idle.tokens) for idle in self.memory.kept]
