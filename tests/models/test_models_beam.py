"""The beam and the guide that it goes by, over small languages: answers of several segments, each of a few words."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.runtime.models import GrammarError
from llmcc.runtime.models.llama_beam import Beam, Branch
from llmcc.runtime.models.llama_guide import Guide

ENDS = 3
#: A vocabulary of the letters 0, 1 and 2, and a token by which the model ends.
MODEL: Any = SimpleNamespace(end_tokens={ENDS}, piece=lambda token: str(token).encode())


class Words:
    """A grammar that takes some words, with the interface of llguidance's matcher."""

    def __init__(self, words: frozenset[str], begun: str = "") -> None:
        self.words, self.begun = words, begun

    def deep_copy(self) -> Words:
        return Words(self.words, self.begun)

    def next(self) -> set[int]:
        size = len(self.begun)
        return {int(word[size]) for word in self.words if len(word) > size and word.startswith(self.begun)}

    def consume_tokens(self, tokens: list[int]) -> bool:
        for token in tokens:
            assert token in self.next()
            self.begun += str(token)
        return True

    def compute_ff_tokens(self) -> list[int]:
        ahead = self.deep_copy()
        while len(ahead.next()) == 1 and not ahead.is_accepting():
            ahead.consume_tokens([*ahead.next()])
        return [int(letter) for letter in ahead.begun[len(self.begun) :]]

    def compute_bitmask(self) -> bytes:
        return bytes([sum(1 << token for token in self.next())])

    def is_accepting(self) -> bool:
        return self.begun in self.words

    def is_stopped(self) -> bool:
        return self.is_accepting() and not self.next()

    def stop_reason(self) -> str:
        return "NoExtension"

    def get_error(self) -> str:
        return ""


@dataclass
class Story:
    """A constraint: as many segments as there are chapters, whose words depend on how long the one before was."""

    chapters: list[list[frozenset[str]]]
    doubted: Mapping[str, float] = field(default_factory=dict)
    written: tuple[str, ...] = ()

    def words(self) -> frozenset[str] | None:
        if len(self.written) == len(self.chapters):
            return None
        ways = self.chapters[len(self.written)]
        return ways[len(self.written[-1]) % len(ways) if self.written else 0]

    def next_grammar(self) -> str | None:
        words = self.words()
        return None if words is None else json.dumps(sorted(words))

    def accept(self, segment: str) -> None:
        words = self.words()
        assert words is not None and segment in words
        self.written += (segment,)

    def doubt(self, segment: str) -> float:
        return self.doubted.get(segment, 0.0)

    def copy(self) -> Story:
        return Story(self.chapters, self.doubted, self.written)

    def all(self) -> Iterator[Story]:
        """All ways to write it."""
        words = self.words()
        if words is None:
            yield self
        for word in words or ():
            yield from Story(self.chapters, self.doubted, (*self.written, word)).all()


class ByWords(Guide):
    """Goes by those grammars instead of llguidance's."""

    def _compile(self, grammar: str) -> Words:
        return Words(frozenset(json.loads(grammar)))


@dataclass(frozen=True)
class Reader:
    """What a model makes of a text: the same for the same text."""

    seed: int
    spread: float

    def scores(self, text: str) -> np.ndarray:
        draw = Random(f"{self.seed}/{text}")
        return np.array([draw.uniform(0, self.spread) for _ in range(4)], dtype=np.float32)

    def wishes(self, text: str, at: Words) -> dict[int, float]:
        """How much it wants each token that may come; who wants what the grammar refuses wants to end."""
        scores = self.scores(text)
        wanted = {token: float(scores[token]) for token in at.next()}
        if at.is_accepting():
            wanted[ENDS] = float(max(scores[token] for token in range(4) if token not in at.next()))
        return wanted

    def worth(self, story: Story) -> float:
        """The logarithm of a story's probability, letter by letter among those that may come, less its doubts."""
        total, before = 0.0, Story(story.chapters, story.doubted)
        for word in story.written:
            words = before.words()
            assert words is not None
            for at in range(len(word) + 1):
                wishes = self.wishes("".join(before.written) + word[:at], Words(words, word[:at]))
                if len(wishes) > 1:
                    chosen = ENDS if at == len(word) else int(word[at])
                    total += wishes[chosen] - math.log(sum(map(math.exp, wishes.values())))
            total -= story.doubt(word)
            before.accept(word)
        return total


def begun(story: Story, width: int, room: int = 100, behind: float = math.inf) -> Beam:
    """A beam at the beginning of a story, which is a choice."""
    return Beam(ByWords(MODEL, story), width, room, behind)


def read_on(beam: Beam, reader: Reader) -> None:
    for number in reversed(range(len(beam.open))):
        beam.hear(number, reader.scores("".join(map(str, beam.open[number].tokens))))


def decided(beam: Beam, reader: Reader) -> Branch:
    while (found := beam.decided()) is None:
        assert 1 <= len(beam.open) <= beam.width
        read_on(beam, reader)
    return found


def story_of(branch: Branch) -> Story:
    return cast(Story, cast(Guide, branch.course)._constraint)


WORDS = st.frozensets(st.text("012", min_size=1, max_size=4), min_size=1, max_size=5)
#: Stories with something to choose: what is forced from the start to the end needs no beam.
STORIES = st.builds(
    Story,
    st.builds(
        lambda first, others: [[first], *others],
        st.frozensets(st.text("012", min_size=1, max_size=4), min_size=2, max_size=5).filter(
            lambda words: len({word[0] for word in words}) > 1
        ),
        st.lists(st.lists(WORDS, min_size=1, max_size=2), max_size=2),
    ),
    st.dictionaries(st.text("012", min_size=1, max_size=2), st.sampled_from([0.5, 6.0]), max_size=4),
)
READERS = st.builds(Reader, st.integers(0, 1000), st.sampled_from([1.5, 20.0]))


@given(STORIES, st.integers(0, 1000))
def test_a_beam_that_is_wide_enough_finds_the_best_answer_as_a_whole(story: Story, seed: int) -> None:
    reader = Reader(seed, 1.5)
    found = decided(begun(story, 1000), reader)
    best = max(map(reader.worth, story.all()))
    assert reader.worth(story_of(found)) == pytest.approx(best, abs=1e-4)
    assert found.score == pytest.approx(best, abs=1e-4)


@given(STORIES, READERS, st.integers(1, 4), st.sampled_from([0.5, 4.0, math.inf]))
def test_whatever_its_width_a_beam_takes_an_answer_of_its_grammars(
    story: Story, reader: Reader, width: int, behind: float
) -> None:
    beam = begun(story, width, behind=behind)
    found = decided(beam, reader)
    answers = {one.written for one in story.all()}
    assert story_of(found).written in answers
    assert "".join(map(str, found.tokens)) == "".join(story_of(found).written)
    assert story.written == (), "the constraint itself was not told"


@given(STORIES, READERS)
def test_one_way_is_the_greedy_one(story: Story, reader: Reader) -> None:
    at = story.copy()
    while (words := at.words()) is not None:
        word = ""
        while (wishes := reader.wishes("".join(at.written) + word, Words(words, word))) and (
            token := max(wishes, key=lambda one: wishes[one])
        ) != ENDS:
            word += str(token)
        at.accept(word)
    beam = begun(story, 1)
    assert story_of(decided(beam, reader)).written == at.written


@given(STORIES, READERS, st.integers(1, 4), st.sampled_from([0.5, 4.0, math.inf]), st.integers(1, 12))
def test_what_all_ways_begin_with_stays_so_and_room_is_kept(
    story: Story, reader: Reader, width: int, behind: float, room: int
) -> None:
    beam = begun(story, width, room=room, behind=behind)
    agreed: list[int] = []
    while (found := beam.decided()) is None:
        assert beam.agreed()[: len(agreed)] == agreed
        agreed = beam.agreed()
        read_on(beam, reader)
    assert found.tokens[: len(agreed)] == agreed
    assert len(found.tokens) <= room
    assert found is (beam.done or beam.cut)
    assert found is not beam.done or found.course.complete


@given(STORIES, READERS, st.data())
def test_a_way_that_is_given_up_for_want_of_room_is_not_awaited(
    story: Story, reader: Reader, data: st.DataObject
) -> None:
    beam = begun(story, 4)
    while (found := beam.decided()) is None:
        while len(beam.open) > 1 and beam.decided() is None and data.draw(st.booleans()):
            beam.drop(data.draw(st.integers(0, len(beam.open) - 1)))
        if beam.decided() is None:
            read_on(beam, reader)
    assert story_of(found).written in {one.written for one in story.all()}


def test_an_end_that_never_comes_is_cut_off() -> None:
    class Endless(Story):
        def words(self) -> frozenset[str] | None:
            return frozenset({"0", "1"} if not self.written else {"01"})

        def copy(self) -> Endless:
            return Endless([], written=self.written)

    beam = begun(Endless([]), 3, room=50)
    found = decided(beam, Reader(0, 1.0))
    assert found is beam.cut and len(found.tokens) == 50


def test_a_grammar_without_a_way_on_is_an_error() -> None:
    beam = Beam(ByWords(MODEL, Story([[frozenset()]])), 3, 10)
    with pytest.raises(GrammarError, match="allows nothing"):
        beam.hear(0, np.zeros(4, dtype=np.float32))
