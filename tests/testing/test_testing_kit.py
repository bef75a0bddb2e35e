"""The kit itself: what it accepts, what it finds, and how many schedules it reaches."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st

import llmcc
import llmcc.testing
from llmcc.ir.effects import PURE, Effect
from llmcc.ir.ops import Call, Module
from llmcc.ir.signature import Parameter, Signature
from llmcc.testing import (
    Case,
    Faults,
    NotEquivalent,
    Schedule,
    SimulatedTools,
    assert_equivalent,
    faults,
    plans,
    reference_run,
    run_virtual,
    schedules,
    simulate,
    simulated_clock,
    toolboxes,
)
from llmcc.testing.drawn import drawn
from llmcc.testing.faulty import KINDS

CHAINS = "p1 = f(1)\np2 = f(p1)\np3 = f(p2)\nq1 = f(11)\nq2 = f(q1)\nq3 = f(q2)\nreturn [p3, q3]\n"


def add_one() -> llmcc.Toolbox:
    return llmcc.Toolbox(llmcc.tool(effect="pure", name="f")(lambda x: x + 1))


@pytest.mark.slow
@pytest.mark.parametrize(("slowest_s", "reached"), [(10.0, 20), (0.0, 10)])
def test_drawn_schedules_reach_all_20_interleavings_of_two_tasks_of_3_steps(slowest_s: float, reached: int) -> None:
    """The seed for the order of tasks reaches some; with the latencies it is every one that there is."""
    orders = set()
    strategy = st.builds(Schedule, seed=st.integers(0, 2**32)) if slowest_s == 0.0 else schedules()
    program = llmcc.compile(CHAINS, add_one())

    @settings(max_examples=400, derandomize=True, database=None, deadline=None)
    @given(strategy)
    def explore(schedule: Schedule) -> None:
        if slowest_s == 0.0:
            schedule = Schedule(schedule.seed, slowest_s=0.0)
        orders.add(tuple(call.op for call in simulate(program, add_one, schedule=schedule).calls))

    explore()
    assert len(orders) <= 20
    assert len(orders) == reached if reached == 20 else len(orders) >= 2


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
@given(st.data(), schedules(), faults())
def test_drawn_plans_of_drawn_tools_mean_the_same_under_every_schedule(
    data: st.DataObject, schedule: Schedule, faults: Faults
) -> None:
    tools = data.draw(toolboxes())
    assert_equivalent(data.draw(plans(tools)), tools, schedule=schedule, faults=faults)


def notes(effect: Effect) -> llmcc.Toolbox:
    """A tool that appends to a list and returns its length, and one that reads it."""
    kept: list[str] = []

    def note(text: str) -> int:
        kept.append(text)
        return len(kept)

    made = llmcc.tool(effect="write", name="note", resource="notes")(note)
    signature = Signature(
        name="note", parameters=made.signature.parameters, returns=made.signature.returns, effect=effect
    )
    return llmcc.Toolbox(llmcc.Tool(signature, note))


@pytest.mark.slow
@pytest.mark.parametrize("wrong", [PURE, Effect("read", ("notes",)), Effect("write", ("note:{text}",))])
def test_a_tool_that_declares_too_little_is_found(wrong: Effect) -> None:
    def broken(plan: str, schedule: Schedule) -> bool:
        try:
            assert_equivalent(plan, lambda: notes(wrong), schedule=schedule)
        except NotEquivalent:
            return True
        return False

    assert any(broken(*one) for one in drawn(st.tuples(plans(notes(wrong)), schedules()), 100))


def test_a_race_is_an_error() -> None:
    tools = {
        "put": Signature(name="put", parameters=(Parameter("x"),), effect=Effect("write", ("s",))),
        "get": Signature(name="get", parameters=(Parameter("x"),), effect=Effect("read", ("s",))),
    }
    program = llmcc.compile("a = put(1)\nb = get(2)\nreturn b", SimulatedTools(tools.values()).toolbox())
    ops = [
        Call(name=op.name, type=op.type, tool=op.tool, args=op.args, effect=op.effect)
        for op in program.module.values
        if isinstance(op, Call)
    ]
    loose = Module((*ops, program.module.ops[-1]), ordered=True)
    with pytest.raises(NotEquivalent, match="ran at the same time") as caught:
        assert_equivalent(loose, tools)
    assert "write s" in caught.value.run.describe()
    world = SimulatedTools(tools.values(), races="error")
    from llmcc.runtime.executor import run_module

    outcome = run_virtual(lambda: run_module(loose, world.toolbox()))
    assert [failure.error for failure in outcome.errors] == ["Race"]
    assert len(world.overlaps) == 1


def test_a_reference_run_is_one_call_after_another() -> None:
    reference = reference_run(CHAINS, add_one)
    assert reference.value == [4, 14] and reference.failed is None
    assert [str(call) for call in reference.calls][:3] == ['f({"x":1})', 'f({"x":2})', 'f({"x":3})']


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_fault_means_the_same_to_both(kind: Any) -> None:
    tried: list[str] = []

    def make() -> llmcc.Toolbox:
        @llmcc.tool(effect="write", resource="w", idempotent=True, retries=1, timeout="3s")
        async def work(x: int) -> int:
            tried.append(kind)
            return x

        return llmcc.Toolbox(work)

    case = Case("a = work(1)\nb = work(2) catch 0\nreturn [b, a]", make, faults=Faults(1.0, 5, (kind,)))
    outcome = case.check(Schedule(3))
    if kind == "flaky":
        assert outcome.value == [2, 1] and [call.attempts for call in outcome.calls] == [2, 2]
    else:
        assert outcome.failed is not None
    assert bool(tried) == (kind in ("lost", "flaky"))


def test_faults_are_those_asked_for_and_shrink_to_none() -> None:
    drawn_faults = drawn(faults(kinds=["hang"]), 50)
    assert {kind for one in drawn_faults if one.share for kind in one.kinds} == {"hang"}
    assert find(faults(), lambda one: True).share == 0.0


def test_plans_call_tools_of_every_type_and_use_the_arguments_given() -> None:
    @llmcc.tool(effect="read", resource="s:{key}")
    def odd(key: str, value: Any, maybe: int | None = None, *, fields: dict[str, list[float]]) -> None:
        """Take everything."""

    @llmcc.tool
    def undeclared() -> None:
        """Have no effect declared."""

    box = llmcc.Toolbox(odd, undeclared)
    texts = drawn(plans(box, arguments={"key": st.just("the key")}), 60)
    for text in texts:
        llmcc.compile(text, box)
    together = "\n".join(texts)
    assert '"the key"' in together and "undeclared" not in together
    with pytest.raises(ValueError, match="effect"):
        plans(llmcc.Toolbox(undeclared))


def test_the_clock_is_trios() -> None:
    async def nap() -> float:
        await trio.sleep(1e6)
        return trio.current_time()

    assert trio.run(nap, clock=simulated_clock()) >= 1e6


def test_the_names_are_there_and_hypothesis_is_not() -> None:
    assert all(hasattr(llmcc.testing, name) for name in llmcc.testing.__all__)
    assert set(llmcc.testing.__all__) == set(llmcc.testing._HOMES) <= set(dir(llmcc.testing))
    script = "import sys, llmcc, llmcc.testing, llmcc.testing.plugin; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not {"hypothesis", "trio", "lark"} & set(done.stdout.split())
