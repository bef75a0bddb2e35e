"""Places as editors count them: against Python's own encoders."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.driver.lsp.text import ENCODINGS, Text

# Characters of every width, what other programs take for the end of a line, and what does end one.
LETTERS = st.text(st.sampled_from("ab\té→😋𝒳\u2028\u0085\f\v\x1c\r\n"), max_size=20)
BYTES = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


def units(text: str, encoding: str) -> int:
    codec, size = BYTES[encoding]
    return len(text.encode(codec)) // size


@pytest.mark.slow
@given(LETTERS, st.sampled_from(ENCODINGS), st.booleans())
def test_places_count_units_and_come_back(source: str, encoding: str, marked: bool) -> None:
    text = Text("\ufeff" * marked + source, encoding)
    assert text.lines == tuple(re.split("\r\n|\r|\n", source))
    assert "".join(line + end for line, end in zip(text.lines, text.ends, strict=True)) == source
    for number, line in enumerate(text.lines, 1):
        mark = "\ufeff" if marked and number == 1 else ""
        for column in range(1, len(line) + 2):
            place = text.position(number, column)
            assert place == (number - 1, units(mark + line[: column - 1], encoding))
            assert text.place(*place) == (number, column)


@pytest.mark.slow
@given(LETTERS, LETTERS, st.sampled_from(ENCODINGS), st.data())
def test_a_replacement_changes_what_lies_between(source: str, new: str, encoding: str, data: st.DataObject) -> None:
    text = Text(source, encoding)
    cut = [m.end() - 1 for m in re.finditer("\r\n", source)]  # no place lies within the end of a line
    places = [i for i in range(len(source) + 1) if i not in cut]
    first, last = sorted(data.draw(st.tuples(st.sampled_from(places), st.sampled_from(places))))

    def place(index: int) -> tuple[int, int]:
        before = re.split("\r\n|\r|\n", source[:index])
        return len(before) - 1, units(before[-1], encoding)

    assert text.replace(place(first), place(last), new).source == source[:first] + new + source[last:]


@pytest.mark.parametrize(
    ("place", "index"), [((0, 99), 3), ((7, 0), 5), ((1, 99), 5), ((0, 2), 1), ((0, 1), 1), ((0, 3), 2)]
)
def test_a_place_that_is_none_is_brought_to_the_nearest(place: tuple[int, int], index: int) -> None:
    # `a`, a character of two units, `b`, a line end, `c`: unit 2 is in the middle of the second character.
    assert Text("a😋b\nc").offset(*place) == index


def test_half_a_surrogate_pair_has_a_width_too() -> None:
    assert [Text("a\ud83d!", encoding).position(1, 3) for encoding in ENCODINGS] == [(0, 4), (0, 2), (0, 2)]


def test_a_replacement_whose_ends_are_swapped_removes_nothing() -> None:
    assert Text("abc").replace((0, 2), (0, 1), "-").source == "ab-c"
