"""`llmcc run --journal`, `llmcc runs` and `llmcc resume`, in processes of their own, one of which is interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import Result

from llmcc.testing.openai_server import Answer as Said
from llmcc.testing.openai_server import OpenAIServer

Command: TypeAlias = Callable[..., Result]
PLAN = 'left = stock("paper")\norder = buy("paper", left + 1)\nreturn order\n'


@pytest.fixture
def folder(shop: Path) -> Path:
    (shop / "plan.txt").write_text(PLAN)
    return shop


def effects(folder: Path) -> list[str]:
    path = folder / "effects"
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.slow
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_was_struck_goes_on_where_it_was(folder: Path, llmcc_command: Command, blow: signal.Signals) -> None:
    (folder / "wait").touch()
    command = [sys.executable, "-m", "llmcc", "run", "plan.txt", "--tools", "tools.py", "--journal", "runs.db"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while "buy paper" not in effects(folder) and time.monotonic() < end:
        time.sleep(0.01)
    running = llmcc_command("runs")
    assert "running" in running.stdout
    refused = llmcc_command("resume", json.loads(llmcc_command("runs", "--json").stdout)["runs"][0]["run"])
    assert refused.exit_code == 1 and "another process" in refused.stderr
    os.kill(process.pid, blow)
    _, told = process.communicate(timeout=60)
    (folder / "wait").unlink()  # not before, or the call may still end well
    if blow is signal.SIGINT:
        assert process.returncode == 130 and "go on with: llmcc resume" in told
    (run,) = json.loads(llmcc_command("runs", "--json").stdout)["runs"]
    assert run["state"] == "in doubt" and run["in_doubt"][0]["call"] == "order" and run["done"] == 1
    name = run["run"][:8]
    assert "in doubt: order: buy(item=paper, amount=4)" in llmcc_command("runs").stdout
    doubt = llmcc_command("resume", name)
    assert doubt.exit_code == 1 and "--settle 'order=...'" in doubt.stderr
    assert llmcc_command("resume", name, "--settle", "order=perhaps").exit_code == 2
    done = llmcc_command("resume", name, "--settle", 'order=done:"4 of paper, by hand"')
    assert (done.exit_code, done.stdout) == (0, "4 of paper, by hand\n"), done.stderr
    assert effects(folder) == ["stock paper", "buy paper"]
    assert llmcc_command("resume", name, "--json").exit_code == 0
    assert "ended" in llmcc_command("runs").stdout


STRIKE = """
import os, pathlib, signal, llmcc, trio

@llmcc.tool(effect="read", resource="x")
async def strike(text: str) -> str:
    if pathlib.Path("wait").exists():
        os.kill(os.getpid(), signal.SIGINT)
        await trio.sleep(60)
    return text
"""


@contextmanager
def struck_plan(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[OpenAIServer, list[str]]]:
    """A plan that is struck between its two answers of a model; the model's server, and the tools' options."""
    (folder / "strike.py").write_text(STRIKE)
    (folder / "plan.txt").write_text('a = llm("x")\nb = strike(a)\nreturn llm("y", b)\n')
    (folder / "wait").touch()
    with OpenAIServer([Said("so"), Said("and so")]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "none")
        yield server, ["--tools", "strike.py", "--llm", "openai:any"]


def test_the_budget_of_a_plan_holds_for_its_further_processes(
    folder: Path, llmcc_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with struck_plan(folder, monkeypatch) as (server, tools):
        struck = llmcc_command("run", "plan.txt", *tools, "--journal", "runs.db", "--budget", "tokens_out=1")
        assert struck.exit_code == 130, struck.output
        (folder / "wait").unlink()
        (run,) = json.loads(llmcc_command("runs", "--json").stdout)["runs"]
        done = llmcc_command("resume", run["run"], *tools, "--json")
        assert len(server.requests) == 1, "the model is not asked again"
    told = json.loads(done.stdout)
    assert done.exit_code == 1 and [one["error"] for one in told["errors"]] == ["OverBudget"]
    assert told["usage"]["requests"] == 1 and told["usage"]["completion_tokens"] >= 1


def test_a_plan_may_go_on_with_another_budget(
    folder: Path, llmcc_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with struck_plan(folder, monkeypatch) as (server, tools):
        bounds = ["--budget", "tokens_out=1", "--budget", "calls=3", "--max-calls", "9"]
        assert llmcc_command("run", "plan.txt", *tools, "--journal", "runs.db", *bounds).exit_code == 130
        (folder / "wait").unlink()
        (run,) = json.loads(llmcc_command("runs", "--json").stdout)["runs"]
        resume = ["resume", run["run"], *tools, "--json", "--budget"]
        less = llmcc_command(*resume, "calls=2")
        assert less.exit_code == 1 and "E0803" in less.stderr and "allows 2" in less.stderr
        unknown = llmcc_command(*resume, "usd=1")
        assert unknown.exit_code == 1 and "no price of any is known" in unknown.stderr
        assert len(server.requests) == 1, "nothing was gone on with"
        more = llmcc_command(*resume, "tokens_out=50")
        assert len(server.requests) == 2
    assert more.exit_code == 0, more.output
    assert json.loads(more.stdout)["value"] == "and so"


@pytest.mark.slow
def test_what_cannot_be_resumed_is_said_in_one_line(folder: Path, llmcc_command: Command) -> None:
    (folder / "text.db").write_text("no database at all, but long enough to be looked at " * 20)
    for arguments in (["runs"], ["resume", "x"], ["runs", "--journal", "text.db"]):
        result = llmcc_command(*arguments)
        assert result.exit_code == 1 and result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
