"""Every case of the suite, in this process; `--update-golden` writes what the code says now. Review the diff."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from pathlib import Path

import pytest
from conformance_cases import (
    CASES,
    TOOLS,
    Case,
    Results,
    ToolFailed,
    canonical,
    read_all,
    read_cases,
    tool_files,
    write_cases,
)

from llmcc.frontend.format import format_plan
from llmcc.frontend.front import FrontResult, compile_front
from llmcc.frontend.source import decode_plan
from llmcc.grammar import KEYWORDS
from llmcc.ir.builtins import BUILTINS
from llmcc.ir.diagnostics import Diagnostic, all_codes, explanation, has_errors
from llmcc.ir.digest import without_places
from llmcc.ir.errors import ToolError
from llmcc.ir.interpret import interpret
from llmcc.ir.ops import Module
from llmcc.ir.parser import parse
from llmcc.ir.printer import print_module
from llmcc.ir.signature import Signature
from llmcc.ir.values import Value
from llmcc.ir.verify import verify
from llmcc.optimizer.manager import optimize
from llmcc.runtime.toolfile import read_toolfile


@cache
def signatures(name: str | None) -> dict[str, Signature] | None:
    """The signatures of one of the suite's toolboxes."""
    if name is None:
        return None
    return {tool.name: tool.signature for tool in read_toolfile(TOOLS / f"{name}.json")}


def compiled(case: Case, text: str | None = None) -> FrontResult:
    """What the front end makes of the case's plan, or of another text with the same tools."""
    return compile_front(case.plan if text is None else text, signatures(case.tools), dialect=case.dialect)


def line_of(diagnostic: Diagnostic) -> str:
    return f"{diagnostic.code} {diagnostic.span}"


def ran(module: Module, name: str | None) -> tuple[Value, str | None, list[str]]:
    """The answer, the class of its failure, and the calls in order."""
    results = Results(name or "world")

    def call(tool: str, args: dict[str, Value]) -> object:
        try:
            return results.call(tool, args)
        except ToolFailed as error:
            raise ToolError(str(error)) from error

    result = interpret(module, call)
    return result.answer, None if result.failed is None else result.failed.error, results.calls


def found(case: Case) -> dict[str, str]:
    """What the implementation says, in the sections that the case has."""
    if "bytes" in case.options:
        wrong = decode_plan(case.data or b"")[1]
        assert wrong is not None, "the file can be read"
        return {"rejects": f"{line_of(wrong)}\n"}
    result = compiled(case)
    assert [*result.diagnostics] == sorted(result.diagnostics, key=lambda d: d.span), "the order of the text"
    lines = [line_of(d) for d in result.diagnostics]
    errors = has_errors(result.diagnostics)
    sections: dict[str, str] = {"rejects" if errors else "warns": "".join(f"{line}\n" for line in lines)}
    if result.module is None:
        return sections
    verify(result.module, signatures(case.tools))
    if not lines and "warns" not in case.expected:
        del sections["warns"]
    if "accepts" in case.expected:
        sections["accepts"] = print_module(result.module)
    if "formats" in case.expected:
        sections["formats"] = format_plan(result.statements)
        again = compiled(case, sections["formats"])
        assert format_plan(again.statements) == sections["formats"]
        assert again.module is not None and without_places(again.module) == without_places(result.module)
    if {"gives", "fails", "calls"} & case.expected.keys():
        answer, failed, calls = ran(result.module, case.tools)
        if failed is None and ("gives" in case.expected or "fails" in case.expected):
            sections["gives"] = f"{json.dumps(answer, ensure_ascii=False)}\n"
        if failed is not None:
            sections["fails"] = f"{failed}\n"
        if "calls" in case.expected:
            sections["calls"] = "".join(f"{one}\n" for one in calls)
    return sections


#: The file of the largest texts takes seconds.
FILES = [
    pytest.param(file, id=file.stem, marks=pytest.mark.slow if file.stem == "11_sizes" else ())
    for file in sorted(CASES.glob("*.txt"))
]


@pytest.mark.parametrize("file", FILES)
def test_the_cases_hold(file: Path, update_golden: bool) -> None:
    cases = read_cases(file)
    now = [case.expecting(found(case)) for case in cases]
    if update_golden:
        write_cases(file, now)
        return
    assert [show(case) for case in now] == [show(case) for case in cases]


def show(case: Case) -> tuple[str, dict[str, str]]:
    """A case as it is compared: the answer by value, not by how it is written."""
    expected = dict(case.expected)
    if "gives" in expected:
        expected["gives"] = canonical(json.loads(expected["gives"]))
    return case.id, expected


@pytest.mark.parametrize("file", FILES)
def test_optimizing_changes_no_answer_and_adds_no_call(file: Path) -> None:
    for case in read_cases(file):
        module = compiled(case).module
        if module is None or not {"gives", "fails"} & case.expected.keys():
            continue
        better = optimize(module, signatures=signatures(case.tools))
        answer, failed, calls = ran(module, case.tools)
        again, refused, fewer = ran(better, case.tools)
        assert (canonical(again), refused is None) == (canonical(answer), failed is None), case.id
        assert set(fewer) <= set(calls) and len(fewer) <= len(calls), case.id


def test_the_ir_of_the_cases_reads_back() -> None:
    for case in read_all():
        if "accepts" in case.expected:
            assert print_module(parse(case.expected["accepts"])) == case.expected["accepts"], case.id


#: Codes that a text cannot show: E0122 is about bytes that are no text.
def test_every_code_of_the_language_has_a_case() -> None:
    shown = {line.split()[0] for case in read_all() for line in case.diagnostics}
    assert {code for code in all_codes() if code[1:3] in ("01", "02", "03", "04", "05")} <= shown


def test_every_built_in_and_keyword_has_a_case() -> None:
    text = "\n".join(case.written for case in read_all())
    assert {name for name in BUILTINS if not re.search(rf"\b{name}\(", text)} == set()
    assert {word for word in KEYWORDS if not re.search(rf"\b{word}\b", text)} == set()


SPEC = resources.files("llmcc.grammar").joinpath("SPEC.md").read_text(encoding="utf-8")


def test_every_case_cites_a_section_and_every_section_that_can_be_tested_is_cited() -> None:
    sections = set(re.findall(r"^(?:\*\*|\| )?(\d+\.\d+(?:\.\d+)?)\b", SPEC, flags=re.MULTILINE))
    cited = {section for case in read_all() for section in case.spec}
    assert cited - sections == set()
    assert sections - cited == UNTESTED


#: Sections that no single plan shows: about the page itself, reading in pieces (test_conformance_streaming.py), bounds
#: of a run, the index (below), and other readers of the grammar.
UNTESTED = {"1.1", "1.2", "1.3", "1.4", "2.3.1", "2.3.3", "8.5.3", "8.5.4", "12.1", "12.2", "12.4", "13.1"}


def test_the_index_of_diagnostics_is_that_of_the_pages() -> None:
    rows = dict(re.findall(r"^\| ([EW]\d{4}) \| (.+?) \|$", SPEC, flags=re.MULTILINE))
    pages = {code: (explanation(code) or "").splitlines()[0].partition(": ")[2] for code in all_codes()}
    assert rows == pages


def test_the_suite_is_large_and_its_names_are_unique() -> None:
    cases = read_all()
    assert len(cases) >= 320
    assert len({case.id for case in cases}) == len(cases)


def test_every_toolbox_has_a_result_for_each_tool() -> None:
    for file in tool_files():
        rows = json.loads(file.with_name(f"{file.stem}.results.json").read_text(encoding="utf-8"))
        assert {row["tool"] for row in rows} == set(signatures(file.stem) or {})
