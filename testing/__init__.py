"""A kit to test plans, tools and passes with: it ships with llmcc, and nothing else of llmcc imports it.

    @given(plan=plans(toolbox), schedule=schedules())
    def test_my_tools(plan, schedule):
        assert_equivalent(plan, make_toolbox, schedule=schedule)

`docs/testing.md` tells how to use it. Names are imported when they are first used: Hypothesis, which only the
strategies need, does not come along with llmcc.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmcc.testing.clock import run_virtual, seeded_scheduler, simulated_clock
    from llmcc.testing.equivalence import Case, NotEquivalent, assert_equivalent, simulate
    from llmcc.testing.faulty import Faults
    from llmcc.testing.plan_texts import plans, toolboxes
    from llmcc.testing.reference import Reference, reference_run
    from llmcc.testing.schedule import Schedule
    from llmcc.testing.strategies import faults, schedules
    from llmcc.testing.tools import Race, SimulatedTools, fake

_HOMES = {
    "Case": "equivalence",
    "Faults": "faulty",
    "NotEquivalent": "equivalence",
    "Race": "tools",
    "Reference": "reference",
    "Schedule": "schedule",
    "SimulatedTools": "tools",
    "assert_equivalent": "equivalence",
    "fake": "tools",
    "faults": "strategies",
    "plans": "plan_texts",
    "reference_run": "reference",
    "run_virtual": "clock",
    "schedules": "strategies",
    "seeded_scheduler": "clock",
    "simulate": "equivalence",
    "simulated_clock": "clock",
    "toolboxes": "plan_texts",
}

__all__ = [
    "Case",
    "Faults",
    "NotEquivalent",
    "Race",
    "Reference",
    "Schedule",
    "SimulatedTools",
    "assert_equivalent",
    "fake",
    "faults",
    "plans",
    "reference_run",
    "run_virtual",
    "schedules",
    "seeded_scheduler",
    "simulate",
    "simulated_clock",
    "toolboxes",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'llmcc.testing' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"llmcc.testing.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
