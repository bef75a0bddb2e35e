"""Plans with mistakes: what has one cure is mended, the rest is asked for, and what stands has started and goes on."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.driver.draft import Draft
from llmcc.driver.news import PlanMended, PlanRefused
from llmcc.frontend.scope import Scope
from llmcc.ir.digest import digest
from llmcc.ir.ops import Module
from llmcc.testing.desk import Desk
from llmcc.testing.fuzz import TOOLS

PLAN = 'a = search("K2")\nb = search("Denali")\nc = find("x")\nreturn [a, b]\n'


def test_a_line_with_one_cure_is_mended_without_the_model() -> None:
    desk = Desk()
    answer = desk.ask('a = serch("K2")\nb = search("Denali"\nreturn [a, b\n')
    assert answer.value == ["about K2", "about Denali"]
    assert (answer.repairs, answer.mended, len(desk.planner.requests)) == (0, 3, 1)
    assert answer.plans == ('a = search("K2")\nb = search("Denali")\nreturn [a, b]\n',)
    told = [n for n in desk.news if isinstance(n, PlanMended)]
    assert told[0] == PlanMended('a = serch("K2")', 'a = search("K2")', ("E0301",))


def test_what_stands_before_a_bad_line_goes_on_and_only_the_rest_is_written_again() -> None:
    desk = Desk()
    answer = desk.ask(PLAN, "return [a, b]\n")
    assert answer.value == ["about K2", "about Denali"]
    assert desk.log == ["K2", "Denali"], "nothing was cancelled, nothing started twice"
    assert 'These lines of it stand, and their calls have started:\na = search("K2")' in desk.complaint
    assert answer.repairs == 1


def test_a_model_that_repeats_what_stands_is_understood() -> None:
    desk = Desk()
    answer = desk.ask(PLAN, 'Sorry:\n```\na = search("K2")\n\nb = search("Denali")\nreturn b\n```\n')
    assert (answer.value, desk.log) == ("about Denali", ["K2", "Denali"])


def test_a_model_that_writes_the_plan_anew_keeps_what_it_says_again() -> None:
    desk = Desk()
    answer = desk.ask(PLAN, 'a = search("Everest")\nb = search("Denali")\nreturn [a, b]\n')
    assert answer.value == ["about Everest", "about Denali"]
    assert sorted(desk.log) == ["Denali", "Everest", "K2", "no K2"]


def test_what_uses_a_changed_value_is_made_anew() -> None:
    desk = Desk()
    plan = 'a = search("K2")\nb = search(a) when len(a) > 1\nc = find("x")\n'
    answer = desk.ask(plan, 'a = search("Everest")\nb = search(a) when len(a) > 1\nreturn b\n')
    assert answer.value == "about about Everest"


def test_what_is_not_said_again_is_given_up() -> None:
    desk = Desk()
    answer = desk.ask('w = send("hello")\n' + PLAN, 'a = search("Everest")\nreturn a\n')
    assert answer.value == "about Everest"
    assert "mail hello" not in desk.log
    assert {"no K2", "no Denali"} <= {*desk.log}


def test_a_write_is_held_until_the_rest_of_its_plan_is_there() -> None:
    desk = Desk()
    answer = desk.ask('w = send("hello")\n' + PLAN, 'w = send("hello")\nreturn w\n')
    assert (answer.problem, desk.log.count("mail hello")) == (None, 1)
    desk = Desk()
    answer = desk.ask('w = send("hello")\n' + PLAN, "d = find(1)\n", max_repairs=1)
    assert answer.problem is not None
    assert "mail hello" not in desk.log


def test_a_plan_that_was_cut_off_is_written_on() -> None:
    desk = Desk()
    answer = desk.ask('a = search("K2")\nreturn [a, a, a, a]\n', "return a\n", max_plan_tokens=12)
    assert (answer.value, answer.repairs) == ("about K2", 1)


def test_a_name_that_comes_later_is_not_mistaken_for_its_neighbour() -> None:
    desk = Desk()
    text = 'priceA = search("A")\nboth = search(prices)\nprices = search("B")\nreturn both\n'
    desk.ask(text, "return 1\n")
    assert [type(n) for n in desk.news if isinstance(n, PlanMended | PlanRefused)] == [PlanRefused]
    assert "used before it is defined" in desk.complaint


def test_repairs_end_with_what_is_known() -> None:
    desk = Desk()
    answer = desk.ask(PLAN, "d = find(1)\n", "e = find(2)\n", max_repairs=2)
    assert answer.problem is not None
    assert answer.problem.startswith("the planner wrote no plan that compiles")
    assert answer.repairs == 3


DAMAGED = 'a = serch("K2")\r\nb = math(f"{a[0].height_m} + 1"\nc = search("a\nb", 3)\nreturn [b, c[0].title\n'


@given(st.data())
def test_chunks_make_no_difference_to_what_is_mended(data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(DAMAGED) - 1))))
    edges = [0, *cuts, len(DAMAGED)]
    whole, pieces = drafted([DAMAGED]), drafted([DAMAGED[a:b] for a, b in itertools.pairwise(edges)])
    assert whole == pieces
    assert (
        whole[0]
        == 'a = search("K2")\r\nb = math(f"{a[0].height_m} + 1")\nc = search("a\\nb", 3)\nreturn [b, c[0].title]\n'
    )


def drafted(chunks: Sequence[str]) -> tuple[str, str, list[str]]:
    draft = Draft(TOOLS, Scope())
    ops = [op for chunk in chunks for op in draft.feed(chunk)]
    ops += draft.close()
    return draft.text, digest(Module(tuple(ops))), [m.after for m in draft.mendings]


@pytest.mark.parametrize("rest", ["", "\n", "# nothing\n", "Sorry.\n", 'a = search("K2")'])
def test_an_attempt_that_adds_nothing_ends_with_what_stands(rest: str) -> None:
    answer = Desk().ask(PLAN, rest, "Answer: so", max_repairs=1)
    assert (answer.text, answer.problem) == ("so", None)
