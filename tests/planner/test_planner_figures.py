"""Questions about figures: what is drawn compiles, runs, can be written by a decoder, and has no held-out shape."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planner.data.__main__ import drawn
from planner.data.boxes.apart import held_out_shape
from planner.data.boxes.check import Drawn, check_copied
from planner.data.boxes.toolline import read_tool
from planner.data.figures.asker import Asker
from planner.data.figures.desk import Desk
from planner.data.figures.draw import figure_episode
from planner.data.figures.read import table
from planner.data.scene import Unfit

from llmcc.frontend.front import compile_front

PLACES = st.tuples(st.integers(0, 3), st.integers(0, 10_000))


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(PLACES)
def test_what_is_drawn_compiles_runs_and_repeats_itself(place: tuple[int, int]) -> None:
    made = figure_episode(*place, 8)
    for one in made:
        assert compile_front(one.plan, one.signatures).diagnostics == ()
        assert held_out_shape(one.plan) is None
        assert len(one.signatures) <= 20 and not set("{}[]") & set(one.question)
    assert [(one.prompt, one.plan) for one in figure_episode(*place, 8)] == [(one.prompt, one.plan) for one in made]


@pytest.mark.slow
@settings(max_examples=6, deadline=None, derandomize=True)
@given(PLACES)
def test_a_decoder_that_copies_words_can_write_every_plan(place: tuple[int, int]) -> None:
    for one in figure_episode(*place, 4):
        check_copied(one)


def test_a_decoder_can_write_a_field_whose_name_begins_as_another_does() -> None:
    tool = read_tool("size(of: str) -> {name: str, number: float}")
    plan = 'a = size("Po")\nb = size("Don")\nreturn max([a, b], by="number").name'
    check_copied(Drawn("b", "Which is longer, Po or Don?", plan, {tool.name: tool}))


def test_every_figure_is_asked_for_and_every_text() -> None:
    for one in table().figure.values():
        assert one.words or one.more, one.names
        assert one.range[0] < one.range[1]
    for text in table().text.values():
        assert text.leads in (*table().kind, "") and all(ask.count("[") == 1 for ask in text.ask)


def test_data_has_as_many_episodes_about_figures_as_it_is_told() -> None:
    shapes = Counter(drawn(0, index, 1, 0.5, 0.25).asked[0][0] for index in range(32))
    assert shapes["figures"] == 8


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(PLACES)
def test_nobody_adds_up_years_or_what_makes_no_sum(place: tuple[int, int]) -> None:
    """Whatever is added up or averaged is a figure of which that makes sense, whichever others the tools know."""
    desk = Desk(Random(repr(place)), Random(repr(place)).sample(sorted(table().figure), 5), [], together=True)
    asker = Asker(Random(repr(place)), desk)
    for ask, fits in ((asker.total, {n for n, of in desk.figures.items() if of.sums}), (asker.average, None)):
        allowed = fits if fits is not None else {n for n, of in desk.figures.items() if not of.year}
        try:
            asked = ask()
        except Unfit:
            assert not allowed
            continue
        assert asked is not None
        assert any(desk.call(name, "x").split('"')[1] in asked[1] for name in allowed)
