"""Estimates, and the pictures drawn of a plan."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir.effects import PURE
from llmcc.ir.expr import Const, ListOf, Ref
from llmcc.ir.ops import Call, Module, Return
from llmcc.ir.parser import parse
from llmcc.ir.signature import Signature
from llmcc.ir.types import ANY
from llmcc.optimizer.gantt import gantt
from llmcc.optimizer.graph import dot, mermaid
from llmcc.optimizer.manager import optimize
from llmcc.optimizer.schedule import earliest_steps, estimate, summary
from llmcc.testing.modules import modules

TOOLS = {
    "fast": Signature(name="fast", effect=PURE, latency_s=0.5),
    "slow": Signature(name="slow", effect=PURE, latency_s=2.0, limit=2),
    "free": Signature(name="free", effect=PURE, latency_s=0.0),
}


def call(name: str, tool: str, *needs: str) -> Call:
    return Call(name=name, type=ANY, tool=tool, args=(("x", ListOf(tuple(map(Ref, needs)))),), effect=PURE)


@st.composite
def plans(draw: st.DrawFn) -> Module:
    ops: list[Call] = []
    for i in range(draw(st.integers(0, 8))):
        needs = [op.name for op in ops if draw(st.integers(0, 2)) == 0]
        ops.append(call(f"v{i}", draw(st.sampled_from([*TOOLS, "unknown"])), *needs))
    return Module(tuple(ops))


@pytest.mark.slow
@given(plans(), st.integers(0, 3))
def test_an_estimate_keeps_every_edge_and_every_limit(module: Module, width: int) -> None:
    found = estimate(module, TOOLS, width=width)
    times = {bar.op.name: (bar.start_s, bar.finish_s) for bar in found.bars}
    assert len(times) == len(module.ops)
    for bar in found.bars:
        needs = re.findall(r"v\d+", str(bar.op.args)) if isinstance(bar.op, Call) else []
        assert all(times[one][1] <= bar.start_s for one in needs)
        together = [b for b in found.bars if b.start_s <= bar.start_s < b.finish_s]
        slow = [b for b in together if isinstance(b.op, Call) and b.op.tool == "slow"]
        assert len(slow) <= 2
        assert not width or len(together) <= width
    assert found.span_s <= found.makespan_s <= found.work_s
    assert (found.makespan_s == found.span_s) or width or "slow" in str(module)


@pytest.mark.slow
@given(plans(), st.integers(1, 3))
def test_a_width_limits_steps_and_none_of_them_is_given_away(module: Module, width: int) -> None:
    free, limited = earliest_steps(module.values), earliest_steps(module.values, width)
    assert all(limited[name] >= step for name, step in free.items())
    assert all(list(limited.values()).count(step) <= width for step in limited.values())
    assert sorted(set(free.values())) == list(range(len(set(free.values()))))


def test_what_has_the_longest_path_goes_first() -> None:
    module = Module((call("short", "slow"), call("other", "slow"), call("long", "slow"), call("end", "fast", "long")))
    found = {bar.op.name: bar.start_s for bar in estimate(module, TOOLS).bars}
    assert found == {"short": 0.0, "long": 0.0, "other": 2.0, "end": 2.0}


def test_a_map_takes_as_many_turns_as_the_limit_of_its_tool_makes_it() -> None:
    text = """plan {dialect = 1, ordered = true} {
  %m = map %c : int in [1, 2, 3, 4, 5] : list[any] {ordered = false} [
    %m.1 = call slow(x = %c) : any {effect = pure}
  ] yield %m.1
}
"""
    assert estimate(parse(text), TOOLS).makespan_s == 6.0
    assert estimate(parse(text)).makespan_s == 1.0
    assert estimate(parse(text.replace("ordered = false", "ordered = true")), TOOLS).makespan_s == 10.0


def test_the_chart_has_aligned_columns() -> None:
    module = optimize(
        Module((call("a", "slow"), call("b", "fast"), call("c", "fast", "a"), Return(expr=Ref("c")))), level=0
    )
    assert gantt(module, TOOLS, columns=10) == (
        "step  value  call   start     end\n"
        "   0  %a     slow     0 s  2.00 s  ########\n"
        "   0  %b     fast     0 s  0.50 s  ##\n"
        "   1  %c     fast  2.00 s  2.50 s          ##\n"
        "estimated: makespan 2.50 s, critical path 2.50 s, work 3.00 s, parallelism 1.20, at most 2 at the same time\n"
    )


def test_an_empty_plan_has_a_chart_too() -> None:
    assert gantt(Module()).splitlines()[1].startswith("estimated: makespan 0 s")
    assert summary(Module()) == ["0 calls in 0 steps, at most 0 at the same time; estimated 0 s, one by one 0 s"]


def test_a_summary_names_steps_and_stays_short() -> None:
    wide = Module(tuple(call(f"v{i}", "fast") for i in range(25)))
    assert summary(wide, TOOLS)[0].endswith("%v19 and 5 more")
    deep = Module(tuple(call(f"v{i}", "fast", *([f"v{i - 1}"] if i else [])) for i in range(25)))
    assert summary(deep, TOOLS)[19:] == [
        "step 19: %v19",
        "and 5 more steps",
        "25 calls in 25 steps, at most 1 at the same time; estimated 12.5 s, one by one 12.5 s",
    ]


def test_graphs_draw_values_solid_and_order_dashed() -> None:
    a, b = (
        call("a", "fast"),
        Call(name="b", type=ANY, tool='o"d]\n', args=(("q", Const('"\u202e')),), effect=PURE, after=("a",)),
    )
    module = Module((a, b, Return(expr=Ref("a"))))
    assert dot(module).splitlines()[2:] == [
        '  n0 [label="%a\\nfast(x = [])", shape=box];',
        '  n1 [label="%b\\no\\\\\\"d]\\\\n(q = \\"\\\\\\"\\\\u202e\\")", shape=box];',
        '  n2 [label="return %a", shape=doubleoctagon];',
        "  n0 -> n1 [style=dashed];",
        "  n0 -> n2;",
        "}",
    ]
    lines = mermaid(module).splitlines()
    assert lines[1] == '  n0["%a<br>fast#40;x = #91;#93;#41;"]'
    assert lines[2].count('"') == 2
    assert lines[4:] == ["  n0 -.-> n1", "  n0 --> n2"]


@pytest.mark.slow
@given(modules())
def test_every_module_can_be_drawn(module: Module) -> None:
    ordered = optimize(module, level=2)
    for text in (dot(ordered), mermaid(ordered), gantt(ordered), *summary(ordered)):
        assert text.replace("\n", "").isprintable()
    # In a graph every op has its node, on a line of its own.
    nodes = [line for line in mermaid(ordered).splitlines() if re.match(r'  n\d+[\[({]+"', line)]
    assert len(nodes) == len(ordered.ops)
