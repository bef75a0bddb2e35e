"""Budgets: refused before the run where the bounds say so, and kept during it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

import llmcc
from llmcc.driver import cli
from llmcc.driver.budget import NAMES, OverBudget, over_budget, parse_budget
from llmcc.driver.prices import Price
from llmcc.ir.diagnostics import explanation
from llmcc.runtime.limits import Limits
from llmcc.runtime.models import Scripted, Usage
from llmcc.testing.clock import run_virtual

COUNTED: list[str] = []


@llmcc.tool(effect="read", resource="web", cost_usd=0.1, latency="1s")
async def search(query: str) -> list[str]:
    """Search the web."""
    COUNTED.append(query)
    await trio.sleep(1)
    return [query] * 5


@llmcc.tool(effect="write", resource="mail", idempotent=False)
async def send(text: str) -> None:
    """Send a mail."""
    COUNTED.append(f"mail {text}")


TOOLBOX = llmcc.Toolbox(search, send)


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    COUNTED.clear()


def ask(*replies: Any, **bounds: Any) -> llmcc.Answer:
    agent = llmcc.Agent(TOOLBOX, planner=Scripted(replies, name="gpt-4.1"), budget=llmcc.Budget(**bounds))
    return run_virtual(lambda: agent.ask("What?"))


PLAN = 'a = search("K2")\nb = search("Denali")\nw = send("x")\nreturn [a, b]\n'


@pytest.mark.parametrize(
    ("bounds", "codes"),
    [
        ({"calls": 3}, []),
        ({"calls": 2}, ["E0803"]),
        ({"usd": 0.2}, []),
        ({"usd": 0.19}, ["E0804"]),
        ({"calls": 0, "usd": 0}, ["E0803", "E0804"]),
        ({}, []),
    ],
)
def test_a_plan_is_compared_with_a_budget_before_it_runs(bounds: dict[str, Any], codes: list[str]) -> None:
    program = llmcc.compile(PLAN, TOOLBOX)
    found = over_budget(program.module, program.signatures, llmcc.Budget(**bounds))
    assert [d.code for d in found] == codes
    assert all(explanation(code) for code in codes)


def test_time_is_compared_where_it_is_declared() -> None:
    text = 'a = search("K2")\nb = search(a[0])\nreturn b\n'
    program = llmcc.compile(text, TOOLBOX)
    assert over_budget(program.module, program.signatures, llmcc.Budget(seconds=2)) == []
    (found,) = over_budget(program.module, program.signatures, llmcc.Budget(seconds=1.5))
    assert found.code == "E0805"
    undeclared = llmcc.compile('w = send("x")\nreturn w\n', TOOLBOX)
    assert over_budget(undeclared.module, undeclared.signatures, llmcc.Budget(seconds=0)) == []


def test_width_is_that_of_one_map() -> None:
    program = llmcc.compile('return [search(q) for q in ["a", "b", "c"]]\n', TOOLBOX)
    (found,) = over_budget(program.module, program.signatures, llmcc.Budget(width=2))
    assert (found.code, found.span.line) == ("E0806", 1)
    unknown = llmcc.compile('return [search(q) for q in search("a")]\n', TOOLBOX)
    assert over_budget(unknown.module, unknown.signatures, llmcc.Budget(width=2, calls=3)) == []
    answer = ask('return [search(q) for q in search("a")]\n', width=2)
    assert answer.problem is not None
    assert COUNTED == ["a"]


def test_a_run_spends_no_more_than_it_may() -> None:
    program = llmcc.compile('xs = search("a")\nreturn [search(q) for q in xs]\n', TOOLBOX)
    outcome = run_virtual(lambda: llmcc.run(program, max_usd=0.3))
    assert len(COUNTED) == 3
    assert outcome.errors[0].error == "LimitExceeded"
    assert outcome.values["xs"] == ["a"] * 5


@given(st.integers(0, 8), st.integers(0, 8))
def test_no_run_makes_more_calls_or_spends_more(calls: int, cents: int) -> None:
    COUNTED.clear()
    program = llmcc.compile('xs = search("a")\nreturn [search(q) for q in xs]\n', TOOLBOX)
    run_virtual(lambda: llmcc.run(program, max_calls=calls, max_usd=cents / 10))
    assert len(COUNTED) == min(calls, cents, 6)


def test_an_agents_plan_that_cannot_keep_to_the_budget_writes_nothing() -> None:
    answer = ask(PLAN, calls=2)
    assert answer.problem == "E0803: the plan makes at least 3 calls, and the budget allows 2"
    assert "mail x" not in COUNTED


def test_a_second_plan_has_what_the_first_one_left() -> None:
    answer = ask('a = search("K2")\njoin(a)\n', "Replan: more", 'b = search("x")\nc = search("y")\nreturn c\n', calls=2)
    assert answer.problem == "E0803: the plan makes at least 2 calls, and the budget allows 1"
    assert answer.outcome.values["a"] == ["K2"] * 5


def test_tokens_end_a_question_with_what_is_known() -> None:
    plan = 'a = search("K2")\njoin(a)\n'
    answer = ask(plan, "Answer: so", tokens_out=10)
    assert answer.problem == "the budget of 10 tokens written is used up (10 tokens written)"
    answer = ask(plan, "Answer: so", tokens_in=20)
    assert answer.problem is not None
    assert answer.problem.startswith("the budget of 20 tokens read is used up")
    assert answer.outcome.values == {"a": ["K2"] * 5}
    assert answer.usage.requests == 1


def test_dollars_are_those_of_models_and_tools() -> None:
    answer = ask('a = search("K2")\njoin(a)\n', "Answer: so")
    assert answer.usd == pytest.approx(0.1 + Price(2.0, 8.0, 0.5).of(answer.usage))
    dear = {"gpt-4.1": Price(1e6, 1e6)}
    plain = ask("return 1\n", prices=dear)
    assert plain.usd == plain.usage.prompt_tokens + plain.usage.completion_tokens
    answer = ask('a = search("K2")\njoin(a)\n', "Answer: so", usd=1.0, prices=dear)
    assert answer.problem is not None
    assert "USD" in answer.problem


def test_time_and_replans_are_bounded() -> None:
    assert ask('a = search("K2")\nreturn a\n', seconds=0.5).problem == "the time limit of 0.5 s was reached"
    answer = ask('a = search("K2")\njoin(a)\n', "Replan: more", replans=0)
    assert answer.problem == "the joiner gave no answer: it wants more"


def test_prices_count_what_came_out_of_a_cache() -> None:
    usage = Usage(prompt_tokens=1000, cached_tokens=400, completion_tokens=10)
    assert Price(2.0, 8.0, 0.5).of(usage) == pytest.approx((600 * 2 + 400 * 0.5 + 10 * 8) / 1e6)
    assert Price(2.0, 8.0).of(usage) == pytest.approx((1000 * 2 + 10 * 8) / 1e6)
    assert llmcc.Budget().model_usd("a model of nobody", usage) is None


def test_a_budget_is_read_from_texts() -> None:
    dear = {"a=b:c": Price(2, 8), "d": Price(1, 2, 0.5)}
    assert parse_budget(["price:a=b:c=2/8", "price:d=1/2/0.5"]) == llmcc.Budget(prices=dear)
    for wrong in ("price:d", "price:d=1", "price:d=1/2/3/4", "price:d=a/b", "price:d=-1/2", "price:d=1/inf"):
        with pytest.raises(ValueError, match="gives no price"):
            parse_budget([wrong])
    assert parse_budget(["calls=3", "usd=0.5", "tokens-in=10"]) == llmcc.Budget(calls=3, usd=0.5, tokens_in=10)
    for wrong in ("x=1", "calls=a", "calls", "calls=-1"):
        with pytest.raises(ValueError):
            parse_budget([wrong])
    assert "calls" in NAMES
    with pytest.raises(OverBudget):
        llmcc.Budget(tokens_in=0).require(Usage(), 0.0)
    assert llmcc.Budget(calls=5).limits(Limits(max_calls=2)).max_calls == 2


GUARDED = [str(Path(__file__).parents[2] / "examples" / "guarded" / name) for name in ("plan.txt", "tools.py")]


def test_the_command_refuses_a_plan_beyond_its_budget(capsys: pytest.CaptureFixture[str]) -> None:
    args = ["run", GUARDED[0], "--tools", GUARDED[1], "--budget"]
    assert cli.invoke([*args, "calls=3"]) == 1
    assert "error[E0803]: the plan may make 4 calls, and the budget allows 3" in capsys.readouterr().err
    assert cli.invoke([*args, "calls=4"]) == 0
    assert json.loads(capsys.readouterr().out)["before"] == 3
    assert cli.invoke([*args, "cals=4"]) == 2


@pytest.mark.parametrize("said", ["y\n", "n\n"])
def test_on_a_terminal_the_command_asks(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(said))
    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setattr("sys.stdout", Terminal())
    args = ["run", GUARDED[0], "--tools", GUARDED[1], "--json", "--budget", "calls=1"]
    assert cli.invoke(args) == 1
    assert isinstance(sys.stdout, Terminal)
    assert ('"values"' in sys.stdout.getvalue()) == (said == "y\n"), "it runs, and ends where the budget does"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True
