"""Every pass keeps the meaning of a plan: both versions are run in a small world that remembers everything, the new
one on the runtime too, under drawn schedules.

The tests check `LLMCC_PLANS` plans together (2,000, unless the environment says otherwise).
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias, cast

import msgspec
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmcc.frontend.front import compile_front
from llmcc.ir import expr as e
from llmcc.ir.effects import EVERYTHING, PURE, Effect, split
from llmcc.ir.errors import ToolError
from llmcc.ir.frame import Failure
from llmcc.ir.interpret import Result, interpret
from llmcc.ir.ops import Call, Compute, Map, Module, Op, Return, ValueOp
from llmcc.ir.signature import Signature
from llmcc.ir.types import ANY
from llmcc.ir.values import Value, canonical, to_text
from llmcc.ir.verify import verify
from llmcc.optimizer.manager import optimize
from llmcc.optimizer.online import Online
from llmcc.optimizer.registry import LEVELS, ONLINE, PASSES
from llmcc.runtime.executor import run_module
from llmcc.runtime.limits import Limits
from llmcc.runtime.state import Machine
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import Tool
from llmcc.testing.clock import run_virtual
from llmcc.testing.modules import TOOLS, marked, modules
from llmcc.testing.opportunities import opportunities
from llmcc.testing.plan_texts import plans, toolboxes
from llmcc.testing.schedule import Schedule, run_machine
from llmcc.testing.tools import value_of

#: How many plans are checked in all.
CHECKED = int(os.environ.get("LLMCC_PLANS", "2000"))
#: All passes, in the order of the levels.
ALL_PASSES = LEVELS[2]
#: A module, and the tools that it calls by name.
Plan: TypeAlias = tuple[Module, Mapping[str, Signature]]
SEEDS = st.integers(0, 2**16)
ONE_PASS = st.sampled_from(sorted(PASSES))
VARIANTS = [
    *PASSES,
    "order-effects{fan=1}",
    "remove-dead{fan=1}",
    "schedule{width=1}",
    "sink-guards{speculate=true}",
    "batch-calls{max=2}",
]
PIPELINES = st.lists(st.sampled_from(VARIANTS), max_size=5)
FEW = st.sampled_from([e.Const(text) for text in "aaab"])


class Dense:
    """Draws plans of few names and many calls, so that calls repeat and meet on the same resources."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.count = 0

    def one_of(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def small(self, names: list[str]) -> e.Expr:
        if names and self.draw(st.integers(0, 3)) == 0:
            return e.Ref(self.one_of(*names[-4:]))
        return self.draw(FEW)

    def leaf(self, names: list[str]) -> e.Expr:
        return e.Ref(self.one_of(*names)) if bool(names) and self.draw(st.booleans()) else self.draw(FEW)

    def shared(self, names: list[str], level: list[str]) -> dict[str, Any]:
        rare = self.draw(st.integers(0, 11))
        if rare == 0:
            return {"guard": e.Const(self.one_of(True, False))}
        if rare == 1:
            return {"guard": e.Binary("==", self.small(names), e.Const("a"))}
        if rare == 2 and level:
            return {"after": (self.one_of(*level),)}
        return {"catch": self.small(names)} if rare in (3, 4) else {}

    def formula(self, names: list[str]) -> e.Expr:
        a, b = self.leaf(names), self.leaf(names)
        same = e.Binary("==", a, b)
        return cast(
            e.Expr,
            self.one_of(
                a,
                same,
                e.Cond(e.Const(True), a, b),
                e.Cond(e.Const(False), a, b),
                e.Cond(same, a, b),
                e.Binary("and", e.Const(False), same),
                e.Binary("or", same, e.Const(True)),
                e.Index(e.ListOf((a, b)), e.Const(1)),
                e.Comprehension(e.Format((e.Ref(f"x{self.count}"), b)), f"x{self.count}", e.ListOf((a, b))),
            ),
        )

    def op(self, names: list[str], level: list[str], nesting: int) -> ValueOp:
        self.count += 1
        kind, shared = self.draw(st.integers(0, 9)), self.shared(names, level)
        name = self.one_of(f"v{self.count}", f"v{self.count}.1")
        if kind <= 1:
            return Compute(name=name, type=ANY, expr=self.formula(names), **shared)
        if kind == 2 and nesting:
            var, source = f"c{self.count}", e.ListOf((e.Const("a"), self.small(names)))
            body = self.level([*names, var], self.draw(st.integers(1, 4)), nesting - 1)
            result = self.small([op.name for op in body])
            return Map(name=name, type=ANY, var=var, var_type=ANY, source=source, body=body, result=result, **shared)
        tool = TOOLS[self.one_of(*TOOLS, "look", "put", "look", "put", "look")]
        args = tuple((p.name, self.small(names)) for p in tool.parameters if p.required)
        return Call(name=name, type=ANY, tool=tool.name, args=args, effect=tool.effect or PURE, **shared)

    def level(self, names: list[str], size: int, nesting: int) -> tuple[ValueOp, ...]:
        ops: list[ValueOp] = []
        for _ in range(size):
            level = [op.name for op in ops]
            ops.append(self.op([*names, *level], level, nesting))
        return tuple(ops)


@st.composite
def dense(draw: st.DrawFn) -> Module:
    """See `Dense`."""
    drawing = Dense(draw)
    ops = drawing.level([], draw(st.integers(0, 12)), 1)
    if draw(st.integers(0, 3)) == 0:
        return marked(Module(ops), TOOLS)
    wanted = [op.name for op in ops if draw(st.booleans())]
    return marked(Module((*ops, Return(expr=e.ListOf(tuple(map(e.Ref, wanted)))))), TOOLS)


@st.composite
def drawn(draw: st.DrawFn, modules: st.SearchStrategy[Module]) -> Plan:
    """Plans of a strategy, half of them with tools that touch other things than usual."""
    module = draw(modules)
    if draw(st.booleans()):
        return module, TOOLS
    tools = {name: draw(affected(one)) for name, one in TOOLS.items()}
    return msgspec.structs.replace(module, ops=tuple(map(partial(recast, tools), module.ops))), tools


@st.composite
def affected(draw: st.DrawFn, tool: Signature) -> Signature:
    """The tool with another effect, perhaps a price and a limit."""
    own = draw(st.sampled_from([one.name for one in tool.parameters] or ["web"]))
    patterns = ["web", "web", f"store:{{{own}}}", f"store:{{{own}}}", "store:a", "log", EVERYTHING]
    touched = draw(st.lists(st.sampled_from(patterns if tool.parameters else ["web", "log"]), max_size=2, unique=True))
    kind: Any = draw(st.sampled_from(["read", "read", "write"])) if touched else "pure"
    cost = draw(st.sampled_from([None, 0.01]))
    return msgspec.structs.replace(
        tool, effect=Effect(kind, tuple(touched)), cost_usd=cost, limit=draw(st.sampled_from([None, None, 1]))
    )


def recast(tools: Mapping[str, Signature], op: Op) -> Any:
    if isinstance(op, Map):
        return msgspec.structs.replace(op, body=tuple(map(partial(recast, tools), op.body)))
    return msgspec.structs.replace(op, effect=tools[op.tool].effect) if isinstance(op, Call) else op


@st.composite
def written(draw: st.DrawFn) -> Plan:
    """Plans as texts, for toolboxes of all sorts of types, compiled."""
    tools = {name: draw(affected(one)) for name, one in draw(toolboxes()).items()}
    module = compile_front(draw(plans(tools, most=12)), tools).module
    assert module is not None
    return module, tools


PLANS = drawn(dense() | opportunities() | modules(max_ops=9, depth=1))


class World:
    """Resources with a state. What a read gives depends on the state of all it touches, and a write changes that.

    Two orders of the same writes end in the same state only if they agree for each resource.
    """

    def __init__(self, seed: int, tools: Mapping[str, Signature] = TOOLS) -> None:
        self.seed = seed
        self.tools = tools
        self.base = 0  # what writes to everything made of all that was before
        self.written: dict[str, list[str]] = {}

    def call(self, tool: str, args: Mapping[str, Value]) -> Value:
        signature = self.tools[tool]
        effect = signature.effect
        assert effect is not None
        touched = [named(pattern, args) for pattern in effect.resources]
        # A number for what was before: written out, it would grow with every call that looks at two resources.
        before = zlib.crc32(canonical([self.state(name) for name in touched]).encode())
        key = canonical([self.seed, tool, dict(args), before])
        number = zlib.crc32(key.encode())
        if number % 6 == 0:
            raise ToolError(f"{tool} fails: {number}")  # short: the runtime cuts long texts
        if effect.writes:
            self.write(touched, key)
        if signature.returns != ANY:
            return value_of(signature.returns, number)
        return ("a", "b", number % 2 == 0, ["a", number % 4], None, f"s{number % 99}")[number % 31 % 6]

    def state(self, name: str) -> Any:
        if name == EVERYTHING:
            return [self.base, sorted(self.written.items())]
        return [self.base, self.written.get(name, [])]

    def write(self, touched: list[str], key: str) -> None:
        if EVERYTHING in touched:
            self.base = zlib.crc32(canonical([self.state(EVERYTHING), key]).encode())
            self.written = {}
            return
        for name in touched:
            self.written.setdefault(name, []).append(key)

    def toolbox(self, schedule: Schedule) -> Toolbox:
        """The tools as functions that take the schedule's latencies, and then do their work at once."""
        return Toolbox(*(Tool(one, self.function(one.name, schedule)) for one in self.tools.values()))

    def function(self, tool: str, schedule: Schedule) -> Any:
        async def function(**args: Value) -> Value:
            await trio.sleep(schedule.latency_s(f"{tool}({canonical(args)})"))
            return self.call(tool, args)

        return function


def named(pattern: str, args: Mapping[str, Value]) -> str:
    parts = split(pattern)
    holes = [to_text(args[hole]) if hole in args else "default" for hole in parts[1::2]]
    return "".join(text + hole for text, hole in zip(parts, [*holes, ""], strict=False)) if holes else pattern


Runner: TypeAlias = Callable[[Module, World, int], Result]


def seen(module: Module, result: Result, world: World) -> object:
    """All that can be seen of a run: the answer (or without one the values that are named) and the world after it."""
    if module.end is not None:
        answer: object = canonical(result.answer), told(result.failed)
    else:
        values = {name: canonical(value) for name, value in result.values.items() if "." not in name}
        answer = values, {name: told(failure) for name, failure in result.failures.items() if "." not in name}
    return answer, world.base, world.written


def told(failure: Failure | None) -> object:
    return None if failure is None else (failure.error, failure.message)


def scheduled(module: Module, world: World, seed: int) -> Result:
    """Runs an ordered module on the runtime's scheduler; the calls end in an order that the seed decides."""
    machine = Machine(world.tools, Limits(max_running=None))
    finish = run_machine(machine, module.ops, world.call, Schedule(seed), check=lambda _: None)
    return Result(machine.top.frame.values, machine.top.frame.failures, finish.answer, finish.failed)


def executed(module: Module, world: World, seed: int) -> Result:
    """Runs an ordered module on the whole runtime, under trio, with latencies that the seed decides. It tells by name
    only what has a value, and of failures that of the answer.
    """
    outcome = run_virtual(lambda: run_module(module, world.toolbox(Schedule(seed))), seed=seed)
    return Result(dict(outcome.values), {}, outcome.value, outcome.failed)


def check_meaning(plan: Plan, seed: int, run: Runner = scheduled, **how: Any) -> None:
    """The plan as it is, interpreted, and as `how` optimizes it, interpreted and run on the runtime."""
    module, tools = plan
    new = optimize(module, signatures=tools, **how)
    before, after, mixed = World(seed, tools), World(seed, tools), World(seed, tools)
    expected = seen(module, interpret(module, before.call), before)
    assert seen(module, interpret(new, after.call), after) == expected
    ordered = optimize(new, passes="order-effects")
    assert seen(module, run(ordered, mixed, seed), mixed) == expected


def share(percent: int) -> settings:
    """A share of the plans that are checked in all."""
    return settings(max_examples=max(1, CHECKED * percent // 100), suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.slow
@share(25)
@given(PLANS, ONE_PASS, SEEDS)
def test_every_pass_keeps_the_meaning(plan: Plan, one: str, seed: int) -> None:
    check_meaning(plan, seed, passes=one)


@pytest.mark.slow
@pytest.mark.parametrize("number", LEVELS)
@share(8)
@given(plan=PLANS, seed=SEEDS)
def test_every_level_keeps_the_meaning(number: int, plan: Plan, seed: int) -> None:
    assert optimize(plan[0], level=number, signatures=plan[1]).ordered
    check_meaning(plan, seed, level=number)


@pytest.mark.slow
@share(20)
@given(PLANS, PIPELINES, SEEDS)
def test_any_pipeline_keeps_the_meaning(plan: Plan, pipeline: list[str], seed: int) -> None:
    check_meaning(plan, seed, passes=",".join(pipeline))


@pytest.mark.slow
@pytest.mark.parametrize(
    "pipeline", ["order-effects{fan=1},merge-duplicates,remove-dead{fan=1}", "order-effects,remove-dead", ALL_PASSES]
)
@share(6)
@given(plan=drawn(dense()), seed=SEEDS)
def test_passes_that_follow_each_other_keep_the_meaning(pipeline: str, plan: Plan, seed: int) -> None:
    check_meaning(plan, seed, passes=pipeline)


@pytest.mark.slow
@share(7)
@given(written(), st.sampled_from([ALL_PASSES, *PASSES]), SEEDS)
def test_what_is_written_as_text_keeps_its_meaning(plan: Plan, pipeline: str, seed: int) -> None:
    check_meaning(plan, seed, passes=pipeline)


@pytest.mark.slow
@share(6)
@given((PLANS | written()).filter(lambda plan: plan[0].end is not None), SEEDS)
def test_the_whole_runtime_gives_the_meaning(plan: Plan, seed: int) -> None:
    check_meaning(plan, seed, executed, passes=ALL_PASSES)


@pytest.mark.slow
@given(modules(), ONE_PASS)
def test_a_pass_run_again_changes_nothing(module: Module, one: str) -> None:
    once = optimize(module, passes=one, signatures=TOOLS)
    assert optimize(once, passes=f"{one},{one}", signatures=TOOLS) == optimize(once, passes=one, signatures=TOOLS)


@pytest.mark.slow
@given(modules(), st.lists(st.integers(1, 4), max_size=6))
def test_streaming_gives_the_module_of_the_whole(module: Module, portions: list[int]) -> None:
    online = Online()
    streamed: list[Op] = []
    rest = list(module.ops)
    for portion in portions:
        streamed += online.add(rest[:portion])
        rest = rest[portion:]
    streamed += online.add(rest)
    whole = optimize(module, passes=ONLINE)
    assert tuple(streamed) == whole.ops
    verify(Module(tuple(streamed), ordered=True), TOOLS)


def test_the_world_can_tell_orders_apart() -> None:
    one, other = World(1), World(1)
    for key in ("a", "b"):
        one.write(["store:x"], key)
    for key in ("b", "a"):
        other.write(["store:x"], key)
    assert one.written != other.written
    one.write([EVERYTHING], "c")
    other.write([EVERYTHING], "c")
    assert one.base != other.base
