"""Runs with a journal from Python: what is written down, what is recalled, and what is refused."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

import llmcc
from llmcc.ir.call_text import HIDDEN
from llmcc.runtime.journal.secrets import holds_secrets, key_path
from llmcc.runtime.journal.session import Session, runs

calls: Counter[str] = Counter()
keys: list[str] = []


def toolbox(*, passes: MockClock | None = None) -> llmcc.Toolbox:
    """The tools; a purchase lets a minute pass on the clock, if there is one."""
    calls.clear()
    keys.clear()

    @llmcc.tool(effect="read", resource="stock")
    async def stock(item: str) -> int:
        calls["stock"] += 1
        return 3

    @llmcc.tool(effect="write", resource="orders")
    async def buy(item: str, amount: int) -> str:
        calls["buy"] += 1
        if passes is not None:
            passes.jump(60)
            await trio.sleep(60)
        return f"{amount} of {item}"

    @llmcc.tool(effect="write", resource="mail", idempotent=True, key="idempotency_key")
    async def mail(to: str, idempotency_key: str) -> None:
        calls["mail"] += 1
        keys.append(idempotency_key)

    @llmcc.tool(effect="write", resource="door", secret=["token"])
    async def unlock(door: str, token: str) -> str:
        calls["unlock"] += 1
        raise llmcc.ToolError(f"the token {token} is no good for {door}")

    return llmcc.Toolbox(stock, buy, mail, unlock)


PLAN = 'left = stock("paper")\nsent = mail("bob") after left\norder = buy("paper", left + 1) after sent\nreturn order\n'


def cut_off(journal: Path, plan: str = PLAN) -> Any:
    """A run whose purchase was under way when its time was up."""
    clock = MockClock()
    program = llmcc.compile(plan, toolbox(passes=clock))
    return trio.run(partial(llmcc.run, program, journal=journal, deadline_s=1.0), clock=clock)


def test_a_run_that_was_not_cut_off_is_over_and_gives_its_answer_again(tmp_path: Path) -> None:
    journal = tmp_path / "runs.db"
    outcome = llmcc.run_sync(llmcc.compile(PLAN, toolbox()), journal=journal)
    assert outcome.ok and outcome.value == "4 of paper" and outcome.run is not None
    assert [path.name for path in tmp_path.iterdir()] == ["runs.db"]
    (line,) = runs(journal)
    assert (line.run, line.state, line.done, line.doubts) == (outcome.run, "ended", 3, ())
    again = llmcc.resume_sync(outcome.run[:6], toolbox(), journal=journal)
    assert again.value == outcome.value and again.ok and calls == {}


def test_a_call_in_doubt_is_named_and_waits_for_the_users_word(tmp_path: Path) -> None:
    journal = tmp_path / "runs.db"
    outcome = cut_off(journal)
    assert outcome.stopped == "the run's deadline of 1 s has passed"
    (line,) = runs(journal)
    assert line.state == "in doubt" and [one.key for one in line.doubts] == ["order"]
    with pytest.raises(llmcc.CallsInDoubt, match=r"order: buy\(item=paper, amount=4\)") as caught:
        llmcc.resume_sync(outcome.run, toolbox(), journal=journal)
    assert caught.value.calls == ("order",) and calls == {}
    with pytest.raises(llmcc.JournalError, match="buy returns str, but the value is an int"):
        llmcc.resume_sync(outcome.run, toolbox(), journal=journal, settle={"order": ("done", 5)})
    with pytest.raises(llmcc.JournalError, match="no call 'left' is in doubt"):
        llmcc.resume_sync(outcome.run, toolbox(), journal=journal, settle={"left": "rerun"})


@pytest.mark.parametrize(
    ("word", "value", "bought", "error"),
    [
        ("rerun", "4 of paper", 1, None),
        (("done", "told"), "told", 0, None),
        ("failed", None, 0, "SettledAsFailed"),
    ],
)
def test_the_users_word_counts(tmp_path: Path, word: Any, value: Any, bought: int, error: str | None) -> None:
    outcome = cut_off(tmp_path / "runs.db")
    first_keys = list(keys)
    settle = {"order": word}
    again = llmcc.resume_sync(outcome.run, toolbox(), journal=tmp_path / "runs.db", settle=settle, deadline_s=None)
    assert (again.value, calls["buy"], calls["stock"], calls["mail"]) == (value, bought, 0, 0)
    assert [one.error for one in again.errors] == [error][: error is not None]
    assert len(first_keys) == 1


def test_an_idempotent_write_that_was_cut_off_is_made_again_with_the_same_key(tmp_path: Path) -> None:
    outcome = llmcc.run_sync(llmcc.compile('mail("bob")\n', toolbox()), journal=tmp_path / "a.db")
    first = list(keys)
    program = llmcc.compile('mail("bob")\n', toolbox())
    assert llmcc.run_sync(program).ok and keys != first, "another run, another key"
    assert outcome.ok and len(first) == 1


def test_other_tools_and_other_plans_are_refused(tmp_path: Path) -> None:
    journal = tmp_path / "runs.db"
    outcome = cut_off(journal)

    @llmcc.tool(effect="read", resource="stock")
    async def stock(item: str, shelf: int = 0) -> int:
        return 3

    tools = toolbox()
    others = llmcc.Toolbox(stock, *(one for one in tools.values() if one.name != "stock"))
    with pytest.raises(llmcc.JournalError, match="the tools have changed"):
        llmcc.resume_sync(outcome.run, others, journal=journal)
    with pytest.raises(llmcc.JournalError, match="this is not the plan of the run"):
        llmcc.resume_sync(outcome.run, toolbox(), journal=journal, text=PLAN.replace("bob", "eve"))
    with pytest.raises(llmcc.JournalError, match="there is no run"):
        llmcc.resume_sync("nothing", toolbox(), journal=journal)
    with pytest.raises(llmcc.JournalError, match="a toolbox is needed"):
        llmcc.resume_sync(outcome.run, journal=journal)
    assert calls == {}


def test_a_run_that_is_being_executed_is_not_executed_twice(tmp_path: Path) -> None:
    journal = tmp_path / "runs.db"
    outcome = cut_off(journal)
    session = Session.reopen(journal, outcome.run)
    with pytest.raises(llmcc.RunTaken):
        llmcc.resume_sync(outcome.run, toolbox(), journal=journal)
    assert runs(journal)[0].state == "running"
    session.close()
    assert runs(journal)[0].state == "in doubt"


def test_a_secret_is_nowhere_in_the_journal(tmp_path: Path) -> None:
    journal = tmp_path / "runs.db"
    plan = 'door = unlock("front", token="hunter2hunter2") catch "shut"\nx = buy("paper", 1) after door\n'
    outcome = cut_off(journal, plan)
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"hunter2" not in data and HIDDEN.encode() in data
    assert key_path(journal).stat().st_mode & 0o777 == 0o600
    with pytest.raises(llmcc.JournalError, match="the plan holds a secret"):
        llmcc.resume_sync(outcome.run, toolbox(), journal=journal)
    again = llmcc.resume_sync(outcome.run, toolbox(), journal=journal, text=plan, settle={"x": "rerun"}, deadline_s=9)
    assert again.ok and calls == {"buy": 1}


@pytest.mark.parametrize(
    ("plan", "secret"),
    [
        ('unlock("d", token="abc")', True),
        ('x = "abc"\nunlock("d", token=f"{x}!")', True),
        ('x = buy("k", 1)\nunlock("d", token=x)', False),
        ('x = buy("k", 1)\nunlock("d", token=x[0:3])', False),
        ('[unlock("d", token=t) for t in ["a", "b"]]', True),
        ('x = buy("k", 1) catch "abc"\nunlock("d", token=x)', True),
        ('unlock("abc", token=buy("k", 1))', False),
    ],
)
@pytest.mark.parametrize("level", [0, 2])
def test_a_plan_that_holds_a_secret_is_known(plan: str, secret: bool, level: int) -> None:
    tools = toolbox()
    assert holds_secrets(llmcc.compile(plan, tools, level=level).module, tools.signatures) is secret


def test_a_result_that_is_no_value_fails_the_same_way_when_it_is_recalled(tmp_path: Path) -> None:
    @llmcc.tool(effect="read", resource="r")
    async def odd() -> Any:
        calls["odd"] += 1
        return float("nan")

    calls.clear()
    tools = llmcc.Toolbox(odd)
    outcome = llmcc.run_sync(llmcc.compile("return odd()\n", tools), journal=tmp_path / "runs.db")
    assert outcome.run is not None
    again = llmcc.resume_sync(outcome.run, tools, journal=tmp_path / "runs.db")
    assert outcome.errors == again.errors and again.errors[0].error == "ToolOutputError" and calls["odd"] == 1


def test_calls_of_a_batch_are_written_down_one_by_one(tmp_path: Path) -> None:
    made: list[list[Any]] = []

    @llmcc.tool(effect="write", resource="r:{n}", idempotent=True, key="token", batch=3)
    async def save(n: int, token: str) -> int:
        return n

    @save.batched
    async def save_many(calls: list[dict[str, Any]]) -> list[int]:
        made.append([call["n"] for call in calls])
        assert len({call["token"] for call in calls}) == len(calls)
        await trio.sleep(60 if len(made) == 2 else 0)
        return [call["n"] for call in calls]

    tools = llmcc.Toolbox(save)
    plan = "return [save(1), save(2), save(3), save(4), save(5)]\n"
    outcome = llmcc.run_sync(llmcc.compile(plan, tools), journal=tmp_path / "runs.db", deadline_s=0.3)
    assert outcome.run is not None and outcome.stopped is not None and sorted(map(len, made)) == [2, 3]
    again = llmcc.resume_sync(outcome.run, tools, journal=tmp_path / "runs.db", deadline_s=None)
    assert again.value == [1, 2, 3, 4, 5] and made[2:] == [made[1]]


def test_what_is_no_journal_is_not_touched(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as database:
        database.execute("create table t (x)")
    before = other.read_bytes()
    with pytest.raises(llmcc.JournalError, match="this is no journal of llmcc"):
        llmcc.run_sync(llmcc.compile(PLAN, toolbox()), journal=other)
    assert other.read_bytes() == before and calls == {}
    with pytest.raises(llmcc.JournalError, match="no such journal"):
        llmcc.resume_sync("x", toolbox(), journal=tmp_path / "none.db")


def test_an_option_of_a_tool_that_makes_no_sense_is_refused() -> None:
    def send(to: str, key: str) -> None: ...

    with pytest.raises(ValueError, match="only an idempotent tool"):
        llmcc.tool(effect="write", key="key")(send)
    with pytest.raises(ValueError, match="'no', which is to take"):
        llmcc.tool(effect="write", idempotent=True, key="no")(send)
    with pytest.raises(ValueError, match="'no', which is to be secret"):
        llmcc.tool(effect="write", secret=["no"])(send)
    assert [p.name for p in llmcc.tool(effect="write", idempotent=True, key="key")(send).signature.parameters] == ["to"]


FULL = """
import resource, sys, llmcc
made = []

@llmcc.tool(effect="write", resource="w:{n}")
async def write(n: int) -> str:
    made.append(n)
    return "x" * 1000

program = llmcc.compile("[write(n) for n in range(400)]", llmcc.Toolbox(write))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
outcome = llmcc.run_sync(program, journal=sys.argv[1], max_running=20)
print(len(made), outcome.stopped, outcome.ok)
"""


@pytest.mark.slow
def test_a_full_disk_stops_the_run_before_its_next_effect(tmp_path: Path) -> None:
    journal = tmp_path / "runs.db"
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(journal), "300000"], capture_output=True, text=True, check=True, timeout=60
    )
    made, rest = done.stdout.split(maxsplit=1)
    assert "runs.db: " in rest and rest.endswith("False\n")
    (line,) = runs(journal)
    known = len(Session.reopen(journal, line.run).history.ends) + len(line.doubts)
    assert 0 < int(made) <= known < 400
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 300000


def test_a_damaged_run_hides_no_other(tmp_path: Path) -> None:
    journal = tmp_path / "runs.db"
    names = [llmcc.run_sync(llmcc.compile("return 1", toolbox()), journal=journal).run for _ in range(3)]
    with sqlite3.connect(journal) as database:
        database.execute("update record set body = body || ' ' where run = ? and seq = 1", (names[1],))
    found = {one.run: one.state for one in runs(journal)}
    assert found == {names[0]: "ended", names[1]: "damaged", names[2]: "ended"}
