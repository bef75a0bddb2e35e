"""Types are read back from the text in which they are shown."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir.parser import parse_op
from llmcc.ir.type_text import MAX_DEPTH, MAX_LENGTH, read_type
from llmcc.ir.types import ANY, INT, STR, Type, show, union
from llmcc.testing.modules import types


@given(types())
def test_what_is_shown_is_read_back(t: Type) -> None:
    assert read_type(show(t)) == t


@given(types())
def test_it_reads_what_the_printed_form_of_modules_says(t: Type) -> None:
    op = parse_op(f"%a = expr 1 : {show(t)}")
    assert read_type(show(t)) == op.type  # type: ignore[union-attr]  # an expr


@given(st.lists(st.sampled_from([*'{}[]:|,?." a1', "list", "str", "int", "null", "..."]), max_size=20).map("".join))
def test_any_text_is_a_type_or_a_value_error(text: str) -> None:
    try:
        found = read_type(text)
    except ValueError as error:
        assert str(error)
    else:
        assert read_type(show(found)) == found


def test_blanks_do_not_count() -> None:
    assert read_type(' list [ { a ?: int,"b c":str } ]\n') == read_type('list[{a?: int, "b c": str}]')
    assert read_type("int | str | any") == ANY and read_type("null|int") == union(INT, read_type("null"))
    assert read_type("str") == STR


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the end is no type"),
        ("string", "`string` is no type"),
        ("list", "expected `[`, not the end"),
        ("list[int", "expected `]`, not the end"),
        ("{a}", "expected `:`"),
        ("{a: int, a: str}", "the field `a` stands there twice"),
        ("int str", "the type is over before `str`"),
        ("int;", "`;` cannot stand in a type"),
        ("{...: int, a: int}", "expected `}`"),
        ('"\\x"', "is no text"),
        ("list[" * (MAX_DEPTH + 2) + "int" + "]" * (MAX_DEPTH + 2), "nested more than"),
        ("{" + "a" * MAX_LENGTH + ": int}", "no longer than"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        read_type(text)
