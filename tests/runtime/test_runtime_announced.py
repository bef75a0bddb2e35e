"""Statements that are announced together: the machine is as if it had been told of one after the other."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir.effects import Effect
from llmcc.ir.expr import Const, Expr, ListOf, Ref
from llmcc.ir.ops import Call, Compute, Op
from llmcc.ir.types import ANY
from llmcc.runtime import events as ev
from llmcc.runtime.state import IllegalTransition, Machine

EFFECTS = {"call": Effect("read", ("r",)), "write": Effect("write", ("w",))}


def _told(ops: list[Op], *, at_once: bool) -> tuple[Any, ...]:
    """What a machine says and holds after the ops, all but the last of which another one follows."""
    machine = Machine()
    try:
        if at_once:
            machine.announce(ops[:-1])
        else:
            for op in ops[:-1]:
                assert machine.handle(ev.StatementAdded(op, more=True)) == []
        said: Any = machine.handle(ev.StatementAdded(ops[-1]))
        machine.validate()
    except IllegalTransition as error:
        said = str(error)
    nodes = [(key, node.state, node.history, node.unmet, node.order) for key, node in machine.nodes.items()]
    return said, nodes, machine.top.frame.values, machine.events, machine.phase, machine.more


@given(st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=8), st.data())
def test_statements_that_are_announced_are_as_if_told_one_by_one(names: list[str], data: st.DataObject) -> None:
    """Also where one of them is illegal: a name that is defined twice, or one that nobody defined."""
    ops = [_op(name, names[:place], data) for place, name in enumerate(names)]
    assert _told(ops, at_once=True) == _told(ops, at_once=False)


def _op(name: str, earlier: list[str], data: st.DataObject) -> Op:
    """A value or a call, with whatever a call may wait for: arguments, a condition, what it comes after."""
    known = st.sampled_from([*earlier, "z"]) if earlier else st.nothing()
    uses = data.draw(st.lists(known, max_size=3)) if earlier else []
    kind = data.draw(st.sampled_from(["call", "call", "write", "value"]))
    if kind == "value":
        return Compute(name=name, type=ANY, expr=ListOf(tuple(map(Ref, uses))))
    exprs: list[Expr] = [*map(Ref, uses)]
    exprs += data.draw(st.lists(st.sampled_from([Const(1), ListOf(tuple(map(Ref, uses)))]), max_size=1))
    rest: dict[str, Any] = {}
    if earlier and data.draw(st.integers(0, 3)) == 0:
        clause = data.draw(st.sampled_from(["guard", "after", "catch"]))
        other = data.draw(known)
        rest[clause] = (other,) if clause == "after" else Ref(other)
    args = tuple((f"x{i}", expr) for i, expr in enumerate(exprs))
    return Call(name=name, type=ANY, tool="t", args=args, effect=EFFECTS[kind], **rest)
