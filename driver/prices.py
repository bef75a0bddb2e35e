"""What hosted models cost, as their makers published it in 2025. A budget can say otherwise."""

from __future__ import annotations

import msgspec

from llmcc.runtime.models import Usage


class Price(msgspec.Struct, frozen=True):
    """Dollars for a million tokens read, read out of a cache (None: like any other), and written.

    >>> Price(input=2.0, output=8.0).of(Usage(prompt_tokens=1000, completion_tokens=500))
    0.006
    """

    input: float
    output: float
    cached: float | None = None

    def of(self, usage: Usage) -> float:
        """What this usage costs, in dollars."""
        cached = self.input if self.cached is None else self.cached
        read = (usage.prompt_tokens - usage.cached_tokens) * self.input + usage.cached_tokens * cached
        return (read + usage.completion_tokens * self.output) / 1e6


PRICES: dict[str, Price] = {
    "gpt-4.1": Price(2.0, 8.0, 0.5),
    "gpt-4.1-mini": Price(0.4, 1.6, 0.1),
    "gpt-4.1-nano": Price(0.1, 0.4, 0.025),
    "gpt-4o": Price(2.5, 10.0, 1.25),
    "gpt-4o-mini": Price(0.15, 0.6, 0.075),
}
