"""The faults that concern the journal, as rows of the table in `llmcc.testing.faults_table`."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from functools import wraps
from itertools import count
from pathlib import Path
from typing import TypeAlias

from llmcc.runtime.journal.errors import JournalError
from llmcc.testing.ledger_asks import AskTrial
from llmcc.testing.ledger_damage import Damage, damaged, sample
from llmcc.testing.ledger_kills import killed_run, prepare, race
from llmcc.testing.ledger_runs import Cut, Kind, Trial, carry_on, faults_of

#: Failures of a row that are shown.
SHOWN = 5

#: Makes what is to be cut off, from a seed, with its journal.
Make: TypeAlias = Callable[[int, Path], Trial]
#: Tries about as many times as it is told, and yields for each time what went wrong, None if nothing did.
Try: TypeAlias = Callable[[int], Iterator[str | None]]

#: A plan of every kind of call, small enough that each byte of its journal can be damaged.
SMALL = """v0 = look(1, "k0", [])
v1 = pay(2, "k0", [v0])
v2 = put(3, "k0", [v1])
v3 = pay(4, "k1", [])
return [v0, v1, v2, v3]
"""


def _row(tries: int) -> Callable[[Try], Callable[..., tuple[int, int]]]:
    """Makes a row of the table, which tells how often was tried (so many times, unless it is told otherwise) and how
    often failed; what went wrong is printed.
    """

    def make(run: Try) -> Callable[..., tuple[int, int]]:
        @wraps(run)
        def row(tries: int = tries) -> tuple[int, int]:
            found = list(run(tries))
            wrong = [text for text in found if text is not None]
            for text in wrong[:SHOWN]:
                print(text)
            return len(found), len(wrong)

        return row

    return make


@_row(10_000)
def process_dies(tries: int) -> Iterator[str | None]:
    """A run killed at any step: nothing twice, nothing lost, what is in doubt is named.

    Simulated crashes at every step of drawn plans, half of them followed by crashes of those who resume.
    """
    yield from _cut_off("crash", tries)


@_row(2_000)
def run_is_cut_off(tries: int) -> Iterator[str | None]:
    """A run cancelled at any step can be resumed: nothing twice, nothing lost."""
    yield from _cut_off("cancel", tries)


@_row(2_000)
def write_fails(tries: int) -> Iterator[str | None]:
    """The n-th write or fsync fails, for all n: no effect without a durable intent.

    The journal is used again later.
    """
    yield from _cut_off("write fails", tries)


@_row(1_000)
def write_fails_late(tries: int) -> Iterator[str | None]:
    """The n-th commit fails but counts, for all n: no effect without a durable intent."""
    yield from _cut_off("write fails late", tries)


@_row(4_000)
def question_is_cut_off(tries: int) -> Iterator[str | None]:
    """An agent killed at any step of a question, replans and repairs among them: nothing twice, nothing lost.

    The planner writes something else after a crash, where its plan was not accepted yet.
    """
    kinds: tuple[Kind, ...] = ("crash", "crash", "cancel", "write fails")
    for place, kind in enumerate(kinds):
        yield from _cut_off(kind, tries // len(kinds), AskTrial.drawn, first=1000 * place)


def _cut_off(kind: Kind, tries: int, make: Make = Trial.drawn, first: int = 0) -> Iterator[str | None]:
    left = tries
    for seed in count(first):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            expected, cut = make(seed, folder / "expected.db"), Cut(kind)
            expected.begin(cut)
            places = range(1, cut.passed + 1)
            # A few plans whole, rather than one: at most a tenth of what is left from each.
            chosen = random.Random(seed).sample(places, min(len(places), max(left // 10, 20), left))
            for at in chosen:
                yield _one_cut(make(seed, folder / f"{at}.db"), expected, kind, at, cut.places[at - 1], seed)
        left -= len(chosen)
        if left <= 0:
            return


def _one_cut(trial: Trial, expected: Trial, kind: Kind, at: int, place: str, seed: int) -> str | None:
    trial.begin(Cut(kind, at, seed=at))
    try:
        carry_on(trial, again=random.Random(at))
        found = faults_of(trial, expected)
    except JournalError as error:  # nothing is damaged here, so that there is nothing to refuse
        found = [str(error)]
    return f"plan {seed}, {kind} at {at} ({place}): {'; '.join(found)}" if found else None


@_row(100_000)
def byte_changes(tries: int) -> Iterator[str | None]:
    """A changed byte of the journal is detected, never a wrong resume.

    One bit, and all bits, of each byte of the files of a run that was cut off.
    """
    yield from _damage(("bit", "byte"), tries)


@_row(100_000)
def journal_is_cut(tries: int) -> Iterator[str | None]:
    """A journal cut at any length is detected, never a wrong resume."""
    yield from _damage(("cut",), tries)


def _damage(kinds: tuple[Damage, ...], tries: int) -> Iterator[str | None]:
    for clean in (False, True):
        with tempfile.TemporaryDirectory() as name:
            folder, cut = Path(name), Cut()
            Trial(SMALL, folder / "whole.db").begin(cut)
            late = [at for at, place in enumerate(cut.places, 1) if place.startswith("after settle")]
            one = sample(SMALL, folder, late[-2], clean=clean)
            chosen = [(kind, *place) for kind in kinds for place in one.places()]
            if len(chosen) > tries // 2:
                chosen = random.Random(tries).sample(chosen, tries // 2)
            for kind, file, at in chosen:
                yield damaged(one, folder, file, at, kind)


@_row(200)
def kill_9(tries: int) -> Iterator[str | None]:
    """Real processes killed at drawn moments: nothing twice, nothing lost, what is in doubt is named.

    A run that ends before it is killed does not count.
    """
    prepare()
    left = tries
    with tempfile.TemporaryDirectory() as name:
        for seed in count():
            done, wrong = killed_run(Path(name), seed, kills=min(3, left))
            left -= done
            if wrong:
                yield "; ".join(wrong)
            for _ in range(done - bool(wrong)):
                yield None
            if left <= 0:
                return


@_row(200)
def two_resumers(tries: int) -> Iterator[str | None]:
    """Of two real processes that resume a run at the same moment, one is refused."""
    prepare()
    with tempfile.TemporaryDirectory() as name:
        for seed in range(tries):
            yield next(iter(race(Path(name), seed)), None)
