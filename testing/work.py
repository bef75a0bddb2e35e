"""Measures work instead of time: the same program on the same input always takes the same number of steps.

A test that asserts seconds fails on a busy machine and passes on a fast one. A count of function calls does neither,
and its growth with the input shows whether an algorithm is linear.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from types import FrameType


def work_of(function: Callable[[], object]) -> int:
    """How many functions were called, Python's and built-in ones, while `function` ran in this thread.

    >>> work_of(lambda: [len("x") for _ in range(100)]) - work_of(lambda: [len("x") for _ in range(10)])
    90
    """
    count = 0

    def note(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        if event in ("call", "c_call"):
            count += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        function()
    finally:
        sys.setprofile(before)
    return count


def growth(work: Callable[[int], int], size: int, factor: int = 8) -> float:
    """The exponent by which `work(size)` grows up to `work(factor * size)`: 1 is linear, 2 quadratic.

    >>> round(growth(lambda n: n * n, 10), 3)
    2.0
    """
    return math.log(work(factor * size) / work(size)) / math.log(factor)
