"""Bounds that are reached while a model writes: the stream is closed, nothing is written, what is known is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

import llmcc
from llmcc.driver.prices import PRICES, Price
from llmcc.driver.unpriced import PriceUnknown
from llmcc.runtime.models import Completion, Request, Scripted, Usage
from llmcc.testing.clock import run_virtual

PLAN = 'a = search("K2")\nb = search("Denali")\nw = send("x")\nc = search(a)\nreturn [a, b, c]\n'
WRITTEN: list[str] = []


@llmcc.tool(effect="read", resource="web", cost_usd=0.25)
async def search(query: str) -> str:
    """Search the web."""
    await trio.sleep(2)
    return f"about {query}"


@llmcc.tool(effect="write", resource="mail", idempotent=False)
async def send(text: str) -> None:
    """Send a mail."""
    WRITTEN.append(text)


TOOLBOX = llmcc.Toolbox(search, send)
VALUES = {"a": "about K2", "b": "about Denali", "w": None, "c": "about about K2"}


class Heedless(Scripted):
    """A server that does not keep to the number of tokens that it is told; it may not tell its usage either. It counts
    what it sent, and the streams that were closed.
    """

    base_url = "http://nowhere"

    def __init__(self, *args: Any, tells: bool = True, **options: Any) -> None:
        super().__init__(*args, **options)
        self.sent = self.closed = 0
        self.tells = tells

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Completion]:
        async with super().stream(replace(request, max_tokens=10**6)) as within:

            async def write() -> AsyncIterator[str]:
                async for chunk in within.chunks:
                    self.sent += 1
                    completion.usage = within.usage if self.tells else Usage(requests=1)
                    yield chunk
                completion.finish = within.finish

            completion = Completion(write(), Usage(requests=1))
            try:
                yield completion
            finally:
                self.closed += 1


def ask(model: Scripted, **bounds: Any) -> llmcc.Answer:
    WRITTEN.clear()
    budget = llmcc.Budget(**bounds)
    return run_virtual(lambda: llmcc.Agent(TOOLBOX, planner=model, budget=budget, max_repairs=0).ask("What?"))


def heedless(*replies: Any, **options: Any) -> Heedless:
    return Heedless(replies, tokens_per_s=1.0, chunks=list, name="dear", **options)


@settings(deadline=None)
@given(
    st.integers(1, len(PLAN)),
    st.sampled_from(["tokens_out", "usd", "seconds"]),
    st.booleans(),
    st.sampled_from([Heedless, Scripted]),
)
def test_a_bound_that_is_reached_within_a_plan_ends_it_there(
    cut: int, name: str, tells: bool, kind: type[Scripted]
) -> None:
    options: dict[str, Any] = {"tokens_per_s": 1.0, "chunks": list, "name": "dear"}
    if kind is Heedless:
        options["tells"] = tells
    model = kind([PLAN], **options)
    # A sign is a token and costs a dollar; so does a second. The calls are cheap.
    bound = {"tokens_out": cut, "usd": cut + 0.9, "seconds": cut + 0.5}[name]
    answer = ask(model, prices={"dear": Price(0.0, 1e6)}, **{name: bound})
    known = answer.outcome.values
    assert known.items() <= VALUES.items()
    assert {"a", "b"} <= known.keys() or cut < PLAN.index("w =") + 4
    if answer.problem is None:
        assert cut >= len(PLAN) - 3
        assert (answer.value, WRITTEN) == ([VALUES["a"], VALUES["b"], VALUES["c"]], ["x"])
        return
    if cut < len(PLAN):
        assert WRITTEN == []
        assert answer.plans == ()
    assert {"tokens_out": "tokens written", "usd": "USD", "seconds": "time limit"}[name] in answer.problem
    assert answer.usage.completion_tokens <= cut + 2
    if isinstance(model, Heedless):
        assert model.sent <= cut + 2
        assert model.closed == 1


def test_the_stream_is_closed() -> None:
    model = heedless(PLAN * 50)
    answer = ask(model, tokens_out=5)
    assert answer.problem == "the budget of 5 tokens written was used up in the middle of an answer"
    assert (model.sent, model.closed) == (6, 1)


def test_the_joiner_is_stopped_too() -> None:
    plan = 'a = search("K2")\njoin(a)\n'
    answer = ask(heedless(plan, "Answer: " + "so " * 1000), tokens_out=len(plan) + 20)
    assert answer.problem is not None
    assert "in the middle of an answer" in answer.problem
    assert answer.outcome.values == {"a": "about K2"}
    assert answer.plans == (plan,)


def test_tokens_of_the_planner_are_told_apart() -> None:
    plan = 'a = search("K2")\njoin(a)\n'
    answer = ask(Scripted([plan, "Answer: so"], chunks=list))
    assert answer.planner.completion_tokens == len(plan)
    assert answer.usage.completion_tokens == len(plan) + len("Answer: so")
    assert answer.usage.prompt_tokens > answer.planner.prompt_tokens > 100
    assert answer.trace(TOOLBOX).usage == answer.usage


def test_tokens_that_nobody_tells_are_estimated_and_that_is_said() -> None:
    answer = ask(heedless("return 1\n", tells=False), prices={"dear": Price(1.0, 1.0)})
    assert answer.planner.completion_tokens == len("return 1\n")
    assert answer.planner.prompt_tokens > 100
    assert answer.estimated
    assert not ask(heedless("return 1\n")).estimated


def test_a_price_that_is_not_known_is_not_zero() -> None:
    plan = 'a = search("K2")\nreturn a\n'
    answer = ask(heedless(plan))
    assert (answer.usd, answer.notes) == (None, ())
    with pytest.raises(PriceUnknown, match=r"no price of dear is known(.*\n)*.*--budget price:dear=2/8"):
        ask(heedless(plan), usd=1)
    assert ask(heedless(plan), usd=1, prices={"dear": Price(1, 1)}).usd is not None
    assert ask(Scripted(["return 1\n"])).usd == 0.0, "a model that runs here costs nothing"
    priced = ask(Heedless(["return 1\n"], name="gpt-4.1"))
    assert priced.usd == PRICES["gpt-4.1"].of(priced.usage) > 0


def test_each_price_has_its_day() -> None:
    for price in PRICES.values():
        year, month, day = map(int, price.as_of.split("-"))
        assert (2026, 1, 1) <= (year, month, day) <= (2026, 12, 31)
        assert 0 < (price.cached or 0) < price.input < price.output
