"""Costly calls wait for the conditions under which they are needed; what they cost is in the signatures."""

from __future__ import annotations

import pytest

from llmcc.ir.ops import Module
from llmcc.ir.parser import parse
from llmcc.ir.printer import print_expr
from llmcc.ir.signature import Signature
from llmcc.optimizer.passes.sink_guards import SinkGuards
from llmcc.optimizer.pipeline import parse_pipeline
from llmcc.optimizer.remarks import Remarks, collecting

TOOLS = {
    "report": Signature(name="report", cost_usd=0.1, latency_s=9.0),
    "allowed": Signature(name="allowed", latency_s=1.0),
    "summarize": Signature(name="summarize", latency_s=1.0),
}
ALLOWED = "%ok = call allowed() : bool {effect = read(rules)}"
REPORT = '%a = call report(topic = "K2") : str {effect = read(reports)}'


def optimized(*lines: str, passes: str = "sink-guards") -> Module:
    module = parse("plan {dialect = 1, ordered = false} {\n" + "\n".join(lines) + "\n}\n")
    for one in parse_pipeline(passes):
        module = one(module, TOOLS)
    return module


def guards(module: Module) -> list[tuple[str, str | None]]:
    return [(op.name, None if op.guard is None else print_expr(op.guard)) for op in module.values]


def test_a_costly_call_waits_for_the_guard_of_its_only_user() -> None:
    user = "%b = call summarize(text = %a) : str {effect = pure, when = %ok}"
    assert guards(optimized(REPORT, ALLOWED, user, "return %b")) == [("ok", None), ("a", "%ok"), ("b", "%ok")]


def test_it_waits_for_what_several_guards_have_in_common_and_so_does_what_lies_between() -> None:
    lines = (
        ALLOWED,
        REPORT,
        "%t = expr len(%a) : int",
        "%b = call summarize(text = %t) : str {effect = pure, when = %ok and 1 < 2}",
        "%c = call summarize(text = %a) : str {effect = pure, when = %ok}",
        "return [%b, %c]",
    )
    found = dict(guards(optimized(*lines)))
    assert found["a"] == "%ok"
    assert found["t"] == "%ok and 1 < 2"


@pytest.mark.parametrize(
    "lines",
    [
        ("%b = call summarize(text = %a) : str {effect = pure, when = %ok}", "return [%a, %b]"),
        ("%b = call summarize(text = %a) : str {effect = pure, when = %ok}",),  # %a is part of the answer
        ("%b = call summarize(text = %a) : str {effect = pure, when = %ok, catch = %a}", "return %b"),
        ('%b = call summarize(text = "x") : str {effect = pure, when = %ok and %a == "x"}', "return %b"),
        ('%b = expr %a if %ok else "" : str', "return %b"),
    ],
    ids=["answer", "named", "catch", "guard", "branch"],
)
def test_what_is_looked_at_elsewhere_stays(lines: tuple[str, ...]) -> None:
    assert dict(guards(optimized(REPORT, ALLOWED, *lines)))["a"] is None


def test_what_must_come_after_a_call_is_not_passed() -> None:
    later = '%w = call publish(text = "x") : null {effect = write(web), after = [%a]}'
    user = "%b = call summarize(text = %a) : str {effect = pure, when = %ok}"
    assert dict(guards(optimized(REPORT, later, ALLOWED, user, "return %b")))["a"] is None


def test_a_read_does_not_move_across_a_write_that_may_change_it() -> None:
    write = '%w = call publish(text = "x") : null {effect = write(reports)}'
    user = "%b = call summarize(text = %a) : str {effect = pure, when = %ok}"
    assert dict(guards(optimized(REPORT, write, ALLOWED, user, "return %b")))["a"] is None
    assert dict(guards(optimized(ALLOWED, REPORT, write, user, "return %b")))["a"] == "%ok"


def test_a_call_on_the_critical_path_speculates_if_that_is_allowed() -> None:
    user = "%b = call summarize(text = %a) : str {effect = pure, when = %ok}"
    lines = (REPORT, ALLOWED, user, "return %b")
    assert dict(guards(optimized(*lines, passes="sink-guards{speculate=true}")))["a"] is None
    slow = ALLOWED.replace("allowed()", "summarize(text = %w)")
    first = '%w = call report(topic = "K3") : str {effect = read(web)}'
    off = (first, slow, REPORT, user, "return %b")  # here the condition takes longer than the report
    assert dict(guards(optimized(*off, passes="sink-guards{speculate=true}")))["a"] == "%ok"
    assert dict(guards(optimized(*lines)))["a"] == "%ok"


def test_a_remark_says_what_is_waited_for() -> None:
    module = parse(
        "plan {dialect = 1, ordered = false} {\n"
        f"{ALLOWED}\n{REPORT}\n"
        "%b = call summarize(text = %a) : str {effect = pure, when = %ok}\nreturn %b\n}\n"
    )
    remarks = Remarks()
    with collecting(remarks):
        remarks.know(module)
        SinkGuards()(module, TOOLS)
    assert [(one.what, one.op) for one in remarks.found()] == [("sunk", "a")]
