"""Requests that look at several texts at once, in the toy memory of the engine's tests; and the beam that chooses."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from random import Random

import numpy as np
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
from llmcc.runtime.models import GrammarError, Llama, ModelUnavailable
from llmcc.runtime.models.engine.lanes import Lanes
from llmcc.runtime.models.engine.schedule import Schedule
from llmcc.runtime.models.engine.steps import Limits
from llmcc.runtime.models.llama_beam import DOUBT, LEAST, Beam

ENDS = 3


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


class Words:
    """A grammar that takes some words of the letters 0, 1 and 2, with the interface of llguidance's matcher."""

    def __init__(self, words: frozenset[tuple[int, ...]], begun: tuple[int, ...] = ()) -> None:
        self.words, self.begun = words, begun

    def deep_copy(self) -> Words:
        return Words(self.words, self.begun)

    def _next(self) -> set[int]:
        size = len(self.begun)
        return {word[size] for word in self.words if len(word) > size and word[:size] == self.begun}

    def consume_tokens(self, tokens: list[int]) -> bool:
        for token in tokens:
            assert token in self._next()
            self.begun += (token,)
        return True

    def compute_ff_tokens(self) -> list[int]:
        forced: list[int] = []
        ahead = self.deep_copy()
        while len(ahead._next()) == 1 and ahead.begun not in self.words:
            forced += ahead._next()
            ahead.begun += tuple(ahead._next())
        return forced

    def compute_bitmask(self) -> bytes:
        return bytes([sum(1 << token for token in self._next())])

    def is_accepting(self) -> bool:
        return self.begun in self.words

    def is_stopped(self) -> bool:
        return self.begun in self.words and not self._next()


def scores(seed: int, begun: tuple[int, ...], spread: float) -> np.ndarray:
    draw = Random(f"{seed}/{begun}")
    return np.array([draw.uniform(0, spread) for _ in range(4)], dtype=np.float32)


def wish(logits: np.ndarray, token: int, at: Words) -> float:
    """How much a model wants a token; who wants what the grammar refuses wants to end."""
    refused = [logits[one] for one in range(4) if one not in at._next()]
    return float(max(refused) if token == ENDS else logits[token])


def probability(words: frozenset[tuple[int, ...]], word: tuple[int, ...], logits: Callable[..., np.ndarray]) -> float:
    """The logarithm of a word's, each letter's being that among those that the grammar allows; forced ones are sure."""
    total = 0.0
    begun: tuple[int, ...] = ()
    for token in (*word, ENDS):
        at = Words(words, begun)
        allowed = at._next() | ({ENDS} if at.is_accepting() else set())
        if len(allowed) > 1:
            weights = {one: math.exp(wish(logits(begun), one, at)) for one in allowed}
            total += math.log(weights[token] / sum(weights.values()))
        begun = (*begun, token)
    return total


WORDS = st.frozensets(st.lists(st.integers(0, 2), min_size=1, max_size=4).map(tuple), min_size=1, max_size=12)


def decided(
    words: frozenset[tuple[int, ...]],
    width: int,
    logits: Callable[..., np.ndarray],
    worth: Callable[[list[int]], bool] = lambda _word: True,
) -> tuple[int, ...]:
    beam = Beam(Words(words), width, {ENDS}, worth)
    while (found := beam.decided(100)) is None:
        assert 1 <= len(beam.open) <= width
        for number in reversed(range(len(beam.open))):
            beam.hear(number, logits(tuple(beam.open[number].tokens)))
    return tuple(found.tokens)


@given(WORDS, st.integers(0, 1000))
def test_a_beam_that_is_wide_enough_finds_the_most_probable_word(words: frozenset[tuple[int, ...]], seed: int) -> None:
    logits = partial(scores, seed, spread=1.5)
    found = decided(words, 40, logits)
    assert found in words
    best = max(probability(words, word, logits) for word in words)
    assert probability(words, found, logits) == pytest.approx(best, abs=1e-5)


@given(WORDS, st.integers(0, 1000), st.integers(1, 4))
def test_a_beam_takes_words_of_its_grammar_and_one_way_is_the_greedy_one(
    words: frozenset[tuple[int, ...]], seed: int, width: int
) -> None:
    logits = partial(scores, seed, spread=20)
    assert decided(words, width, logits) in words
    greedy: tuple[int, ...] = ()
    while True:
        at = Words(words, greedy)
        allowed = at._next() | ({ENDS} if at.is_accepting() else set())
        token = max(allowed, key=lambda one: wish(logits(greedy), one, at))
        if token == ENDS:
            break
        greedy = (*greedy, token)
    assert decided(words, 1, logits) == greedy


@given(WORDS, st.integers(0, 1000), st.sampled_from([0.5, 8.0]), st.data())
def test_a_word_that_is_not_worth_it_counts_less(
    words: frozenset[tuple[int, ...]], seed: int, spread: float, data: st.DataObject
) -> None:
    logits = partial(scores, seed, spread=spread)
    doubted = data.draw(st.sets(st.sampled_from(sorted(words))))
    found = decided(words, 40, logits, lambda word: tuple(word) not in doubted)
    likely = {word: probability(words, word, logits) - (DOUBT if word in doubted else 0) for word in words}
    # A way that is too unlikely from the start is not looked at.
    reached = [word for word in words if likely[word] > LEAST]
    assert likely[found] >= max((likely[word] for word in reached), default=-math.inf) - 1e-5


def test_a_grammar_without_a_way_on_is_an_error() -> None:
    beam = Beam(Words(frozenset()), 3, {ENDS})
    with pytest.raises(GrammarError, match="allows nothing"):
        beam.hear(0, np.zeros(4, dtype=np.float32))


def test_a_word_that_is_too_long_is_taken_as_it_stands() -> None:
    beam = Beam(Words(frozenset({(0, 1, 0, 1), (0, 2, 0, 1), (1, 1, 1, 1)})), 2, {ENDS})
    beam.hear(0, np.zeros(4, dtype=np.float32))
    found = beam.decided(2)
    assert found is beam.open[0] or found in beam.done
    assert found is not None


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
