"""The golden cases of the passes: `golden/<pass>/<case>.txt` holds a pipeline and the IR before and after it.

Where a pass goes by what the tools declare, the case holds a `tools.json` too.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from llmcc.ir.parser import parse
from llmcc.ir.printer import print_module
from llmcc.optimizer.manager import optimize
from llmcc.optimizer.registry import PASSES
from llmcc.runtime.toolfile import parse_toolfile

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.relative_to(GOLDEN).as_posix() for path in GOLDEN.rglob("*.txt"))


def test_every_pass_has_golden_cases() -> None:
    assert {case.split("/")[0] for case in CASES} == set(PASSES)


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str, update_golden: bool) -> None:
    path = GOLDEN / case
    head, rest = path.read_text("utf-8").split("==== before\n")
    before, after = rest.split("==== after\n")
    head_lines, _, tools = head.partition("==== tools\n")
    title, passes = head_lines.splitlines()
    assert title.startswith("# ")
    signatures = {one.name: one.signature for one in parse_toolfile(tools)} if tools else None
    found = print_module(optimize(parse(before), passes=passes, signatures=signatures))
    if update_golden:
        path.write_text(f"{head}==== before\n{print_module(parse(before))}==== after\n{found}", "utf-8")
        return
    assert print_module(parse(before)) == before
    assert found == after
