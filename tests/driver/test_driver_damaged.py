"""250 damaged plans: which of them mend themselves, and that those which do not are written on as meant."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from llmcc.frontend.front import compile_front
from llmcc.ir.diagnostics import has_errors
from llmcc.testing.damage import KINDS, Damaged, damaged, written
from llmcc.testing.fuzz import TOOLS
from llmcc.testing.repairing import repaired

FILE = Path(__file__).parent / "data" / "damaged.json"
PLANS = msgspec.json.decode(FILE.read_bytes(), type=list[Damaged])
TYPED = [one for one in PLANS if one.kind != "at random"]
#: Kinds with a cure beyond choice, and one where a line's end is missing with the plan's end.
MENDED = {
    "a closing parenthesis is missing",
    "a newline in a string",
    "a comma is missing",
    "`1)` for `1.`",
    "two calls on a line",
    "a tool's name is misspelt",
    "a value's name is misspelt",
    "a field's name is misspelt",
    "a colon for an equals sign",
    "typographic quotes",
}


def test_the_plans_are_those_that_the_program_makes() -> None:
    assert FILE.read_text() == written(damaged(1)), "python -m llmcc.testing.damage --seed 1 > " + FILE.name
    assert len(PLANS) >= 200
    assert {one.kind for one in TYPED} == KINDS.keys()


def test_every_one_is_damaged() -> None:
    assert all(has_errors(compile_front(one.text, TOOLS).diagnostics) for one in PLANS)


@pytest.mark.parametrize("kind", sorted(MENDED))
def test_what_has_one_cure_is_mended_to_what_was_meant(kind: str) -> None:
    repairs = [repaired(one) for one in TYPED if one.kind == kind]
    assert [(one.asked, one.same) for one in repairs] == [(False, True)] * len(repairs)


def test_whatever_the_model_is_asked_about_is_written_on_as_meant() -> None:
    asked = [one for one in map(repaired, TYPED) if one.asked]
    assert len(asked) > 50
    assert all(one.same for one in asked)


def test_writing_on_costs_less_than_writing_again() -> None:
    repairs = [repaired(one) for one in PLANS]
    assert sum(one.first + one.rest for one in repairs) < 0.75 * sum(one.whole for one in repairs)
    assert all(one.first + one.rest <= one.whole for one in repairs)
