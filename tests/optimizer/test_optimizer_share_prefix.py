"""Prompts that begin alike: which beginnings are known, which calls come together, and in which order they run."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

import llmcc
from llmcc.ir import expr as e
from llmcc.ir.effects import PURE
from llmcc.ir.interpret import interpret
from llmcc.ir.ops import Call, Compute, Module
from llmcc.ir.parser import parse_expr
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import ANY, STR
from llmcc.ir.values import to_text
from llmcc.optimizer.manager import optimize
from llmcc.optimizer.prefixes import LONGEST, Prefix, Prefixes
from llmcc.testing.clock import run_virtual
from llmcc.testing.modules import TOOLS, expressions, marked, modules
from llmcc.testing.opportunities import opportunities
from llmcc.testing.work import growth, work_of

ASK = Signature(name="ask", parameters=(Parameter("text", STR),), returns=STR, effect=PURE, prompt="text")
CLERK = "You are a careful clerk, and answer in one sentence without any greeting. "
POET = "You are a poet, and answer in four lines of which two rhyme, without a title. "


def prefix(text: str, **values: str) -> Prefix:
    known = Prefixes()
    for name, expr in values.items():
        known.learn(Compute(name=name, type=ANY, expr=parse_expr(expr)))
    return known.of(parse_expr(text))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('"abc"', Prefix("abc", whole=True)),
        ('format("a", 1, null, %x, "b")', Prefix("a1null")),
        ('format("a", 2.0)', Prefix("a2", whole=True)),
        ('"a" + "b" + %x + "c"', Prefix("ab")),
        ('"" + %x', Prefix("")),
        ('format("" + %x, "c")', Prefix("")),
        ("1 + 2", Prefix("")),
        ('%known + "!"', Prefix("so it is 7!", whole=True)),
        ('check("a" + %x, str)', Prefix("a")),
        ('"a" if %x else "a"', Prefix("")),
        ("%unknown", Prefix("")),
    ],
)
def test_with_which_text_an_expression_begins(text: str, wanted: Prefix) -> None:
    assert prefix(text, known='format("so it is ", 7)') == wanted


def test_a_value_that_may_be_another_one_begins_with_nothing() -> None:
    known = Prefixes()
    known.learn(Compute(name="a", type=STR, expr=e.Const(CLERK), guard=e.Ref("x")))
    known.learn(Compute(name="b", type=STR, expr=e.Const(CLERK), catch=e.Const("")))
    assert known.of(e.Ref("a")) == known.of(e.Ref("b")) == Prefix("")


def test_only_the_beginning_of_a_long_text_is_looked_at() -> None:
    assert prefix(f'format("{"x" * LONGEST}", "y")') == Prefix("x" * LONGEST)


# Most expressions begin with no text; these do, as far as their parts do.
TEXTUAL = st.recursive(
    st.sampled_from([e.Const("so "), e.Const(""), e.Const(1), e.Ref("a"), e.Ref("b")]) | expressions(names=("a",)),
    lambda part: (
        st.lists(part, max_size=3).map(lambda parts: e.Format(tuple(parts)))
        | st.builds(e.Binary, st.just("+"), part, part)
        | st.builds(e.Check, part, st.just(STR))
    ),
    max_leaves=5,
)


@given(TEXTUAL, st.sampled_from(["text", 3, None, ["a"]]))
def test_what_is_known_of_a_text_is_how_it_begins(expr: e.Expr, value: Any) -> None:
    first = Compute(name="a", type=ANY, expr=_constant(value))
    prefixes = Prefixes()
    prefixes.learn(first)
    known = prefixes.of(expr)
    second = Compute(name="b", type=ANY, expr=_constant(value))  # of this one nothing is known
    ops = (first, second, Compute(name="it", type=ANY, expr=expr))
    result = interpret(Module(ops), lambda *_: None)
    if "it" in result.values and (known.text or known.whole):
        found = result.values["it"]
        assert isinstance(found, str)
        assert found == known.text if known.whole else found.startswith(known.text), to_text(found)


def _constant(value: Any) -> e.Expr:
    return e.ListOf(tuple(map(e.Const, value))) if isinstance(value, list) else e.Const(value)


def asked(*prompts: str, priority: float = 1.0) -> list[Call]:
    return [
        Call(
            name=f"a{i}",
            type=STR,
            tool="ask",
            args=(("text", e.Const(prompt)),),
            effect=PURE,
            step=0,
            priority=priority,
        )
        for i, prompt in enumerate(prompts)
    ]


def shared(ops: list[Call]) -> list[float | None]:
    new = optimize(Module(tuple(ops)), passes="share-prefix", signatures={"ask": ASK})
    return [op.priority for op in new.values]


def test_groups_are_apart_from_each_other_and_from_what_is_alone() -> None:
    found = shared(asked(CLERK + "1", POET + "1", "alone", CLERK + "2", POET + "2"))
    assert found == [1.000002, 1.000001, 1.0, 1.000002, 1.000001]


def test_priorities_that_are_apart_already_stay() -> None:
    ops = asked(CLERK + "1", POET + "1", CLERK + "2", POET + "2")
    ops = [msgspec.structs.replace(op, priority=2.0 + i % 2) for i, op in enumerate(ops)]
    assert shared(ops) == [2.0, 3.0, 2.0, 3.0]


@pytest.mark.parametrize("priority", [0.0, 1e300])
def test_any_priority_has_one_above_it(priority: float) -> None:
    first, second, *_ = shared(asked(CLERK + "1", POET + "1", CLERK + "2", POET + "2", priority=priority))
    assert first is not None and second is not None and first > second >= priority


@pytest.mark.slow
@given(modules() | opportunities(), st.integers(1, 3))
def test_only_priorities_change_and_a_second_time_nothing(module: Module, least: int) -> None:
    tools = {name: _prompted(one) for name, one in TOOLS.items()}
    plain = optimize(marked(module, tools), passes="order-effects,schedule", signatures=tools)
    pipeline = f"share-prefix{{least={least}}}"
    once = optimize(plain, passes=pipeline, signatures=tools)
    assert optimize(once, passes=pipeline, signatures=tools) == once
    assert optimize(once, passes="schedule", signatures=tools) == plain


def _prompted(one: Signature) -> Signature:
    return msgspec.structs.replace(one, prompt=one.parameters[0].name)


def test_calls_that_begin_alike_start_next_to_each_other() -> None:
    seen: list[str] = []

    @llmcc.tool(effect="pure", limit=1, prompt="text")
    async def ask(text: str) -> str:
        seen.append(text[-1])
        await trio.sleep(1)
        return text

    plan = "\n".join(f'v{i} = ask("{text}{i}")' for i, text in enumerate([CLERK, POET, CLERK, POET, CLERK]))
    program = llmcc.compile(f"{plan}\nreturn [v0, v1, v2, v3, v4]", llmcc.Toolbox(ask))
    assert run_virtual(lambda: llmcc.run(program)).ok
    assert seen == ["0", "2", "4", "1", "3"]


@pytest.mark.slow
def test_the_work_grows_with_the_number_of_calls() -> None:
    def work(size: int) -> int:
        ops = asked(*(f"{i // 2:06} {CLERK}{i}" for i in range(size)))
        return work_of(lambda: shared(ops))

    assert growth(work, 100) < 1.1
