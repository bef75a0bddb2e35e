"""Bounds hold: no run makes more calls than they say, nor more at the same time, and none that works makes fewer."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import llmcc
from llmcc.ir.effects import PURE, Effect
from llmcc.ir.expr import Const, ListOf, Ref
from llmcc.ir.ops import Call, Compute, Module
from llmcc.ir.parser import parse
from llmcc.ir.printer import print_module
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import ANY
from llmcc.optimizer.bounds import Bounds, bounds
from llmcc.optimizer.manager import optimize
from llmcc.optimizer.schedule import estimate
from llmcc.optimizer.table import bounds_lines, dollars, table
from llmcc.runtime.executor import run_module
from llmcc.runtime.limits import Limits
from llmcc.runtime.outcome import Outcome
from llmcc.testing.clock import run_virtual
from llmcc.testing.modules import TOOLS as DRAWN
from llmcc.testing.modules import modules
from llmcc.testing.plan_texts import plans, toolboxes
from llmcc.testing.schedule import Schedule
from llmcc.testing.tools import SimulatedTools
from llmcc.testing.work import growth, work_of

TOOLS = {
    "read": Signature(name="read", effect=Effect("read", ("a",)), latency_s=0.5, cost_usd=0.01, retries=2),
    "write": Signature(name="write", effect=Effect("write", ("a",)), latency_s=2.0, cost_usd=1.0, retries=2),
    "free": Signature(name="free", effect=PURE, limit=3),
}


def run(module: Module, tools: dict[str, Signature], seed: int, failing: float) -> tuple[Outcome, int]:
    """What a run of the module gives, and how many calls ran at the same time at most."""
    world = SimulatedTools(tools.values(), schedule=Schedule(seed), failing=failing)
    limits = Limits(max_running=None, timeout_s=None)
    outcome = run_virtual(lambda: run_module(module, world.toolbox(), limits=limits), seed=seed)
    return outcome, world.most_running


def check(found: Bounds, module: Module, outcome: Outcome, most_running: int) -> None:
    """Fails if the run did more than the bounds say, or less although nothing failed (nor was caught)."""
    worked = outcome.ok and "catch = " not in print_module(module)
    calls = Counter(call.tool for call in outcome.calls)
    by_tool = {one.tool: one for one in found.tools}
    assert set(calls) <= set(by_tool)
    for tool, one in by_tool.items():
        assert calls[tool] <= one.most
        assert sum(call.attempts for call in outcome.calls if call.tool == tool) <= one.attempts
        assert calls[tool] >= one.least or not worked
    assert most_running <= found.peak


@pytest.mark.slow
@settings(max_examples=50)
@given(st.data(), st.integers(0, 2**16), st.sampled_from([0.0, 0.3]), st.integers(0, 2))
def test_no_run_of_a_plan_leaves_its_bounds(data: st.DataObject, seed: int, failing: float, level: int) -> None:
    drawn = data.draw(toolboxes())
    tools = {
        name: msgspec.structs.replace(
            one,
            limit=data.draw(st.sampled_from([None, 1, 2])),
            batch=data.draw(st.sampled_from([None, 2, 3])),
            retries=seed % 3,
        )
        for name, one in drawn.items()
    }
    text = data.draw(plans(tools))
    module = llmcc.compile(text, llmcc.Toolbox(*(llmcc.Tool(one) for one in tools.values())), level=level).module
    check(bounds(module, tools), module, *run(module, tools, seed, failing))


@pytest.mark.slow
@given(modules(), st.integers(0, 2**16))
def test_no_run_of_a_module_leaves_its_bounds(module: Module, seed: int) -> None:
    ordered = optimize(module, level=0, signatures=DRAWN)
    check(bounds(ordered, DRAWN), ordered, *run(ordered, DRAWN, seed, 0.0))


def call(name: str, tool: str, *needs: str) -> Call:
    effect = TOOLS[tool].effect or PURE
    return Call(name=name, type=ANY, tool=tool, args=(("x", ListOf(tuple(map(Ref, needs)))),), effect=effect)


def test_a_guard_counts_as_true_at_most_and_as_false_at_least() -> None:
    guarded = msgspec.structs.replace(call("b", "write"), guard=Ref("a"))
    found = bounds(Module((call("a", "read"), guarded)), TOOLS)
    assert [(one.tool, one.least, one.most, one.attempts) for one in found.tools] == [
        ("read", 1, 1, 3),
        ("write", 0, 1, 1),  # it is not idempotent, so it is not tried again
    ]
    assert (found.least, found.most, found.attempts) == (1, 2, 4)
    assert found.usd == pytest.approx(1.01)
    assert found.usd_retried == pytest.approx(1.03)
    assert (found.span_s, found.work_s) == (2.5, 2.5)


MAPS = """plan {dialect = 1, ordered = true} {
  %m = map %c : int in [1, 2, 3] : list[any] {ordered = false} [
    %m.1 = call free(x = %c) : any {effect = pure}
  ] keep %m.1 == 1 yield %m.1
  %n = map %d : any in %m : list[any] {ordered = true} [
    %n.1 = call read(x = %d) : any {effect = read(a)}
    %n.2 = call free(x = %n.1) : any {effect = pure, when = %n.1 == 1}
  ] yield %n.1
  %s = map %f : any in %n[1:] + [7] : list[any] {ordered = false} [
    %s.1 = call write(x = %f) : any {effect = write(a)}
  ] yield %s.1
}
"""


def test_a_map_is_as_wide_as_its_source_shows() -> None:
    found = bounds(parse(MAPS), TOOLS)
    assert [(one.tool, one.least, one.most) for one in found.tools] == [("free", 3, 6), ("read", 0, 3), ("write", 1, 3)]
    assert found.peak == 3
    # In turn: one round of three, three times two calls, and one round of three.
    assert found.span_s == 1.0 + 3 * 1.5 + 2.0


def test_a_map_over_what_a_tool_gives_is_as_wide_as_the_run_allows() -> None:
    text = MAPS.replace("{\n", "{\n  %a = call read() : any {effect = read(a)}\n", 1).replace("[1, 2, 3]", "%a")
    found = {one.tool: (one.least, one.most) for one in bounds(parse(text), TOOLS, max_fanout=10).tools}
    assert found == {"read": (1, 11), "free": (0, 20), "write": (1, 10)}
    assert bounds(parse(text), TOOLS).most == 1001 + 2000 + 1000


@pytest.mark.parametrize(
    ("source", "width"),
    [
        ("[1, 2, 3][:2]", (2, 2)),
        ("[1, 2, 3][1:9]", (2, 2)),
        ("[1, 2, 3][-2:]", (0, 3)),
        ("[1, 2, 3][:-1]", (0, 3)),
        ("%a[:5]", (0, 5)),
        ("%a[2:5]", (0, 3)),
        ("%a[5:]", (0, 1000)),
        ("%e", (4, 4)),
        ("sorted(%e)", (4, 4)),
        ("unique(%e)", (1, 4)),
        ("[%y for %y in %e]", (4, 4)),
        ("[%y for %y in %e if %y]", (0, 4)),
        ("%e if true else [1]", (1, 4)),
        ("%e + %a", (4, 1000)),
        ("check(%e, list[int])", (4, 4)),
        ("%g", (0, 1000)),
    ],
)
def test_the_length_of_a_list(source: str, width: tuple[int, int]) -> None:
    text = f"""plan {{dialect = 1, ordered = true}} {{
  %a = call read() : any {{effect = read(a)}}
  %e = expr [1, 2] + [3, 4] : list[int]
  %g = expr [1] : list[int] {{when = %a}}
  %m = map %c : any in {source} : list[any] {{ordered = false}} [
    %m.1 = call free(x = %c) : any {{effect = pure}}
  ] yield %m.1
}}
"""
    found = bounds(parse(text), TOOLS).tools[1]
    assert (found.least, found.most) == width


def test_a_map_that_is_too_wide_runs_nothing_for_certain() -> None:
    text = MAPS.partition("  %n")[0] + "}\n"
    found = bounds(parse(text), TOOLS, max_fanout=2)
    assert (found.least, found.most) == (0, 2)


def test_calls_that_wait_for_each_other_do_not_run_together() -> None:
    chain = Module((call("a", "read"), call("b", "read", "a"), call("c", "read", "b")))
    assert bounds(chain, TOOLS).peak == 1
    # Two chains that meet in an expression, and two calls after it: each goes on with one of the chains.
    joined = Compute(name="x", type=ANY, expr=ListOf((Ref("a"), Ref("b"))))
    diamond = Module((call("a", "read"), call("b", "read"), joined, call("c", "read", "x"), call("d", "read", "x")))
    assert bounds(diamond, TOOLS).peak == 2
    limited = Module((*(call(f"v{i}", "free") for i in range(9)), call("a", "read")))
    assert bounds(limited, TOOLS).peak == 4
    # What a catch uses is not waited for.
    caught = msgspec.structs.replace(call("b", "read"), catch=Ref("a"))
    assert bounds(Module((call("a", "read"), caught)), TOOLS).peak == 2


def test_a_batch_counts_once_for_the_limit_of_its_tool() -> None:
    free = msgspec.structs.replace(TOOLS["free"], parameters=(Parameter("x"),))
    tools = {"free": msgspec.structs.replace(free, limit=2, batch=3, latency_s=1.0)}
    module = Module(tuple(call(f"v{i}", "free") for i in range(9)), ordered=True)
    marked = optimize(module, passes="batch-calls", signatures=tools)
    assert (bounds(module, tools).peak, bounds(marked, tools).peak) == (2, 6)
    assert (estimate(module, tools).makespan_s, estimate(marked, tools).makespan_s) == (5.0, 2.0)


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["chain", "wide", "layered"])
def test_bounds_take_linear_work(shape: str) -> None:
    def plan(count: int) -> Module:
        width = {"chain": 1, "wide": count, "layered": 10}[shape]
        layers = [range(i // width * width - width, i // width * width) for i in range(count)]
        return Module(tuple(call(f"v{i}", "read", *(f"v{j}" for j in layers[i] if j >= 0)) for i in range(count)))

    def work(count: int) -> int:
        module = plan(count)
        return work_of(lambda: bounds(module, TOOLS))

    assert growth(work, 200) < 1.05


def test_the_table_has_aligned_columns_and_says_what_is_not_known() -> None:
    module = Module((call("a", "read"), call("b", "write", "a"), call("c", "free", "b")))
    assert table(bounds(module, TOOLS)) == (
        "tool   calls  attempts   USD  latency\n"
        "read       1         3  0.01   0.50 s\n"
        "write      1         1     1   2.00 s\n"
        "free       1         1     -  1.00 s?\n"
        "total      3         5  1.01   3.50 s\n"
        "critical path 3.50 s; at most 1 at the same time\n"
        "with every retry: 1.03 USD\n"
        "no price is declared for free\n"
        "?: no latency is known for free\n"
    )


def test_the_summary_says_what_is_assumed_and_what_was_measured() -> None:
    module = Module((call("a", "read"), call("b", "write", "a"), call("c", "free", "b")))
    assert bounds_lines(module, TOOLS) == [
        "at most 3 calls, 1.01 USD, without the price of free",
        "latencies: 1.00 s assumed for free",
    ]
    assert bounds_lines(Module((call("a", "read"),)), TOOLS, {"read": 0.3, "other": 1.0}) == [
        "at most 1 call, 0.01 USD",
        "latencies: measured for read",
    ]
    assert bounds_lines(Module((call("a", "free"),))) == ["at most 1 call", "latencies: 1.00 s assumed for free"]
    assert bounds_lines(Module((Compute(name="x", type=ANY, expr=Const(1)),))) == ["at most 0 calls"]


@given(st.floats(1e-6, 1e9))
def test_dollars_read_back(amount: float) -> None:
    shown = dollars(amount)
    assert "e" not in shown
    assert float(shown.replace(",", "")) == pytest.approx(amount, rel=1e-3, abs=1e-12)
