"""What the hand-written tools draw their results from: facts of one world, the same whenever they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Box:
    """One world. Two worlds share the tools, and no fact."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def number(self, low: int, high: int, *key: object) -> int:
        """A whole number."""
        return self._random(key).randint(low, high)

    def amount(self, low: float, high: float, *key: object) -> float:
        """A number with two digits behind the point."""
        return round(self._random(key).uniform(low, high), 2)

    def flag(self, *key: object) -> bool:
        """Yes or no."""
        return self._random(key).random() < 0.5

    def pick(self, items: Sequence[T], *key: object) -> T:
        """One of some."""
        return self._random(key).choice(items)

    def some(self, items: Sequence[T], *key: object) -> list[T]:
        """Two to four of some, in an order of their own."""
        return self._random(key).sample(items, min(len(items), self._random(key).randint(2, 4)))

    def _random(self, key: tuple[object, ...]) -> Random:
        return Random("\0".join(map(str, (self.seed, *key))))
