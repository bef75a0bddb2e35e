"""What a run has spent on the models that its tools ask, and how it keeps to a budget with that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmcc.driver.budget import Budget

if TYPE_CHECKING:
    from llmcc.runtime.executor import Execution


def calls_usd(execution: Execution, budget: Budget) -> float:
    """Dollars of all calls so far: what tools declare; for those that ask models, what their tokens cost."""
    meter = execution.meter
    models = sum(budget.model_usd(model, usage) or 0.0 for model, usage in meter.usage.items())
    return max(execution.usd - meter.expected_usd, 0.0) + models


def keep_to(budget: Budget, execution: Execution) -> None:
    """Has the tools of a run ask models only within a budget."""

    def room(most: int) -> int:
        return budget.room(execution.meter.total, calls_usd(execution, budget), most)

    execution.meter.room = room
