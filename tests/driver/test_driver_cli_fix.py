"""`check --fix`, `fmt --to`, `compile --emit digest` and `--limit`, as a user calls them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from llmcc.driver import cli
from llmcc.driver.program import CompileError, compile
from llmcc.frontend.limits import SourceLimits

PAPER = Path(__file__).parents[1] / "frontend" / "data" / "paper"
TOOLS = str(PAPER / "tools.json")


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def llmcc(*argv: str, stdin: str | bytes = "") -> Result:
    code = 0

    def main() -> None:
        nonlocal code
        code = cli.invoke(list(argv))

    result = CliRunner().invoke(click.Command("llmcc", callback=main), [], input=stdin, catch_exceptions=False)
    result.exit_code = code
    return result


def test_fix_mends_the_file_and_says_what_it_did(tmp_path: Path) -> None:
    plan = tmp_path / "plan.txt"
    plan.write_bytes(b'1) serch("\xc3\xa9")\r\n2. search("b"\r\n3. search($9)\r\njoin()')
    plan.chmod(0o640)
    result = llmcc("check", "plan.txt", "--tools", TOOLS, "--fix")
    assert plan.read_bytes() == b'1. search("\xc3\xa9")\r\n2. search("b")\r\n3. search($9)\r\njoin()'
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.count("error[") == 1 and "E0302" in result.stderr
    assert result.stderr.endswith("fixed 3 of 4\n")
    assert plan.stat().st_mode & 0o777 == 0o640
    assert os.listdir(tmp_path) == ["plan.txt"]


def test_fix_of_standard_input_prints_the_plan() -> None:
    result = llmcc("check", "-", "--tools", TOOLS, "--fix", stdin='a = search("x"\njoin(a)')
    assert (result.exit_code, result.stdout, result.stderr) == (0, 'a = search("x")\njoin(a)', "fixed 1 of 1\n")


def test_fix_without_anything_to_fix_writes_nothing(tmp_path: Path) -> None:
    plan = tmp_path / "plan.txt"
    plan.write_text('a = search("x")\njoin(a)\n')
    plan.chmod(0o444)
    before = plan.stat()
    result = llmcc("check", "plan.txt", "--tools", TOOLS, "--fix")
    assert (result.exit_code, result.output) == (0, "fixed 0 of 0\n")
    assert (plan.stat().st_ino, plan.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_fix_follows_a_link(tmp_path: Path) -> None:
    (tmp_path / "plan.txt").write_text("join(")
    (tmp_path / "link.txt").symlink_to("plan.txt")
    assert llmcc("check", "link.txt", "--fix").exit_code == 0
    assert (tmp_path / "link.txt").is_symlink() and (tmp_path / "plan.txt").read_text() == "join()"


def test_fix_leaves_the_file_if_it_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plan.txt").write_text("join(")

    def full(source: str, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    result = llmcc("check", "plan.txt", "--fix")
    assert result.exit_code == 1 and "cannot write plan.txt: No space left" in result.stderr
    assert os.listdir(tmp_path) == ["plan.txt"] and (tmp_path / "plan.txt").read_text() == "join("


def test_fix_with_json_lists_what_is_left(tmp_path: Path) -> None:
    (tmp_path / "plan.txt").write_text("join(")
    result = llmcc("check", "plan.txt", "--fix", "--json")
    assert json.loads(result.stdout) == []
    assert llmcc("check", "-", "--fix", "--json", stdin="join(").exit_code == 2


def test_bytes_that_are_no_text_are_a_diagnostic_in_json_too() -> None:
    result = llmcc("check", "-", "--json", stdin=b"a = f()\nb = \xff\n")
    [found] = json.loads(result.stdout)
    assert (found["code"], found["line"], found["column"], result.exit_code) == ("E0122", 2, 5, 1)


def test_fmt_converts_the_dialect() -> None:
    plan = str(PAPER / "arithmetic.txt")
    native = llmcc("fmt", plan, "--dialect", "llmcompiler", "--to", "native", "--tools", TOOLS)
    assert native.exit_code == 0 and 'math(f"difference of {$1} and {$2} in metres", [$1, $2])' in native.stdout
    digests = [
        llmcc("compile", "-", "--tools", TOOLS, "--dialect", dialect, "--emit", "digest", stdin=text).stdout
        for dialect, text in (("llmcompiler", Path(plan).read_text()), ("native", native.stdout))
    ]
    assert digests[0] == digests[1] and digests[0].startswith("plan1:")


def test_fmt_converts_no_plan_with_errors() -> None:
    result = llmcc("fmt", "-", "--dialect", "llmcompiler", "--to", "native", stdin='1. f("$1", $2)\njoin()')
    assert result.exit_code == 1 and result.stdout == "" and "E0302" in result.stderr


def test_fmt_takes_tools_only_to_convert() -> None:
    assert llmcc("fmt", "-", "--tools", TOOLS, stdin="join()").exit_code == 2


def test_the_digest_does_not_depend_on_the_optimizer() -> None:
    plan = 'a = search("x")\nb = search("x")\njoin(a, b)'
    digests = {llmcc("compile", "-", "-O", level, "--emit", "digest", stdin=plan).stdout for level in "012"}
    assert digests == {compile(plan).digest + "\n"}


@pytest.mark.parametrize(
    ("limit", "code"), [("plan=9", "E0111"), ("statements=1", "E0112"), ("line=9", "E0113"), ("depth=1", "E0114")]
)
@pytest.mark.parametrize("command", ["check", "compile"])
def test_limits_are_options(command: str, limit: str, code: str) -> None:
    plan = 'a = search(("x"))\njoin(a)'
    assert llmcc(command, "-", stdin=plan).exit_code == 0
    result = llmcc(command, "-", "--limit", limit, stdin=plan)
    assert result.exit_code == 1 and code in result.stderr
    assert llmcc(command, "-", "--limit", limit, "--limit", limit.split("=")[0] + "=100", stdin=plan).exit_code == 0


@pytest.mark.parametrize("limit", ["width=1", "depth", "depth=", "depth=0", "depth=-1", "depth=x", "depth=1e3"])
def test_a_limit_that_is_none_is_misuse(limit: str) -> None:
    assert llmcc("check", "-", "--limit", limit, stdin="join()").exit_code == 2


def test_compile_takes_limits() -> None:
    with pytest.raises(CompileError, match="nested more than 2 deep"):
        compile("return [[[1]]]", limits=SourceLimits(depth=2))
