"""Times as people read them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.optimizer.times import human
from llmcc.runtime.durations import seconds


@given(st.floats(1e-5, 1e7))
def test_what_is_shown_reads_back_about_the_same(time: float) -> None:
    parts = re.findall(r"([\d.,]+) (\S+)", human(time))
    assert sum(seconds(number.replace(",", "") + unit) for number, unit in parts) == pytest.approx(time, rel=0.06)


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_no_number_reaches_the_next_unit(a: float, b: float) -> None:
    for time in (a, b, a / 1e6, b / 1e3):
        for number, unit in re.findall(r"([\d.,]+) (\S+)", human(time)):
            most = {"µs": 1000, "ms": 100, "s": 60, "min": 60, "h": 1e9}[unit]
            assert float(number.replace(",", "")) < most


@pytest.mark.parametrize(
    ("time", "shown"),
    [
        (0.0, "0 s"),
        (1e-9, "<1 µs"),
        (0.00025, "250 µs"),
        (0.000999, "999 µs"),
        (0.0009999, "1 ms"),
        (0.002, "2 ms"),
        (0.0025, "2.5 ms"),
        (0.0994, "99 ms"),
        (0.0999, "0.10 s"),
        (0.4, "0.40 s"),
        (9.999, "10.0 s"),
        (59.99, "1 min"),
        (200.0, "3 min 20 s"),
        (3599.7, "1 h"),
        (7500.0, "2 h 5 min"),
        (3.6e6, "1,000 h"),
    ],
)
def test_examples(time: float, shown: str) -> None:
    assert human(time) == shown
