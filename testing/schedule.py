"""Schedules that a seed decides: how long each call takes, which calls fail, and what ends first.

`run_machine` runs a plan on the scheduler alone, without clock or event loop: the schedule ends one of the running
calls at a time, and the scheduler's invariants are checked after each event.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from llmcc.ir.interpret import CallTool
from llmcc.ir.ops import Op
from llmcc.runtime import events as ev
from llmcc.runtime.faults import class_name, message, retryable
from llmcc.runtime.state import Machine


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule; drawing `seed` draws it: the order of tasks, and how long each call takes.

    `slowest_s` bounds the latencies, in seconds, `max_running` the calls at the same time (None: no bound).
    """

    seed: int
    slowest_s: float = 10.0
    max_running: int | None = None

    def latency_s(self, key: str) -> float:
        """How long the call of that key takes: mostly little, at times much, so that chains overtake each other.

        >>> Schedule(1).latency_s("a") == Schedule(1).latency_s("a") != Schedule(2).latency_s("a")
        True
        """
        return self.slowest_s * 10 ** random.Random(f"{self.seed} {key}").uniform(-3, 0)

    def order(self) -> random.Random:
        """Where choices among running calls are drawn from."""
        return random.Random(self.seed)


def run_machine(
    machine: Machine,
    ops: Iterable[Op],
    call: CallTool,
    schedule: Schedule,
    *,
    check: Callable[[Machine], None] = Machine.validate,
) -> ev.FinishPlan:
    """Adds the ops of a plan, accepts it, and ends its calls in the order of the schedule, some of them before the plan
    is complete. `call` is the tool behind every call, called when the call *ends*.
    """
    driver = _Driver(machine, call, schedule.order(), check)
    for op in ops:
        driver.tell(ev.StatementAdded(op))
        while driver.running and driver.random.random() < 0.3:
            driver.end_one()
    driver.tell(ev.PlanAccepted())
    driver.tell(ev.PlanEnded())
    while driver.finished is None:
        driver.end_one()
    return driver.finished


class _Driver:
    def __init__(
        self, machine: Machine, call: CallTool, choices: random.Random, check: Callable[[Machine], None]
    ) -> None:
        self.machine = machine
        self.random = choices
        self.running: list[ev.StartCall] = []
        self.finished: ev.FinishPlan | None = None
        self._call = call
        self._check = check

    def tell(self, event: ev.Event) -> None:
        """One event, and the instructions noted."""
        for instruction in self.machine.handle(event):
            if isinstance(instruction, ev.StartCall):
                self.running.append(instruction)
            elif isinstance(instruction, ev.FinishPlan):
                self.finished = instruction
        self._check(self.machine)

    def end_one(self) -> None:
        """Ends one of the running calls."""
        start = self.running.pop(self.random.randrange(len(self.running)))
        try:
            value = self._call(start.tool, start.args)
        except Exception as error:  # whatever a tool raises is a failed call
            self.tell(ev.CallFailed(start.key, class_name(error), message(error), retryable(error)))
        else:
            self.tell(ev.CallFinished(start.key, value))
