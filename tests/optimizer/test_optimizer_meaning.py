"""Every pass keeps the meaning of a plan: both versions are run in a small world that remembers everything."""

from __future__ import annotations

import random
import zlib
from collections.abc import Generator, Mapping
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir import expr as e
from llmcc.ir.effects import EVERYTHING, PURE, split
from llmcc.ir.errors import ToolError
from llmcc.ir.frame import MAX_FANOUT, Failure, Frame, check_result
from llmcc.ir.interpret import Result, interpret
from llmcc.ir.ops import Call, Compute, Map, Module, Op, Return, ValueOp, uses
from llmcc.ir.types import ANY
from llmcc.ir.values import Value, canonical, to_text
from llmcc.ir.verify import verify
from llmcc.optimizer.manager import optimize
from llmcc.optimizer.online import Online
from llmcc.optimizer.registry import LEVELS, ONLINE, PASSES
from llmcc.testing.modules import TOOLS, modules
from llmcc.testing.opportunities import opportunities

SEEDS = st.integers(0, 2**16)
ONE_PASS = st.sampled_from(sorted(PASSES))
VARIANTS = [*PASSES, "order-effects{fan=1}", "remove-dead{fan=1}", "schedule{width=1}", "sink-guards{speculate=true}"]
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
        return Module(ops)
    wanted = [op.name for op in ops if draw(st.booleans())]
    return Module((*ops, Return(expr=e.ListOf(tuple(map(e.Ref, wanted))))))


PLANS = dense() | opportunities() | modules(max_ops=9, depth=1)


class World:
    """Resources with a state. What a read gives depends on the state of all it touches, and a write changes that.

    Two orders of the same writes end in the same state only if they agree for each resource.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.base = 0  # what writes to everything made of all that was before
        self.written: dict[str, list[str]] = {}

    def call(self, tool: str, args: dict[str, Value]) -> Value:
        effect = TOOLS[tool].effect
        assert effect is not None
        touched = [named(pattern, args) for pattern in effect.resources]
        before = [self.state(name) for name in touched]
        key = canonical([self.seed, tool, args, before])
        number = zlib.crc32(key.encode())
        if number % 6 == 0:
            raise ToolError(key)
        if effect.writes:
            self.write(touched, key)
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


def named(pattern: str, args: Mapping[str, Value]) -> str:
    parts = split(pattern)
    holes = [to_text(args[hole]) if hole in args else "default" for hole in parts[1::2]]
    return "".join(text + hole for text, hole in zip(parts, [*holes, ""], strict=False)) if holes else pattern


def shuffled(module: Module, world: World, seed: int) -> Result:
    """Runs an ordered module in a random one of the orders that its edges allow."""
    assert module.ordered
    frame = Frame()
    for _ in level(module.values, frame, world, random.Random(seed)):
        pass
    answer, failed = frame.answer(module.end)
    return Result(frame.values, frame.failures, answer, failed)


def level(ops: tuple[ValueOp, ...], frame: Frame, world: World, rng: random.Random) -> Generator[None, None, None]:
    names = {op.name for op in ops}
    missing = {op.name: {*uses(op), *op.after} & names for op in ops}
    waiting = {op.name: op for op in ops}
    running: dict[str, Generator[None, None, None]] = {}
    while waiting or running:
        name = rng.choice([*(n for n in waiting if not missing[n]), *running])
        if name in waiting:
            running[name] = perform(waiting.pop(name), frame, world, rng)
        if next(running[name], "over") == "over":
            del running[name]
            for others in missing.values():
                others.discard(name)
        yield


def perform(op: ValueOp, frame: Frame, world: World, rng: random.Random) -> Generator[None, None, None]:
    try:
        value: Value = None
        if frame.holds(op.guard):
            value = yield from work(op, frame, world, rng)
    except Exception as error:
        frame.fail(op, error)
    else:
        frame.succeed(op, value)


def work(op: ValueOp, frame: Frame, world: World, rng: random.Random) -> Generator[None, None, Value]:
    if isinstance(op, Compute):
        return frame.evaluate(op.expr)
    if isinstance(op, Call):
        arguments = frame.arguments(op)
        yield
        return check_result(op, world.call(op.tool, arguments))
    frames = [frame.inside(op, element) for element in frame.elements(op, MAX_FANOUT)]
    yield from elements(op, frames, world, rng)
    return frame.gather(op, frames)


def elements(op: Map, frames: list[Frame], world: World, rng: random.Random) -> Generator[None, None, None]:
    running = [level(op.body, one, world, rng) for one in frames]
    while running:
        chosen = running[0] if op.ordered else rng.choice(running)
        if next(chosen, "over") == "over":
            running.remove(chosen)
        yield


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


def check_meaning(module: Module, new: Module, seed: int) -> None:
    before, after, mixed = World(seed), World(seed), World(seed)
    expected = seen(module, interpret(module, before.call), before)
    assert seen(module, interpret(new, after.call), after) == expected
    ordered = optimize(new, passes="order-effects")
    assert seen(module, shuffled(ordered, mixed, seed), mixed) == expected


@pytest.mark.slow
@given(PLANS, ONE_PASS, SEEDS)
def test_every_pass_keeps_the_meaning(module: Module, one: str, seed: int) -> None:
    check_meaning(module, optimize(module, passes=one, signatures=TOOLS), seed)


@pytest.mark.slow
@pytest.mark.parametrize("number", LEVELS)
@given(module=PLANS, seed=SEEDS)
def test_every_level_keeps_the_meaning(number: int, module: Module, seed: int) -> None:
    new = optimize(module, level=number, signatures=TOOLS)
    assert new.ordered
    check_meaning(module, new, seed)


@pytest.mark.slow
@given(PLANS, PIPELINES, SEEDS)
def test_any_pipeline_keeps_the_meaning(module: Module, pipeline: list[str], seed: int) -> None:
    check_meaning(module, optimize(module, passes=",".join(pipeline), signatures=TOOLS), seed)


@pytest.mark.slow
@pytest.mark.parametrize(
    "pipeline", ["order-effects{fan=1},merge-duplicates,remove-dead{fan=1}", "order-effects,remove-dead", LEVELS[2]]
)
@given(module=dense(), seed=SEEDS)
def test_passes_that_follow_each_other_keep_the_meaning(pipeline: str, module: Module, seed: int) -> None:
    check_meaning(module, optimize(module, passes=pipeline, signatures=TOOLS), seed)


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
