"""The golden cases of the passes: `golden/<pass>/<case>.txt` holds a pipeline and the IR before and after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmcc.ir.parser import parse
from llmcc.ir.printer import print_module
from llmcc.optimizer.manager import optimize
from llmcc.optimizer.registry import PASSES

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.relative_to(GOLDEN).as_posix() for path in GOLDEN.rglob("*.txt"))


def test_every_pass_has_golden_cases() -> None:
    assert {case.split("/")[0] for case in CASES} == set(PASSES)


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str, update_golden: bool) -> None:
    path = GOLDEN / case
    head, rest = path.read_text("utf-8").split("==== before\n")
    before, after = rest.split("==== after\n")
    title, passes = head.splitlines()
    assert title.startswith("# ")
    found = print_module(optimize(parse(before), passes=passes))
    if update_golden:
        path.write_text(f"{head}==== before\n{print_module(parse(before))}==== after\n{found}", "utf-8")
        return
    assert print_module(parse(before)) == before
    assert found == after
