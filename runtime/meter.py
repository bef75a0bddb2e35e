"""What the models have used that a run's tools ask."""

from __future__ import annotations

from collections.abc import Callable

from llmcc.runtime.models.protocol import Usage


class Meter:
    """Adds up the usage of one run, by model. A tool that declares `meter` is given the run's.

    Attributes:
        usage: by the model's name.
        expected_usd: what the signatures of the counted calls said that they cost, in dollars; the scheduler has
            counted that much for them, and the usage says how much it really was.
        room: how many tokens a model may write now, given the most that it is to write; raises what ends the call if
            it may not be asked at all.

    >>> meter = Meter()
    >>> meter.count("small", Usage(prompt_tokens=5, requests=1))
    >>> meter.count("small", Usage(completion_tokens=2))
    >>> meter.total
    Usage(prompt_tokens=5, completion_tokens=2, cached_tokens=0, requests=1)
    """

    def __init__(self) -> None:
        self.usage: dict[str, Usage] = {}
        self.expected_usd = 0.0
        self.room: Callable[[int], int] = lambda most: most

    def count(self, model: str, usage: Usage, expected_usd: float = 0.0) -> None:
        """Counts one answer of a model, for which its call was expected to cost so many dollars."""
        self.usage[model] = self.usage.get(model, Usage()) + usage
        self.expected_usd += expected_usd

    @property
    def total(self) -> Usage:
        """The usage of all models."""
        return sum(self.usage.values(), Usage())
