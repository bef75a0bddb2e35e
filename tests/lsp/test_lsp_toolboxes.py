"""Where the tools of a plan come from, and what happens if they cannot be had."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmcc.driver.lsp.toolboxes import Toolboxes
from llmcc.ir.span import Span

ONE = '[{"name": "one", "effect": "read"}]'


def names(tools: Toolboxes, first_line: str = "", document: Path | None = None) -> list[str] | None:
    found = tools.find(first_line, document)
    assert found.problem is None
    return None if found.signatures is None else list(found.signatures)


def test_the_plans_own_file_comes_before_the_setting_and_that_before_the_option(tmp_path: Path, toolfile: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "one.json").write_text(ONE)
    (tmp_path / "set.json").write_text(ONE.replace("one", "set"))
    tools = Toolboxes(str(toolfile))
    assert names(tools) == ["find", "mail.send", "the mayor"]
    tools.setting, tools.root = "set.json", tmp_path
    assert names(tools) == ["set"]
    assert names(tools, "# tools: sub/one.json", tmp_path / "plan.txt") == ["one"]
    assert names(tools, "#tools:one.json  ", tmp_path / "sub" / "plan.txt") == ["one"]
    assert names(tools, "# about tools: none", tmp_path / "plan.txt") == ["set"]
    assert names(Toolboxes()) is None


def test_a_changed_file_is_read_again(toolfile: Path) -> None:
    tools = Toolboxes(str(toolfile))
    before = tools.find("", None)
    assert tools.find("", None) is before
    toolfile.write_text("[")
    problem = tools.find("", None).problem
    assert problem is not None
    assert "line 1, column 2" in problem
    toolfile.write_text(ONE)
    os.utime(toolfile, ns=(1, 1))
    assert names(tools) == ["one"]


def test_a_plan_cannot_name_a_file_that_would_be_run(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text("raise SystemExit(3)\n")
    found = Toolboxes().find(" # tools: tools.py", tmp_path / "plan.txt")
    assert found.problem is not None
    assert "would be run" in found.problem
    assert found.span == Span(1, 11, 1, 19)


@pytest.mark.parametrize("name", ["nothing.json", "a\0b.json", "\ud83d.json", ".json", "." * 5000 + ".json"])
def test_a_file_that_cannot_be_is_a_problem_and_no_crash(tmp_path: Path, name: str) -> None:
    found = Toolboxes().find(f"# tools: {name}", tmp_path / "plan.txt")
    assert found.problem is not None
    assert found.signatures is None


def test_a_plan_in_no_file_has_nothing_beside_it() -> None:
    assert "in no file yet" in (Toolboxes().find("# tools: tools.json", None).problem or "")


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "1 / 0", "def (", "x = 1"])
def test_a_file_of_the_setting_that_fails_is_a_problem(tmp_path: Path, code: str) -> None:
    (tmp_path / "tools.py").write_text(code)
    tools = Toolboxes()
    tools.setting, tools.root = "tools.py", tmp_path
    assert "tools.py" in (tools.find("", None).problem or "")


def effect(tools: Toolboxes, first_line: str = "", document: Path | None = None) -> str:
    found = tools.find(first_line, document)
    assert found.signatures is not None, found.problem
    return str(found.signatures["one"].effect)


def test_the_catalogue_says_what_tools_do_wherever_they_come_from(tmp_path: Path) -> None:
    file, catalog = tmp_path / "one.json", tmp_path / "effects.toml"
    file.write_text(ONE)
    catalog.write_text('[one]\neffect = "write"\nresource = "disk"\n[other]\neffect = "read"\n')
    tools = Toolboxes(str(file), str(catalog))
    assert effect(tools) == "write(disk)"
    assert effect(tools, "# tools: one.json", tmp_path / "plan.txt") == "write(disk)"
    tools.setting = str(file)
    assert effect(tools) == "write(disk)"
    assert effect(Toolboxes(str(file))) == 'read("*")'
    catalog.write_text('[one]\neffect = "read"\nresource = "the disk"\n')
    assert effect(tools) == 'read("the disk")'
    catalog.write_text("[one]\neffect = 7\n")
    assert "effects.toml" in (tools.find("", None).problem or "")
    catalog.unlink()
    assert "effects.toml" in (tools.find("", None).problem or "")
