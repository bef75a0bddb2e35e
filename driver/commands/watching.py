"""What a command shows of a run while it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def all_of(*told: Callable[[Any], None] | None) -> Callable[[Any], None] | None:
    """One function that calls all that there are, in this order; None if there is none."""
    wanted = [one for one in told if one is not None]
    if not wanted:
        return None

    def tell(given: Any) -> None:
        for one in wanted:
            one(given)

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
