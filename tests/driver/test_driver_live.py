"""The live table: what it shows at any moment, how little it does for each call, and what it leaves of the terminal."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

import llmcc
from llmcc.driver.board import Board, Row
from llmcc.driver.live import live, table, watched
from llmcc.driver.news import PlanDone, PlanText
from llmcc.driver.show import Show
from llmcc.ir.frame import Failure
from llmcc.runtime.outcome import CallEnded, CallRecord, CallStarted
from llmcc.runtime.toolbox import Toolbox
from llmcc.testing.clock import run_virtual
from llmcc.testing.tools import fake
from llmcc.testing.work import work_of

PLAN = """\
a = slow(1)
b = slow(2)
c = fast(a)
d = [fast(x) for x in [1, 2, 3]]
e = broken(b)
return [c, d, e]
"""


def boards(plan: str, *moments: float, **limits: Any) -> list[tuple[list[Row], str]]:
    """The rows and the summary at some moments of a run on the virtual clock."""
    tools = Toolbox(
        fake("slow", 1, latency=1.0, limit=1),
        fake("fast", 2, latency=0.4),
        fake("broken", fails=llmcc.ToolError("gone"), latency=0.1),
    )
    program = llmcc.compile(plan, tools, level=0)
    found = []

    async def main() -> None:
        board = Board(clock=trio.current_time)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: llmcc.run(program, observer=board, watch=board.watch, **limits))
            for moment in moments:
                await trio.sleep_until(moment)
                found.append((board.rows(20), board.summary()))

    run_virtual(main)
    return found


def lines(rows: list[Row]) -> list[str]:
    return [f"{row.state} {row.key} {row.note}".strip() for row in rows]


def test_it_shows_what_runs_and_what_the_rest_waits_for() -> None:
    (early, early_said), (late, late_said), (end, end_said) = boards(PLAN, 0.2, 1.5, 9.0, max_running=3)
    assert lines(early) == [
        "running d 0 of 3",
        "running a",
        "running d[0].d.1",
        "running d[1].d.1",
        "waiting b for a slot",
        "waiting c for a",
        "waiting e for b",
    ]
    assert [row.took_s for row in early[1:4]] == [pytest.approx(0.2)] * 3
    assert early_said == "3 running, 4 to come, 0.2 s"
    assert lines(late)[:2] == ["running b", "waiting e for b"]
    assert late_said == "1 running, 5 done, 1 to come, 1.5 s"
    assert lines(end)[0] == "failed e ToolError: gone"
    assert end_said == "6 done, 1 failed, 9.0 s"


def test_what_is_held_says_so_and_done_calls_can_be_left_out() -> None:
    from llmcc.ir.effects import Effect
    from llmcc.runtime.executor import Execution

    tools = Toolbox(fake("look", 1), fake("put", 1, effect=Effect("write", ("a",))))
    program = llmcc.compile("a = look(1)\nb = put(2)\nreturn b\n", tools)

    async def main() -> tuple[list[Row], list[Row]]:
        board = Board(clock=trio.current_time)
        async with Execution.open(tools, observer=board) as execution:
            board.watch(execution)
            execution.add(program.module.ops)
            await trio.sleep(1)
            return board.rows(9), board.rows(9, over=False)

    everything, unfinished = run_virtual(main)
    assert lines(everything) == ["waiting b until the plan is accepted"] + [
        f"done {row.key}" for row in everything if row.state == "done"
    ]
    assert [row.state for row in unfinished] == ["waiting"]


@given(st.integers(0, 30), st.integers(0, 40), st.integers(0, 40), st.integers(0, 40))
def test_it_never_shows_more_rows_than_asked_for_and_fills_them(most: int, runs: int, failed: int, done: int) -> None:
    board = Board(clock=lambda: 100.0)
    for i in range(runs):
        board(CallStarted(f"r{i}", f"r{i}", "f", {}, float(i)))
    for i in range(failed + done):
        board(CallEnded(CallRecord(f"e{i}", f"e{i}", "f", {}, 0.0, 1.0, 1, "failed" if i < failed else "done")))
    rows = board.rows(most)
    assert len(rows) == min(most, runs + failed + done)
    keys = [row.key for row in rows if row.state == "running"]
    assert keys == [f"r{i}" for i in range(len(keys))]


def test_a_call_costs_a_count() -> None:
    board = Board(clock=lambda: 0.0)
    started = [CallStarted(f"c{i}", f"c{i}", "f", {}, 0.0) for i in range(100)]
    ended = [CallEnded(CallRecord(one.key, one.op, "f", {}, 0.0, 1.0, 1, "done")) for one in started]

    def run() -> None:
        for one, over in zip(started, ended, strict=True):
            board(one)
            board(over)

    assert work_of(run) <= 100 * 12


def test_looking_costs_the_same_however_much_is_done() -> None:
    def looked_at(calls: int) -> int:
        plan = "\n".join(f"a{i} = fast({i})" for i in range(calls)) + "\nb = slow(a0)\nreturn b\n"
        work = []

        async def main() -> None:
            tools = Toolbox(fake("fast", 1), fake("slow", 1, latency=9.0))
            board = Board(clock=trio.current_time)
            program = llmcc.compile(plan, tools, level=0)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lambda: llmcc.run(program, observer=board, watch=board.watch))
                await trio.sleep(1)
                board.rows(10)
                work.append(work_of(lambda: board.rows(10)))

        run_virtual(main)
        return work[0]

    assert looked_at(200) <= looked_at(20) * 2


def screen(width: int = 70) -> Console:
    return Console(
        file=io.StringIO(), force_terminal=True, width=width, height=20, color_system=None, legacy_windows=False
    )


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_table_fits_and_shows_nothing_raw() -> None:
    now = [0.0]
    board = Board(clock=lambda: now[0])
    now[0] = 2.0
    board(CallStarted("a\x1b[31m", "a", "find", {"q": "x" * 500 + "\x07"}, 0.0))
    board(CallEnded(CallRecord("b", "b", "f", {}, 0.0, 0.5, 1, "failed", llmcc_failure("bad\x1b[2J" * 50))))
    console = screen()
    console.print(table(board, console))
    text = written(console)
    assert "\x1b[31m" not in text and "\x1b[2J" not in text and "\x07" not in text
    assert all(len(line) <= 70 for line in text.splitlines())
    assert "1 running, 1 failed, 2.0 s" in text
    assert [line.split()[0] for line in text.splitlines()[:2]] == ["✗", "▸"]


def llmcc_failure(message: str) -> Failure:
    return Failure("ToolError", message, "b")


def test_the_cursor_comes_back_whatever_happens() -> None:
    console = screen()
    with pytest.raises(KeyboardInterrupt), live(console, Board()):
        raise KeyboardInterrupt
    assert written(console).count("\x1b[?25l") == written(console).count("\x1b[?25h") == 1
    assert written(console).rstrip().endswith("\x1b[?25h")


def test_a_plan_that_is_being_written_stands_over_the_table_line_by_line() -> None:
    console = screen()
    show = Show(console, whole_lines=True)
    show(PlanText("a = f("))
    assert written(console) == "" and str(show.partial) == "a = f("
    show(PlanText("1)\nreturn"))
    assert written(console) == "a = f(1)\n" and str(show.partial) == "return"
    show(PlanText(" a"))
    show(PlanDone("a = f(1)\nreturn a"))
    assert written(console) == "a = f(1)\nreturn a\n" and show.partial is None


def test_a_dumb_terminal_and_a_pipe_get_no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    assert watched(screen())
    monkeypatch.setenv("TERM", "dumb")
    assert not watched(screen())
    assert not watched(Console(file=io.StringIO()))


SLOW = """\
import llmcc, trio

@llmcc.tool(effect="read", resource="web")
async def nap(seconds: float) -> float:
    "Sleep."
    print("about to nap", flush=True)
    await trio.sleep(seconds)
    return seconds
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_ctrl_c_leaves_a_clean_terminal_and_the_trace(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(SLOW)
    (tmp_path / "plan.txt").write_text("a = nap(60)\nb = nap(a)\nreturn b\n")
    out, code = on_a_terminal(
        tmp_path, "run", "plan.txt", "--tools", "tools.py", "--trace", "t.json", until=b"about to nap"
    )
    assert code == 130
    assert out.count("\x1b[?25l") == out.count("\x1b[?25h") == 1
    after = out[out.index("\x1b[?25h") :]
    assert after.removeprefix("\x1b[?25h").strip() == "interrupted"
    assert "cancelled" in out
    assert [span.status for span in llmcc.Trace.load(tmp_path / "t.json").timeline.calls] == ["cancelled"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_json_is_one_object_on_a_terminal_too(tmp_path: Path) -> None:
    import json

    (tmp_path / "tools.py").write_text(SLOW.replace('print("about to nap", flush=True)', ""))
    (tmp_path / "plan.txt").write_text("a = nap(0)\nreturn a\n")
    out, code = on_a_terminal(tmp_path, "run", "plan.txt", "--tools", "tools.py", "--json")
    assert (code, json.loads(out)["value"]) == (0, 0)


def on_a_terminal(folder: Path, *argv: str, until: bytes | None = None) -> tuple[str, int]:
    """What a command writes to a terminal, and its exit code; Ctrl-C is sent after it wrote `until`."""
    import pty

    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "llmcc", *argv],
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"},
    ) as process:
        os.close(theirs)
        out = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux's way to say that the other end was closed
                break
            if not piece:
                break
            out += piece
            if until is not None and until in out:
                process.send_signal(signal.SIGINT)
                until = None
        code = process.wait(timeout=30)
    os.close(ours)
    return out.decode(), code
