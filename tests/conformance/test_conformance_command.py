"""The suite's runner works by command line, and tells a wrong implementation from a right one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import run
from conformance_cases import CASES, CaseError, read_cases, write_cases


@pytest.mark.slow
@pytest.mark.parametrize(
    "only",
    [
        "04_statements: all clauses",
        "06_names: numbers that fall",
        "06_names: several errors",
        "08_running: a result of the wrong type",
        "08_running: only the chosen",
        "09_dialects: a reference within a string, run",
        "02_text: lines end with CR LF",
    ],
)
def test_llmcc_passes_by_command_line(only: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--only", only]) == 0
    assert "0 failed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "only"),
    [
        (["--check", "echo []", "--compile", "none", "--run", "none"], "06_names: an unknown value"),
        (["--check", "none", "--compile", "echo plan", "--run", "none"], "04_statements: a named value"),
        (["--check", "none", "--compile", "none", "--run", "echo {}"], "08_running: only the chosen"),
        (["--check", "true", "--compile", "none", "--run", "none"], "03_words: zero"),
    ],
    ids=["diagnostics", "module", "answer", "silence"],
)
def test_a_wrong_implementation_fails(options: list[str], only: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main([*options, "--only", only]) == 1
    assert f"FAILED {only}" in capsys.readouterr().out


def test_no_case_is_no_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--only", "no case is called so"]) == 1
    assert "0 cases" in capsys.readouterr().out


def test_the_runner_needs_nothing_but_python() -> None:
    script = "import sys; sys.path.insert(0, sys.argv[1]); import run; print('llmcc' in sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", script, str(CASES.parent)], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_writing_what_was_read_changes_nothing(tmp_path: Path) -> None:
    for file in CASES.glob("*.txt"):
        copy = tmp_path / file.name
        copy.write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
        write_cases(copy, read_cases(copy))
        assert copy.read_text(encoding="utf-8") == file.read_text(encoding="utf-8"), file.name


@pytest.mark.parametrize(
    "block",
    [
        "spec: 1.1\n\nreturn 1\n",
        "\nreturn 1\n--- gives\n1\n",
        "spec: 1\n\nx\n--- gvies\n1\n",
        "speck: 1\n\n--- gives\n1\n",
    ],
)
def test_a_malformed_case_is_told(tmp_path: Path, block: str) -> None:
    file = tmp_path / "cases.txt"
    file.write_text(f"About.\n\n=== one\n{block}")
    with pytest.raises(CaseError, match="one"):
        read_cases(file)
