"""Maps that begin before their statements are whole: what they start is what the whole statement starts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir.effects import Effect
from llmcc.ir.expr import Const, Expr, ListOf, Ref
from llmcc.ir.ops import Call, Map, Return
from llmcc.ir.types import ANY
from llmcc.runtime import events as ev
from llmcc.runtime.limits import Limits
from llmcc.runtime.state import IllegalTransition, Machine

READ, WRITE = Effect("read", ("r",)), Effect("write", ("w",))


def literal(*values: Any) -> ListOf:
    return ListOf(tuple(map(Const, values)))


def mapped(*values: Any, effect: Effect = READ, uses: str | None = None, **fields: Any) -> Map:
    args: tuple[tuple[str, Expr], ...] = (("x", Ref("v")), *((("y", Ref(uses)),) if uses else ()))
    body = (Call(name="m.1", type=ANY, tool="f", args=args, effect=effect),)
    options: dict[str, Any] = {"source": literal(*values), "ordered": False, **fields}
    return Map(name="m", type=ANY, var="v", var_type=ANY, body=body, result=Ref("m.1"), **options)


class Told:
    """A machine that is validated after each event, and its calls."""

    def __init__(self, **limits: Any) -> None:
        self.machine = Machine({}, Limits(**limits))
        self.running: dict[str, dict[str, Any]] = {}
        self.started: list[str] = []
        self.cancelled: list[str] = []

    def tell(self, event: ev.Event) -> list[str]:
        before = len(self.started)
        for one in self.machine.handle(event):
            if isinstance(one, ev.StartCall):
                self.running[one.key] = one.args
                self.started.append(one.key)
            if isinstance(one, ev.CancelCall):
                self.cancelled.append(one.key)
        self.machine.validate()
        return self.started[before:]

    def end(self, key: str) -> list[str]:
        args = self.running.pop(key)
        return self.tell(ev.CallCancelled(key) if key in self.cancelled else ev.CallFinished(key, args["x"]))

    def end_all(self) -> None:
        while self.running:
            self.end(next(iter(self.running)))


def test_elements_start_as_they_come() -> None:
    told = Told()
    assert told.tell(ev.MapBegun(mapped("a"))) == ["m[0].m.1"]
    assert told.tell(ev.MapGrew("m", literal("b", "c"))) == ["m[1].m.1", "m[2].m.1"]
    assert told.end("m[1].m.1") == []
    assert told.tell(ev.StatementAdded(mapped("a", "b", "c", "d"))) == ["m[3].m.1"]
    told.end_all()
    assert told.machine.top.frame.values == {"m": ["a", "b", "c", "d"]}


@given(st.data())
def test_what_was_begun_is_what_the_whole_statement_runs(data: st.DataObject) -> None:
    values = data.draw(st.lists(st.sampled_from(["a", "b", 1, None]), min_size=1, max_size=6))
    width = data.draw(st.sampled_from([None, 1, 2]))
    uses = data.draw(st.sampled_from([None, "y"]))
    whole = mapped(*values, uses=uses, catch=data.draw(st.sampled_from([None, Const(7)])))
    told = Told(max_running=width)
    if uses:
        told.tell(ev.StatementAdded(Call(name="y", type=ANY, tool="g", args=(("x", Const(0)),), effect=READ)))
    done = data.draw(st.integers(1, len(values)))
    told.tell(ev.MapBegun(msgspec.structs.replace(whole, source=literal(*values[:done]), catch=None)))
    more = data.draw(st.integers(done, len(values)))
    while done < more:
        told.tell(ev.MapGrew("m", literal(values[done])))
        done += 1
        if data.draw(st.booleans()) and told.running:
            told.end(data.draw(st.sampled_from(sorted(told.running))))
    told.tell(ev.StatementAdded(whole))
    told.tell(ev.StatementAdded(Return(expr=Ref("m"))))
    told.tell(ev.PlanAccepted())
    told.tell(ev.PlanEnded())
    told.end_all()
    assert told.machine.phase == "finished"
    assert told.machine.top.frame.values["m"] == values
    assert sorted(told.started) == sorted([*(["y"] if uses else []), *(f"m[{i}].m.1" for i in range(len(values)))])


@given(st.integers(1, 4), st.integers(0, 4), st.sampled_from(["withdrawn", "rejected", "cancelled"]))
def test_what_was_begun_can_be_given_up(elements: int, ended: int, how: str) -> None:
    told = Told()
    told.tell(ev.MapBegun(mapped(*range(elements))))
    for key in list(told.running)[:ended]:
        told.end(key)
    ends: dict[str, ev.Event] = {
        "withdrawn": ev.StatementsWithdrawn(("m",)),
        "rejected": ev.PlanRejected("wrong"),
        "cancelled": ev.Cancelled("late"),
    }
    told.tell(ends[how])
    told.end_all()
    assert told.cancelled == [f"m[{i}].m.1" for i in range(min(ended, elements), elements)]
    if how == "cancelled":
        assert told.machine.phase == "finished"
        assert told.machine.top.frame.failures["m"].error == "Cancelled"
        return
    assert not told.machine.top.frame.values
    assert len(told.tell(ev.StatementAdded(mapped("z")))) == 1


def test_a_map_that_cannot_begin_has_its_catch_all_the_same() -> None:
    told = Told()
    told.tell(ev.StatementAdded(Call(name="y", type=ANY, tool="g", args=(), effect=READ)))
    told.tell(ev.MapBegun(mapped("a", uses="y")))
    told.running.pop("y")
    told.tell(ev.CallFailed("y", "ToolError", "no"))
    told.tell(ev.StatementAdded(mapped("a", "b", uses="y", catch=Const(7))))
    assert told.machine.top.frame.values == {"m": 7}


@pytest.mark.parametrize(
    ("before", "event", "told_of"),
    [
        ([], ev.MapBegun(mapped("a", effect=WRITE)), "cannot begin before"),
        ([], ev.MapBegun(mapped("a", guard=Const(True))), "cannot begin before"),
        ([], ev.MapBegun(mapped(source=Ref("x"))), "cannot begin before"),
        ([], ev.MapGrew("m", literal("a")), "never begun"),
        ([ev.MapBegun(mapped("a"))], ev.MapBegun(mapped("a")), "begun twice"),
        ([ev.MapBegun(mapped("a"))], ev.MapGrew("m", ListOf((Ref("x"),))), "no literals"),
        ([ev.MapBegun(mapped("a"))], ev.MapGrew("m", literal("b", "c", "d")), "wider than 3"),
        ([ev.MapBegun(mapped("a"))], ev.PlanAccepted(), "not complete"),
        ([ev.MapBegun(mapped("a"))], ev.StatementAdded(mapped("b")), "not what was begun"),
        ([ev.MapBegun(mapped(1))], ev.StatementAdded(mapped(1.0)), "not what was begun"),
        ([ev.MapBegun(mapped("a"))], ev.StatementAdded(mapped("a", guard=Const(True))), "not what was begun"),
        ([ev.MapBegun(mapped("a"))], ev.StatementAdded(mapped("a", after=())), None),
    ],
)
def test_only_what_was_begun_can_follow(before: list[ev.Event], event: ev.Event, told_of: str | None) -> None:
    told = Told(max_fanout=3)
    for one in before:
        told.tell(one)
    state = len(told.machine.nodes), dict(told.machine.growing)
    if told_of is None:
        told.tell(event)
        return
    with pytest.raises(IllegalTransition, match=told_of):
        told.machine.handle(event)
    assert (len(told.machine.nodes), told.machine.growing) == state
    told.machine.validate()
