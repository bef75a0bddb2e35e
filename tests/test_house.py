"""What holds for the whole tree: every package says what it is, no module is a hall, heavy imports come late."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = [ROOT / "src" / "llmcc", *(path.parent for path in ROOT.glob("*/__init__.py"))]
LONGEST_MODULE = 500
# What only running a plan, asking a model or drawing on a screen needs.
HEAVY = {"trio", "openai", "llama_cpp", "llguidance", "numpy", "pydantic", "rich"}
IMPORTED = re.compile(r"import time:.*\| +([\w.]+)$", re.MULTILINE)


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        # A package's folder is listed under the root, so that the links to it are not followed.
        yield from (path for path in package.rglob("*.py") if path.resolve() == path)


def test_the_tree_is_found() -> None:
    assert {path.name for path in PACKAGES} >= {"llmcc", "grammar", "frontend", "ir", "optimizer", "runtime", "driver"}
    assert len(list(modules())) == len(set(modules())) > len(PACKAGES)


def test_every_module_says_what_it_is() -> None:
    silent = [path for path in modules() if len(ast.get_docstring(ast.parse(path.read_bytes())) or "") < 20]
    assert silent == []


def test_no_module_is_too_long() -> None:
    tests = (ROOT / "tests").rglob("*.py")
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in [*modules(), *tests]}
    assert {path: length for path, length in lengths.items() if length > LONGEST_MODULE} == {}


@pytest.mark.slow
def test_compiling_loads_nothing_heavy(tmp_path: Path) -> None:
    plan = tmp_path / "plan.txt"
    plan.write_text('a = search(query="height of K2")\nb = search(query="height of Denali")\njoin(a, b)\n')
    command = [sys.executable, "-X", "importtime", "-m", "llmcc", "compile", str(plan)]
    done = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, re.sub("import time:.*\n", "", done.stderr)
    imported = set(IMPORTED.findall(done.stderr))
    assert "llmcc.driver" in imported
    assert {name.split(".")[0] for name in imported} & HEAVY == set()


@pytest.mark.slow
def test_importing_the_package_loads_nothing_heavy() -> None:
    script = "import sys, llmcc, llmcc.runtime.models; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert {name.split(".")[0] for name in done.stdout.split()} & HEAVY == set()
