"""What hosted models cost, as far as it is known, and since when that is. A budget can say otherwise.

Prices are those of OpenAI's standard tier, for prompts that are not very long (from 272,000 tokens on, `gpt-5.4` and
`gpt-5.5` cost more). They change; models whose prices were changing when this was written are left out, and so are
names with a date in them: what such a model costs is unknown, never nothing.
"""

from __future__ import annotations

import msgspec

from llmcc.runtime.models import Model, Usage


def may_cost(model: Model) -> bool:
    """Whether a model's tokens may cost money: it is behind a server (`Hosted`), and does not run here. The model need
    not be there yet.
    """
    return hasattr(model, "base_url")


class Price(msgspec.Struct, frozen=True):
    """Dollars for a million tokens read, read out of a cache (None: like any other), and written.

    >>> Price(input=2.0, output=8.0).of(Usage(prompt_tokens=1000, completion_tokens=500))
    0.006
    """

    input: float
    output: float
    cached: float | None = None
    #: The day for which this was published, as `2026-06-21`; empty: a price of your own.
    as_of: str = ""

    def of(self, usage: Usage) -> float:
        """What this usage costs, in dollars."""
        cached = self.input if self.cached is None else self.cached
        read = (usage.prompt_tokens - usage.cached_tokens) * self.input + usage.cached_tokens * cached
        return (read + usage.completion_tokens * self.output) / 1e6


PRICES: dict[str, Price] = {
    "gpt-5.5": Price(5.0, 30.0, 0.5, "2026-06-01"),
    "gpt-5.4": Price(2.5, 15.0, 0.25, "2026-06-01"),
    "gpt-5.4-mini": Price(0.75, 4.5, 0.075, "2026-06-01"),
    "gpt-5.4-nano": Price(0.2, 1.25, 0.02, "2026-06-01"),
    "gpt-5.1": Price(1.25, 10.0, 0.125, "2026-03-21"),
    "gpt-5": Price(1.25, 10.0, 0.125, "2026-03-21"),
    "gpt-5-mini": Price(0.25, 2.0, 0.025, "2026-03-21"),
    "gpt-5-nano": Price(0.05, 0.4, 0.005, "2026-03-21"),
    "gpt-4.1": Price(2.0, 8.0, 0.5, "2026-06-21"),
    "gpt-4.1-mini": Price(0.4, 1.6, 0.1, "2026-06-21"),
    "gpt-4.1-nano": Price(0.1, 0.4, 0.025, "2026-03-21"),
    "gpt-4o": Price(2.5, 10.0, 1.25, "2026-05-01"),
    "gpt-4o-mini": Price(0.15, 0.6, 0.075, "2026-05-01"),
}
