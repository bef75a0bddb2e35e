"""Statements that are taken back while a plan runs: nothing hangs, nothing is left, and the names are free again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir.effects import Effect
from llmcc.ir.expr import Ref
from llmcc.ir.ops import Call, ValueOp
from llmcc.ir.types import ANY
from llmcc.runtime import events as ev
from llmcc.runtime.nodes import closure
from llmcc.runtime.state import IllegalTransition, Machine

READ, WRITE = Effect("read", ("r",)), Effect("write", ("w",))


def call(name: str, uses: tuple[str, ...] = (), *, effect: Effect = READ, after: tuple[str, ...] = ()) -> Call:
    args = tuple((f"x{i}", Ref(one)) for i, one in enumerate(uses))
    return Call(name=name, type=ANY, tool="f", args=args, effect=effect, after=after)


@st.composite
def plans(draw: st.DrawFn) -> list[Call]:
    ops: list[Call] = []
    for i in range(draw(st.integers(1, 8))):
        names = [op.name for op in ops]
        chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=2)) if names else []
        after = draw(st.lists(st.sampled_from(names), unique=True, max_size=1)) if names else []
        effect = draw(st.sampled_from([READ, READ, WRITE]))
        ops.append(call(f"v{i}", tuple(chosen), effect=effect, after=tuple(after)))
    return ops


@given(plans(), st.data())
def test_statements_can_be_taken_back_and_said_again_at_any_time(plan: list[Call], data: st.DataObject) -> None:
    machine = Machine()
    running: dict[str, str] = {}

    def tell(event: ev.Event) -> list[ev.Instruction]:
        out = machine.handle(event)
        machine.validate()
        running.update({one.key: "" for one in out if isinstance(one, ev.StartCall)})
        running.update({one.key: "cancel" for one in out if isinstance(one, ev.CancelCall)})
        return out

    def end_one() -> None:
        key = data.draw(st.sampled_from(sorted(running)))
        tell(ev.CallCancelled(key) if running.pop(key) == "cancel" else ev.CallFinished(key, 1))

    for op in plan:
        tell(ev.StatementAdded(op))
        while running and bool(data.draw(st.booleans())):
            end_one()
    for _ in range(data.draw(st.integers(0, 3))):
        names = closure({op.name: op for op in plan}, {data.draw(st.sampled_from(plan)).name})
        tell(ev.StatementsWithdrawn(tuple(names)))
        assert not machine.top.frame.values.keys() & set(names)
        for op in plan:
            if op.name in names:
                tell(ev.StatementAdded(op))
        while running and bool(data.draw(st.booleans())):
            end_one()
    tell(ev.PlanAccepted())
    tell(ev.PlanEnded())
    while running:
        end_one()
    assert machine.phase == "finished"
    assert machine.top.frame.values == {op.name: 1 for op in plan}


def test_a_call_that_runs_is_cancelled_and_its_name_is_free() -> None:
    machine = Machine()
    machine.handle(ev.StatementAdded(call("a")))
    assert machine.handle(ev.StatementsWithdrawn(("a",))) == [ev.CancelCall("a")]
    (start,) = machine.handle(ev.StatementAdded(call("a")))
    assert isinstance(start, ev.StartCall)
    assert start.key == "a~1"
    machine.handle(ev.StatementsWithdrawn(("a",)))
    (start,) = machine.handle(ev.StatementAdded(call("a")))
    assert isinstance(start, ev.StartCall)
    assert start.key == "a~1.2"


def refused(machine: Machine, *names: str, match: str) -> None:
    with pytest.raises(IllegalTransition, match=match):
        machine.handle(ev.StatementsWithdrawn(names))
    machine.validate()


def test_what_is_used_or_has_written_cannot_be_taken_back() -> None:
    machine = Machine()
    ops: list[ValueOp] = [call("a"), call("b", ("a",)), call("w", effect=WRITE)]
    for op in ops:
        machine.handle(ev.StatementAdded(op))
    refused(machine, "a", match="cannot be withdrawn without b")
    refused(machine, "c", match="there is no 'c'")
    machine.handle(ev.PlanAccepted())
    refused(machine, "w", match="what has written")


def test_keys_that_are_taken_belong_to_no_op() -> None:
    machine = Machine()
    assert machine.handle(ev.KeysTaken(("a", "a~1"))) == []
    starts = [*machine.handle(ev.StatementAdded(call("a"))), *machine.handle(ev.StatementAdded(call("b")))]
    assert [one.key for one in starts if isinstance(one, ev.StartCall)] == ["a~1.2", "b"]
    machine.validate()
