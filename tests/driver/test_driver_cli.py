"""The command line, in a process of its own where it matters: outputs, exit codes, and what is told to whom."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from llmcc.driver import cli
from llmcc.ir.parser import from_json, parse

ROOT = Path(__file__).parents[2]
ATLAS = str(ROOT / "examples" / "atlas" / "tools.py")
PLAN = (
    'a = search(query="height of Mount Everest")\nb = search(query="height of K2")\n'
    'c = search(query="height of Mount Everest")\njoin(a, b, c)\n'
)

Llmcc = Callable[..., Result]


@pytest.fixture
def llmcc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Llmcc:
    """Runs a command in an empty folder; the exit code is that of the process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*argv: str, stdin: str | bytes = "") -> Result:
        code = 0

        def main() -> None:
            nonlocal code
            code = cli.invoke(list(argv))

        import click

        wrapped = click.Command("llmcc", callback=main)
        result = CliRunner().invoke(wrapped, [], input=stdin, catch_exceptions=False)
        result.exit_code = code
        return result

    return run


def test_compile_merges_and_schedules(llmcc: Llmcc) -> None:
    result = llmcc("compile", "-", stdin=PLAN)
    assert result.exit_code == 0
    assert result.stdout.count("= call search(") == 2
    assert result.stdout.count("step = 0") == 2
    assert "join(a = %a, b = %b, c = %a)" in result.stdout
    assert "2 calls in 1 step" in result.stdout
    assert "W0501" in result.stderr


def test_what_compile_prints_parses_back(llmcc: Llmcc) -> None:
    ir = llmcc("compile", "-", stdin=PLAN).stdout
    again = llmcc("opt", "-", "--passes", "schedule", stdin=ir).stdout
    assert parse(again) == parse(ir)
    assert from_json(llmcc("compile", "-", "--emit", "json", stdin=PLAN).stdout.encode()) == parse(ir)


@pytest.mark.parametrize(
    ("form", "needle"), [("dot", "digraph"), ("mermaid", "flowchart"), ("schedule", "search"), ("ir", "plan {")]
)
def test_compile_emits_other_forms(llmcc: Llmcc, form: str, needle: str) -> None:
    result = llmcc("compile", "-", "--tools", ATLAS, "--emit", form, stdin='a = search("K2")\nreturn a\n')
    assert result.exit_code == 0
    assert needle in result.stdout
    assert result.stderr == ""


def test_print_after_and_time_passes_go_to_stderr(llmcc: Llmcc) -> None:
    result = llmcc("compile", "-", "--print-after", "merge-duplicates", "--time-passes", stdin=PLAN)
    assert "after merge-duplicates" in result.stderr
    assert "order-effects" in result.stderr
    assert "after" not in result.stdout


@pytest.mark.parametrize("pipeline", ["nonsense", "merge-duplicates{x=1}", "merge-duplicates,,", "remove-dead{"])
def test_a_wrong_pipeline_is_misuse(llmcc: Llmcc, pipeline: str) -> None:
    result = llmcc("compile", "-", "--passes", pipeline, stdin=PLAN)
    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_a_pass_to_print_after_must_exist(llmcc: Llmcc) -> None:
    result = llmcc("compile", "-", "--print-after", "nonsense", stdin=PLAN)
    assert result.exit_code == 2
    assert "nonsense" in result.stderr


def test_check_shows_carets_and_help_and_exits_1(llmcc: Llmcc) -> None:
    result = llmcc("check", "-", "--tools", ATLAS, stdin='1. serch("x"\n2. serch("x")\njoin($9)\n')
    assert result.exit_code == 1
    assert result.stderr.count("^") >= 3
    assert "help:" in result.stderr
    assert "did you mean `search`" in result.stderr


def test_check_as_json(llmcc: Llmcc) -> None:
    result = llmcc("check", "-", "--tools", ATLAS, "--json", stdin='1. serch("x")\n')
    (found,) = [d for d in json.loads(result.stdout) if d["severity"] == "error"]
    assert set(found) == {
        "code", "family", "severity", "line", "column", "end_line", "end_column", "message", "notes", "help", "fixes",
    }  # fmt: skip
    assert (found["family"], found["line"], found["column"], found["end_column"]) == ("REF", 1, 4, 9)
    assert result.exit_code == 1


def test_a_right_plan_checks_silently(llmcc: Llmcc) -> None:
    result = llmcc("check", "-", "--tools", ATLAS, stdin='a = search("K2")\nreturn a\n')
    assert (result.exit_code, result.output) == (0, "")


def test_run_prints_the_answer(llmcc: Llmcc) -> None:
    result = llmcc("run", "-", "--tools", ATLAS, stdin='a = lookup("K2", "height")\nreturn f"{a.value} {a.unit}"\n')
    assert (result.exit_code, result.stdout) == (0, "8611 m\n")


def test_run_as_json_tells_values_and_times_and_searches_overlap(llmcc: Llmcc) -> None:
    result = llmcc("run", str(ROOT / "examples/atlas/heights.plan"), "--tools", ATLAS, "--json")
    told = json.loads(result.stdout)
    first, second = told["calls"]
    assert first["started_s"] <= second["started_s"] < first["ended_s"]
    assert set(told["values"]) == {"a", "b"}
    assert "8849" in told["value"][0]


def test_run_tells_failures_with_their_place_and_exits_1(llmcc: Llmcc) -> None:
    plan = 'a = lookup("Atlantis", "height")\nb = search("K2")\nreturn a.value\n'
    result = llmcc("run", "-", "--tools", ATLAS, stdin=plan)
    assert result.exit_code == 1
    assert "<stdin>:1:5: a: ToolInputError: the atlas has no entity" in result.stderr
    assert result.stdout == ""


def test_a_limit_of_calls_is_kept(llmcc: Llmcc) -> None:
    plan = 'a = search("K2")\nb = search("Denali")\nreturn [a, b]\n'
    result = llmcc("run", "-", "--tools", ATLAS, "--max-calls", "1", stdin=plan)
    assert result.exit_code == 1
    assert "LimitExceeded" in result.stderr


def test_fmt_is_canonical_and_idempotent(llmcc: Llmcc, tmp_path: Path) -> None:
    messy = "a=search( 'K2' )   # why\nreturn   a"
    once = llmcc("fmt", "-", stdin=messy).stdout
    assert once == llmcc("fmt", "-", stdin=once).stdout
    assert "# why" in once
    file = tmp_path / "plan.txt"
    file.write_text(messy)
    assert llmcc("fmt", "--check", str(file)).exit_code == 1
    assert llmcc("fmt", "--write", str(file)).exit_code == 0
    assert file.read_text() == once
    assert llmcc("fmt", "--check", str(file)).exit_code == 0


def test_fmt_leaves_a_broken_plan_alone(llmcc: Llmcc, tmp_path: Path) -> None:
    file = tmp_path / "plan.txt"
    file.write_text("a = search(\n")
    assert llmcc("fmt", "--write", str(file)).exit_code == 1
    assert file.read_text() == "a = search(\n"


def test_explain_knows_every_code_that_it_lists(llmcc: Llmcc) -> None:
    listed = llmcc("explain").stdout.splitlines()
    codes = [line.partition(":")[0] for line in listed]
    assert len(codes) > 30
    for code in codes:
        assert llmcc("explain", code.lower()).stdout.startswith(f"# {code}")
    assert llmcc("explain", "E9999").exit_code == 1


def test_tools_lists_signatures_and_json_reads_back(llmcc: Llmcc, tmp_path: Path) -> None:
    shown = llmcc("tools", ATLAS).stdout
    assert "search(query: str) -> str" in shown
    assert "read(atlas)" in shown
    assert "convert(value: float, from: str, to: str) -> float" in shown
    file = tmp_path / "tools.json"
    file.write_text(llmcc("tools", ATLAS, "--json").stdout)
    assert llmcc("tools", str(file)).stdout == shown


def test_opt_lists_passes_and_refuses_wrong_ir(llmcc: Llmcc) -> None:
    assert "merge-duplicates" in llmcc("opt", "--list").stdout
    result = llmcc("opt", "-", stdin="plan {dialect = 1} {\n  %a = nonsense\n}\n")
    assert result.exit_code == 1
    assert "<stdin>:2:8: " in result.stderr
    result = llmcc("opt", "-", stdin="plan {dialect = 1} {\n  return %a\n}\n")
    assert result.exit_code == 1
    assert "I0" in result.stderr


@pytest.mark.parametrize(
    "argv",
    [
        ("compile", "missing.txt"),
        ("check", "missing.txt"),
        ("compile", "-", "--tools", "missing.py"),
        ("compile", "-", "--tools", "missing.json"),
        ("tools", "missing.py"),
        ("fmt", "."),
        ("ask", "  ", "--tools", ATLAS),
        ("ask", "What?", "--tools", ATLAS, "--model", "missing.gguf"),
    ],
)
def test_a_users_mistake_exits_1_with_one_clear_line(llmcc: Llmcc, argv: tuple[str, ...]) -> None:
    result = llmcc(*argv, stdin=PLAN)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "argv",
    [
        ("nonsense",),
        ("compile",),
        ("compile", "-", "-O", "7"),
        ("compile", "-", "--emit", "nonsense"),
        ("run", "-"),
        ("ask", "What?"),
        ("ask", "What?", "--tools", ATLAS, "--base-url", "http://127.0.0.1:1"),
        ("fmt", "-", "--write"),
        ("opt",),
    ],
)
def test_misuse_exits_2(llmcc: Llmcc, argv: tuple[str, ...]) -> None:
    result = llmcc(*argv, stdin=PLAN)
    assert result.exit_code == 2
    assert "Usage" in result.stderr


def test_bytes_that_are_no_text_are_told_with_their_line(llmcc: Llmcc) -> None:
    result = llmcc("compile", "-", stdin=b"a = f()\nb = \xff\n")
    assert result.exit_code == 1
    assert "<stdin>:2:5" in result.stderr and "0xff" in result.stderr


def test_our_own_fault_exits_70_and_asks_for_a_report(llmcc: Llmcc, monkeypatch: pytest.MonkeyPatch) -> None:
    from llmcc.driver.commands import explain

    def broken() -> list[str]:
        raise KeyError("broken on purpose")

    monkeypatch.setattr(explain, "all_codes", broken)
    result = llmcc("explain")
    assert result.exit_code == 70
    assert "report" in result.stderr
    assert "broken on purpose" in result.stderr


def test_ctrl_c_exits_130(llmcc: Llmcc, monkeypatch: pytest.MonkeyPatch) -> None:
    from llmcc.driver.commands import explain

    def interrupted() -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(explain, "all_codes", interrupted)
    assert llmcc("explain").exit_code == 130


def test_every_command_has_help(llmcc: Llmcc) -> None:
    for name in cli.COMMANDS:
        result = llmcc(name, "--help")
        assert result.exit_code == 0
        assert name in result.stdout
    assert all(name in llmcc("--help").stdout for name in cli.COMMANDS)
    assert "0." in llmcc("--version").stdout


@pytest.mark.slow
def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{sys.executable} -m llmcc explain | head -n 1"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert "E0" in result.stdout
    assert result.stderr == ""
