"""What the tests of the journal's commands share: a folder with tools that leave traces, and a command in it."""

from __future__ import annotations

from collections.abc import Callable
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


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with `tools.py`: calls are noted in `effects`; a purchase lasts as long as there is a file `wait`."""
    (tmp_path / "tools.py").write_text(TOOLS)
    return tmp_path


@pytest.fixture
def llmcc_command(shop: Path) -> Callable[..., Result]:
    """A command in that folder and in this process, with the exit code that it would have."""

    def run(*arguments: str) -> Result:
        code: list[int] = []
        command = click.Command("llmcc", callback=lambda: code.append(cli.invoke(list(arguments))))
        with chdir(shop):
            result = CliRunner().invoke(command, [], catch_exceptions=False)
        result.exit_code = code[0]
        return result

    return run
