"""`--catalog`: tools that others describe become usable, and what cannot be right is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmcc.driver import cli

PLAN = 'a = look("x")\nb = put("x", a)\nc = look("y")\nreturn [a, b, c]\n'
TOOLS = """
import llmcc

@llmcc.tool
def look(key: str) -> int:
    return 1

@llmcc.tool
def put(key: str, value: int) -> int:
    return value + 1
"""
CATALOG = '[look]\neffect = "read"\nresource = "store:{key}"\n[put]\neffect = "write"\nresource = "store:{key}"\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plan, tools without effects and their catalogue, in the current directory."""
    monkeypatch.chdir(tmp_path)
    for name, text in (("plan.txt", PLAN), ("tools.py", TOOLS), ("effects.toml", CATALOG)):
        (tmp_path / name).write_text(text)
    return tmp_path


WITH = ("--tools", "tools.py", "--catalog", "effects.toml")


def test_effects_come_from_the_catalogue(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.invoke(["check", "plan.txt", "--tools", "tools.py"]) == 1
    assert "E0501" in capsys.readouterr().err
    assert cli.invoke(["check", "plan.txt", *WITH]) == 0
    assert cli.invoke(["compile", "plan.txt", *WITH]) == 0
    out, err = capsys.readouterr()
    assert 'put(key = "x", value = %a) : int {effect = write("store:{key}")' in out and err == ""
    assert cli.invoke(["run", "plan.txt", *WITH]) == 0
    assert capsys.readouterr().out == "[1, 2, 1]\n"


def test_tools_are_listed_as_the_catalogue_has_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.invoke(["tools", "tools.py", "--catalog", "effects.toml", "--json"]) == 0
    effects = {one["name"]: one["effect"] for one in json.loads(capsys.readouterr().out)["tools"]}
    assert effects == {"look": "read", "put": "write"}


def test_a_name_that_no_tool_has_is_a_warning(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "effects.toml").write_text(CATALOG + '[puts]\neffect = "pure"\n[fly]\neffect = "pure"\n')
    assert cli.invoke(["check", "plan.txt", *WITH]) == 0
    expected = "warning: effects.toml: no such tool is in the toolbox: fly, puts (did you mean put?)\n"
    assert capsys.readouterr().err == expected


def test_a_catalogue_that_cannot_be_used_ends_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "effects.toml").write_text('[look]\neffect = "reads"\n')
    for command in ("check", "compile", "run"):
        assert cli.invoke([command, "plan.txt", *WITH]) == 1
        assert capsys.readouterr().err.startswith("error: effects.toml: look: the effect is")
    assert cli.invoke(["check", "plan.txt", "--catalog", "effects.toml"]) == 2
    assert "--tools FILE" in capsys.readouterr().err
