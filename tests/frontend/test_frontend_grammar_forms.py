"""Derived grammars: lines drawn from them compile, plans that compile are in them, and all notations say the same."""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path
from typing import Any

import conformance_cases
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
from lark import Lark
from lark.exceptions import UnexpectedInput
from llguidance import LLMatcher, LLTokenizer, grammar_from
from msgspec.structs import replace

from llmcc.frontend.derive import next_name, statement_rules
from llmcc.frontend.derive_plan import plan_rules
from llmcc.frontend.format import format_plan
from llmcc.frontend.forms import Rules, Use, either, seq
from llmcc.frontend.front import FrontEnd, compile_front
from llmcc.frontend.notation import NOTATIONS, NotationError, written
from llmcc.frontend.parse import parse_plan
from llmcc.frontend.syntax import Remark
from llmcc.ir.diagnostics import has_errors
from llmcc.ir.effects import READ
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import INT, STR
from llmcc.runtime.toolbox import load_toolbox
from llmcc.testing.plan_texts import toolboxes

BYTES = LLTokenizer("byte")
#: `LLMCC_TOOLBOXES=1000 pytest tests/frontend/test_frontend_grammar_forms.py -k drawn` tries that many.
TOOLBOXES = int(os.environ.get("LLMCC_TOOLBOXES", "12"))

#: What compiles and is still not in the grammar of whole plans, by the name of the case, with the reason.
EXCEPTIONS = {
    "a plain name in backticks": "backticks are offered where a name needs them only",
    "a dotted name in backticks": "backticks are offered where a name needs them only",
    "backticks say that a tool is meant": "backticks are offered where a name needs them only",
    "a plan without an end answers null": "a model's plan has to end",
    "a record with all its fields, and more": "only the fields of the type are offered",
}


def in_llguidance(grammar: str, text: str) -> bool:
    matcher = LLMatcher(BYTES, grammar_from("lark", grammar))
    assert not matcher.get_error()
    tokens = BYTES.tokenize_str(text)
    return bool(matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting())


def in_lark(grammar: Lark, text: str) -> bool:
    try:
        grammar.parse(text)
    except UnexpectedInput:
        return False
    return True


@pytest.mark.slow
@settings(max_examples=TOOLBOXES, deadline=None, suppress_health_check=list(HealthCheck))
@given(tools=toolboxes(most=3), data=st.data())
def test_every_line_that_is_drawn_compiles(tools: dict[str, Signature], data: st.DataObject) -> None:
    draw_lines(tools, data, styled=False)


# Earley's way through this much larger grammar is long: as many toolboxes would take minutes.
@pytest.mark.slow
@settings(max_examples=max(1, TOOLBOXES // 4), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(tools=toolboxes(most=2), data=st.data())
def test_every_line_that_is_drawn_in_the_style_of_trained_planners_compiles(
    tools: dict[str, Signature], data: st.DataObject
) -> None:
    draw_lines(tools, data, styled=True)


def draw_lines(tools: dict[str, Signature], data: st.DataObject, *, styled: bool) -> None:
    front = FrontEnd(tools)
    text = ""
    for left in (2, 1, 0):
        values = front.scope.types
        target = next_name(values)
        rules = statement_rules(
            tools, values, target=target, calls=left > 0, ends=left < 2, wide=not styled, styled=styled
        )
        grammar = Lark(written(rules, "lark"), parser="earley")
        line = data.draw(from_lark(grammar, alphabet=st.characters(codec="utf-8")))
        text += line
        front.feed(line)
        if front.ended:
            break
    assert not has_errors(front.diagnostics), text + "".join(map(str, front.diagnostics))
    assert front.ended or left == 0


@cache
def suite_tools(name: str) -> tuple[Any, str, Lark]:
    signatures = load_toolbox(str(conformance_cases.TOOLS / f"{name}.json")).signatures
    text = written(plan_rules(signatures), "lark")
    return signatures, text, Lark(text, parser="earley")


def canonical(text: str) -> str:
    """The plan as `llmcc fmt` writes it, without comments and remarks: those cost a model tokens and do nothing."""
    statements = [s for s in parse_plan(text)[0] if not isinstance(s, Remark)]
    return format_plan(replace(s, comment=None) for s in statements)


@pytest.mark.slow
def test_plans_of_the_suite_that_compile_are_in_the_grammar_but_for_the_exceptions() -> None:
    left_out: set[str] = set()
    accepted = 0
    for case in conformance_cases.read_all():
        if case.tools is None or case.dialect != "native" or len(case.plan) > 5000:
            continue
        signatures, text, grammar = suite_tools(case.tools)
        if has_errors(compile_front(case.plan, signatures).diagnostics):
            continue
        plan = canonical(case.plan)
        taken = in_llguidance(text, plan)
        # Lark's Earley parser is slow: it judges what llguidance refuses, and some of the others.
        if not taken or accepted % 20 == 0:
            assert taken is in_lark(grammar, plan), plan
        accepted += taken
        if not taken:
            left_out.add(case.name)
    assert left_out == set(EXCEPTIONS)
    assert accepted > 150


@pytest.mark.slow
@pytest.mark.parametrize("name", ["chain", "filter", "guarded", "parallel", "redundant", "together"])
def test_the_examples_are_in_the_grammar_of_their_tools(name: str) -> None:
    folder = Path(__file__).parents[2] / "examples" / name
    signatures = load_toolbox(str(folder / "tools.py")).signatures
    assert in_llguidance(written(plan_rules(signatures), "openai"), canonical((folder / "plan.txt").read_text()))


TWO = {
    "search": Signature(
        name="search",
        parameters=(Parameter("query", STR), Parameter("most", INT, required=False), Parameter("from", STR)),
        effect=READ,
    ),
    "now": Signature(name="now", effect=READ),
}
SAMPLES = {
    'a = search("x", from="y")\nreturn a\n': True,
    'a = search(from="y", query="x")\nreturn a\n': True,
    'a = search(most=-1, from="y", query="x")\nreturn a': True,
    'a = search("x", 3, "y") when 1 < 2 after b, $2 catch null\njoin(a)\n': True,
    'a = [search(x, from=x) for x in xs if x != "é"]\njoin()\n': True,
    '1. now()\nnow()\nreturn f"{$1.a[0]} and {$2}"\n': True,
    'return "\\n\\u00e9 \\ud83d\\ude00"\n': True,
    'a = search("x")\nreturn a\n': False,
    'a = search("x", "y", "z")\nreturn a\n': False,
    'a = search("x", from="y", from="z")\nreturn a\n': False,
    'a = search(from="y", "x")\nreturn a\n': False,
    'a = serch("x", from="y")\nreturn a\n': False,
    'a = search(1, from="y")\nreturn a\n': False,
    'a = search("x", most=1.5, from="y")\nreturn a\n': False,
    'a = search("x", most=now() + 1, from="y")\nreturn a\n': True,
    "a = now(1)\nreturn a\n": False,
    "a = now()\n": False,
    'return "\\ud83d"\n': False,
    "return 01\n": False,
}


@pytest.mark.slow
def test_lark_llguidance_and_the_hosted_form_take_the_same() -> None:
    rules = plan_rules(TWO)
    grammar = Lark(written(rules, "lark"), parser="earley")
    for plan, fine in SAMPLES.items():
        assert in_lark(grammar, plan) is fine, plan
        assert in_llguidance(written(rules, "llguidance"), plan) is fine, plan
        assert in_llguidance(written(rules, "openai"), plan) is fine, plan


@pytest.mark.slow
def test_llama_cpp_takes_the_same() -> None:
    pytest.importorskip("llama_cpp")
    from llmcc.runtime.models.llama_files import default_model_path
    from llmcc.runtime.models.vocabulary import gbnf_sampler, vocabulary

    with vocabulary(default_model_path()) as (library, vocab):
        for plan, fine in SAMPLES.items():
            with gbnf_sampler(library, vocab, written(plan_rules(TWO), "gbnf")) as sampler:
                assert takes(library, vocab, sampler, plan) is fine, plan


def takes(library: Any, vocab: Any, sampler: Any, text: str) -> bool:
    """Whether the sampler lets every token of the text pass, and then the end."""
    data = text.encode()
    tokens = (library.llama_token * len(data))()
    count = library.llama_tokenize(vocab, data, len(data), tokens, len(data), False, False)
    for token in [*tokens[:count], library.llama_vocab_eos(vocab)]:
        one = (library.llama_token_data * 1)(library.llama_token_data(token, 1.0, 0.0))
        candidates = library.llama_token_data_array(one, 1, -1, False)
        library.llama_sampler_apply(sampler, ctypes.byref(candidates))
        if one[0].logit == float("-inf"):
            return False
        library.llama_sampler_accept(sampler, token)
    return True


@pytest.mark.slow
def test_llama_cpp_refuses_a_bad_grammar_before_anything_is_generated(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("llama_cpp")
    from llmcc.runtime.models import GrammarError
    from llmcc.runtime.models.llama_files import default_model_path
    from llmcc.runtime.models.vocabulary import check_gbnf

    with pytest.raises(GrammarError, match=r"llama\.cpp refuses"):
        check_gbnf("root ::= nothing\n", default_model_path())
    capfd.readouterr()


def test_llguidance_refuses_a_bad_grammar() -> None:
    from llmcc.runtime.models import GrammarError
    from llmcc.runtime.models.vocabulary import check_llguidance

    with pytest.raises(GrammarError, match="llguidance refuses"):
        check_llguidance("start: nothing\n")


def test_left_recursion_is_refused_for_llama_cpp() -> None:
    rules: Rules = {"start": either(seq(Use("start"), "a"), "a")}
    with pytest.raises(NotationError, match="begin with itself"):
        written(rules, "gbnf")


def test_a_grammar_that_is_too_large_for_a_hosted_model_is_refused() -> None:
    many = {f"tool{i}": replace(TWO["search"], name=f"tool{i}") for i in range(200)}
    with pytest.raises(NotationError, match="fewer tools"):
        written(plan_rules(many), "openai")


def test_words_of_a_question_can_be_said_to_llguidance_only() -> None:
    rules = statement_rules(TWO, {}, target="a", copy_from="some words")
    assert "substring_chunks" in written(rules, "llguidance")
    for notation in NOTATIONS:
        if notation != "llguidance":
            with pytest.raises(NotationError, match="consecutive words"):
                written(rules, notation)
