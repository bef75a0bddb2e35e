"""What the schedule of a local model says: batches, and what is done to the model's memory before each."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Limits:
    """What there is to share out.

    `cells`: how many tokens the memory holds; those that several sequences share count once. `live`: how many requests
    are worked on at the same time. `sequences`: how many sequences the memory can tell apart; those that are not live
    are kept as beginnings of requests to come. `patience`: after how many tokens of others these are given up, because
    every token has to pass over all that is kept. `batch`: the tokens of a batch. `chunk`: how many of them may be read
    from prompts while other requests write. `least`: fewer tokens are not worth sharing, and so many or fewer are not
    put off for others' prompts. `share`: False decodes every request from its first token. `rewinds`: False for models
    (recurrent ones) that can neither forget the end of a sequence alone nor share a beginning.
    """

    cells: int
    live: int = 16
    sequences: int = 32
    batch: int = 512
    chunk: int = 128
    least: int = 8
    share: bool = True
    rewinds: bool = True
    patience: int = 512

    def __post_init__(self) -> None:
        """Checks that the first request in line can always go on.

        Raises:
            ValueError: it could not.
        """
        if min(self.cells, self.live, self.chunk, self.least) < 1:
            raise ValueError(f"limits are at least 1: {self}")
        if self.sequences < self.live:
            raise ValueError(f"there are fewer sequences than live requests: {self}")
        if self.batch <= self.live * self.least:
            raise ValueError(f"a batch must hold the `least` tokens of every live request and one more: {self}")


@dataclass(frozen=True, slots=True)
class Copy:
    """Sequence `target` gets the tokens of `source` from `start` to `stop`; no cell is taken by that."""

    source: int
    target: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Cut:
    """Of a sequence, only the first `length` tokens are kept."""

    sequence: int
    length: int


Order: TypeAlias = Copy | Cut


@dataclass(frozen=True, slots=True)
class Row:
    """Tokens that are put behind the `start` that a sequence holds; `chooses`: the scores after the last are wanted."""

    key: Hashable
    sequence: int
    start: int
    tokens: tuple[int, ...]
    chooses: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A batch, and the orders that come before it, in their order."""

    orders: tuple[Order, ...]
    rows: tuple[Row, ...]
