"""What a joiner's text means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.driver.joining import Decision, decide


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
