"""What a joiner's text means."""

from __future__ import annotations

import itertools
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark import Lark, UnexpectedInput

from llmcc.driver.joining import Decision, JoinReader, decide


@pytest.mark.parametrize(
    "answer",
    [
        "It is K2 (8,611 m).",
        "Two lines:\n1. K2\n2. Denali",
        "We should not Replan: this word is part of the answer.",
        "It ends with )",
        'He said "join()" and left.',
    ],
)
def test_an_answer_is_taken_whole(answer: str) -> None:
    assert decide(f"Answer: {answer}") == Decision(answer)
    assert decide(answer) == Decision(answer)


def test_a_wish_for_more_has_a_reason() -> None:
    assert decide(" replan: the height\nof K2 ").replan == "the height\nof K2"
    assert decide("Replan:").replan == "no reason given"


@given(st.text())
def test_nothing_of_an_answer_is_lost(text: str) -> None:
    decision = decide("Answer: " + text)
    assert decision == Decision(text.strip())


GRAMMAR = Lark(resources.files("llmcc.grammar").joinpath("joiner.lark").read_text(encoding="utf-8"), parser="lalr")
TEXTS = st.builds(
    "{}{}{}:{}".format,
    st.text(" \n\t", max_size=3),
    st.sampled_from(["Answer", "Replan", "REPLAN", "answer", "Answers", "Re"]),
    st.text(" \t", max_size=2),
    st.text(max_size=20) | st.sampled_from(["", " )\nReplan: x", " join(a)", " two\nlines"]),
)


@given(TEXTS | st.text())
def test_the_grammar_says_the_same(text: str) -> None:
    try:
        tree = GRAMMAR.parse(text)
    except UnexpectedInput:
        assert decide(text) == Decision(text.strip()), "a text without one of the words is an answer"
        return
    word, *rest = (str(token) for token in tree.children)
    said = "".join(rest).strip()
    wanted = Decision(said) if "nswer" in word.lower() else Decision("", said or "no reason given")
    assert decide(text) == wanted


@given(TEXTS | st.text(), st.data())
def test_chunks_make_no_difference(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(text)))))
    edges = [0, *cuts, len(text)]
    reader = JoinReader()
    told = "".join(reader.feed(text[a:b]) for a, b in itertools.pairwise(edges))
    decision = reader.close()
    assert decision == decide(text)
    assert told.strip() in ("", decision.answer), "nothing is told that is not of the answer"


def test_an_answer_is_told_while_it_is_written() -> None:
    reader = JoinReader()
    assert [reader.feed(chunk) for chunk in ("An", "swer", ": ", "It is", " K2")] == ["", "", "", "It is", " K2"]
    reader = JoinReader()
    assert [reader.feed(chunk) for chunk in ("It", " is")] == ["It", " is"]
