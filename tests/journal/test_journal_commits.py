"""How often a run waits for the disk: calls that become ready together wait together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import llmcc
from llmcc.runtime.executor import run_module
from llmcc.runtime.journal import writer
from llmcc.runtime.journal.records import Began, Ended, Finished, Intended, Record, decode
from llmcc.runtime.journal.session import Session
from llmcc.runtime.limits import Limits


@llmcc.tool(effect="write", resource="w:{n}", limit=1000)
async def write(n: int, uses: Any = None) -> int:
    return n


@llmcc.tool(effect="read", resource="r")
async def read(n: int, uses: Any = None) -> int:
    return n


@llmcc.tool(effect="write", resource="b:{n}", batch=40)
async def save(n: int) -> int:
    return n


@save.batched
async def save_many(calls: list[dict[str, Any]]) -> list[int]:
    return [call["n"] for call in calls]


TOOLBOX = llmcc.Toolbox(write, read, save)


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[list[Record]]:
    """The records of each commit; none that nobody waits for is committed for its own sake."""
    made: list[list[Record]] = []
    append = writer.Log.append

    def noted(log: writer.Log, bodies: list[bytes]) -> None:
        made.append([decode(body) for body in bodies])
        append(log, bodies)

    monkeypatch.setattr(writer.Log, "append", noted)
    monkeypatch.setattr(writer, "LINGER_S", 600.0)
    return made


def layers(widths: list[int], tool: str) -> str:
    lines: list[str] = []
    before: list[str] = []
    for i, width in enumerate(widths):
        uses = f", [{', '.join(before)}]" if before else ""
        before = [f"v{i}_{k}" for k in range(width)]
        lines += [f"{name} = {tool}({100 * i + k}{uses})" for k, name in enumerate(before)]
    return "\n".join([*lines, f"return [{', '.join(before)}]"])


@pytest.mark.slow
@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 6), min_size=1, max_size=5))
def test_a_layer_of_writes_is_one_commit(tmp_path: Path, commits: list[list[Record]], widths: list[int]) -> None:
    commits.clear()
    assert llmcc.run_sync(llmcc.compile(layers(widths, "write"), TOOLBOX), journal=tmp_path / "runs.db").ok
    kinds = [[type(record) for record in one] for one in commits]
    ends = [0, *widths]
    expected = [[Finished] * ends[i] + [Intended] * width for i, width in enumerate(widths)]
    assert kinds == [[Began], *expected, [Finished] * widths[-1] + [Ended]]


def test_reads_wait_for_nothing(tmp_path: Path, commits: list[list[Record]]) -> None:
    outcome = llmcc.run_sync(llmcc.compile(layers([1] * 30, "read"), TOOLBOX), journal=tmp_path / "runs.db")
    assert outcome.ok and [len(one) for one in commits] == [1, 31]


def test_a_batch_is_one_commit(tmp_path: Path, commits: list[list[Record]]) -> None:
    plan = f"return [{', '.join(f'save({n})' for n in range(40))}]\n"
    assert llmcc.run_sync(llmcc.compile(plan, TOOLBOX), journal=tmp_path / "runs.db").ok
    assert [len(one) for one in commits] == [1, 40, 41]
    assert all(isinstance(record, Intended) for record in commits[1])


class Slow(writer.DirectWriter):
    """Nothing is durable in time."""

    async def durable(self) -> None:
        await trio.sleep_forever()


def test_a_batch_that_is_cancelled_before_it_begins_is_not_in_doubt(tmp_path: Path) -> None:
    program = llmcc.compile("return [save(1), save(2), save(3)]\n", TOOLBOX)
    began = Began(text=program.text, plan="", module="", signatures="", started="")
    session = Session.begin(tmp_path / "runs.db", began)

    async def main() -> None:
        book = session.ledger(TOOLBOX.signatures, Slow)
        outcome = await run_module(program.module, TOOLBOX, ledger=book, limits=Limits(deadline_s=0.02))
        assert outcome.stopped is not None and len(book.history.open) == 0
        await book.close()

    trio.run(main)
    session.close()
    again = Session.reopen(tmp_path / "runs.db", session.run)
    assert (again.history.open, again.history.ends) == ({}, {})
    again.close()
