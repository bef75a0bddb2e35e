"""Journals with one byte changed, or cut short, and what comes of continuing from them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llmcc.runtime.journal.errors import JournalError
from llmcc.testing.ledger_runs import Cut, Trial, carry_on, faults_of

#: What is changed: one bit, all bits of a byte, or the end is missing from here.
Damage = Literal["bit", "byte", "cut"]


@dataclass(frozen=True)
class Sample:
    """A run that was cut off: the bytes of its files, the world it left, and how an undisturbed run ends."""

    trial: Trial
    files: dict[str, bytes]
    expected: Trial

    def places(self) -> Iterator[tuple[str, int]]:
        """Each byte of each file."""
        for name, data in self.files.items():
            yield from ((name, at) for at in range(len(data)))


def sample(text: str, folder: Path, at: int, *, clean: bool = False) -> Sample:
    """A plan that was cut off at its place number `at`; if `clean`, with SQLite closed and no log beside its file."""
    expected = Trial(text, folder / "expected.db")
    expected.begin(Cut())
    trial = Trial(text, folder / "sample.db", page_size=512)
    files: dict[str, bytes] = {}

    def keep() -> None:
        # The index of SQLite's log is made anew by whoever opens the file next.
        found = (path for path in folder.glob("sample.db*") if not path.name.endswith("-shm"))
        files.update({path.name: path.read_bytes() for path in found})

    cut = Cut("crash", at, on_cut=None if clean else keep)
    trial.begin(cut)
    if clean:
        keep()
    assert trial.outcome is None and files, "the run ended before it was cut off"
    return Sample(trial, files, expected)


def damaged(one: Sample, folder: Path, name: str, at: int, damage: Damage) -> str | None:
    """What is wrong with a run that is continued from damaged files; None if nothing is, or the journal refuses."""
    for path in folder.glob("sample.db*"):
        path.unlink()
    for other, data in one.files.items():
        (folder / other).write_bytes(data if other != name else _changed(data, at, damage))
    trial = Trial(one.trial.text, folder / "sample.db", world=one.trial.world.clone(), known=set(one.trial.known))
    try:
        carry_on(trial)
    except JournalError:
        return None if trial.world.effects == one.trial.world.effects else "refused after an effect"
    found = faults_of(trial, one.expected)
    return f"{damage} {at} of {name}: {found[0]}" if found else None


def _changed(data: bytes, at: int, damage: Damage) -> bytes:
    if damage == "cut":
        return data[:at]
    mask = 0xFF if damage == "byte" else 1 << at % 8
    return data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :]
