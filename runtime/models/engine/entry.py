"""A request as the schedule knows it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

#: The sequence of a request that has none.
NOWHERE = -1


@dataclass(slots=True, eq=False)
class Entry:
    """A request: `tokens` are its prompt and what was chosen so far, `held` says how many of them its sequence holds.

    `rank` is its place among the requests: the smallest goes first. `cached` counts the tokens that others had decoded
    already; only until it is put back for the first time, because then its own count, too.
    """

    key: Hashable
    tokens: list[int]
    rank: tuple[float, int]
    sequence: int = NOWHERE
    held: int = 0
    cached: int = 0
    is_fresh: bool = True

    @property
    def pending(self) -> int:
        """How many tokens wait to be decoded."""
        return len(self.tokens) - self.held

    @property
    def shareable(self) -> list[int]:
        """The tokens that others may provide: not the last, whose scores are wanted."""
        return self.tokens[:-1]

    def hold_shared(self, held: int) -> None:
        """The sequence holds `held` tokens now, the new ones without decoding."""
        if self.is_fresh:
            self.cached += held - self.held
        self.held = held
