"""What a command shows of a run while it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from llmcc.runtime.outcome import CallEnded, CallStarted, Observer


def both(first: Callable[[Any], None], second: Callable[[Any], None]) -> Callable[[Any], None]:
    """One function that does what both do, in this order."""

    def act(given: Any) -> None:
        first(given)
        second(given)

    return act


def all_of(observers: list[Observer | None]) -> Observer | None:
    """One observer for several."""
    wanted = [one for one in observers if one is not None]
    if not wanted:
        return None

    def tell(news: CallStarted | CallEnded) -> None:
        for one in wanted:
            one(news)

    return tell


@contextmanager
def shown(*, as_json: bool) -> Iterator[Any]:
    """On a terminal, a live table of the calls; gives its board, or None."""
    if as_json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    from llmcc.driver.board import Board
    from llmcc.driver.live import live, watched

    console = Console(stderr=True, highlight=False)
    board = Board()
    if not watched(console):
        yield None
        return
    with live(console, board):
        yield board
