"""The plan with more calls than it needs: which of them go, why, and which a write keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

import llmcc
from llmcc.ir.ops import Call
from llmcc.optimizer.remarks import Remarks

FOLDER = Path(__file__).parents[2] / "examples" / "redundant"
PLAN = (FOLDER / "plan.txt").read_text()
#: What the compiler says of the eight calls that go.
GONE = [
    "7:16: removed: nobody needs porto_hotels",
    "10:13: merged: nok_again is nok (line 3): the same call, nothing between writes rates",
    "12:15: removed: nobody needs rome_hotels",
    "15:13: merged: nok_still is nok (line 3): the same call, nothing between writes rates",
    "17:15: removed: nobody needs wien_hotels",
    "18:13: merged: porto_now is porto (line 4): the same call, nothing between writes weather",
    "19:12: merged: rome_now is rome (line 8): the same call, nothing between writes weather",
    "20:13: merged: limit_now is limit (line 2): the same call, nothing between writes budgets",
]


def compiled(text: str, level: int = 2) -> tuple[list[Call], list[str]]:
    """The calls of the compiled plan, and the remarks."""
    remarks = Remarks()
    program = llmcc.compile(text, llmcc.load_toolbox(FOLDER / "tools.py"), level=level, remarks=remarks)
    assert program.diagnostics == ()
    return [op for op in program.module.values if isinstance(op, Call)], remarks.lines("plan.txt")


def test_twelve_of_twenty_calls_are_left_and_each_that_went_is_named() -> None:
    assert len(compiled(PLAN, level=0)[0]) == 20
    calls, remarks = compiled(PLAN)
    assert len(calls) == 12
    assert [one for one in remarks if ": merged:" in one or ": removed:" in one] == [f"plan.txt:{one}" for one in GONE]


def test_a_write_between_two_duplicates_keeps_the_second() -> None:
    plan = PLAN.replace(
        'rome_oslo = fare("Oslo", "Rome")',
        'booked = book("Lyon", "Rome")\nrome_lyon_now = fare("Lyon", "Rome")\nrome_oslo = fare("Oslo", "Rome")',
    ).replace('"cost": rome_lyon + rome_oslo', '"cost": rome_lyon + rome_lyon_now + rome_oslo')
    calls, remarks = compiled(plan)
    assert {"rome_lyon", "booked", "rome_lyon_now"} < {call.name for call in calls}
    assert len(calls) == 14
    assert (
        "plan.txt:12:17: not merged: rome_lyon_now does what rome_lyon (line 9) does, "
        "but booked (line 11) writes fares, which both read"
    ) in remarks


@pytest.mark.parametrize("used", [True, False])
def test_a_duplicate_that_writes_stays_whether_it_is_used_or_not(used: bool) -> None:
    plan = PLAN.replace('nok_again = rate("NOK", "EUR")', 'one = book("Lyon", "Rome")\ntwo = book("Lyon", "Rome")')
    plan = plan.replace("nok_again", "nok").replace("; Porto", "; {one} {two}; Porto" if used else "; Porto")
    calls, remarks = compiled(plan)
    assert [call.name for call in calls if call.tool == "book"] == ["one", "two"]
    assert ("plan.txt:11:7: not merged: two does what one (line 10) does, but book writes fares") in remarks
    kept = "plan.txt:11:7: not removed: nobody needs two, but book writes fares"
    assert (kept in remarks) is not used
