"""Calls that start at the same moment are made as one where they may, and nothing but the invocations shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from llmcc.ir.effects import PURE, Effect
from llmcc.ir.expr import Const, ListOf, Ref
from llmcc.ir.interpret import interpret
from llmcc.ir.ops import Call, Map, Module, Op, Return, ValueOp
from llmcc.ir.types import ANY, INT
from llmcc.optimizer.manager import optimize
from llmcc.optimizer.registry import LEVELS
from llmcc.runtime.events import CallFinished, PlanAccepted, PlanRejected, StatementAdded
from llmcc.runtime.executor import Execution, run_module
from llmcc.runtime.limits import Limits
from llmcc.runtime.outcome import CallEnded, CallStarted, Outcome
from llmcc.runtime.state import Machine
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import Tool, tool
from llmcc.testing.clock import run_virtual
from llmcc.testing.modules import TOOLS, modules
from llmcc.testing.opportunities import opportunities
from llmcc.testing.schedule import Schedule, run_machine
from llmcc.testing.tools import SimulatedTools

PIPELINE = LEVELS[2]


class Service:
    """A tool `t` that takes batches of at most `batch`, and remembers which calls came together."""

    def __init__(self, answer: Callable[[int], Any] = lambda x: 10 * x, *, batch: int = 8, **rules: Any) -> None:
        self.answer = answer
        self.invocations: list[list[int]] = []
        self.running = self.most_running = 0
        self.latency_s = 1.0

        @tool(effect="pure", name="t", batch=batch, **rules)
        async def one(x: int) -> Any:
            return (await self.invoke([x]))[0]

        @one.batched
        async def many(calls: list[dict[str, int]]) -> Any:
            return await self.invoke([call["x"] for call in calls])

        self.tool = one

    async def invoke(self, calls: list[int]) -> Any:
        self.invocations.append(calls)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await trio.sleep(self.latency_s)
        finally:
            self.running -= 1
        return [self.answer(x) for x in calls]

    @property
    def sizes(self) -> list[int]:
        """How large the batches were, the largest first: which of several starts first is drawn."""
        return sorted(map(len, self.invocations), reverse=True)


def call(name: str, x: int, **rest: Any) -> Call:
    rest = {"batch": 8, "effect": PURE, **rest}
    return Call(name=name, type=ANY, tool="t", args=(("x", Const(x)),), **rest)


def calls(count: int, **rest: Any) -> list[ValueOp]:
    return [call(f"a{i}", i, **rest) for i in range(count)]


def over(count: int, *, batch: int | None = 8) -> Map:
    """A map that calls `t` for 0 to `count` - 1."""
    body = (Call(name="m.1", type=ANY, tool="t", args=(("x", Ref("v")),), effect=PURE, batch=batch),)
    source = ListOf(tuple(map(Const, range(count))))
    return Map(name="m", type=ANY, var="v", var_type=INT, source=source, body=body, result=Ref("m.1"), ordered=False)


def run(ops: Sequence[Op], *tools: Tool, observer: Any = None, **limits: Any) -> Outcome:
    module = Module(tuple(ops), ordered=True)
    return run_virtual(lambda: run_module(module, Toolbox(*tools), limits=Limits(**limits), observer=observer, seed=1))


def failing(*bad: int, error: type[Exception] = ValueError) -> Callable[[int], Any]:
    return lambda x: error(f"no {x}") if x in bad else 10 * x


def test_twenty_elements_in_batches_of_eight_are_three_invocations() -> None:
    service = Service()
    outcome = run([over(20), Return(expr=Ref("m"))], service.tool)
    assert service.sizes == [8, 8, 4]
    assert outcome.value == [10 * x for x in range(20)] and outcome.elapsed_s == pytest.approx(1)
    assert sorted(one.key for one in outcome.calls) == sorted(f"m[{i}].m.1" for i in range(20))


def test_independent_statements_start_together_and_what_they_free_does_too() -> None:
    service = Service()
    next_ = [call(f"b{i}", 100 + i, after=(f"a{i}",)) for i in range(4)]
    outcome = run([*calls(4), *next_], service.tool)
    assert service.invocations == [[0, 1, 2, 3], [100, 101, 102, 103]]
    assert outcome.values["b3"] == 1030 and outcome.elapsed_s == pytest.approx(2)


@pytest.mark.parametrize("batch", [None, 1])
def test_what_is_not_marked_is_made_by_itself(batch: int | None) -> None:
    service = Service()
    assert run([over(3, batch=batch)], service.tool).ok
    assert service.sizes == [1, 1, 1]


def test_the_smaller_of_mark_and_tool_counts() -> None:
    assert _sizes(over(5, batch=8), Service(batch=3)) == [3, 2]
    assert _sizes(over(5, batch=2), Service(batch=8)) == [2, 2, 1]


def _sizes(op: Op, service: Service) -> list[int]:
    assert run([op], service.tool).ok
    return service.sizes


def test_a_tool_that_was_only_said_to_take_batches_gets_its_calls_one_by_one() -> None:
    seen: list[int] = []

    @tool(effect="pure", name="t", batch=8)
    def one(x: int) -> int:
        seen.append(x)
        return x

    module = Module((over(3), Return(expr=Ref("m"))), ordered=True)
    assert trio.run(lambda: run_module(module, Toolbox(one))).value == [0, 1, 2] and sorted(seen) == [0, 1, 2]


def test_a_blocking_batch_function_runs_in_a_thread() -> None:
    @tool(effect="pure", name="t", batch=8)
    def one(x: int) -> int:
        raise AssertionError("nobody calls it for one")

    @one.batched
    def many(calls: list[dict[str, int]]) -> tuple[int, ...]:
        trio.from_thread.check_cancelled()
        return tuple(call["x"] + 1 for call in calls)

    module = Module((over(3), Return(expr=Ref("m"))), ordered=True)
    assert trio.run(lambda: run_module(module, Toolbox(one))).value == [1, 2, 3]


def test_a_batch_takes_one_slot_of_the_tool_and_several_of_the_run() -> None:
    service = Service(limit=1)
    assert run([over(20)], service.tool).elapsed_s == pytest.approx(3)
    assert service.sizes == [8, 8, 4] and service.most_running == 1
    service = Service()
    assert run([over(20)], service.tool, max_running=5).elapsed_s == pytest.approx(4)
    assert service.sizes == [5, 5, 5, 5], "a batch's calls end together, so that the next ones start together"


def test_a_batch_takes_one_turn_of_the_tools_rate() -> None:
    service = Service(rate=0.5)
    assert run([over(20)], service.tool).elapsed_s == pytest.approx(5)
    assert service.sizes == [8, 8, 4]


def test_failing_members_fail_alone() -> None:
    service = Service(failing(1, 3))
    outcome = run([*calls(5)], service.tool)
    assert service.sizes == [5]
    assert outcome.values == {"a0": 0, "a2": 20, "a4": 40}
    assert [(one.op, one.error, one.message) for one in outcome.errors] == [
        ("a1", "ValueError", "no 1"),
        ("a3", "ValueError", "no 3"),
    ]


def test_a_batch_that_raises_fails_each_call_and_each_is_tried_again_by_itself() -> None:
    def answer(x: int) -> int:
        if len(service.invocations) == 1 or (x == 2 and len(service.invocations) < 5):
            raise ConnectionError("gone")
        return x

    service = Service(answer, retries=2, limit=1)
    outcome = run(calls(3), service.tool)
    assert service.invocations == [[0, 1, 2], [0], [1], [2], [2]] and service.most_running == 1
    assert outcome.ok and outcome.values == {"a0": 0, "a1": 1, "a2": 2}
    assert [one.attempts for one in outcome.calls] == [2, 2, 3]


def test_what_a_batch_frees_does_not_wait_for_the_further_attempts_of_others() -> None:
    service = Service(lambda x: ConnectionError("gone") if x == 0 and len(service.invocations) < 3 else x, retries=5)
    outcome = run([*calls(2), call("b", 7, after=("a1",))], service.tool)
    ended = {one.key: one.ended_s for one in outcome.calls}
    assert outcome.ok and ended["b"] == pytest.approx(2) and ended["a0"] > 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1, 2], "t returned 2 results for a batch of 3 calls"),
        ([1, 2, 3, 4], "t returned 4 results for a batch of 3 calls"),
        ({0: 1, 1: 2, 2: 3}, "t returned no list of results for a batch of 3 calls"),
        ("abc", "t returned no list of results for a batch of 3 calls"),
        (None, "t returned no list of results for a batch of 3 calls"),
    ],
)
def test_results_that_cannot_belong_to_the_calls_fail_them_all(given: Any, message: str) -> None:
    service = Service(retries=3)

    @service.tool.batched
    async def many(calls: list[dict[str, int]]) -> Any:
        return given

    outcome = run(calls(3), service.tool)
    assert [(one.op, one.error, one.message) for one in outcome.errors] == [
        (f"a{i}", "ToolOutputError", message) for i in range(3)
    ]


def test_each_result_has_to_have_the_type_of_its_call() -> None:
    service = Service(lambda x: "text" if x == 1 else x)
    outcome = run([msgspec.structs.replace(one, type=INT) for one in calls(3)], service.tool)
    assert outcome.values == {"a0": 0, "a2": 2}
    assert [(one.op, one.error) for one in outcome.errors] == [("a1", "ToolOutputError")]


def test_arguments_are_checked_for_each_call_before_the_batch_is_made() -> None:
    service = Service()
    wrong = Call(name="w", type=ANY, tool="t", args=(("x", Const("text")),), effect=PURE, batch=8)
    outcome = run([*calls(2), wrong], service.tool)
    assert service.invocations == [[0, 1]] and outcome.values == {"a0": 0, "a1": 10}
    assert [(one.op, one.error) for one in outcome.errors] == [("w", "ToolInputError")]


def test_a_time_out_is_that_of_the_whole_batch() -> None:
    service = Service(timeout="500ms")
    outcome = run(calls(2), service.tool)
    assert [(one.op, one.error) for one in outcome.errors] == [("a0", "ToolTimeout"), ("a1", "ToolTimeout")]
    assert outcome.elapsed_s == pytest.approx(0.5)


def test_every_call_has_its_own_record_and_news() -> None:
    told: list[tuple[str, str]] = []

    def observer(news: CallStarted | CallEnded) -> None:
        told.append(("start", news.key) if isinstance(news, CallStarted) else (news.record.status, news.record.key))

    outcome = run(calls(3), Service(failing(1)).tool, observer=observer)
    assert told == [("start", f"a{i}") for i in range(3)] + [("done", "a0"), ("failed", "a1"), ("done", "a2")]
    assert [(one.started_s, round(one.ended_s, 6)) for one in outcome.calls] == [(0, 1)] * 3


def test_a_run_that_is_cancelled_cancels_the_batch() -> None:
    service = Service()
    service.latency_s = 100.0
    outcome = run(calls(3), service.tool, deadline_s=2.0)
    assert outcome.elapsed_s == pytest.approx(2) and service.running == 0
    assert [one.status for one in outcome.calls] == ["cancelled"] * 3


def test_a_rejected_plan_leaves_the_batch_to_the_calls_of_the_plan_before() -> None:
    """One call ends, and sets calls of both plans free: only the rejected one's result is dropped."""
    service = Service()

    async def scenario() -> Outcome:
        async with Execution.open(Toolbox(service.tool)) as execution:
            execution.add([call("first", 0), call("a", 1, after=("first",))])
            execution.accept()
            execution.add([call("b", 2, after=("first",))])
            await trio.sleep(1.5)
            execution.reject("a better one comes")
            return await execution.finished()

    outcome = run_virtual(scenario)
    assert service.invocations == [[0], [1, 2]]
    assert outcome.values == {"first": 0, "a": 10} and outcome.elapsed_s == pytest.approx(2)
    assert {one.key: one.status for one in outcome.calls} == {"first": "done", "a": "done", "b": "cancelled"}


def test_a_batch_whose_calls_are_all_dropped_is_cancelled() -> None:
    service = Service()

    async def scenario() -> Outcome:
        async with Execution.open(Toolbox(service.tool)) as execution:
            execution.add(calls(3))
            await trio.sleep(0.25)
            execution.reject("a better one comes")
            return await execution.finished()

    outcome = run_virtual(scenario)
    assert outcome.elapsed_s == pytest.approx(0.25) and service.running == 0
    assert [one.status for one in outcome.calls] == ["cancelled"] * 3


def test_the_scheduler_starts_nothing_while_further_events_follow() -> None:
    machine = Machine({"t": Service(limit=1).tool.signature}, Limits(max_running=2))
    assert machine.handle(StatementAdded(call("a", 1), more=True)) == []
    machine.validate()
    started = machine.handle(StatementAdded(call("b", 2)))
    assert [(one.key, one.batch) for one in started] == [("a", "a"), ("b", "a")]  # type: ignore[union-attr]
    machine.handle(StatementAdded(call("c", 3)))
    machine.handle(StatementAdded(call("d", 4)))
    machine.validate()
    assert machine.handle(CallFinished("a", 1, more=True)) == []
    machine.validate()
    started = machine.handle(CallFinished("b", 2))
    assert [(one.key, one.batch) for one in started] == [("c", "c"), ("d", "c")]  # type: ignore[union-attr]
    machine.handle(PlanRejected("enough"))
    machine.validate()


def test_writes_that_waited_for_the_plan_start_together() -> None:
    write = Effect("write", ("w:{x}",))
    machine = Machine({"t": Service().tool.signature})
    for op in calls(3, effect=write):
        assert machine.handle(StatementAdded(op)) == []
    assert [one.batch for one in machine.handle(PlanAccepted())] == ["a0"] * 3  # type: ignore[union-attr]


# -- any plan ----------------------------------------------------------------------------------------------------------

ANY_PLAN = modules(max_ops=9, depth=1) | opportunities()
SCHEDULES = st.integers(0, 2**32)
RUNNING = st.sampled_from([None, 1, 3])
LIMITS = st.sampled_from([None, 1, 2])


def signatures(limit: int | None) -> dict[str, Any]:
    """The tools, all of which take batches."""
    return {
        name: msgspec.structs.replace(one, batch=2 + i % 3, limit=limit) for i, (name, one) in enumerate(TOOLS.items())
    }


def unmarked(module: Module) -> Module:
    """The module with every call by itself."""

    def plain(op: Op) -> Op:
        if isinstance(op, Map):
            return msgspec.structs.replace(op, body=tuple(map(plain, op.body)))
        return msgspec.structs.replace(op, batch=None) if isinstance(op, Call) else op

    return msgspec.structs.replace(module, ops=tuple(map(plain, module.ops)))


def by_resource(world: SimulatedTools) -> dict[str, list[str]]:
    """The writes to each resource in their order; one to everything is one to each."""
    names = {name for touched, _ in world.writes for name in touched} | {"*"}
    return {name: [text for touched, text in world.writes if {name, "*"} & {*touched}] for name in names}


def ran(module: Module, tools: dict[str, Any], seed: int, max_running: int | None) -> tuple[Outcome, SimulatedTools]:
    world = SimulatedTools(tools.values(), schedule=Schedule(seed), failing=0.2)
    limits = Limits(max_running=max_running)
    return run_virtual(lambda: run_module(module, world.toolbox(), limits=limits), seed=seed), world


@pytest.mark.slow
@settings(max_examples=100)
@given(ANY_PLAN, SCHEDULES, RUNNING, LIMITS)
def test_any_plan_means_the_same_with_batches_and_without(
    module: Module, seed: int, max_running: int | None, limit: int | None
) -> None:
    tools = signatures(limit)
    marked = optimize(module, passes=PIPELINE, signatures=tools)
    reference = SimulatedTools(tools.values(), failing=0.2)
    expected = interpret(marked, reference.call)
    for one in (marked, unmarked(marked)):
        outcome, world = ran(one, tools, seed, max_running)
        assert outcome.values == {name: value for name, value in expected.values.items() if "." not in name}
        assert (outcome.value, outcome.failed) == (expected.answer, expected.failed)
        assert set(outcome.errors) >= set(expected.failures.values())
        assert by_resource(world) == by_resource(reference)
        assert world.overlaps == []
        assert max_running is None or world.most_running <= max_running


@pytest.mark.slow
@settings(max_examples=100)
@given(ANY_PLAN, SCHEDULES, RUNNING, LIMITS)
def test_the_scheduler_keeps_its_invariants_with_batches(
    module: Module, seed: int, max_running: int | None, limit: int | None
) -> None:
    tools = signatures(limit)
    marked = optimize(module, passes=PIPELINE, signatures=tools)
    world = SimulatedTools(tools.values(), failing=0.2)
    expected = interpret(marked, SimulatedTools(tools.values(), failing=0.2).call)
    finish = run_machine(Machine(tools, Limits(max_running=max_running)), marked.ops, world.call, Schedule(seed))
    assert (finish.answer, finish.failed) == (expected.answer, expected.failed)
