"""Which calls lowering marks as untrusted, and tools with further arguments or a named type."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
from lark import Lark
from llguidance import LLMatcher, LLTokenizer, grammar_from
from msgspec.structs import replace

from llmcc.frontend.derive import next_name, statement_rules
from llmcc.frontend.derive_plan import plan_rules
from llmcc.frontend.front import FrontEnd, compile_front
from llmcc.frontend.notation import written
from llmcc.ir.diagnostics import has_errors
from llmcc.ir.effects import READ
from llmcc.ir.ops import Call, Module
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.trust import untrusted_values
from llmcc.ir.types import ANY_LIST, INT, STR, ListType
from llmcc.ir.verify import verify
from llmcc.testing.modules import marked
from llmcc.testing.plan_texts import plans, toolboxes

LLM = Signature(
    name="llm",
    parameters=(Parameter("prompt", STR), Parameter("context", ANY_LIST, False), Parameter("type", STR, False)),
    returns=STR,
    effect=READ,
    prompt="prompt",
    variadic="context",
    typed_by="type",
)
PAGE = Signature(name="page", returns=ListType(STR), effect=READ, untrusted=True)
SAFE = Signature(name="safe", parameters=(Parameter("x"),), returns=STR, effect=READ)
TOTAL = Signature(
    name="total", parameters=(Parameter("n", ListType(INT)), Parameter("unit", STR)), effect=READ, variadic="n"
)
TOOLS = {one.name: one for one in (LLM, PAGE, SAFE, TOTAL)}


def module_of(text: str) -> Module:
    compiled = compile_front(text, TOOLS)
    assert not has_errors(compiled.diagnostics), compiled.diagnostics
    assert compiled.module is not None
    return compiled.module


@pytest.mark.slow
@settings(max_examples=25)
@given(toolboxes().flatmap(lambda tools: st.tuples(st.just(tools), plans(tools))))
def test_lowering_marks_what_the_rules_say(drawn: tuple[dict[str, Signature], str]) -> None:
    tools, text = drawn
    module = compile_front(text, tools).module
    assert module is not None
    verify(module, tools)
    assert marked(module, tools) == module


@pytest.mark.slow
@settings(max_examples=10)
@given(toolboxes().flatmap(lambda tools: st.tuples(st.just(tools), plans(tools))))
def test_no_value_is_untrusted_without_such_a_tool(drawn: tuple[dict[str, Signature], str]) -> None:
    tools = {name: replace(one, untrusted=False) for name, one in drawn[0].items()}
    module = compile_front(drawn[1], tools).module
    assert module is not None and not untrusted_values(module)


@pytest.mark.parametrize(
    ("plan", "untrusted"),
    [
        ('a = safe("x")', []),
        ("a = page()", ["a"]),
        ("a = page()\nb = a[0]", ["a", "b"]),
        ("a = page()\nb = safe(a)", ["a"]),
        ('a = page()\nb = llm("x", 1, a)', ["a", "b"]),
        ("a = page()\nb = llm(a[0])", ["a", "b"]),
        ('a = page()\nb = llm("x", 1)', ["a"]),
        ("a = page()\nb = safe(1) catch a[0]", ["a", "b"]),
        ("a = page()\nb = safe(1) when a == []", ["a", "b"]),
        ("a = page()\nb = [safe(x) for x in a]", ["a", "b", "x"]),
        ('b = [llm("x", y) for y in ["a"]]', []),
        ('b = [llm("x", page()) for y in ["a"]]', ["b", "b.1", "b.2"]),
        ('a = page()\nb = [llm("x", y) for y in ["a", a[0]]]', ["a", "b", "b.1", "y"]),
        ("a = page()\nb = [len(x) for x in a]", ["a", "b"]),
    ],
)
def test_what_is_untrusted(plan: str, untrusted: list[str]) -> None:
    assert sorted(untrusted_values(module_of(plan))) == untrusted


def test_a_continued_plan_knows_what_was_untrusted() -> None:
    front = FrontEnd(TOOLS)
    front.feed("a = page()\n")
    further = FrontEnd(TOOLS, scope=front.scope.copy())
    ((op,),) = (one.ops for one in further.feed('b = llm("x", a)\n'))
    assert isinstance(op, Call) and op.untrusted


@pytest.mark.parametrize(
    ("call", "args"),
    [
        ('llm("x")', ["prompt"]),
        ('llm("x", 1, "b")', ["prompt", "context"]),
        ('llm("x", context=[1])', ["prompt", "context"]),
        ('llm("x", 1, type="int")', ["prompt", "context", "type"]),
        ('total(1, 2, unit="m")', ["n", "unit"]),
    ],
)
def test_further_arguments_are_gathered(call: str, args: list[str]) -> None:
    (op,) = module_of(f"a = {call}").ops
    assert isinstance(op, Call) and [name for name, _ in op.args] == args


@pytest.mark.parametrize(
    ("call", "codes"),
    [
        ('llm("x", 1, context=[2])', ["E0312"]),
        ("llm()", ["E0313"]),
        ('total(1, "b", unit="m")', ["E0401"]),
        ('total(1, "m")', ["E0313", "E0401"]),
        ('total(unit="m")', ["E0313"]),
        ('llm("x", type="text")', ["E0411"]),
        ('llm("x", type="i" + "nt")', ["E0411"]),
        ('llm("x", type=3)', ["E0401"]),
    ],
)
def test_what_does_not_fit_is_said(call: str, codes: list[str]) -> None:
    assert sorted(d.code for d in compile_front(f"a = {call}\nreturn a\n", TOOLS).diagnostics) == codes


def test_the_result_has_the_named_type() -> None:
    op, *_ = module_of('a = llm("x", type="list[{n: int}]")\nreturn a[0].n + 1\n').ops
    assert str(op.type) == "list[{n: int}]"  # type: ignore[union-attr]  # a call
    wrong = compile_front('a = llm("x", type="list[{n: int}]")\nreturn a.n\n', TOOLS)
    assert [d.code for d in wrong.diagnostics] == ["E0403"]


@pytest.mark.slow
@pytest.mark.parametrize("wide", [True, False])
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_drawn_line_of_such_tools_compiles(wide: bool, data: st.DataObject) -> None:
    front = FrontEnd(TOOLS)
    for left in (2, 1, 0):
        values = front.scope.types
        rules = statement_rules(TOOLS, values, target=next_name(values), calls=left > 0, ends=left < 2, wide=wide)
        line = data.draw(from_lark(Lark(written(rules, "lark"), parser="earley")))
        front.feed(line)
        assert not has_errors(front.diagnostics), line
        if front.ended:
            break


@pytest.mark.parametrize(
    "call",
    ['llm("x", 1, "b")', 'llm("x", type="{a: int}")', 'llm("x", 1, type="int").b', 'llm(type="int", prompt="x")'],
)
def test_the_grammar_of_plans_has_such_calls(call: str) -> None:
    grammar = written(plan_rules(TOOLS), "llguidance")
    tokenizer = LLTokenizer("byte")
    matcher = LLMatcher(tokenizer, grammar_from("lark", grammar))
    tokens = tokenizer.tokenize_str(f"a = {call}\nreturn a\n")
    assert not matcher.get_error() and matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting()
