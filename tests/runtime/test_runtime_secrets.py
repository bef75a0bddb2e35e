"""Arguments that a tool marks secret reach the tool, and nothing that llmcc writes down or shows."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

import llmcc
from llmcc.driver.board import Board
from llmcc.driver.commands.run import tell, to_json
from llmcc.driver.commands.trace import analysis
from llmcc.driver.live import table
from llmcc.driver.show import Show
from llmcc.driver.trace_chart import chart
from llmcc.ir.call_text import HIDDEN
from llmcc.ir.escape import visible
from llmcc.ir.secrets import Secrets
from llmcc.ir.signature import Parameter, Signature
from llmcc.runtime.journal.session import runs
from llmcc.runtime.spans import Moment
from llmcc.runtime.trace import Trace

#: So marked at both ends, a text occurs nowhere by itself.
TEXTS = st.text(st.characters(codec="utf-8"), max_size=12).map(lambda text: f"Zq{text}8x")
SECRETS = TEXTS | st.integers(10**8, 10**12)


def toolbox(secret: Any, *, echo: bool) -> tuple[llmcc.Toolbox, list[Any]]:
    """Tools, and the tokens that they were really given."""
    given: list[Any] = []

    @llmcc.tool(effect="read", resource="vault")
    def issue(name: str) -> Any:
        return secret

    @llmcc.tool(effect="write", resource="door", secret=["token"], idempotent=True, retries=1)
    def unlock(door: str, token: Any) -> str:
        given.append(token)
        if door == "bad":
            raise ValueError(f"{token!r} does not open it: {token}")
        return f"opened by {token}" if echo else "opened"

    @llmcc.tool(effect="write", resource="door", secret=["login"])
    def enter(login: dict[str, Any]) -> None:
        given.append(login["token"])
        raise LookupError(f"nobody has {json.dumps(login)}")

    @llmcc.tool(effect="read", resource="notes")
    def note(text: Any) -> Any:
        return [text] if echo else None

    return llmcc.Toolbox(issue, unlock, enter, note), given


def plan(source: str) -> str:
    return (
        f"t = {source}\n"
        'a = unlock("front", token=t)\n'
        'b = unlock("bad", token=t) catch "no"\n'
        'm = [unlock(door, token=t) for door in ["p", "bad"]] catch []\n'
        'c = enter({"token": t}) catch null\n'
        'd = note(f"{t}!") after a\n'
        'e = unlock("bad", token=t)\n'
        "return len(m)\n"
    )


def written(secret: Any) -> set[str]:
    """The forms in which it could be read."""
    text = str(secret)
    return {text, visible(text), json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]}


def outputs(outcome: llmcc.Outcome, trace: Trace, console: Console, folder: Path) -> Iterator[str]:
    """All that llmcc says of a run."""
    yield json.dumps({**to_json(outcome), "value": None})
    yield json.dumps({**to_json(outcome), "value": None}, ensure_ascii=False)
    assert isinstance(console.file, io.StringIO)
    yield console.file.getvalue()
    trace.save(folder / "trace.json")
    yield (folder / "trace.json").read_text()
    yield json.dumps(analysis(Trace.load(folder / "trace.json")), ensure_ascii=False)
    yield chart(trace, width=500)


@pytest.mark.slow
@settings(deadline=None, max_examples=30)
@given(SECRETS, st.booleans(), st.sampled_from([0, 2]))
def test_a_secret_appears_nowhere_and_reaches_the_tool(secret: Any, is_constant: bool, level: int) -> None:
    tools, given = toolbox(secret, echo=True)
    text = plan(json.dumps(secret) if is_constant else 'issue("x")')
    program = llmcc.compile(text, tools, level=level)
    console = Console(file=io.StringIO(), width=2000, highlight=False)
    board, show = Board(), Show(console)

    def observe(news: Any) -> None:
        board(news)
        show(news)
        console.print(table(board, console))

    def watch(execution: Any) -> None:
        board.watch(execution)
        show.watch(execution)

    outcome = llmcc.run_sync(program, observer=observe, watch=watch, seed=0, backoff_s=0)
    assert set(given) == {secret} and outcome.values.get("t", secret) == secret, "what flows is as it is"
    assert not outcome.ok and outcome.values["b"] == "no"
    pieces = ["the ", *str(secret), " is it"]
    moments = tuple(Moment(0.0, "joiner", "wrote", piece) for piece in pieces)
    signatures = tools.runnable
    trace = Trace.record(outcome, signatures, plan=text, digest=program.digest, moments=moments)
    with tempfile.TemporaryDirectory() as folder:
        for said in outputs(outcome, trace, console, Path(folder)):
            assert [one for one in written(secret) if one in said] == [], said
    assert HIDDEN in json.dumps(to_json(outcome)["calls"])
    assert (trace.plan == "") == is_constant


@pytest.mark.slow
@settings(deadline=None, max_examples=15)
@given(SECRETS)
def test_a_secret_is_in_no_journal_and_no_message(secret: Any) -> None:
    tools, given = toolbox(secret, echo=False)
    program = llmcc.compile(plan(json.dumps(secret)), tools)
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder) / "runs.db"
        outcome = llmcc.run_sync(program, journal=journal, seed=0, backoff_s=0)
        data = b"".join(path.read_bytes() for path in Path(folder).iterdir()).decode("utf-8", "replace")
        assert set(given) == {secret}
        assert [line.state for line in runs(journal)] == ["ended"]
    told = "\n".join(f"{one.message} {one.call}" for one in outcome.errors)
    for said in (data, told):
        assert [one for one in written(secret) if one in said] == []


def test_the_answer_is_as_the_plan_gives_it(capsys: pytest.CaptureFixture[str]) -> None:
    tools, _ = toolbox("hunter2hunter2", echo=False)
    outcome = llmcc.run_sync(llmcc.compile('t = issue("x")\na = unlock("front", token=t)\nreturn [a, t]\n', tools))
    tell(outcome, "plan", as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert shown["value"] == ["opened", "hunter2hunter2"] and shown["values"]["t"] == HIDDEN


def test_a_trace_whose_secrets_came_from_tools_replays() -> None:
    tools, _ = toolbox("hunter2hunter2", echo=True)
    program = llmcc.compile(plan('issue("x")'), tools)
    trace = Trace.of(llmcc.run_sync(program, seed=0, backoff_s=0), program)
    assert llmcc.replay(trace).values["a"] == f"opened by {HIDDEN}"


def test_short_secrets_are_hidden_in_their_places_only() -> None:
    secrets = Secrets({"login": Signature(name="login", parameters=(Parameter("pin", secret=True), Parameter("at")))})
    secrets.note("login", {"pin": "abc", "at": "abcd"})
    assert secrets.args("login", {"pin": "abc", "at": "abcd"}) == {"pin": HIDDEN, "at": "abcd"}
    secrets.note("login", {"pin": [{"x": "deep one"}, True, 4711]})
    assert secrets.value({"deep one": ("a deep one", 4711, -4711, 47, True)}) == {
        HIDDEN: (f"a {HIDDEN}", HIDDEN, HIDDEN, 47, True)
    }
