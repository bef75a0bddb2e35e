"""What the passes say they did, and why not more. `golden_remarks/<case>.txt` holds a plan and the remarks on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import llmcc
from llmcc.ir.effects import Effect
from llmcc.ir.ops import Call, Module
from llmcc.ir.printer import print_module
from llmcc.ir.signature import Parameter, Signature
from llmcc.optimizer.manager import optimize
from llmcc.optimizer.online import Online
from llmcc.optimizer.registry import LEVELS
from llmcc.optimizer.remarks import Remarks, collecting, current
from llmcc.testing.modules import modules
from llmcc.testing.work import growth, work_of

GOLDEN = Path(__file__).parent / "golden_remarks"
CASES = sorted(path.name for path in GOLDEN.glob("*.txt"))
PASSES = "fold-constants,merge-duplicates,remove-dead,order-effects,batch-calls,schedule,share-prefix"


def tool(name: str, kind: str, *resources: str, parameters: tuple[str, ...] = ("key",), **rules: Any) -> llmcc.Tool:
    shown = tuple(Parameter(one, required=False) for one in parameters)
    effect = Effect(kind, resources)  # type: ignore[arg-type]
    return llmcc.Tool(Signature(name=name, parameters=shown, effect=effect, **rules))


BOX = llmcc.Toolbox(
    tool("get", "read", "store:{key}"),
    tool("put", "write", "store:{key}", parameters=("key", "value")),
    tool("scan", "read", "*"),
    tool("math", "pure"),
    tool("rate", "read", "rates", batch=3),
    tool("ask", "pure", prompt="key"),
    tool("send_email", "write", "mailbox:{to}", parameters=("to", "text")),
)


def remarks_on(plan: str) -> list[str]:
    found = Remarks()
    llmcc.compile(plan, BOX, passes=PASSES, remarks=found)
    return found.lines("plan.txt")


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str, update_golden: bool) -> None:
    path = GOLDEN / case
    plan, _, wanted = path.read_text("utf-8").partition("==== remarks\n")
    found = "".join(f"{line}\n" for line in remarks_on(plan))
    if update_golden:
        path.write_text(f"{plan}==== remarks\n{found}", "utf-8")
        return
    assert found == wanted
    assert found


def test_there_is_a_case_for_everything_that_can_be_said() -> None:
    said = {line.split(": ")[1] for case in CASES for line in (GOLDEN / case).read_text().splitlines() if ": " in line}
    assert said >= {"merged", "not merged", "removed", "not removed", "ordered", "not parallel", "folded"}
    assert said >= {"batched", "not batched", "prefix shared", "prefix not shared"}


@pytest.mark.slow
@given(modules(), st.sampled_from([*LEVELS.values(), PASSES, PASSES]))
def test_remarks_change_nothing_and_name_each_call_that_goes(module: Module, passes: str) -> None:
    found = Remarks()
    noted = optimize(module, passes=passes, remarks=found)
    assert print_module(noted) == print_module(optimize(module, passes=passes))
    if passes != PASSES:
        return
    left = {op.name for op in noted.values if isinstance(op, Call)}
    gone = {op.name for op in module.values if isinstance(op, Call)} - left
    said = {one.op for one in found.found() if not one.what.startswith("not ")}
    assert gone <= said
    assert all(line.isprintable() for line in found.lines("plan.txt"))


def test_nobody_is_told_when_nobody_asks() -> None:
    assert current() is None
    found = Remarks()
    with collecting(found):
        assert current() is found
        with collecting(None):
            assert current() is None
    assert current() is None
    module = llmcc.compile('a = get("x")\nb = get("x")\nreturn [a, b]', BOX).module
    with collecting(found):
        optimize(module)  # asks for none
        Online().add(module.ops)
    assert found.found() == []


def test_what_a_plan_calls_things_cannot_break_a_line() -> None:
    found = Remarks()
    found.note("removed", "a\u202eb\n", "nobody needs a\u202eb\n")
    assert found.lines("plan.txt") == ["plan.txt: removed: nobody needs a\\u{202e}b\\u{a}"]


@pytest.mark.slow
def test_remarks_take_linear_work() -> None:
    def work(count: int) -> int:
        lines = [f'v{i} = get("{i % 7}")' if i % 5 else f'put("{i % 3}", 1)' for i in range(count)]
        module = llmcc.compile("\n".join(lines), BOX, passes="").module
        return work_of(lambda: optimize(module, passes=PASSES, remarks=Remarks()))

    assert growth(work, 60) < 1.1
