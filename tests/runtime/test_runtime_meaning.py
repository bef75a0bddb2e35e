"""However calls overlap and in whatever order they end, a plan means what the sequential interpreter says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmcc.ir.effects import PURE, Effect
from llmcc.ir.expr import Binary, Builtin, Comprehension, Const, Expr, Index, ListOf, Ref
from llmcc.ir.interpret import Result, interpret
from llmcc.ir.ops import Call, Compute, Join, Map, Module, Return, ValueOp
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import ANY, INT, ListType
from llmcc.runtime.executor import run_module
from llmcc.runtime.limits import Limits
from llmcc.runtime.state import Machine
from llmcc.testing.clock import run_virtual
from llmcc.testing.schedule import Schedule, run_machine
from llmcc.testing.tools import SimulatedTools

INTS = ListType(INT)


def signature(name: str, returns: Any, effect: Effect, **rules: Any) -> Signature:
    return Signature(name=name, parameters=(Parameter("x"),), returns=returns, effect=effect, **rules)


TOOLS = {
    one.name: one
    for one in (
        signature("calc", INT, PURE),
        signature("look", INT, Effect("read", ("a",)), limit=2),
        signature("list_b", INTS, Effect("read", ("b",))),
        signature("account", INT, Effect("read", ("k:{x}",))),
        signature("scan", INTS, Effect("read", ("*",))),
        signature("put", INT, Effect("write", ("a",))),
        signature("swap", INT, Effect("write", ("a", "b"))),
        signature("pay", INT, Effect("write", ("k:{x}",)), limit=1),
        signature("wipe", INT, Effect("write", ("*",))),
    )
}


class Scope:
    """Names in scope while a module is drawn: which hold ints, which lists."""

    def __init__(self, ints: Iterable[str] = (), lists: Iterable[str] = (), level: Iterable[str] = ()) -> None:
        self.ints = list(ints)
        self.lists = list(lists)
        self.level = list(level)

    def inside(self, var: str) -> Scope:
        return Scope([*self.ints, var], self.lists)


@st.composite
def integers(draw: st.DrawFn, scope: Scope) -> Expr:
    if not scope.ints or draw(st.integers(0, 2)) == 0:
        return Const(draw(st.integers(0, 3)))
    one = Ref(draw(st.sampled_from(scope.ints)))
    match draw(st.integers(0, 3)):
        case 0:
            return Binary("%", one, Const(draw(st.integers(0, 2))))
        case 1:
            return Binary("+", one, Ref(draw(st.sampled_from(scope.ints))))
    return one


@st.composite
def lists(draw: st.DrawFn, scope: Scope) -> Expr:
    known = draw(st.booleans())
    if known and scope.lists:
        one = Ref(draw(st.sampled_from(scope.lists)))
        if draw(st.integers(0, 3)) == 0:
            return Index(one, Const(0))
        return one
    return ListOf(tuple(draw(st.lists(integers(scope), max_size=3))))


@st.composite
def extras(draw: st.DrawFn, scope: Scope) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if draw(st.integers(0, 3)) == 0:
        found["guard"] = Binary("<", draw(integers(scope)), Const(draw(st.integers(0, 600))))
    if draw(st.integers(0, 3)) == 0:
        found["catch"] = draw(integers(scope))
    if scope.level and draw(st.integers(0, 3)) == 0:
        found["after"] = tuple(draw(st.lists(st.sampled_from(scope.level), max_size=2, unique=True)))
    found["priority"] = draw(st.sampled_from([None, 0.5, 2.0]))
    return found


@st.composite
def ops(draw: st.DrawFn, scope: Scope, prefix: str, most: int, depth: int) -> tuple[ValueOp, ...]:
    made: list[ValueOp] = []
    for i in range(draw(st.integers(1, most))):
        name = f"{prefix}{i}"
        rest = draw(extras(scope))
        kind = draw(st.integers(0, 7 if depth else 5)) if i or not prefix else 0
        if kind == 5:
            expr = draw(st.one_of(integers(scope), lists(scope)))
            source = draw(lists(scope))
            expr = (
                Comprehension(Builtin("str", (Ref(f"{name}.e"),)), f"{name}.e", source) if draw(st.booleans()) else expr
            )
            made.append(Compute(name=name, type=ANY, expr=expr, **rest))
        elif kind > 5:
            made.append(draw(maps(scope, name, depth, rest)))
            scope.lists.append(name)
        else:
            tool = TOOLS[draw(st.sampled_from(sorted(TOOLS)))]
            assert tool.effect is not None
            argument = draw(integers(scope))
            made.append(
                Call(name=name, type=tool.returns, tool=tool.name, args=(("x", argument),), effect=tool.effect, **rest)
            )
            (scope.lists if tool.returns == INTS else scope.ints).append(name)
        scope.level.append(name)
    return tuple(made)


@st.composite
def maps(draw: st.DrawFn, scope: Scope, name: str, depth: int, rest: dict[str, Any]) -> Map:
    source = draw(lists(scope))
    inner = scope.inside(f"{name}.v")
    body = draw(ops(inner, f"{name}.", 3, depth - 1)) if draw(st.integers(0, 4)) else ()
    keep = Binary("<", Ref(f"{name}.v"), Const(500)) if draw(st.booleans()) else None
    result = draw(integers(inner))
    return Map(
        name=name, type=ANY, var=f"{name}.v", var_type=ANY, source=source, body=body, keep=keep, result=result, **rest
    )


@st.composite
def modules(draw: st.DrawFn) -> Module:
    scope = Scope()
    body = in_order(draw(ops(scope, "", 7, 2)))
    named = draw(st.lists(st.sampled_from(scope.level), unique=True, max_size=3))
    end = Return(expr=Ref(named[0])) if len(named) == 1 else Join(args=tuple((name, Ref(name)) for name in named))
    return Module((*body, end), ordered=True)


def in_order(ops: tuple[ValueOp, ...]) -> tuple[ValueOp, ...]:
    """The plainest way to hold conflicting ops apart: an edge between any two."""
    made: list[ValueOp] = []
    for op in ops:
        before = [one.name for one in made if any(conflict(a, b) for a in effects(one) for b in effects(op))]
        changed = msgspec.structs.replace(op, after=tuple(dict.fromkeys((*op.after, *before))))
        if isinstance(changed, Map):
            ordered = any(effect.writes for effect in effects(changed))
            changed = msgspec.structs.replace(changed, body=in_order(changed.body), ordered=ordered)
        made.append(changed)
    return tuple(made)


def effects(op: ValueOp) -> list[Effect]:
    if isinstance(op, Map):
        return [effect for one in op.body for effect in effects(one)]
    return [op.effect] if isinstance(op, Call) else []


def conflict(a: Effect, b: Effect) -> bool:
    if not (a.writes or b.writes):
        return False
    return any(x == y or "*" in (x, y) for x in a.resources for y in b.resources)


def by_resource(world: SimulatedTools) -> dict[str, list[str]]:
    """The writes to each resource in their order; one to everything is one to each."""
    names = {name for touched, _ in world.writes for name in touched} | {"a", "b", "*"}
    return {name: [text for touched, text in world.writes if {name, "*"} & {*touched}] for name in names}


def meaning(module: Module, failing: float) -> tuple[Result, dict[str, list[str]]]:
    world = SimulatedTools(TOOLS.values(), failing=failing)
    return interpret(module, world.call), by_resource(world)


plans_and_schedules = given(
    module=modules(),
    seed=st.integers(0, 2**32),
    max_running=st.sampled_from([None, 1, 2, 5]),
    failing=st.sampled_from([0.0, 0.3]),
)


@pytest.mark.slow
@settings(max_examples=100)
@plans_and_schedules
def test_the_machine_agrees_with_the_interpreter(
    module: Module, seed: int, max_running: int | None, failing: float
) -> None:
    expected, writes = meaning(module, failing)
    world = SimulatedTools(TOOLS.values(), failing=failing)
    machine = Machine(TOOLS, Limits(max_running=max_running))
    finish = run_machine(machine, module.ops, world.call, Schedule(seed))
    assert machine.top.frame.values == expected.values
    assert machine.top.frame.failures == expected.failures
    assert (finish.answer, finish.failed) == (expected.answer, expected.failed)
    assert by_resource(world) == writes


@pytest.mark.slow
@settings(max_examples=100)
@plans_and_schedules
def test_the_executor_agrees_with_the_interpreter(
    module: Module, seed: int, max_running: int | None, failing: float
) -> None:
    expected, writes = meaning(module, failing)
    world = SimulatedTools(TOOLS.values(), schedule=Schedule(seed), failing=failing)
    limits = Limits(max_running=max_running)
    outcome = run_virtual(lambda: run_module(module, world.toolbox(), limits=limits), seed=seed)
    assert outcome.values == {name: value for name, value in expected.values.items() if "." not in name}
    assert (outcome.value, outcome.failed) == (expected.answer, expected.failed)
    assert set(outcome.errors) >= set(expected.failures.values())
    assert by_resource(world) == writes
    assert world.overlaps == []
    assert max_running is None or world.most_running <= max_running


def test_a_module_without_order_is_refused() -> None:
    unordered = Module((Return(expr=Const(1)),))
    world = SimulatedTools(TOOLS.values())
    with pytest.raises(ValueError, match="order-effects"):
        run_virtual(lambda: run_module(unordered, world.toolbox()))


def test_without_order_the_simulated_tools_see_the_race() -> None:
    """The instrument itself: what the tests above look for is found where it is."""
    calls = [
        Call(name=name, type=INT, tool=name, args=(("x", Const(1)),), effect=TOOLS[name].effect or PURE)
        for name in ("put", "look")
    ]
    module = Module((*calls, Return(expr=Ref("look"))), ordered=True)
    world = SimulatedTools(TOOLS.values(), schedule=Schedule(3))
    run_virtual(lambda: run_module(module, world.toolbox()))
    assert [(a.tool, b.tool) for a, b in world.overlaps] in ([("put", "look")], [("look", "put")])


@pytest.mark.slow
def test_drawn_schedules_reach_all_interleavings() -> None:
    """Two chains of three calls end in 20 different orders; seeds and latencies together find each."""

    def chain(letter: str) -> list[ValueOp]:
        return [
            Call(
                name=f"{letter}{i}",
                type=INT,
                tool="calc",
                args=(("x", ListOf((Const(f"{letter}{i}"), Ref(f"{letter}{i - 1}") if i else Const(0)))),),
                effect=PURE,
            )
            for i in range(3)
        ]

    module = Module((*chain("p"), *chain("q")), ordered=True)
    found = set()
    for seed in range(400):
        world = SimulatedTools(TOOLS.values(), schedule=Schedule(seed))
        outcome = run_virtual(lambda world=world: run_module(module, world.toolbox()), seed=seed)  # type: ignore[misc]
        found.add(tuple(call.key for call in outcome.calls))
    assert len(found) == 20
