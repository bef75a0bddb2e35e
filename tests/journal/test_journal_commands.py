"""`llmcc run --journal`, `llmcc runs` and `llmcc resume`, in processes of their own, one of which is interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import chdir
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from llmcc.driver import cli

TOOLS = """
import pathlib, time, llmcc

def note(text):
    with open("effects", "a") as file:
        file.write(text + "\\n")

@llmcc.tool(effect="read", resource="stock")
def stock(item: str) -> int:
    note(f"stock {item}")
    return 3

@llmcc.tool(effect="write", resource="orders")
def buy(item: str, amount: int) -> str:
    note(f"buy {item}")
    while pathlib.Path("wait").exists():
        time.sleep(0.01)
    return f"{amount} of {item}"
"""
PLAN = 'left = stock("paper")\norder = buy("paper", left + 1)\nreturn order\n'


def llmcc(folder: Path, *arguments: str) -> Result:
    """A command in this process, with the exit code that it would have."""
    code: list[int] = []
    command = click.Command("llmcc", callback=lambda: code.append(cli.invoke(list(arguments))))
    with chdir(folder):
        result = CliRunner().invoke(command, [], catch_exceptions=False)
    result.exit_code = code[0]
    return result


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "plan.txt").write_text(PLAN)
    return tmp_path


def effects(folder: Path) -> list[str]:
    path = folder / "effects"
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.slow
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_was_struck_goes_on_where_it_was(folder: Path, blow: signal.Signals) -> None:
    (folder / "wait").touch()
    command = [sys.executable, "-m", "llmcc", "run", "plan.txt", "--tools", "tools.py", "--journal", "runs.db"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while "buy paper" not in effects(folder) and time.monotonic() < end:
        time.sleep(0.01)
    running = llmcc(folder, "runs")
    assert "running" in running.stdout
    refused = llmcc(folder, "resume", json.loads(llmcc(folder, "runs", "--json").stdout)["runs"][0]["run"])
    assert refused.exit_code == 1 and "another process" in refused.stderr
    os.kill(process.pid, blow)
    _, told = process.communicate(timeout=60)
    (folder / "wait").unlink()  # not before, or the call may still end well
    if blow is signal.SIGINT:
        assert process.returncode == 130 and "go on with: llmcc resume" in told
    (run,) = json.loads(llmcc(folder, "runs", "--json").stdout)["runs"]
    assert run["state"] == "in doubt" and run["in_doubt"][0]["call"] == "order" and run["done"] == 1
    name = run["run"][:8]
    assert "in doubt: order: buy(item=paper, amount=4)" in llmcc(folder, "runs").stdout
    doubt = llmcc(folder, "resume", name)
    assert doubt.exit_code == 1 and "--settle 'order=...'" in doubt.stderr
    assert llmcc(folder, "resume", name, "--settle", "order=perhaps").exit_code == 2
    done = llmcc(folder, "resume", name, "--settle", 'order=done:"4 of paper, by hand"')
    assert (done.exit_code, done.stdout) == (0, "4 of paper, by hand\n"), done.stderr
    assert effects(folder) == ["stock paper", "buy paper"]
    assert llmcc(folder, "resume", name, "--json").exit_code == 0
    assert "ended" in llmcc(folder, "runs").stdout


@pytest.mark.slow
def test_what_cannot_be_resumed_is_said_in_one_line(folder: Path) -> None:
    (folder / "text.db").write_text("no database at all, but long enough to be looked at " * 20)
    for arguments in (["runs"], ["resume", "x"], ["runs", "--journal", "text.db"]):
        result = llmcc(folder, *arguments)
        assert result.exit_code == 1 and result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
