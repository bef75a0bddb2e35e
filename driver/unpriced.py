"""A budget in dollars can be kept to only where it is known what each model costs: that is seen to before a run."""

from __future__ import annotations

from collections.abc import Iterable

from llmcc.driver.budget import Budget
from llmcc.driver.prices import may_cost
from llmcc.ir.errors import LlmccError
from llmcc.runtime.models import Model, Usage
from llmcc.runtime.tools import Tool


class PriceUnknown(LlmccError):
    """There is a budget in dollars, and a model whose price nobody has said; the text says which, and how to say it."""


def has_known_cost(budget: Budget, model: Model) -> bool:
    """Whether it is known what a model's tokens cost: it has a price, or runs here, where they cost nothing."""
    return not may_cost(model) or budget.model_usd(model.name, Usage()) is not None


def require_prices(budget: Budget, models: Iterable[Model], tools: Iterable[Tool]) -> None:
    """Makes sure that a budget in dollars, if it is one, can be kept to by those models, and by those that the tools
    ask.

    Raises:
        PriceUnknown: what some of them cost is not known.
    """
    if budget.usd is None:
        return
    unknown = [one.name for one in models if not has_known_cost(budget, one)]
    unknown += [one.asks.name for one in tools if one.asks is not None and not _has_known_cost(budget, one, one.asks)]
    if not unknown:
        return
    name = unknown[0].removeprefix("openai:")
    raise PriceUnknown(
        f"no price of {' and '.join(dict.fromkeys(unknown))} is known, so a budget in dollars cannot be kept to\n"
        "  say it, in dollars for a million tokens read and a million written:\n"
        f"  --budget price:{name}=2/8, or in Python Budget(prices={{{name!r}: Price(2, 8)}})"
    )


def _has_known_cost(budget: Budget, tool: Tool, model: Model) -> bool:
    return tool.signature.cost_usd is not None or has_known_cost(budget, model)
