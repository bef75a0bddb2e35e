"""The scheduler on its own: one event at a time, without clock or event loop."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir.effects import PURE, Effect
from llmcc.ir.expr import Binary, Const, Expr, ListOf, Ref
from llmcc.ir.ops import Call, Compute, End, Join, Map, Op, Return
from llmcc.ir.signature import Signature
from llmcc.ir.types import ANY, INT
from llmcc.runtime import events as ev
from llmcc.runtime.limits import Limits
from llmcc.runtime.state import IllegalTransition, Machine

READ = Effect("read", ("r",))
WRITE = Effect("write", ("w",))


def call(name: str, *uses: str, tool: str = "t", effect: Effect = READ, **rest: Any) -> Call:
    args = tuple((f"x{i}", Ref(use)) for i, use in enumerate(uses))
    return Call(name=name, type=ANY, tool=tool, args=args, effect=effect, **rest)


def mapped(name: str, source: Expr, *body: Call, **rest: Any) -> Map:
    return Map(
        name=name, type=ANY, var=f"{name}.v", var_type=ANY, source=source, body=body, result=Ref(body[-1].name), **rest
    )


def numbers(count: int) -> Expr:
    return ListOf(tuple(Const(i) for i in range(count)))


class Driver:
    """A machine with a memory of what it said; every event is followed by a check of the invariants."""

    def __init__(self, *signatures: Signature, **limits: Any) -> None:
        self.machine = Machine({s.name: s for s in signatures}, Limits(**limits))

    def tell(self, *events: ev.Event) -> list[ev.Instruction]:
        said = []
        for event in events:
            said += self.machine.handle(event)
            self.machine.validate()
        return said

    def add(self, *ops: Op) -> list[ev.Instruction]:
        return self.tell(*map(ev.StatementAdded, ops))

    def started(self, *events: ev.Event) -> list[str]:
        return keys(self.tell(*events))

    def accepted(self, *ops: Op) -> list[ev.Instruction]:
        return self.add(*ops) + self.tell(ev.PlanAccepted(), ev.PlanEnded())


def keys(said: list[ev.Instruction]) -> list[str]:
    return [one.key for one in said if isinstance(one, ev.StartCall)]


def finish(said: list[ev.Instruction]) -> ev.FinishPlan:
    (found,) = [one for one in said if isinstance(one, ev.FinishPlan)]
    assert said[-1] is found
    return found


def done(key: str, value: Any = 1) -> ev.CallFinished:
    return ev.CallFinished(key, value)


def failed(key: str, *, retryable: bool = False) -> ev.CallFailed:
    return ev.CallFailed(key, "ToolError", "no", retryable)


def test_calls_start_when_what_they_use_is_over() -> None:
    d = Driver()
    assert keys(d.accepted(call("a"), call("b"), call("c", "a", "b"), Return(expr=Ref("c")))) == ["a", "b"]
    assert d.tell(done("a", 2)) == []
    assert d.tell(done("b", 3)) == [ev.StartCall("c", "c", "t", {"x0": 2, "x1": 3}, 1)]
    assert finish(d.tell(done("c", 4))) == ev.FinishPlan(4)


def test_an_order_edge_passes_no_failure_on() -> None:
    d = Driver()
    assert keys(d.accepted(call("a"), call("b", after=("a",)), Return(expr=Ref("b")))) == ["a"]
    assert d.started(failed("a")) == ["b"]
    assert finish(d.tell(done("b", 5))).answer == 5


def test_a_failure_reaches_its_dependents_and_nothing_else() -> None:
    d = Driver()
    d.accepted(call("a"), call("b"), call("c", "a"), call("e", "c", catch=Const(7)), Return(expr=Ref("e")))
    assert d.started(failed("a")) == []
    assert finish(d.tell(done("b"))).answer == 7
    assert d.machine.top.frame.failures.keys() == {"a", "c"}
    assert [f.op for f in d.machine.failures()] == ["a"]


def test_a_call_does_not_wait_for_what_only_its_catch_uses() -> None:
    d = Driver()
    ops = call("slow"), call("fast", catch=Ref("slow")), Return(expr=Ref("fast"))
    assert keys(d.accepted(*ops)) == ["slow", "fast"]
    assert d.tell(failed("fast")) == []
    assert d.machine.nodes["fast"].state == "recovering"
    assert finish(d.tell(done("slow", 9))).answer == 9


def test_a_result_of_the_wrong_type_fails_the_call() -> None:
    d = Driver()
    d.accepted(Call(name="a", type=INT, tool="t", args=(), effect=PURE), Return(expr=Ref("a")))
    failure = finish(d.tell(done("a", "one"))).failed
    assert failure is not None and failure.error == "ToolOutputError"


@pytest.mark.parametrize("junk", [float("nan"), object(), "\ud800", {1: 2}, lambda: 0])
def test_junk_is_a_failure(junk: object) -> None:
    d = Driver()
    d.accepted(call("a"), Return(expr=Ref("a")))
    failure = finish(d.tell(done("a", junk))).failed
    assert failure is not None and failure.error == "ToolOutputError"


def test_a_list_that_holds_itself_is_a_failure() -> None:
    loop: list[Any] = []
    loop.append(loop)
    test_junk_is_a_failure(loop)


# -- the safe prefix ---------------------------------------------------------------------------------------------------


def test_reads_start_while_the_plan_is_written_and_writes_only_when_it_is_accepted() -> None:
    d = Driver()
    assert keys(d.add(call("a"))) == ["a"]
    assert keys(d.add(call("w", effect=WRITE), call("b"), call("u", "w"))) == ["b"]
    assert d.started(ev.PlanAccepted()) == ["w"]
    assert d.started(done("w")) == ["u"]


def test_a_map_that_writes_is_held_as_a_whole() -> None:
    d = Driver()
    inner = call("m.1", "m.v"), call("m.2", "m.1", effect=WRITE)
    assert keys(d.add(mapped("m", numbers(2), *inner))) == []
    assert d.started(ev.PlanAccepted()) == ["m[0].m.1"]


@given(st.lists(st.sampled_from(["read", "write"]), min_size=1, max_size=8), st.data())
def test_a_plan_that_is_given_up_at_any_point_has_written_nothing(effects: list[Any], data: st.DataObject) -> None:
    d = Driver()
    began: list[ev.StartCall] = []
    for i, effect in enumerate(effects[: data.draw(st.integers(0, len(effects)))]):
        said = d.add(call(f"s{i}", tool=effect, effect=Effect(effect, ("x",))))
        began += [one for one in said if isinstance(one, ev.StartCall)]
        ends = data.draw(st.booleans())
        if ends and began and began[0].key in d.machine.queue.running:
            d.tell(done(began[0].key))
    how = ev.PlanRejected("broken") if data.draw(st.booleans()) else ev.Cancelled("broken")
    cancelled = [one.key for one in d.tell(how) if isinstance(one, ev.CancelCall)]
    assert {one.tool for one in began} <= {"read"}
    assert set(cancelled) == set(d.machine.queue.running)
    said = d.tell(*map(ev.CallCancelled, cancelled))
    assert keys(said) == []
    if isinstance(how, ev.PlanRejected):
        assert finish(d.tell(ev.PlanEnded())) == ev.FinishPlan(None)
        assert d.machine.top.frame.values == {}
    else:
        assert d.machine.phase == "finished"


def test_a_rejected_plan_frees_its_names_and_its_late_results_count_for_nothing() -> None:
    d = Driver()
    d.add(call("a"), call("b", "a"))
    assert d.tell(ev.PlanRejected("wrong")) == [ev.CancelCall("a")]
    assert keys(d.add(call("a"), Return(expr=Ref("a")))) == ["a~2"]
    assert d.tell(ev.PlanAccepted(), ev.PlanEnded(), done("a", "late")) == []
    assert finish(d.tell(done("a~2", "new"))).answer == "new"


# -- joins and replans -------------------------------------------------------------------------------------------------


def test_a_join_is_told_once_known_and_a_further_plan_sees_the_values() -> None:
    d = Driver()
    d.add(call("a"), call("late", effect=WRITE), Join(args=(("a", Ref("a")),)))
    d.tell(ev.PlanAccepted())
    assert d.tell(done("a", 1)) == [ev.EndKnown({"a": 1})]
    assert d.add(call("b", "a"), call("w", effect=WRITE)) == [ev.StartCall("b", "b", "t", {"x0": 1}, 1)]
    assert d.started(ev.StatementAdded(Return(expr=Ref("b"))), ev.PlanAccepted()) == ["w"]
    d.tell(ev.PlanEnded(), done("late"), done("w"))
    assert finish(d.tell(done("b", 2))).answer == 2


def test_a_join_waits_for_acceptance() -> None:
    d = Driver()
    d.add(call("a"), Join(args=(("a", Ref("a")),)))
    assert d.tell(done("a")) == []
    assert d.tell(ev.PlanAccepted()) == [ev.EndKnown({"a": 1})]


def test_a_rejected_replan_leaves_the_answer_of_the_plan_before() -> None:
    d = Driver()
    d.add(call("a"), Join(args=(("a", Ref("a")),)))
    d.tell(ev.PlanAccepted(), done("a"))
    d.add(call("b"), Return(expr=Ref("b")))
    assert d.tell(ev.PlanRejected("no")) == [ev.CancelCall("b")]
    assert d.tell(ev.PlanEnded()) == []
    assert finish(d.tell(ev.CallCancelled("b"))).answer == {"a": 1}


# -- limits ------------------------------------------------------------------------------------------------------------


def test_a_tool_at_its_limit_does_not_hold_up_the_others() -> None:
    d = Driver(Signature(name="slow", limit=1))
    ops = [call(f"s{i}", tool="slow") for i in range(3)]
    assert keys(d.accepted(*ops, call("f"))) == ["s0", "f"]
    assert d.started(done("s0")) == ["s1"]
    assert d.started(done("f")) == []
    assert d.started(done("s1")) == ["s2"]


def test_the_longest_path_goes_first_then_program_order() -> None:
    d = Driver(max_running=1)
    waiting = call("x"), call("low"), call("high", priority=3.0), call("last"), call("higher", priority=9.0)
    assert keys(d.accepted(*waiting)) == ["x"]
    order = [d.started(done(key))[0] for key in ("x", "higher", "high", "low")]
    assert order == ["higher", "high", "low", "last"]


def test_calls_beyond_the_bound_of_the_run_fail() -> None:
    d = Driver(max_calls=2)
    assert keys(d.accepted(call("a"), call("b"), call("c"), Return(expr=Ref("c")))) == ["a", "b"]
    failure = finish(d.tell(done("a"), done("b"))).failed
    assert failure is not None and failure.error == "LimitExceeded" and failure.op == "c"


def test_a_map_wider_than_allowed_fails() -> None:
    d = Driver(max_fanout=3)
    failure = finish(d.accepted(mapped("m", numbers(4), call("m.1")), Return(expr=Ref("m")))).failed
    assert failure is not None and failure.error == "LimitExceeded"


# -- maps --------------------------------------------------------------------------------------------------------------


def test_the_elements_of_a_map_run_together_and_its_results_keep_their_order() -> None:
    d = Driver()
    op = mapped("m", numbers(3), call("m.1", "m.v"), ordered=False)
    assert keys(d.accepted(op, Return(expr=Ref("m")))) == ["m[0].m.1", "m[1].m.1", "m[2].m.1"]
    d.tell(done("m[2].m.1", "c"), done("m[0].m.1", "a"))
    assert finish(d.tell(done("m[1].m.1", "b"))).answer == ["a", "b", "c"]


def test_an_ordered_map_runs_one_element_after_another_even_if_one_fails() -> None:
    d = Driver()
    op = mapped("m", numbers(3), call("m.1", "m.v", effect=WRITE))
    assert keys(d.accepted(op)) == ["m[0].m.1"]
    assert d.started(failed("m[0].m.1")) == ["m[1].m.1"]
    assert d.started(done("m[1].m.1")) == ["m[2].m.1"]
    d.tell(done("m[2].m.1"))
    assert d.machine.top.frame.failures["m"].op == "m.1"


def test_maps_in_maps_have_keys_that_say_where() -> None:
    d = Driver()
    inner = mapped("m.1", numbers(2), call("m.1.1", "m.v"), ordered=False)
    outer = Map(
        name="m",
        type=ANY,
        var="m.v",
        var_type=ANY,
        source=numbers(2),
        body=(inner,),
        keep=Binary(">", Ref("m.v"), Const(0)),
        result=Ref("m.1"),
        ordered=False,
    )
    began = keys(d.accepted(outer, Return(expr=Ref("m"))))
    assert began == [f"m[{i}].m.1[{j}].m.1.1" for i in (0, 1) for j in (0, 1)]
    assert finish(d.tell(*(done(key, key) for key in reversed(began)))).answer == [began[2:]]


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_map_whose_calls_were_all_optimized_away_ends(count: int, ordered: bool) -> None:
    op = Map(
        name="m",
        type=ANY,
        var="m.v",
        var_type=ANY,
        source=numbers(count),
        body=(),
        result=Binary("+", Ref("m.v"), Const(1)),
        ordered=ordered,
    )
    assert finish(Driver().accepted(op, Return(expr=Ref("m")))).answer == [i + 1 for i in range(count)]


def test_a_map_opens_no_more_elements_than_may_run() -> None:
    d = Driver(max_running=2)
    d.accepted(mapped("m", numbers(5), call("m.1"), ordered=False))
    run = d.machine.nodes["m"].elements
    assert run is not None and len(run.regions) == 2
    d.tell(done("m[1].m.1"))
    assert len(run.regions) == 3


def test_all_failures_inside_a_map_are_told_unless_a_catch_makes_up_for_them() -> None:
    for catch, told in ((None, 2), (Const(0), 0)):
        d = Driver()
        d.accepted(mapped("m", numbers(2), call("m.1"), ordered=False, catch=catch))
        d.tell(ev.CallFailed("m[0].m.1", "ToolError", "one"), ev.CallFailed("m[1].m.1", "ToolError", "two"))
        assert len(d.machine.failures()) == told


# -- retries -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("effect", "idempotent", "attempts"), [(PURE, False, 3), (READ, False, 3), (WRITE, False, 1), (WRITE, True, 3)]
)
def test_only_what_may_be_repeated_is_tried_again(effect: Effect, idempotent: bool, attempts: int) -> None:
    d = Driver(Signature(name="t", retries=2, idempotent=idempotent))
    said = d.accepted(call("a", effect=effect), Return(expr=Ref("a")))
    tried = 0
    while keys(said):
        tried += 1
        assert said[0] == ev.StartCall("a", "a", "t", {}, tried)
        said = d.tell(failed("a", retryable=True))
    assert tried == attempts
    assert finish(said).failed is not None


def test_an_error_that_will_not_pass_is_not_retried() -> None:
    d = Driver(Signature(name="t", retries=2))
    d.accepted(call("a"))
    assert finish(d.tell(failed("a"))).failed is None


# -- cancelling --------------------------------------------------------------------------------------------------------


def test_cancelling_keeps_what_is_known_and_starts_nothing() -> None:
    d = Driver(max_running=2)
    d.accepted(call("a"), call("b"), call("c"), call("e", "b"), Compute(name="f", type=ANY, expr=Ref("a")))
    d.tell(done("a", 1))
    said = d.tell(ev.Cancelled("enough"))
    assert said == [ev.CancelCall("b"), ev.CancelCall("c")]
    assert keys(d.tell(ev.CallCancelled("b"), ev.Cancelled("again"))) == []
    end = finish(d.tell(done("c", 3)))
    assert end.failed is not None and end.failed.message == "enough"
    frame = d.machine.top.frame
    assert frame.values == {"a": 1, "f": 1, "c": 3}
    assert {name: f.error for name, f in frame.failures.items()} == {"b": "Cancelled", "e": "Cancelled"}


def test_an_answer_that_is_known_survives_cancelling() -> None:
    d = Driver()
    d.accepted(call("a"), call("b"), Return(expr=Ref("a")))
    d.tell(done("a", 1), ev.Cancelled("deadline"))
    assert finish(d.tell(ev.CallCancelled("b"))) == ev.FinishPlan(1)


def test_no_catch_makes_up_a_value_for_a_run_that_is_cancelled() -> None:
    d = Driver()
    d.accepted(call("a", catch=Const("made up")), Return(expr=Ref("a")))
    d.tell(ev.Cancelled("stop"))
    failure = finish(d.tell(ev.CallCancelled("a"))).failed
    assert failure is not None and failure.error == "Cancelled"


def test_cancelling_ends_maps_at_every_depth() -> None:
    d = Driver(max_running=1)
    inner = call("m.1", "m.v"), call("m.2", "m.1")
    d.accepted(mapped("m", numbers(4), *inner, ordered=False), call("b", "m"))
    d.tell(done("m[0].m.1"))
    assert d.tell(ev.Cancelled("stop")) == [ev.CancelCall("m[0].m.2")]
    finish(d.tell(ev.CallCancelled("m[0].m.2")))
    assert d.machine.top.frame.failures.keys() == {"m", "b"}


# -- what cannot happen ------------------------------------------------------------------------------------------------

END: End = Return(expr=Const(1))
AWAITED: list[ev.Event] = [ev.StatementAdded(call("r")), ev.StatementAdded(Return(expr=Ref("r")))]


@pytest.mark.parametrize(
    ("before", "event", "told"),
    [
        ([], done("a"), "there never was such a call"),
        (
            [ev.StatementAdded(call("a")), done("a")],
            done("a"),
            "a: ready at event 1, running at event 1, done at event 2; attempt 1",
        ),
        ([ev.StatementAdded(call("a"))], ev.CallCancelled("a"), "nobody asked"),
        ([ev.StatementAdded(call("a"))], ev.StatementAdded(call("a")), "defined twice"),
        ([], ev.StatementAdded(call("b", "a")), "'a', which was not added before"),
        ([], ev.StatementAdded(call("b", after=("a",))), "'a', which was not added before"),
        ([], ev.StatementAdded(call("b", catch=Ref("a"))), "'a', which was not added before"),
        ([ev.StatementAdded(END)], ev.StatementAdded(call("a")), "after the end of its plan"),
        ([*AWAITED, ev.PlanAccepted()], ev.StatementAdded(call("a")), "not over"),
        ([], ev.PlanEnded(), "in the phase 'open'"),
        ([ev.PlanAccepted()], ev.PlanAccepted(), "in the phase 'settled'"),
        ([ev.PlanAccepted()], ev.PlanRejected(""), "in the phase 'settled'"),
        ([ev.PlanAccepted(), ev.PlanEnded()], ev.StatementAdded(END), "in the phase 'finished'"),
        ([ev.Cancelled("")], ev.Cancelled(""), "in the phase 'finished'"),
    ],
)
def test_an_illegal_event_tells_the_story_and_changes_nothing(
    before: list[ev.Event], event: ev.Event, told: str
) -> None:
    d = Driver()
    d.tell(*before)
    count, phase, known = d.machine.events, d.machine.phase, dict(d.machine.nodes)
    with pytest.raises(IllegalTransition) as caught:
        d.machine.handle(event)
    assert told in str(caught.value)
    assert (d.machine.events, d.machine.phase, d.machine.nodes) == (count, phase, known)
    d.machine.validate()


def test_validate_finds_a_broken_count() -> None:
    d = Driver()
    d.add(call("a"), call("b", "a"))
    d.machine.nodes["b"].unmet = 2
    with pytest.raises(AssertionError, match="invariant 1"):
        d.machine.validate()


def test_a_log_of_events_as_json_replays_to_the_same_instructions() -> None:
    events: list[ev.Event] = [
        ev.StatementAdded(call("a", tool="limited")),
        ev.StatementAdded(mapped("m", numbers(3), call("m.1", "m.v", tool="limited", effect=WRITE), catch=Ref("a"))),
        ev.StatementAdded(Join(args=(("m", Ref("m")),))),
        ev.PlanAccepted(),
        failed("m[0].m.1", retryable=True),
        done("a", [1, {"b": None}]),
        ev.PlanEnded(),
        ev.Cancelled("enough"),
        ev.CallCancelled("m[0].m.1"),
    ]
    signature = Signature(name="limited", limit=2, retries=1, idempotent=True)
    first, second = Driver(signature), Driver(signature)
    replayed = msgspec.json.decode(msgspec.json.encode(events), type=list[ev.Event])
    assert replayed == events
    said = first.tell(*events)
    assert second.tell(*replayed) == said
    assert msgspec.json.decode(msgspec.json.encode(said), type=list[ev.Instruction]) == said
    assert first.machine.phase == second.machine.phase == "finished"


# -- size --------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["chain", "wide"])
def test_a_hundred_thousand_ops_need_no_recursion(shape: str) -> None:
    count = 100_000
    machine = Machine({}, Limits(max_calls=count))
    running: list[str] = []
    for i in range(count):
        uses = (f"s{i - 1}",) if shape == "chain" and i else ()
        running += keys(machine.handle(ev.StatementAdded(call(f"s{i}", *uses))))
    machine.handle(ev.PlanAccepted())
    said: list[ev.Instruction] = machine.handle(ev.PlanEnded())
    while running:
        said = machine.handle(done(running.pop()))
        running += keys(said)
    assert isinstance(said[-1], ev.FinishPlan)
    assert len(machine.top.frame.values) == count


@pytest.mark.slow
def test_a_long_chain_of_expressions_settles_in_one_event() -> None:
    machine = Machine()
    machine.handle(ev.StatementAdded(call("s0")))
    for i in range(1, 20_000):
        machine.handle(ev.StatementAdded(Compute(name=f"s{i}", type=ANY, expr=Ref(f"s{i - 1}"))))
    machine.handle(ev.PlanAccepted())
    machine.handle(done("s0", 5))
    assert machine.top.frame.values["s19999"] == 5


def test_a_call_that_comes_alone_has_the_history_of_one_that_waited() -> None:
    driver = Driver()
    driver.accepted(call("a"), call("b", "a"), call("c", "b"))
    driver.tell(ev.CallFinished("a", 1))
    assert driver.machine.nodes["b"].history[:2] == [(6, "ready"), (6, "running")]
    driver.tell(ev.CallFinished("b", 1))
    assert driver.machine.nodes["b"].history == [(6, "ready"), (6, "running"), (7, "done")]
    assert driver.machine.nodes["b"].story().startswith("b: ready at event 6, running at event 6, done at event 7")
