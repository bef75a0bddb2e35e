"""How a text arrives makes no difference: for every case, any cutting gives the same ops and diagnostics."""

from __future__ import annotations

import codecs
import random
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pytest
from conformance_cases import CASES, TOOLS, Case, read_all, read_cases
from hypothesis import given
from hypothesis import strategies as st

from llmcc.frontend.front import FrontEnd, Lowered
from llmcc.ir.diagnostics import Diagnostic
from llmcc.ir.signature import Signature
from llmcc.runtime.toolfile import read_toolfile

TOOLBOXES: dict[str | None, dict[str, Signature] | None] = {
    None: None,
    **{
        name: {tool.name: tool.signature for tool in read_toolfile(TOOLS / f"{name}.json")}
        for name in ("world", "shadow", "models")
    },
}
#: Larger texts are only cut into large pieces.
SMALL = 20_000
SMALL_CASES = [case for case in read_all() if len(case.plan) <= SMALL]
SIZES = CASES / "11_sizes.txt"
FILES = [pytest.param(file, id=file.stem) for file in sorted(CASES.glob("*.txt")) if file != SIZES]


def front(case: Case) -> FrontEnd:
    return FrontEnd(TOOLBOXES[case.tools], dialect=case.dialect)


def read(case: Case, chunks: Iterable[str]) -> tuple[list[Lowered], list[Diagnostic]]:
    """All that the front end says about a text that arrives in chunks, close included."""
    reader = front(case)
    lowered = [one for chunk in chunks for one in reader.feed(chunk)]
    return [*lowered, *reader.close()], reader.diagnostics


def cut(text: str, places: Iterable[int]) -> list[str]:
    return [text[a:b] for a, b in pairwise([0, *sorted(places), len(text)])]


def as_bytes(text: str, size: int) -> list[str]:
    """The text as a decoder gives it that gets `size` bytes at a time, also within characters."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")
    data = text.encode("utf-8", "surrogatepass")
    return [*(decoder.decode(data[i : i + size]) for i in range(0, len(data), size)), decoder.decode(b"", True)]


@pytest.mark.parametrize("file", [*FILES, pytest.param(SIZES, id=SIZES.stem, marks=pytest.mark.slow)])
def test_chunks_of_any_size_make_no_difference(file: Path) -> None:
    chance = random.Random(7)
    for case in read_cases(file):
        whole = read(case, [case.plan])
        size = 1 if len(case.plan) <= SMALL else 100_003
        assert read(case, as_bytes(case.plan, size)) == whole, (case.id, size)
        places = [chance.randrange(len(case.plan) + 1) for _ in range(chance.randrange(6))]
        assert read(case, cut(case.plan, places)) == whole, (case.id, places)


@given(case=st.sampled_from(SMALL_CASES), data=st.data())
def test_no_cut_of_a_case_makes_a_difference(case: Case, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(case.plan)), max_size=8))
    assert read(case, cut(case.plan, places)) == read(case, [case.plan])


@pytest.mark.parametrize("file", FILES)
def test_a_stream_that_breaks_off_yields_nothing_that_the_whole_would_not(file: Path) -> None:
    chance = random.Random(11)
    for case in read_cases(file):
        whole, _ = read(case, [case.plan])
        for _ in range(2):
            place = chance.randrange(len(case.plan) + 1)
            so_far = front(case).feed(case.plan[:place])
            assert so_far == whole[: len(so_far)], (case.id, place)


@given(case=st.sampled_from(SMALL_CASES), data=st.data())
def test_statements_whose_line_has_ended_stay_what_they_are(case: Case, data: st.DataObject) -> None:
    """Even a text that is closed too early differs from the whole in its last line only."""
    place = data.draw(st.integers(0, len(case.plan)))
    ended = front(case).feed(case.plan[:place])
    early, _ = read(case, [case.plan[:place]])
    whole, _ = read(case, [case.plan])
    assert early[: len(ended)] == ended == whole[: len(ended)]
    # What the unended line gives, and what can be said only of a whole plan.
    assert len(early) <= len(ended) + 3


@pytest.mark.parametrize("ending", ["\r\n", "\r"], ids=["crlf", "cr"])
@pytest.mark.parametrize("file", FILES)
def test_line_ends_make_no_difference(file: Path, ending: str) -> None:
    for case in read_cases(file):
        if "\r" in case.plan:
            continue
        other = case.plan.replace("\n", ending)
        expected = read(case, [case.plan])
        assert read(case, [other]) == expected, case.id
        if ending == "\r\n":
            assert read(case, other) == expected, case.id
