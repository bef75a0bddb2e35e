"""Runs asynchronous code on a virtual clock, with an order of tasks that a seed decides: time costs nothing, and every
run with the same seed is the same.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import trio
import trio.testing

T = TypeVar("T")


def run_virtual(function: Callable[[], Awaitable[T]], *, seed: int = 0) -> T:
    """What `function` returns, run on a clock that jumps ahead whenever every task sleeps.

    Not for code that uses threads; see `simulated_clock`.

    >>> async def nap() -> float:
    ...     start = trio.current_time()
    ...     await trio.sleep(3600)
    ...     return trio.current_time() - start
    >>> run_virtual(nap)
    3600.0
    """
    with seeded_scheduler(seed):
        return trio.run(function, clock=simulated_clock())


def simulated_clock() -> trio.testing.MockClock:
    """A clock for `trio.run(main, clock=simulated_clock())` that jumps ahead whenever every task sleeps.

    Not for code that uses threads or sockets: the clock does not see that those work, and jumps to the next time-out.
    """
    return trio.testing.MockClock(autojump_threshold=0)


@contextmanager
def seeded_scheduler(seed: int) -> Iterator[None]:
    """Has trio draw the order of tasks from `seed` within the block, and as it would have been after it.

    Draw the seed, and latencies besides: under plain `@given` trio starts every example with the same numbers, so that
    hundreds of examples would see one schedule.

    Raises:
        RuntimeError: this version of trio draws its order from somewhere else.
    """
    source = getattr(trio._core._run, "_r", None)
    if not isinstance(source, random.Random):
        raise RuntimeError(f"trio {trio.__version__} does not draw the order of tasks from where we know of")
    before = source.getstate()
    source.seed(seed)
    try:
        yield
    finally:
        source.setstate(before)
