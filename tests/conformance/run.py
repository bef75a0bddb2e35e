"""Runs the conformance suite against an implementation of the plan language, by command line.

    python tests/conformance/run.py                                    # against llmcc of this interpreter
    python tests/conformance/run.py --check 'mine check {plan} {tools} {dialect}' --compile none --run none

README.md beside this file tells what the commands have to print.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from conformance_cases import FOLDER, TOOLS, Case, canonical, read_all, without_notes

_OURS = f"{shlex.quote(sys.executable)} -m llmcc"
CHECK = f"{_OURS} check {{plan}} --json --dialect {{dialect}} {{--tools}}"
FORMAT = f"{_OURS} fmt {{plan}} --dialect {{dialect}}"
COMPILE = f"{_OURS} compile {{plan}} --passes '' --dialect {{dialect}} {{--tools}}"
RUN = f"{shlex.quote(sys.executable)} {shlex.quote(str(FOLDER / 'run_llmcc.py'))} {{plan}} {{dialect}} {{tools}}"


class Disagreement(Exception):
    """The implementation does something else than the case says; the text tells both."""


def main(argv: list[str] | None = None) -> int:
    """Runs the cases that the command line names; returns 1 if one of them fails."""
    options = _options().parse_args(argv)
    cases = [case for case in read_all() if options.only in case.id]
    failed = left_out = 0
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            if case.data is None:
                left_out += 1
                continue
            plan = Path(folder) / "plan.txt"
            plan.write_bytes(case.data)
            try:
                _check(case, plan, options.check)
                _format(case, plan, options.format)
                _compile(case, plan, options.compile)
                _run(case, plan, options.run)
            except Disagreement as error:
                failed += 1
                print(f"FAILED {case.id}\n{error}\n")
    print(f"{len(cases)} cases, {failed} failed" + (f", {left_out} that no file can hold" if left_out else ""))
    return 1 if failed or not cases else 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Runs the conformance suite. README.md tells what the commands print.")
    parser.add_argument("--check", default=CHECK, metavar="COMMAND", help="prints diagnostics (`none`: not checked)")
    parser.add_argument("--compile", default=COMPILE, metavar="COMMAND", help="prints IR (`none`: not checked)")
    parser.add_argument("--format", default=FORMAT, metavar="COMMAND", help="prints a plan (`none`: not checked)")
    parser.add_argument("--run", default=RUN, metavar="COMMAND", help="prints an answer (`none`: not checked)")
    parser.add_argument("--only", default="", metavar="TEXT", help="only cases whose file and name hold this")
    return parser


def _output(command: str, case: Case, plan: Path) -> str:
    tools = "" if case.tools is None else str(TOOLS / f"{case.tools}.json")
    values = {
        "{plan}": [str(plan)],
        "{tools}": [tools] if tools else [],
        "{--tools}": ["--tools", tools] if tools else [],
        "{dialect}": [case.dialect],
    }
    words = [word for part in shlex.split(command) for word in values.get(part, [part])]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    if not done.stdout.strip():
        raise Disagreement(f"{shlex.join(words)} printed nothing; it says: {done.stderr.strip()}")
    return done.stdout


def _check(case: Case, plan: Path, command: str) -> None:
    if command == "none":
        return
    found = json.loads(_output(command, case, plan))
    _same("diagnostics", case.diagnostics, sorted(map(line_of, found)))
    places = [(one["line"], one["column"]) for one in found]
    _same("the diagnostics' order", sorted(places), places)


def line_of(diagnostic: dict[str, object]) -> str:
    """A diagnostic, as `check --json` prints it, in the form of the cases: `E0301 2:8-12`."""
    line, column = diagnostic["line"], diagnostic["column"]
    end = f"{diagnostic['end_line']}:" if diagnostic["end_line"] != line else ""
    return f"{diagnostic['code']} {line}:{column}-{end}{diagnostic['end_column']}"


def _format(case: Case, plan: Path, command: str) -> None:
    if command == "none" or "formats" not in case.expected:
        return
    _same("canonical form", case.expected["formats"], _output(command, case, plan))
    plan.write_text(case.expected["formats"], encoding="utf-8")
    _same("canonical form of itself", case.expected["formats"], _output(command, case, plan))
    plan.write_bytes(case.data or b"")


def _compile(case: Case, plan: Path, command: str) -> None:
    if command != "none" and "accepts" in case.expected:
        _same("IR", case.expected["accepts"], without_notes(_output(command, case, plan)))


def _run(case: Case, plan: Path, command: str) -> None:
    if command == "none" or not {"gives", "fails", "calls"} & case.expected.keys():
        return
    found = json.loads(_output(command, case, plan))
    if "gives" in case.expected:
        _same("answer", canonical(json.loads(case.expected["gives"])), canonical(found.get("answer")))
    if "fails" in case.expected:
        _same("failure", case.expected["fails"].strip(), found.get("error"))
    if "calls" in case.expected:
        _same("calls", sorted(case.expected["calls"].splitlines()), sorted(found["calls"]))


def _same(what: str, expected: object, found: object) -> None:
    if expected != found:
        raise Disagreement(f"{what}: expected\n{expected}\nfound\n{found}")


if __name__ == "__main__":
    sys.exit(main())
