"""What holds for the whole tree: every package says what it is, no module is a hall."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = [ROOT / "src" / "llmcc", *(path.parent for path in ROOT.glob("*/__init__.py"))]
LONGEST_MODULE = 500


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
