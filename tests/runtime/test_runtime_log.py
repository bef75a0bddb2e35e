"""The log of a run: every event that the scheduler was told, from which another one comes to the same state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from llmcc.ir.ops import Module, Op
from llmcc.optimizer.manager import optimize
from llmcc.runtime import events as ev
from llmcc.runtime.executor import Execution, run_module
from llmcc.runtime.limits import Limits
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.state import Machine
from llmcc.runtime.toolbox import Toolbox
from llmcc.testing.clock import run_virtual
from llmcc.testing.modules import TOOLS, modules
from llmcc.testing.schedule import Schedule
from llmcc.testing.tools import SimulatedTools

#: So that drawn runs retry and wait for slots too.
RULES = {
    name: msgspec.structs.replace(one, retries=2, limit=2, timeout_s=5.0, idempotent=name == "put")
    for name, one in TOOLS.items()
}


class Recorded:
    """An execution's machine, with a memory of what it said."""

    def __init__(self, machine: Machine) -> None:
        self.said: list[list[ev.Instruction]] = []
        self._handle = machine.handle
        self._announce = machine.announce
        machine.handle = self.handle  # type: ignore[method-assign]
        machine.announce = self.announce  # type: ignore[method-assign]

    def handle(self, event: ev.Event) -> list[ev.Instruction]:
        self.said.append(self._handle(event))
        return self.said[-1]

    def announce(self, ops: Iterable[Op]) -> None:
        """Says nothing of any op: told one by one, they must have it say nothing either."""
        told = list(ops)
        self._announce(told)
        self.said += [[] for _ in told]


def state(machine: Machine) -> dict[str, Any]:
    """All that a machine knows, comparable."""
    return {
        "phase": machine.phase,
        "plan": machine.plan,
        "calls": machine.calls,
        "events": machine.events,
        "nodes": {key: (node.history, node.attempt, node.unmet, node.failure) for key, node in machine.nodes.items()},
        "values": machine.top.frame.values,
        "failures": machine.top.frame.failures,
        "running": list(machine.queue.running),
        "ready": {node.key for node in machine.queue.waiting()},
    }


@pytest.mark.slow
@settings(max_examples=60)
@given(
    module=modules(tuple(RULES.values())),
    seed=st.integers(0, 2**32),
    max_running=st.sampled_from([None, 1, 3]),
    failing=st.sampled_from([0.0, 0.4]),
    stops=st.none() | st.floats(0.0, 20.0),
)
def test_a_log_told_to_another_machine_gives_the_same_instructions_and_the_same_state(
    module: Module, seed: int, max_running: int | None, failing: float, stops: float | None
) -> None:
    limits = Limits(max_running=max_running)
    ops = optimize(module, passes="order-effects", signatures=RULES).ops
    world = SimulatedTools(RULES.values(), schedule=Schedule(seed), failing=failing)

    async def main() -> tuple[Recorded, Execution, Outcome]:
        async with Execution.open(world.toolbox(), limits=limits, seed=seed) as execution:
            recorded = Recorded(execution.machine)
            execution.add(ops)
            execution.accept()
            if stops is not None:
                await trio.sleep(stops)
                execution.cancel("enough")
            return recorded, execution, await execution.finished()

    recorded, execution, outcome = run_virtual(main, seed=seed)
    events = [event for _, event in outcome.log]
    again = Machine(RULES, limits)
    assert [again.handle(event) for event in events] == recorded.said
    assert state(again) == state(execution.machine)
    times = [at for at, _ in outcome.log]
    assert times == sorted(times) and times[-1] <= outcome.elapsed_s
    ended = {at for at, event in outcome.log if isinstance(event, ev.CallFinished | ev.CallFailed | ev.CallCancelled)}
    assert ended >= {call.ended_s for call in outcome.calls}


def test_a_run_without_trace_keeps_no_log() -> None:
    outcome = run_virtual(lambda: run_module(Module((), ordered=True), Toolbox(), trace=False))
    assert outcome.log == ()
    outcome = run_virtual(lambda: run_module(Module((), ordered=True), Toolbox()))
    assert [event for _, event in outcome.log] == [ev.PlanAccepted(), ev.PlanEnded()]
