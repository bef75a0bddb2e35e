"""What a command of the compiler imports, and how the work of the front end grows with the text."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from llmcc.frontend.front import compile_front
from llmcc.testing.fuzz import TOOLS
from llmcc.testing.work import growth, work_of

# What only running a plan, asking a model, drawing on a screen, serving an editor or testing needs.
HEAVY = {
    "trio",
    "openai",
    "llama_cpp",
    "llguidance",
    "numpy",
    "pydantic",
    "rich",
    "pygls",
    "lsprotocol",
    "hypothesis",
    "sqlite3",
}
PLAN = 'a = search(query="height of K2")\nb = search(query="height of Denali")\njoin(a, b)\n'
TOOLS_JSON = {"tools": [{"name": "search", "parameters": {"type": "object"}, "effect": "read"}]}
RUN = (
    "import sys; from llmcc.driver.cli import invoke; code = invoke(sys.argv[1:]); print(*sys.modules); sys.exit(code)"
)


def imported(folder: Path, *arguments: str) -> set[str]:
    """The modules that a command loads, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", RUN, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "plan.txt").write_text(PLAN)
    (tmp_path / "tools.json").write_text(json.dumps(TOOLS_JSON))
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        "check plan.txt",
        "check plan.txt --json",
        "compile plan.txt",
        "fmt plan.txt",
        "explain E0301",
        "tools tools.json",
    ],
)
def test_a_command_of_the_compiler_loads_nothing_heavy(folder: Path, command: str) -> None:
    modules = imported(folder, *command.split())
    assert "llmcc.driver.cli" in modules
    assert {name.split(".")[0] for name in modules} & HEAVY == set()


@pytest.mark.slow
def test_importing_the_package_loads_nothing_heavy() -> None:
    script = "import sys, llmcc, llmcc.runtime.models; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {name.split(".")[0] for name in done.stdout.split()} & HEAVY == set()


@pytest.mark.slow
def test_a_plan_without_mistakes_needs_neither_lark_nor_what_explains_mistakes(folder: Path) -> None:
    imported(folder, "check", "plan.txt")  # which leaves the parser's tables behind
    modules = imported(folder, "check", "plan.txt")
    assert {"lark", "llmcc.frontend.syntax_errors", "llmcc.runtime.toolbox", "hashlib"} & modules == set()


def plan(lines: int) -> str:
    return "".join(f'a{i} = search("hill {i}")\nb{i} = math(f"{{a{i}[0].height_m}} + 1")\n' for i in range(lines // 2))


@pytest.mark.slow
def test_the_work_of_the_front_end_grows_with_the_number_of_lines() -> None:
    compile_front(plan(10), TOOLS)  # patterns are compiled when they are first used
    assert growth(lambda lines: work_of(lambda: compile_front(plan(lines), TOOLS)), 50) < 1.02


@pytest.mark.slow
def test_the_work_of_the_front_end_grows_with_the_length_of_a_line() -> None:
    def work(length: int) -> int:
        return work_of(lambda: compile_front(f"return [{', '.join(['1'] * length)}]", TOOLS))

    work(10)
    assert growth(work, 200) < 1.02


@pytest.mark.slow
def test_the_work_of_a_statement_is_bounded() -> None:
    compile_front(plan(10), TOOLS)
    assert work_of(lambda: compile_front(plan(200), TOOLS)) < 200 * 400
