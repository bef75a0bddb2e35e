"""What a run has spent on the models that its tools ask, and how it keeps to a budget with that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcc.driver.budget import Budget
from llmcc.runtime.models import Usage

if TYPE_CHECKING:
    from llmcc.runtime.executor import Execution


def calls_usd(execution: Execution, budget: Budget) -> float:
    """Dollars of all calls so far: what tools declare; for those that ask models whose price is known, what their
    tokens cost instead.
    """
    meter = execution.meter
    usd = {model: budget.model_usd(model, usage) for model, usage in meter.usage.items()}
    known = {model: cost for model, cost in usd.items() if cost is not None}
    expected = sum(meter.expected_usd.get(model, 0.0) for model in known)
    return max(execution.usd - expected, 0.0) + sum(known.values())


def unpriced(execution: Execution, budget: Budget) -> list[str]:
    """The models that tools have asked and of which nobody has said what they cost."""
    asked = execution.meter.undeclared
    return sorted(model for model in asked if budget.model_usd(model, Usage()) is None)


def keep_to(budget: Budget, execution: Execution) -> None:
    """Has the tools of a run ask models only within a budget."""

    def room(most: int) -> int:
        return budget.room(execution.meter.total, calls_usd(execution, budget), most)

    execution.meter.room = room
