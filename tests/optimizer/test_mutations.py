"""The validator catches miscompilations: each of these is planted by hand, is one, and is refused.

Planted in passes (`planted/passes.toml`): some text of the optimizer's source is another while a pass runs over a plan.
Planted in plans (`planted/edits.toml`): a plan's IR is edited, as another broken pass could do it. An edit is one of

    -b              the op b is gone
    b: old => new   in the line of b, the text `old` is replaced by `new`
    b<>c            the lines of b and c change places
    b>c             the line of b moves behind that of c
    +b: line        a line more, behind that of b

where `plan` and `end` are the first and the last line, and `m-` is the one where the map m ends. The plans stand in
`planted/`. At the end pytest lists what was planted and caught.
"""

from __future__ import annotations

import importlib
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from llmcc.ir.ops import Module
from llmcc.ir.parser import parse
from llmcc.ir.verify import verify
from llmcc.optimizer.manager import optimize
from llmcc.optimizer.validate import ValidationError, validate
from llmcc.testing.modules import TOOLS
from llmcc.testing.planting import planted
from llmcc.testing.worlds import differ, order_lost

PLANS = Path(__file__).parent / "planted"
IN_PASSES, IN_PLANS = (
    tomllib.loads((PLANS / f"{name}.toml").read_text("utf-8"))["defect"] for name in ("passes", "edits")
)
#: The tools, of which those that only look cost money, so that there is something to save.
PRICED = {
    name: msgspec.structs.replace(one, cost_usd=0.01 if one.effect and not one.effect.writes else None)
    for name, one in TOOLS.items()
}


def plan(name: str) -> str:
    """The text of a plan in `planted/`."""
    return (PLANS / f"{name}.txt").read_text("utf-8")


def edited(text: str, edits: list[str]) -> str:
    """The text of a plan with these edits (see above)."""
    lines: list[tuple[str, str]] = []
    open_maps: list[str] = []
    for line in text.splitlines():
        label = line.split()[0].lstrip("%").split("(")[0]
        label = {"return": "end", "join": "end"}.get(label, label)
        if line.lstrip().startswith("]"):
            label = open_maps.pop() + "-"
        elif line.endswith("["):
            open_maps.append(label)
        lines.append((label, line))
    for edit in edits:
        lines = _edited(lines, edit)
    return "".join(f"{line}\n" for _, line in lines)


def _edited(lines: list[tuple[str, str]], edit: str) -> list[tuple[str, str]]:
    place = {label: i for i, (label, _) in enumerate(lines)}
    if edit.startswith("-"):
        return [one for one in lines if one is not lines[place[edit[1:]]]]
    label, _, rest = edit.partition(": ")
    if edit.startswith("+"):
        at = place[label[1:]] + 1
        return [*lines[:at], (rest.split()[0].lstrip("%"), f"  {rest}"), *lines[at:]]
    if rest:
        old, _, new = rest.partition(" => ")
        assert old in lines[place[label]][1], edit
        return [(one, text.replace(old, new) if one == label else text) for one, text in lines]
    if "<>" in edit:
        a, b = (place[one] for one in edit.split("<>"))
        lines = list(lines)
        lines[a], lines[b] = lines[b], lines[a]
        return lines
    moved, _, behind = edit.partition(">")
    left = [one for one in lines if one[0] != moved]
    at = [one[0] for one in left].index(behind) + 1
    return [*left[:at], lines[place[moved]], *left[at:]]


def law(caught: pytest.ExceptionInfo[ValidationError]) -> str:
    return str(caught.value).splitlines()[0]


@pytest.mark.slow
@pytest.mark.parametrize("defect", IN_PLANS, ids=lambda one: one["name"])
def test_what_is_planted_in_a_plan_is_caught(defect: dict[str, Any], record_property: Any) -> None:
    text = plan(defect["plan"])
    before, after = parse(text), parse(edited(text, defect["edits"]))
    verify(before)
    verify(after)
    assert defect.get("claim") or is_miscompiled(before, after)
    with pytest.raises(ValidationError) as caught:
        validate(before, after)
    record_property("caught", (f"plan {defect['plan']}", defect["name"], law(caught)))


@pytest.mark.slow
@pytest.mark.parametrize("defect", IN_PASSES, ids=lambda one: f"{one['pass']}: {one['name']}")
def test_what_is_planted_in_a_pass_is_caught(defect: dict[str, str], record_property: Any) -> None:
    before, passes = parse(plan(defect["plan"])), defect["pass"]
    optimize(before, passes=passes, signatures=PRICED)  # the pass as it is, is right
    module = importlib.import_module(f"llmcc.{defect['module']}")
    with planted(module, defect["old"], defect["new"]):
        after = optimize(before, passes=passes, signatures=PRICED, validate=False)
        with pytest.raises(ValidationError) as caught:
            optimize(before, passes=passes, signatures=PRICED)
    assert f"found after the pass {passes}" in caught.value.__notes__
    assert is_miscompiled(before, after)
    record_property("caught", (passes, defect["name"], law(caught)))


def is_miscompiled(before: Module, after: Module) -> bool:
    """Whether something shows that they differ: a run, or an order that is lost."""
    return order_lost(before, after) or differ(before, after)


def test_there_are_many() -> None:
    assert len(IN_PASSES) >= 60
    assert len(IN_PLANS) >= 60
