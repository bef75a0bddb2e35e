"""The rows of the table of faults, each with a share of what `make faults` tries; and that they can fail."""

from __future__ import annotations

import pytest

from llmcc.runtime import state, statements
from llmcc.testing import faults_table
from llmcc.testing.faults_cancel import cancel_at_any_step
from llmcc.testing.faults_schedule import random_schedules
from llmcc.testing.faults_stream import stream_cut_anywhere
from llmcc.testing.faults_tools import tool_hangs, tool_raises, tool_returns_junk
from llmcc.testing.oddities import ERRORS, JUNK


def test_a_hanging_tool_is_timed_out() -> None:
    tried, failed = tool_hangs()
    assert tried >= 3 and failed == 0


@pytest.mark.slow
def test_whatever_a_tool_raises_is_a_classed_error() -> None:
    assert len(ERRORS) >= 30
    assert tool_raises() == (2 * len(ERRORS), 0)


@pytest.mark.slow
def test_whatever_a_tool_returns_is_checked() -> None:
    tried, failed = tool_returns_junk()
    assert tried > 2 * len(JUNK) and failed == 0


@pytest.mark.slow
def test_a_cut_stream_has_written_nothing() -> None:
    tried, failed = stream_cut_anywhere(plans=1)
    assert tried > 50 and failed == 0


@pytest.mark.slow
def test_a_cancelled_run_stops_and_keeps_what_it_has() -> None:
    tried, failed = cancel_at_any_step(plans=4)
    assert tried > 50 and failed == 0


@pytest.mark.slow
def test_any_schedule_means_the_same() -> None:
    assert random_schedules(plans=10, seeds=10) == (100, 0)


@pytest.mark.slow
def test_a_runtime_that_writes_too_early_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    accepted = property(lambda machine: machine.plan, lambda machine, plan: None)
    monkeypatch.setattr(state.Machine, "accepted", accepted, raising=False)
    assert stream_cut_anywhere(plans=1)[1] > 0


@pytest.mark.slow
def test_a_runtime_that_forgets_an_order_is_found(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from llmcc.ir.ops import needs

    monkeypatch.setattr(statements, "prerequisites", needs)
    assert random_schedules(plans=10, seeds=10)[1] > 0
    assert "ran at the same time" in capsys.readouterr().out


def test_the_table_tells_what_was_tried_and_what_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def works() -> tuple[int, int]:
        """It works."""
        return 1234, 0

    def breaks() -> tuple[int, int]:
        """It breaks."""
        return 5, 2

    monkeypatch.setattr(faults_table, "ROWS", [works, breaks])
    assert faults_table.main(["works"]) == 0
    assert faults_table.main([]) == 1
    shown = capsys.readouterr().out.splitlines()
    assert shown[1].split()[:3] == ["works", "1,234", "0"] and shown[1].endswith("It works.")
    assert shown[-1].split()[:3] == ["breaks", "5", "2"]
    with pytest.raises(SystemExit):
        faults_table.main(["neither"])


def test_every_row_says_what_it_promises() -> None:
    assert all((row.__doc__ or "").split("\n")[0].endswith(".") for row in faults_table.ROWS)
