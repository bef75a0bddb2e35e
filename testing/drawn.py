"""Examples of a Hypothesis strategy outside of a test: the same ones in every run."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from llmcc.ir.signature import Signature
from llmcc.testing.plan_texts import plans, toolboxes

T = TypeVar("T")


def drawn(strategy: st.SearchStrategy[T], count: int) -> list[T]:
    """The first `count` different examples, fewer if the strategy has no more.

    >>> len(drawn(st.integers(), 5))
    5
    """
    found: list[T] = []

    @settings(
        max_examples=count,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def take(example: T) -> None:
        found.append(example)

    take()
    return found[:count]


@st.composite
def simulations(draw: st.DrawFn) -> tuple[str, dict[str, Signature]]:
    """A plan with some calls, and the signatures of its tools."""
    tools = draw(toolboxes(least=2))
    return draw(plans(tools, most=12)), tools
