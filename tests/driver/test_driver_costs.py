"""What the command line says of costs: bounds, estimates by a profile, and remarks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import llmcc
from llmcc.driver.commands import compile as compiling
from llmcc.driver.commands import run as running
from llmcc.ir.errors import LlmccError
from llmcc.ir.ops import Call
from llmcc.runtime.profile import Figures, Profile, ToolProfile
from llmcc.runtime.profile_file import add_to_file, read_profile

EXAMPLES = Path(__file__).parents[2] / "examples"
GUARDED = [str(EXAMPLES / "guarded" / "plan.txt"), "--tools", str(EXAMPLES / "guarded" / "tools.py")]
REDUNDANT = [str(EXAMPLES / "redundant" / "plan.txt"), "--tools", str(EXAMPLES / "redundant" / "tools.py")]


def compile_(*argv: str, stdin: str = "") -> Result:
    return CliRunner().invoke(compiling.command, argv, input=stdin, standalone_mode=False)


def run(*argv: str, stdin: str = "") -> Result:
    return CliRunner().invoke(running.command, argv, input=stdin, standalone_mode=False)


def taking(**latencies: float) -> Profile:
    """A profile of one call of each tool."""
    found = Profile()
    for tool, took in latencies.items():
        figures = Figures()
        figures.add(took)
        found.tools[tool] = ToolProfile(calls=1, latency_s=figures)
    return found


def test_remarks_go_to_stderr_with_places_in_the_plans_file() -> None:
    result = compile_(*REDUNDANT, "--remarks", "-O2")
    lines = result.stderr.splitlines()
    assert (
        f"{REDUNDANT[0]}:10:13: merged: nok_again is nok (line 3): the same call, nothing between writes rates" in lines
    )
    assert sum(": merged: " in line or ": removed: " in line for line in lines) == 8
    assert "# at most 12 calls, 0.016 USD, without the price of budget, best_place" in result.stdout
    assert compile_(*REDUNDANT).stderr == ""


def test_bounds_are_a_form_of_their_own() -> None:
    lines = compile_(*REDUNDANT, "--emit", "bounds").stdout.splitlines()
    assert lines[0].split() == ["tool", "calls", "attempts", "USD", "latency"]
    assert "total          12        18  0.016   3.16 s" in lines
    assert compile_("-", "--emit", "bounds", stdin='a = f("x")\nreturn a\n').stdout.count("1.00 s?") == 1


def test_a_run_adds_to_a_profile_and_the_next_compilation_goes_by_it(tmp_path: Path) -> None:
    file = str(tmp_path / "p.json")
    assert run(*GUARDED, "--profile-out", file).return_value == 0
    assert run(*GUARDED, "--profile-out", file, "--json").return_value == 0
    found = read_profile(file)
    assert found.tools["stock"].calls == 4
    assert "# latencies: measured for stock, reorder_rule, buy" in compile_(*GUARDED, "--profile", file).stdout
    assert run(*GUARDED, "--profile", file).return_value == 0


def test_measured_latencies_decide_priorities_and_estimates(tmp_path: Path) -> None:
    file = str(tmp_path / "p.json")
    add_to_file(taking(stock=3.0, reorder_rule=0.25), file)
    program = llmcc.compile(
        (EXAMPLES / "guarded" / "plan.txt").read_text(),
        llmcc.load_toolbox(EXAMPLES / "guarded" / "tools.py"),
        profile=read_profile(file),
    )
    found = {op.name: op.priority for op in program.module.values if isinstance(op, Call)}
    assert found == {"left": 6.1, "rule": 3.35, "order": 3.1, "now": 3.0}
    assert "estimated: makespan 6.10 s" in program.emit("schedule")
    assert "stock             2         2    -   3.00 s" in program.emit("bounds")


def test_a_profile_is_about_tools() -> None:
    result = compile_("-", "--profile", "p.json", stdin='f("x")\n')
    assert "--tools" in str(result.exception)


@pytest.mark.parametrize("option", ["--profile", "--profile-out"])
def test_a_wrong_profile_is_told_before_anything_runs(tmp_path: Path, option: str) -> None:
    file = tmp_path / "p.json"
    file.write_text("nonsense")
    result = run(*GUARDED, option, str(file))
    assert isinstance(result.exception, LlmccError)
    assert "p.json: this is no profile" in str(result.exception)
    assert result.stdout == ""
    assert file.read_text() == "nonsense"


def test_a_run_that_fails_is_profiled_too(tmp_path: Path) -> None:
    tools = tmp_path / "tools.py"
    tools.write_text(
        "import llmcc\n@llmcc.tool(effect='pure')\ndef broken(x: int) -> int:\n    raise ValueError('no')\n"
    )
    file = tmp_path / "p.json"
    result = run("-", "--tools", str(tools), "--profile-out", str(file), stdin="a = broken(1)\nreturn a\n")
    assert result.return_value == 1
    assert json.loads(file.read_text())["tools"]["broken"]["failed"] == 1
