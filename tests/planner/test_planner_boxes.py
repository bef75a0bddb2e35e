"""Boxes of tools written by hand: what is drawn from them compiles, runs, can be written, and has no held-out shape."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from planner.data.__main__ import JOINS, drawn
from planner.data.boxes.apart import held_out_shape
from planner.data.boxes.check import Drawn, check, check_ask, check_copied
from planner.data.boxes.draw import box_episode
from planner.data.boxes.read import HELD_OUT, HERE, Ask, Box, boxes, read, trained_boxes, unseen_boxes
from planner.data.boxes.toolline import read_tool
from planner.data.joins import join_episode, said
from planner.data.sample import Wrong, samples
from planner.evaluate.joins import is_right

from llmcc.frontend.front import compile_front

EPISODES = st.tuples(st.integers(0, 3), st.integers(0, 10_000), st.booleans())


def test_there_are_many_boxes_each_with_a_name_of_its_own() -> None:
    assert len(boxes()) == sum(len(list(read(file))) for file in HERE.glob("*.toml")) >= 100
    assert sum(len(box.asks) for box in boxes().values()) >= 3_000
    assert {box.name for box in trained_boxes()} == set(boxes()) - HELD_OUT
    assert {box.name for box in unseen_boxes()} == HELD_OUT


def test_no_question_has_a_held_out_shape_or_a_slot_that_its_plan_lacks() -> None:
    assert [told for box in boxes().values() for ask in box.asks for told in check_ask(box, ask)] == []


@given(st.sampled_from(sorted(boxes())), st.data())
def test_no_two_slots_of_a_question_are_filled_by_the_same_text(name: str, data: st.DataObject) -> None:
    ask = data.draw(st.sampled_from(boxes()[name].asks))
    words = boxes()[name].filling(data.draw(st.randoms(use_true_random=False)), ask)
    texts = [word for word in words.values() if isinstance(word, str)]
    assert len(set(texts)) == len(texts)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(EPISODES)
def test_what_is_drawn_compiles_runs_and_repeats_itself(episode: tuple[int, int, bool]) -> None:
    seed, index, unseen = episode
    made = box_episode(seed, index, 6, unseen=unseen)
    for one in made:
        assert compile_front(one.plan, one.signatures).diagnostics == ()
        assert 4 <= len(one.signatures) <= 14
    again = box_episode(seed, index, 6, unseen=unseen)
    assert [(one.prompt, one.plan) for one in again] == [(one.prompt, one.plan) for one in made]


@pytest.mark.slow
@pytest.mark.parametrize("file", sorted(HERE.glob("*.toml")), ids=lambda file: file.stem)
def test_a_decoder_that_copies_words_can_write_the_plans_of_a_file(file: Path) -> None:
    for box in read(file):
        if box.name not in HELD_OUT:
            for ask in box.asks[::4]:  # `python -m planner.data.boxes` tries all of them, in all phrasings
                check_copied(Drawn.filled(box, ask.say[0], ask, box.filling(Random(0), ask)))


@pytest.mark.slow
def test_shapes_that_are_held_out_are_known_when_they_are_seen() -> None:
    # Two sources of one figure are told apart by their descriptions alone.
    seen = {s.shape: held_out_shape(s.plan) for s in samples("shapes", 5, 30) if s.shape != "compete_difference"}
    assert seen == {shape: shape for shape in seen} and len(seen) == 6
    assert {held_out_shape(sample.plan) for sample in samples("train", 5, 120)} == {None}


def test_a_box_that_is_wrong_is_told() -> None:
    box = Box("b", (read_tool("left(what: str) -> int"),), {"what": ("ink", "glue")}, ())
    ask = Ask(("How much {what}?", "How much {what2}?"), "a = left({what})\nreturn a")
    assert list(check_ask(box, ask)) == [
        "b: slots ['what', 'what2'] are not in both of question and plan: How much {what2}?"
    ]
    wrong = Drawn("b", "How much ink?", 'a = gone("ink")\nreturn a', box.signatures)
    with pytest.raises(Wrong, match="E0301"):
        check(wrong)
    check_copied(replace(wrong, plan='a = left("ink")\nreturn a'))
    with pytest.raises(Wrong, match="cannot write"):
        check_copied(replace(wrong, plan='a = left("chalk")\nreturn a'))


@pytest.mark.parametrize("line", ["left(what: str)", "left(what) -> int", "left(what: string) -> int", "-> int"])
def test_what_is_no_line_of_a_tool_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        read_tool(line)


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(EPISODES)
def test_joiners_are_asked_what_the_values_answer(episode: tuple[int, int, bool]) -> None:
    seed, index, unseen = episode
    for one in join_episode(seed, index, 6, unseen=unseen):
        assert one.prompt.startswith("Question: ") and one.prompt.endswith("\nAnswer:\n")
        assert one.answer and is_right(one.answer, one.answer)


@given(st.one_of(st.booleans(), st.integers(), st.lists(st.text("abc", min_size=1), max_size=4)))
@example([1.5, None])
def test_an_answer_is_right_as_it_is_said(answer: object) -> None:
    assert is_right(said(answer), said(answer))
    assert is_right(f"{said(answer)}.", said(answer))


def test_data_has_as_many_boxes_as_it_is_told_and_some_of_them_ask_joiners() -> None:
    episodes = [drawn(0, index, 2, 0.5) for index in range(4 * JOINS)]
    names = {box.name for box in trained_boxes()}
    boxed = [e for e in episodes if e.asked and e.asked[0][0].removeprefix("join ") in names]
    assert len(boxed) == 2 * JOINS
    assert sum(e.asked[0][0].startswith("join ") for e in boxed) == 2
