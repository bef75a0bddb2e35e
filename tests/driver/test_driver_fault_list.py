"""What is known to go wrong in agents that plan: each is played here, ends, and loses or guesses nothing."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import llmcc
from llmcc.runtime.limits import Limits
from llmcc.runtime.models import Cut, ModelUnavailable, Scripted, StreamBroken
from llmcc.testing.clock import run_virtual


@llmcc.tool(effect="read", resource="web")
async def search(query: str, limit: int = 1) -> str:
    """Search the web."""
    await trio.sleep(1)
    return f"about {query}"


@llmcc.tool(effect="read", resource="web")
async def price() -> str:
    """A text that looks like a reference."""
    return "$1 costs ${1}"


@llmcc.tool(effect="read", resource="web")
async def boom() -> str:
    """Fail."""
    raise RuntimeError("no power")


TOOLBOX = llmcc.Toolbox(search, price, boom)


def ask(*replies: Any, chunks: Any = None, **options: Any) -> llmcc.Answer:
    planner = Scripted(replies) if chunks is None else Scripted(replies, chunks=chunks)
    agent = llmcc.Agent(TOOLBOX, planner=planner, limits=Limits(deadline_s=60.0), **options)

    async def main() -> llmcc.Answer:
        with trio.fail_after(100):
            return await agent.ask("What?")

    return run_virtual(main)


def test_a_tool_that_raises_is_told() -> None:
    assert ask("a = boom()\nreturn a\n").problem == "RuntimeError: no power"


def test_a_wrong_number_of_arguments_is_repaired() -> None:
    answer = ask('a = search("K2", 1, 2, 3)\nreturn a\n', 'a = search("K2")\nreturn a\n')
    assert (answer.value, answer.repairs) == ("about K2", 1)


def test_an_unknown_tool_is_repaired() -> None:
    answer = ask('a = wikipedia("K2")\nreturn a\n', 'a = search("K2")\nreturn a\n')
    assert (answer.value, answer.repairs) == ("about K2", 1)


@pytest.mark.parametrize("error", [ModelUnavailable("HTTP 400"), ModelUnavailable("HTTP 500"), StreamBroken("cut")])
def test_a_models_server_that_fails_is_an_error(error: Exception) -> None:
    for replies in ([error], [Cut('a = search("K2")\n', error)], ['a = search("K2")\njoin(a)\n', error]):
        with pytest.raises(type(error)):
            ask(*replies)


@pytest.mark.parametrize(
    ("plan", "value"),
    [
        ('1. search("K2"\n2. search($1)\nreturn $2\n', "about about K2"),
        ('1) search("K2")\nreturn $1\n', "about K2"),
        ('a = search("K\n2")\nreturn a\n', "about K\n2"),
        ('a = search("K2") b = search(a)\nreturn b\n', "about about K2"),
        ('a = search(query="K2", limit=3)\nreturn a\n', "about K2"),
        ('a = search(search("K2"))\nreturn a\n', "about about K2"),
        ('a = search("x")\nb = search("$1 costs $100")\nreturn b\n', "about $1 costs $100"),
        ('1. search("K2")\n2. price()\nreturn f"{$2}"\n', "$1 costs ${1}"),
        ('return [true, null, {"a": [1]}]\n', [True, None, {"a": [1]}]),
    ],
)
def test_what_planners_write_is_read_as_meant(plan: str, value: Any) -> None:
    answer = ask(plan)
    assert (answer.value, answer.problem, answer.repairs) == (value, None, 0)


@pytest.mark.parametrize("plan", ["a = search(b)\nb = search(1)\n", 'a = search("x")\na = search("y")\n', "I cannot."])
def test_what_makes_no_sense_is_told_and_not_guessed(plan: str) -> None:
    answer = ask(plan, max_repairs=0)
    assert answer.problem is not None
    assert "E0" in answer.problem or "no plan" in answer.problem


def test_a_plan_without_a_join_is_joined() -> None:
    assert ask('a = search("K2")\n', "Answer: so").text == "so"


def test_a_whole_plan_in_one_chunk_loses_nothing() -> None:
    plan = 'a = search("K2")\nb = search(a)\nreturn [a, b]'
    assert ask(plan, chunks=lambda text: [text]).value == ["about K2", "about about K2"]


@pytest.mark.parametrize("step", ["3. search($1)", "search($1)", "1. search($1)", "more = search($1)"])
def test_a_replan_goes_on_with_numbers_and_values(step: str) -> None:
    answer = ask('1. search("K2")\n2. join($1)\n', "Replan: more", f"{step}\njoin()\n", "Answer: so", max_repairs=0)
    if step.startswith("1."):
        assert answer.problem is not None, "a step cannot be made of itself"
        return
    assert answer.text == "so"
    assert "about about K2" in [*answer.outcome.values.values()]


@pytest.mark.parametrize(
    "text", ["It is K2 (8,611 m) :)", "First:\n1. K2)\n2. Denali", "To replan is not needed.\nReplan: no", "join(a)"]
)
def test_a_joiners_answer_is_taken_whole(text: str) -> None:
    for written in (text, f"Answer: {text}"):
        assert ask('a = search("K2")\njoin(a)\n', written).text == text
