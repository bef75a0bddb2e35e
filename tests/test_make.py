"""The Makefile's helpers: what the user sees while the local model's engine is compiled, or cannot be."""

from __future__ import annotations

import io
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
INSTALL: dict[str, Any] = runpy.run_path(str(ROOT / "make" / "install_local.py"))
PIP_OUTPUT = [
    "Collecting llama-cpp-python==0.3.36",
    "  Downloading llama_cpp_python-0.3.36.tar.gz (76.6 MB)",
    "  Building wheel for llama-cpp-python (pyproject.toml): started",
    "  *** Configuring CMake...",
    *(f"  [{step}/23] /usr/bin/g++ -O3 -o {step}.o" for step in range(1, 24)),
    "Installing collected packages: MarkupSafe, llama-cpp-python",
]


class Terminal(io.StringIO):
    """A screen that can rewrite its line."""

    def isatty(self) -> bool:
        return True


def shown(screen: io.StringIO) -> str:
    progress = INSTALL["Progress"](screen, Path("install.log"), clock=iter(range(0, 6100, 61)).__next__)
    for line in PIP_OUTPUT:
        progress.feed(line + "\n")
    progress.close()
    return screen.getvalue()


def test_a_pipe_gets_a_line_a_phase_and_every_tenth_step() -> None:
    lines = shown(io.StringIO()).splitlines()
    assert lines[0] == "  1:01 downloading llama_cpp_python-0.3.36.tar.gz (76.6 MB)"
    assert "install.log" in lines[2]
    assert [line.split(maxsplit=1)[1] for line in lines[3:]] == [
        "configuring with CMake",
        "compiling: step 10 of 23",
        "compiling: step 20 of 23",
        "compiling: step 23 of 23",
        "installing",
    ]


def test_a_terminal_gets_one_line_rewritten_at_every_step() -> None:
    text = shown(Terminal())
    assert text.count("\r") == 1 + 1 + 23 + 1
    # The line is ended twice: before the announcement, which has two lines itself, and at the end.
    assert text.count("\n") == 1 + 2 + 1
    assert text.endswith("\n")


def test_a_missing_compiler_is_named_with_what_to_do(tmp_path: Path) -> None:
    complaint = INSTALL["missing_compiler"]({"PATH": str(tmp_path)})
    assert "no C compiler" in complaint
    assert "build-essential" in complaint


def test_a_launcher_before_the_compiler_is_understood(tmp_path: Path) -> None:
    launcher = tmp_path / "launch it"
    launcher.touch(mode=0o755)
    environ = {"PATH": "", "CC": f"'{launcher}' cc -m64", "CXX": f"'{launcher}' c++"}
    assert INSTALL["missing_compiler"](environ) is None
    assert "C++" in INSTALL["missing_compiler"](environ | {"CXX": str(tmp_path / "none")})


@pytest.mark.parametrize("status", [0, 3])
def test_the_complete_output_is_kept_and_the_status_passed_on(tmp_path: Path, status: int) -> None:
    log = tmp_path / "log"
    script = f"import sys; print('to stdout', flush=True); print('to stderr', file=sys.stderr); sys.exit({status})"
    screen = io.StringIO()
    assert INSTALL["run"]([sys.executable, "-c", script], {}, log, screen) == status
    assert log.read_text().splitlines() == ["to stdout", "to stderr"]
    assert screen.getvalue() == ""
