"""Requests that look at several texts at once, in the toy memory of the engine's tests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random

import pytest
import trio
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from tests.models.test_models_engine import BEGINNINGS, Toy, limits

from llmcc.driver.adapted import adapted_request
from llmcc.frontend.front import compile_front
from llmcc.ir.diagnostics import has_errors
from llmcc.ir.effects import Effect
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import FLOAT, STR
from llmcc.runtime.models import Llama, ModelUnavailable
from llmcc.runtime.models.engine.lanes import Lanes
from llmcc.runtime.models.engine.schedule import Schedule
from llmcc.runtime.models.engine.steps import Limits


@dataclass
class Wide:
    """A request whose texts fork, end and come together again, as its seed has it."""

    prompt: list[int]
    rounds: int
    seed: int
    texts: list[list[int]] = field(default_factory=list)
    heard: set[int] = field(default_factory=set)

    def hear(self, number: int) -> list[list[int]] | None:
        self.heard.add(number)
        if len(self.heard) < max(1, len(self.texts)):
            return None
        self.rounds -= 1
        self.heard.clear()
        draw = Random(f"{self.seed}/{self.rounds}")
        parents = self.texts or [[]]
        ways = range(draw.randint(1, 3))  # no text is the beginning of another: where they part, each has its own token
        self.texts = [[*draw.choice(parents), 10 + way, *draw.choices((0, 1, 2), k=draw.randint(0, 2))] for way in ways]
        return self.texts

    def narrow(self, number: int) -> list[list[int]] | None:
        del self.texts[number]
        self.heard = {heard - (heard > number) for heard in self.heard if heard != number}
        return self.texts if not self.heard else None


class Run:
    """Some of them, on one memory."""

    def __init__(self, limits: Limits, wide: list[Wide]) -> None:
        self.schedule = Schedule(limits)
        self.lanes = Lanes(self.schedule)
        self.toy = Toy(limits)
        self.left = dict(enumerate(wide))
        self.given_up = 0
        for key, one in self.left.items():
            self.schedule.submit(key, one.prompt)

    def lay(self, key: int, texts: list[list[int]] | None) -> None:
        one = self.left[key]
        if one.rounds <= 0:
            self.lanes.end(key)
            self.schedule.end(key)
            del self.left[key]
            return
        while texts is not None:
            refused = self.lanes.lay(key, one.prompt, texts, 0.0)
            if refused is not None:
                assert refused > 0, "one text always has room"
            texts = None if refused is None else one.narrow(refused)

    def step(self) -> None:
        found = self.lanes.cramped()
        if found is not None:
            key, number = found
            assert isinstance(key, int)
            self.given_up += 1
            self.lanes.drop(key, number)
            one = self.left[key]
            texts = one.narrow(number)
            if texts is None and len(one.heard) == len(one.texts):
                texts = one.hear(next(iter(one.heard)))
            self.lay(key, texts)
        step = self.schedule.next_step()
        self.lanes.look()
        if step is None:
            assert self.lanes.cramped() is not None or not self.left, "nothing goes on, and nothing waits"
            return
        for key, held in self.toy.decode(step).items():
            owner, number = self.lanes.owner(key)
            assert isinstance(owner, int)
            one = self.left[owner]
            assert held == [*one.prompt, *(one.texts[number] if one.texts else [])]
            self.lay(owner, one.hear(number))


WIDE = st.builds(
    Wide,
    st.builds(lambda a, b: [*a, *b], st.sampled_from(BEGINNINGS), st.lists(st.integers(0, 2), min_size=1, max_size=5)),
    st.integers(1, 6),
    st.integers(0, 10_000),
)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(limits(), st.lists(WIDE, min_size=1, max_size=6))
def test_each_text_is_decoded_as_it_is_and_all_come_to_an_end(limits: Limits, wide: list[Wide]) -> None:
    """However little room there is: then texts are given up, but never the last one."""
    limits = replace(limits, share=True, rewinds=True)
    assume(all(len(one.prompt) + 3 * one.rounds <= limits.cells for one in wide))
    run = Run(limits, wide)
    for steps in count():
        if not run.left:
            break
        run.step()
        assert steps < 2000, "they do not come to an end"
    assert not run.schedule.live
    assert not run.schedule.waiting
    event(f"texts given up for want of room: {min(run.given_up, 3)}")


# -- the model that comes along ----------------------------------------------------------------------------------------

TOOLS = {
    name: Signature(name=name, parameters=(Parameter("of", STR),), returns=FLOAT, effect=Effect("read", ()))
    for name in ("height", "weight", "age_now")
}
QUESTIONS = (
    "How heavy is Anna?",
    "How old is Bo?",
    "Is Anna taller than Bo?",
    "How tall are Anna, Bo and Cy together?",
)


@pytest.fixture(scope="module")
def model() -> Iterator[Llama]:
    pytest.importorskip("llama_cpp")
    try:
        model = Llama(parallel=3, n_ctx=640, keep=False)
    except ModelUnavailable as error:
        pytest.skip(str(error))
    yield model
    model.close()


async def plan(model: Llama, question: str, plans: dict[str, str], beam: int = 3) -> None:
    async with model.stream(replace(adapted_request(question, TOOLS, copy=True), beam=beam)) as completion:
        plans[question] = "".join([chunk async for chunk in completion.chunks])
    assert completion.finish == "stop"
    assert completion.usage.completion_tokens >= 3


async def at_once(model: Llama, cancelled: str | None) -> dict[str, str]:
    plans: dict[str, str] = {}
    async with trio.open_nursery() as nursery:
        for question in QUESTIONS:
            if question != cancelled:
                nursery.start_soon(plan, model, question, plans)
        if cancelled:
            with trio.CancelScope() as scope:
                async with model.stream(adapted_request(cancelled, TOOLS, copy=True)) as completion:
                    async for _ in completion.chunks:
                        scope.cancel()
    return plans


@pytest.mark.slow
def test_plans_of_several_ways_compile_however_many_are_written_at_once(model: Llama) -> None:
    """Also where there is room for few, and where one of them is cancelled when its first line is there."""
    for cancelled in (None, QUESTIONS[2]):
        plans = trio.run(at_once, model, cancelled)
        assert plans.keys() == set(QUESTIONS) - {cancelled}
        for text in plans.values():
            assert not has_errors(compile_front(text, TOOLS).diagnostics)
    alone: dict[str, str] = {}
    trio.run(plan, model, QUESTIONS[0], alone, 1)
    assert alone[QUESTIONS[0]].endswith("\n")
