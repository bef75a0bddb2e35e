"""What a user sees of the kit in pytest: the ten lines of the example, and the report of a failure."""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "property_test"
# As pytest loads it where llmcc was installed, and also where an older installation knows nothing of it.
PYTEST = [
    sys.executable,
    "-m",
    "pytest",
    "-q",
    "-p",
    "no:llmcc",
    "-p",
    "llmcc.testing.plugin",
    "-p",
    "no:cacheprovider",
]


UNSHRUNK = """
from hypothesis import Phase, settings
settings.register_profile("unshrunk", phases=[Phase.explicit, Phase.generate], database=None, max_examples=1000)
settings.load_profile("unshrunk")
"""


def run_pytest(folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(folder / ".hypothesis"), "COLUMNS": "120"}
    return subprocess.run(
        [*PYTEST, "--rootdir", str(folder), str(folder)], cwd=folder, capture_output=True, text=True, env=environment
    )


def copied(folder: Path, old: str = "", new: str = "") -> Path:
    for path in EXAMPLE.glob("*.py"):
        (folder / path.name).write_text(path.read_text().replace(old, new) if old else path.read_text())
    return folder


@pytest.mark.slow
def test_the_example_passes(tmp_path: Path) -> None:
    done = run_pytest(copied(tmp_path))
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


@pytest.mark.slow
def test_a_failure_shows_the_plan_the_schedule_and_the_calls(tmp_path: Path) -> None:
    """The example with a tool that declares half of what it writes; not shrunk, which takes its time."""
    (tmp_path / "conftest.py").write_text(UNSHRUNK)
    old = 'resource=["account:{source}", "account:{target}"]'
    assert old in (EXAMPLE / "bank.py").read_text()
    done = run_pytest(copied(tmp_path, old, 'resource="account:{source}"'))
    assert done.returncode == 1 and "NotEquivalent" in done.stdout, done.stdout
    _, _, shown = done.stdout.partition("llmcc: the run that failed")
    assert re.search(r"plan:\n  \S.*\n", shown)
    assert re.search(r"schedule: Schedule\(seed=\d+, slowest_s=[\d.]+, max_running=\w+\)", shown)
    # Which run fails first is drawn: its transfers may start later, and some may fail.
    assert re.search(r"\n +[\d.]+ → +[\d.]+  transfer\(.*  write account:\w+  (done|failed)", shown)


@pytest.mark.slow
def test_a_test_without_a_run_shows_none(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "from llmcc.testing import simulate\nimport llmcc\n"
        "def test_one():\n    simulate('return 1', llmcc.Toolbox())\n"
        "def test_two():\n    assert False\n"
    )
    done = run_pytest(tmp_path)
    assert "1 failed, 1 passed" in done.stdout
    assert "llmcc: the run that failed" not in done.stdout


def test_the_plugin_is_registered() -> None:
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    assert hasattr(importlib.import_module(points["llmcc"]), "pytest_runtest_makereport")


@pytest.mark.parametrize("document", ["README.md", "docs/testing.md"])
def test_the_documents_show_the_example(document: str) -> None:
    code = (EXAMPLE / "test_my_tools.py").read_text().partition('"""\n\n')[2]
    assert code and f"```python\n{code}```\n" in (ROOT / document).read_text()
