"""The table of faults, in short; `make faults` tries the same at length. And the table finds what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from llmcc.driver.rounds import Rounds
from llmcc.runtime.executor import Execution
from llmcc.runtime.journal import chain, runfile, session
from llmcc.runtime.journal.book import Book
from llmcc.runtime.journal.errors import RunTaken
from llmcc.runtime.journal.history import History
from llmcc.testing import ledger_faults

SHORT: dict[Callable[..., tuple[int, int]], int] = {
    ledger_faults.process_dies: 40,
    ledger_faults.run_is_cut_off: 12,
    ledger_faults.question_is_cut_off: 24,
    ledger_faults.write_fails: 20,
    ledger_faults.write_fails_late: 15,
    ledger_faults.byte_changes: 60,
    ledger_faults.journal_is_cut: 60,
    ledger_faults.kill_9: 5,
    ledger_faults.two_resumers: 10,
}


@pytest.mark.slow
@pytest.mark.parametrize("row", SHORT)
def test_a_fault_does_no_harm(row: Callable[..., tuple[int, int]]) -> None:
    tried, failed = row(SHORT[row])
    assert failed == 0 and tried >= SHORT[row]


def does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def intend(self: Book, start: Any) -> None:
        return None

    monkeypatch.setattr(Book, "intend", intend)


def forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Book, "recall", lambda self, start: None)


def never_doubts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(History, "doubts", property(lambda self: []))


def does_not_look_for_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "_require_end", lambda rows, known, tip: None)


def does_not_check_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    def check(run: str, rows: list[chain.Row]) -> chain.Tip:
        return chain.Tip(rows[-1].seq, rows[-1].sum) if rows else chain.start(run)

    monkeypatch.setattr(chain, "check", check)


def does_not_know_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Rounds, "accept", lambda self, execution, planning, plan, spent: planning.conclude(execution))


def gives_names_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Execution, "take", lambda self, keys: None)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("weakness", "row", "tries"),
    [
        (does_not_wait, ledger_faults.process_dies, 12),
        (forgets, ledger_faults.process_dies, 12),
        (never_doubts, ledger_faults.process_dies, 12),
        (does_not_know_the_plan, ledger_faults.question_is_cut_off, 8),
        (gives_names_away, ledger_faults.question_is_cut_off, 16),
        (does_not_wait, ledger_faults.write_fails, 20),
        (does_not_look_for_the_end, ledger_faults.journal_is_cut, 60),
        (does_not_check_the_chain, ledger_faults.byte_changes, 100),
    ],
)
def test_a_journal_that_is_wrong_is_found_out(
    weakness: Callable[[pytest.MonkeyPatch], None],
    row: Callable[..., tuple[int, int]],
    tries: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    weakness(monkeypatch)
    assert row(tries)[1] > 0


def test_a_lock_is_held_against_a_second_file_of_the_same_run(tmp_path: Any) -> None:
    journal = tmp_path / "runs.db"
    first = runfile.RunFile.create(journal, "r", chain.start("r"))
    assert runfile.is_taken(journal, "r")
    with pytest.raises(RunTaken):
        runfile.RunFile.take(journal, "r")
    first.close()
    assert not runfile.is_taken(journal, "r")
    second = runfile.RunFile.take(journal, "r")
    assert second is not None and second.tip() == chain.start("r")
    second.remove()
    assert runfile.RunFile.take(journal, "r") is None
