"""Replans: names, numbers and values go on; what is said again stands, what is said differently is made anew."""

from __future__ import annotations

import pytest

from llmcc.driver.news import PlanDone
from llmcc.testing.desk import Desk


def changes(desk: Desk) -> list[tuple[tuple[str, ...], ...]]:
    """What each plan brought that is new, said again, or withdrawn."""
    return [(n.new, n.known, n.withdrawn) for n in desk.news if isinstance(n, PlanDone)]


def test_what_a_replan_says_again_stands() -> None:
    desk = Desk()
    answer = desk.ask('a = search("K2")\njoin(a)\n', "Replan: more", 'a = search("K2")\nb = search(a)\nreturn [a, b]\n')
    assert answer.value == ["about K2", "about about K2"]
    assert desk.log == ["K2", "about K2"]
    assert changes(desk) == [((), (), ()), (("b",), (), ())]


def test_what_a_replan_says_differently_is_made_anew_with_all_that_uses_it() -> None:
    desk = Desk()
    answer = desk.ask(
        'a = search("K2")\nb = search(a)\nc = search("x")\njoin(a)\n',
        "Replan: the other mountain",
        'a = search("Everest")\nreturn [a, c]\n',
    )
    assert answer.value == ["about Everest", "about x"]
    assert changes(desk)[1] == (("a",), (), ("a", "b"))
    assert (answer.repairs, "b" in answer.outcome.values) == (0, False)


def test_calls_in_flight_are_kept_and_changed_ones_cancelled() -> None:
    desk = Desk()
    answer = desk.ask(
        'a = search("K2")\ns = search("slow")\njoin(a)\n', "Replan: more", 't = search("slow")\nreturn t\n'
    )
    assert (answer.value, desk.log) == ("about slow", ["K2", "slow"])
    assert changes(desk)[1] == ((), ("t",), ())
    desk = Desk()
    answer = desk.ask(
        'a = search("K2")\ns = search("slow")\njoin(a)\n', "Replan: more", 's = search("fast")\nreturn s\n'
    )
    assert (answer.value, sorted(desk.log)) == ("about fast", ["K2", "fast", "no slow", "slow"])


def test_what_was_written_is_never_taken_back() -> None:
    desk = Desk()
    answer = desk.ask(
        'w = send("one")\njoin(w)\n', "Replan: more", 'w = send("two")\nreturn w\n', 'v = send("two")\nreturn [w, v]\n'
    )
    assert (answer.value, answer.repairs) == (["one", "two"], 1)
    assert desk.log == ["mail one", "mail two"]
    desk = Desk()
    assert desk.ask('w = send("one")\njoin(w)\n', "Replan: more", 'w = send("one")\nreturn w\n').value == "one"
    assert desk.log == ["mail one"]


def test_steps_that_begin_again_at_one_are_understood() -> None:
    desk = Desk()
    answer = desk.ask(
        '1. search("K2")\n2. join($1)\n', "Replan: more", '1. search("K2")\n2. search($1)\nreturn [$1, $2]\n'
    )
    assert answer.value == ["about K2", "about about K2"]
    assert desk.log == ["K2", "about K2"]


@pytest.mark.parametrize("again", ['a = search("K2")\njoin(a)\n', 'b = search("K2")\njoin()\n', "join()\n"])
def test_a_replan_that_adds_nothing_ends_the_run(again: str) -> None:
    desk = Desk()
    answer = desk.ask('a = search("K2")\njoin(a)\n', "Replan: the height", again, max_replans=9)
    assert answer.problem == "the replan added nothing new; what was wanted: the height"
    assert answer.outcome.values["a"] == "about K2"


def test_values_are_shown_with_their_types() -> None:
    desk = Desk()
    desk.ask('a = search("K2")\njoin(a)\n', "Replan: more", "return a\n")
    assert "a: str = about K2" in desk.planner.requests[2].messages[-1].text
