"""The derived grammar: whatever a decoder may write under it compiles, and ordinary plans are within it."""

from __future__ import annotations

import random

import llguidance.numpy as masks
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llguidance import LLMatcher, LLTokenizer, grammar_from

from llmcc.frontend.constrain import PlanConstraint
from llmcc.frontend.derive import next_name, statement_grammar
from llmcc.frontend.front import FrontEnd, compile_front
from llmcc.ir.diagnostics import has_errors
from llmcc.ir.effects import PURE, READ
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import FLOAT, INT, STR, EnumType, Field, ListType, RecordType, Type
from llmcc.testing.plan_texts import toolboxes

BYTES = LLTokenizer("byte")
QUESTIONS = [None, "Which is higher, K2 or Mont Blanc?", 'Is "Le \\ "B"" {new}?\nSay\tso: Ünal\u202e.']
FACT = RecordType((Field("entity", STR), Field("value", FLOAT), Field("unit", STR)))
ATLAS = {
    "lookup": Signature(
        name="lookup",
        parameters=(Parameter("entity", STR), Parameter("property", EnumType(("height", "length")))),
        returns=FACT,
        effect=READ,
    ),
    "search": Signature(
        name="search", parameters=(Parameter("query", STR), Parameter("most", INT, required=False)), effect=READ
    ),
    "total": Signature(name="total", parameters=(Parameter("of", ListType(FLOAT)),), returns=FLOAT, effect=READ),
    "odd (v2)": Signature(name="odd (v2)", parameters=(Parameter("n", INT, required=False),), effect=READ),
}


def accepts(grammar: str, line: str) -> bool:
    matcher = LLMatcher(BYTES, grammar_from("lark", grammar))
    tokens = BYTES.tokenize_str(line)
    return bool(matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting())


def written(grammar: str, draw: random.Random) -> str:
    """A line that a decoder with no taste at all writes under the grammar."""
    matcher = LLMatcher(BYTES, grammar_from("lark", grammar))
    mask = masks.allocate_token_bitmask(1, BYTES.vocab_size)
    line = bytearray()
    while not matcher.is_stopped():
        masks.fill_next_token_bitmask(matcher, mask, 0)
        allowed = [t for t in range(256) if mask[0, t // 32] >> (t % 32) & 1]
        ends = [t for t in allowed if t in b'")]\n'] if draw.random() < 0.3 else []
        token = draw.choice(ends or allowed)
        assert matcher.consume_token(token)
        line.append(token)
    return line.decode()


@pytest.mark.slow
@given(toolboxes(), st.randoms(use_true_random=False), st.sampled_from(QUESTIONS))
def test_every_line_that_can_be_written_compiles(
    tools: dict[str, Signature], draw: random.Random, question: str | None
) -> None:
    constraint = PlanConstraint(tools, copy_from=question, max_statements=4)
    front = FrontEnd(tools)
    text = ""
    while (grammar := constraint.next_grammar()) is not None:
        line = written(grammar, draw)
        text += line
        constraint.accept(line)
        front.feed(line)
    assert not has_errors(front.diagnostics), text + "".join(map(str, front.diagnostics))
    assert front.ended


@pytest.mark.parametrize(
    ("line", "fine"),
    [
        ('c = lookup("K2", "height")\n', True),
        ('c = lookup(a.entity, "height")\n', True),
        ('c = lookup("K2", "heigth")\n', False),
        ('c = lookup("K2")\n', False),
        ('c = serch("K2")\n', False),
        ('c = search("K2")\n', True),
        ('c = search("K2", most=3)\n', True),
        ('c = search("K2", most="3")\n', False),
        ("c = total([a.value, b.value])\n", True),
        ("c = total([a.unit])\n", False),
        ("c = `odd (v2)`()\n", True),
        ("c = `odd (v2)`(n=1)\n", True),
        ("d = total([])\n", False),
        ("return a.value - b.value\n", True),
        ("return a.value - z.value\n", False),
        ("return max(a.value, b.value)\n", True),
        ("return a.entity if a.value > b.value else b.entity\n", True),
        ('return f"{a.value} {a.unit}"\n', True),
        ('return f"{z.value}"\n', False),
        ("join(a, b)\n", True),
        ("join(z)\n", False),
    ],
)
def test_what_a_line_may_be(line: str, fine: bool) -> None:
    values: dict[str, Type] = {"a": FACT, "b": FACT}
    assert accepts(statement_grammar(ATLAS, values, target="c"), line) is fine


@pytest.mark.parametrize("name", ["when", "in.box", "box.in", "the mayor", "größe"])
def test_a_tool_of_any_name_is_called_as_a_plan_has_to(name: str) -> None:
    tools = {name: Signature(name=name, returns=STR, effect=PURE)}
    grammar = statement_grammar(tools, {}, target="a")
    [line] = [one for one in (f"a = {name}()\n", f"a = `{name}`()\n") if accepts(grammar, one)]
    assert compile_front(line + "return a\n", tools).diagnostics == ()


def test_texts_can_be_held_to_the_words_of_the_question() -> None:
    grammar = statement_grammar(ATLAS, {}, target="a", copy_from="Which is higher, K2 or Mont Blanc?")
    assert accepts(grammar, 'a = lookup("Mont Blanc", "height")\n')
    assert not accepts(grammar, 'a = lookup("Everest", "height")\n')


def test_words_of_the_question_are_escaped() -> None:
    grammar = statement_grammar(ATLAS, {}, target="a", copy_from='Is The "Old" C:\\Mill closed?')
    assert accepts(grammar, r'a = lookup("The \"Old\" C:\\Mill", "height")' + "\n")
    assert not accepts(grammar, 'a = lookup("The "Old", "height")\n')
    assert not accepts(grammar, 'a = lookup("C:\\Mill", "height")\n')


def test_a_plan_without_values_cannot_end_and_one_at_its_bound_must() -> None:
    first = statement_grammar(ATLAS, {}, target="a")
    assert not accepts(first, "join()\n")
    last = statement_grammar(ATLAS, {"a": FACT}, target="b", calls=False)
    assert accepts(last, "return a\n") is False, "a record is no text for a person"
    assert accepts(last, "return a.value\n")
    assert not accepts(last, 'b = search("K2")\n')


@given(st.lists(st.sampled_from([*"abcz", "a1", "price"]), unique=True))
def test_a_new_name_is_free(taken: list[str]) -> None:
    assert next_name(taken) not in taken


def test_more_than_26_values_get_names() -> None:
    names: list[str] = []
    for _ in range(60):
        names.append(next_name(names))
    assert len(set(names)) == 60
    assert names[26] == "a1"
