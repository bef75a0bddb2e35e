"""Install what a model in this process needs: `python make/install_local.py LOG REQUIREMENT...`, arguments as for pip.

llama-cpp-python comes as source and is compiled here, which takes minutes. pip says nothing meanwhile unless it is
verbose, and verbose it says fifty thousand lines. So the complete output goes to the file LOG, one line of progress
to the screen, and the end of the log as well if the installation fails.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

ENGINE = "llama_cpp_python"
LEAN = Path(__file__).resolve().with_name("llama-lean.cmake")
# No vision tools, and no `common` library: 83 compile steps instead of 193.
LEAN_BUILD = ["-DLLAVA_BUILD=OFF", f"-DCMAKE_PROJECT_llama_cpp_INCLUDE={LEAN}"]
COMPILERS = {"C": ("CC", ["cc", "gcc", "clang"]), "C++": ("CXX", ["c++", "g++", "clang++"])}
TAIL_LINES = 40
PIPED_EVERY = 10

STEP = re.compile(r"\s*\[(\d+)/(\d+)\] ")
BUILD_STARTS = re.compile(r"\s*Building wheel for llama[-_]cpp[-_]python .*started")
PHASES = [
    (re.compile(r"\s*Downloading (\S+ \([\d.]+ [MG]B\))"), "downloading {}"),
    (re.compile(r"\s*\*\*\* Configuring (CMake)"), "configuring with {}"),
    (re.compile(r"(Installing collected packages):"), "installing"),
]
ANNOUNCEMENT = """\
llama-cpp-python is compiled from its source now. This takes 3 to 10 minutes, once: pip keeps the result.
Complete output: {log}"""
NO_COMPILER = """\
llama-cpp-python has to be compiled, and no {language} compiler was found (tried: {tried}).
On Debian and Ubuntu: sudo apt install build-essential. On macOS: xcode-select --install.
To choose a compiler, set {variable}. Nothing was changed; run the same command again afterwards."""


def missing_compiler(environ: dict[str, str]) -> str | None:
    """What to tell the user if a compiler is missing; None if both are there."""
    for language, (variable, usual) in COMPILERS.items():
        # CC may hold a launcher and options, as in "ccache gcc -m64": the first word is what must exist.
        candidates = shlex.split(environ.get(variable, ""))[:1] or usual
        if not any(shutil.which(candidate, path=environ.get("PATH")) for candidate in candidates):
            return NO_COMPILER.format(language=language, tried=", ".join(candidates), variable=variable)
    return None


def needs_no_compiler() -> bool:
    """Whether the engine is installed already or pip keeps a wheel of it from an earlier build."""
    if find_spec("llama_cpp"):
        return True
    pip_cache = [sys.executable, "-m", "pip", "cache", "list", "--format=abspath", ENGINE]
    found = subprocess.run(pip_cache, capture_output=True, text=True)  # fails where caching is switched off
    return found.returncode == 0 and bool(found.stdout.strip())


class Progress:
    """One line that is rewritten in place on a terminal; elsewhere a line a phase and every tenth step."""

    def __init__(self, screen: TextIO, log: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._screen = screen
        self._log = log
        self._clock = clock
        self._started = clock()
        self._in_place = screen.isatty()
        self._line_is_open = False

    def feed(self, line: str) -> None:
        """Show what one line of pip's output means, if it means progress."""
        if BUILD_STARTS.match(line):
            self.say(ANNOUNCEMENT.format(log=self._log))
        elif step := STEP.match(line):
            self._step(int(step[1]), int(step[2]))
        else:
            self._phase(line)

    def say(self, text: str) -> None:
        """Print `text` on lines of its own, which stay."""
        self.close()
        print(text, file=self._screen, flush=True)

    def close(self) -> None:
        """End the line that is rewritten in place, if there is one."""
        if self._line_is_open:
            print(file=self._screen, flush=True)
        self._line_is_open = False

    def _step(self, step: int, steps: int) -> None:
        if self._in_place or step % PIPED_EVERY == 0 or step == steps:
            self._show(f"compiling: step {step} of {steps}")

    def _phase(self, line: str) -> None:
        for pattern, text in PHASES:
            if found := pattern.match(line):
                self._show(text.format(found[1]))
                return

    def _show(self, text: str) -> None:
        minutes, seconds = divmod(int(self._clock() - self._started), 60)
        text = f"  {minutes}:{seconds:02} {text}"
        if not self._in_place:
            print(text, file=self._screen, flush=True)
            return
        width = shutil.get_terminal_size().columns
        print(f"\r{text[: width - 1]}\x1b[K", end="", file=self._screen, flush=True)
        self._line_is_open = True


def run(command: list[str], environ: dict[str, str], log: Path, screen: TextIO) -> int:
    """Run `command`, its output into `log` and as progress onto `screen`; the exit status."""
    progress = Progress(screen, log)
    with (
        log.open("w", encoding="utf-8") as kept,
        subprocess.Popen(
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        assert process.stdout is not None
        try:
            _copy(process.stdout, kept, progress)
        except KeyboardInterrupt:
            # Ctrl-C reached pip and its compiler as well; leaving the block waits until they have ended.
            progress.say("interrupted: nothing is marked as done, run the same command again to go on")
            return 130
        finally:
            progress.close()
    return process.returncode


def _copy(lines: Iterable[str], kept: TextIO, progress: Progress) -> None:
    for line in lines:
        kept.write(line)
        progress.feed(line)


def main(log: Path, requirements: list[str]) -> int:
    """Install `requirements`; the exit status of pip, 1 without a compiler, 130 after Ctrl-C."""
    environ = dict(os.environ)
    if not needs_no_compiler() and (complaint := missing_compiler(environ)):
        print(complaint, file=sys.stderr)
        return 1
    # What the user asks for (a GPU backend, say) comes last, and so wins.
    environ["CMAKE_ARGS"] = shlex.join(LEAN_BUILD) + " " + environ.get("CMAKE_ARGS", "")
    pip = [sys.executable, "-m", "pip", "install", "--verbose", "--disable-pip-version-check", *requirements]
    status = run(pip, environ, log, sys.stdout)
    if status not in (0, 130):
        tail = log.read_text(encoding="utf-8").splitlines()[-TAIL_LINES:]
        print(*tail, f"the installation failed; the complete output is in {log}", sep="\n", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
