"""A table of a run's calls that is drawn again a few times a second. Imports rich; only where a person is watching."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from llmcc.driver.board import Board, Row
from llmcc.driver.show import MARKS, short
from llmcc.ir.escape import visible

#: How often the table is drawn, a second.
REFRESH = 8
_LINES = 14
_MARKS = {**MARKS, "running": ("▸", "cyan"), "waiting": ("·", "bright_black")}


@contextmanager
def live(
    console: Console, board: Board, *, above: Callable[[], RenderableType | None] = lambda: None, over: bool = True
) -> Iterator[None]:
    """Shows a board while the block runs; its last state stays. `above` is what stands over the table; `over` says
    whether calls that are over are listed, too.

    However the block ends, Ctrl-C included, the terminal is left as it was.
    """

    def render() -> RenderableType:
        first = above()
        return Group(*([] if first is None else [first]), table(board, console, over=over))

    shown = Live(
        console=console,
        get_renderable=render,
        refresh_per_second=REFRESH,
        vertical_overflow="crop",
        # What tools print on a terminal goes above the table; what goes elsewhere is none of its business.
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=sys.stderr.isatty(),
    )
    with shown:
        yield


def watched(console: Console) -> bool:
    """Whether a table can be drawn again and again where the console writes."""
    return console.is_terminal and not console.is_dumb_terminal


def table(board: Board, console: Console, *, over: bool = True) -> RenderableType:
    """The board as it is now, in as many lines as there is room for."""
    grid = Table.grid(padding=(0, 1))
    for justify in ("left", "left", "left", "right", "left"):
        grid.add_column(no_wrap=True, justify=justify)
    rows = [_cells(row) for row in board.rows(max(4, min(_LINES, console.height - 4)), over=over)]
    # rich would take from each column alike, and leave nothing of the narrow ones.
    room = console.width - 20
    for column, share in ((1, room // 4), (2, room // 2), (4, room)):
        for cells in rows:
            cells[column].truncate(max(1, min(room, share)), overflow="ellipsis")
        room -= max((cells[column].cell_len for cells in rows), default=0)
    for cells in rows:
        grid.add_row(*cells)
    return Group(grid, Text(board.summary(), style="dim"))


def _cells(row: Row) -> tuple[Text, ...]:
    mark, colour = _MARKS[row.state]
    called = row.tool
    if row.args is not None:
        called += f"({', '.join(f'{name}={short(value)}' for name, value in row.args.items())})"
    return (
        Text(f"  {mark}", style=colour),
        Text(visible(row.key)),
        Text(visible(called), style="dim"),
        Text("" if row.took_s is None else f"{row.took_s:.1f} s" if row.took_s >= 1 else f"{row.took_s * 1e3:.0f} ms"),
        Text(visible(row.note), style="red" if row.state == "failed" else "dim"),
    )
