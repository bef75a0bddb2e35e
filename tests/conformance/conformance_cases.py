"""Reads and writes the cases of the conformance suite. README.md beside this file describes the format.

Nothing but the standard library is needed, so that the suite can be taken to any implementation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
CASES = FOLDER / "cases"
TOOLS = FOLDER / "tools"

#: What a case may expect, in the order in which it is written.
SECTIONS = ("rejects", "warns", "accepts", "formats", "gives", "fails", "calls")
_HEADERS = ("spec", "tools", "dialect", "text")
_REPEATED = re.compile(r"«([0-9]+)×((?:[^«»]|«U\+[0-9A-F]+»)*)»")
_CODE_POINT = re.compile(r"«U\+([0-9A-F]+)»")


@dataclass(frozen=True)
class Case:
    """One case: a plan, what it is compiled with, and what is expected of it (by section, as written)."""

    file: Path
    name: str
    spec: tuple[str, ...]
    written: str
    tools: str | None = None
    dialect: str = "native"
    options: frozenset[str] = frozenset()
    expected: dict[str, str] = field(default_factory=dict)

    @property
    def plan(self) -> str:
        """The plan's text, every directive in it carried out."""
        text = self.written
        if "expand" in self.options:
            text = _REPEATED.sub(lambda found: found[2] * int(found[1]), text)
            text = _CODE_POINT.sub(lambda found: chr(int(found[1], 16)), text)
        return text.removesuffix("\n") if "cut" in self.options else text

    @property
    def data(self) -> bytes | None:
        """The plan's file; None if none can hold it."""
        try:
            return self.plan.encode("utf-8", "surrogateescape" if "bytes" in self.options else "strict")
        except UnicodeEncodeError:
            return None

    @property
    def id(self) -> str:
        """How reports call the case."""
        return f"{self.file.stem}: {self.name}"

    @property
    def diagnostics(self) -> list[str]:
        """The lines `CODE place` that are expected, sorted."""
        lines = (self.expected.get("rejects", "") + self.expected.get("warns", "")).splitlines()
        return sorted(line for line in lines if line)

    def expecting(self, expected: dict[str, str]) -> Case:
        """The case with other expectations."""
        return replace(self, expected=expected)


class CaseError(Exception):
    """A file of cases is malformed; the text says where and why."""


def read_all(folder: Path = CASES) -> list[Case]:
    """Every case of a folder, file by file, in order.

    Raises:
        CaseError: a file is malformed.
    """
    return [case for file in sorted(folder.glob("*.txt")) for case in read_cases(file)]


def read_cases(file: Path) -> list[Case]:
    """The cases of one file.

    Raises:
        CaseError: it is malformed.
    """
    blocks = file.read_text(encoding="utf-8").split("\n=== ")
    return [_case(file, block) for block in blocks[1:]]


def preamble(file: Path) -> str:
    """What stands in a file before its first case."""
    return file.read_text(encoding="utf-8").split("\n=== ")[0]


def _case(file: Path, block: str) -> Case:
    name, _, rest = block.partition("\n")
    head, _, body = rest.partition("\n\n")
    headers = dict(_header(file, name, line) for line in head.splitlines())
    pieces = re.split(r"^--- (\w+)\n", body if body.endswith("\n") else body + "\n", flags=re.MULTILINE)
    sections = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    unknown = [section for section in sections if section not in SECTIONS]
    if unknown or not sections or "spec" not in headers:
        raise CaseError(f"{file.name}: {name}: unknown section {unknown}, or no section, or no `spec:`")
    return Case(
        file,
        name.strip(),
        tuple(headers["spec"].replace(",", " ").split()),
        pieces[0],
        headers.get("tools"),
        headers.get("dialect", "native"),
        frozenset(headers.get("text", "").replace(",", " ").split()),
        {section: text.strip("\n") + "\n" if text.strip() else "" for section, text in sections.items()},
    )


def _header(file: Path, name: str, line: str) -> tuple[str, str]:
    key, colon, value = line.partition(":")
    if not colon or key not in _HEADERS:
        raise CaseError(f"{file.name}: {name}: no header is written {line!r}")
    return key, value.strip()


def write_cases(file: Path, cases: list[Case]) -> None:
    """Writes the cases of a file, keeping what stands before the first one."""
    file.write_text(preamble(file) + "".join(map(_written, cases)), encoding="utf-8")


def _written(case: Case) -> str:
    head = [f"spec: {', '.join(case.spec)}"]
    head += [f"tools: {case.tools}"] if case.tools else []
    head += [f"dialect: {case.dialect}"] if case.dialect != "native" else []
    head += [f"text: {', '.join(sorted(case.options))}"] if case.options else []
    sections = "".join(f"--- {name}\n{case.expected[name]}" for name in SECTIONS if name in case.expected)
    return f"\n=== {case.name}\n" + "\n".join(head) + f"\n\n{case.written}{sections}"


def tool_files() -> Iterator[Path]:
    """The toolboxes of the suite."""
    return (path for path in sorted(TOOLS.glob("*.json")) if not path.name.endswith(".results.json"))


class ToolFailed(Exception):
    """A tool of the suite fails, because its table says so."""


class Results:
    """What the tools of a toolbox return, by its file `NAME.results.json`."""

    def __init__(self, name: str) -> None:
        self._rows: list[dict[str, Any]] = json.loads((TOOLS / f"{name}.results.json").read_text(encoding="utf-8"))
        self.calls: list[str] = []

    def call(self, tool: str, args: dict[str, Any]) -> Any:
        """The result of one call, which is noted in `calls`.

        Raises:
            ToolFailed: the table says so, or has no row for the call.
        """
        self.calls.append(f"{tool} {canonical(args)}")
        for row in self._rows:
            if row["tool"] != tool or ("args" in row and canonical(row["args"]) != canonical(args)):
                continue
            if "raises" in row:
                raise ToolFailed(row["raises"])
            return args.get(row["argument"]) if "argument" in row else row["result"]
        raise ToolFailed(f"no row for {tool}")


def canonical(value: Any) -> str:
    """JSON on one line, keys in order: two values have the same text only if they are the same."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def without_notes(ir: str) -> str:
    """IR without the lines that are only comments."""
    return "".join(f"{line}\n" for line in ir.splitlines() if line.strip() and not line.lstrip().startswith("#"))
