"""A row of the table of faults: plans under random schedules."""

from __future__ import annotations

from llmcc.testing.drawn import drawn, simulations
from llmcc.testing.equivalence import Case, NotEquivalent
from llmcc.testing.faulty import Faults
from llmcc.testing.schedule import Schedule


def random_schedules(plans: int = 50, seeds: int = 1000) -> tuple[int, int]:
    """Under any schedule, results and conflict order are the interpreter's."""
    tried = failed = 0
    for number, (text, tools) in enumerate(drawn(simulations(), plans)):
        # Half of the plans have faults in their tools too.
        case = Case(text, tools, faults=Faults(share=0.2 * (number % 2), seed=number))
        for seed in range(seeds):
            tried += 1
            try:
                case.check(Schedule(seed, max_running=(None, 1, 3)[seed % 3]))
            except NotEquivalent as error:
                failed += 1
                print(f"{error}\n{error.run.describe()}")
    return tried, failed
