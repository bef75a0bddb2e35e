"""A trace tells what happened, survives its file, and runs again: same order, same values."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

import llmcc
from llmcc.ir.signature import Signature
from llmcc.runtime import events as ev
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.replay import ReplayError, replay
from llmcc.runtime.spans import CallSpan
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import Tool
from llmcc.runtime.trace import Entry, Trace, TraceError, tools_digest
from llmcc.runtime.trace_file import from_json, to_json
from llmcc.testing.clock import run_virtual
from llmcc.testing.plan_texts import plans, toolboxes
from llmcc.testing.schedule import Schedule
from llmcc.testing.tools import SimulatedTools, fake
from llmcc.testing.work import growth, work_of


@dataclasses.dataclass(repr=False)
class Run:
    """A drawn plan that was run on the virtual clock, and its trace."""

    outcome: Outcome
    trace: Trace
    program: llmcc.Program

    def __repr__(self) -> str:
        return f"<run of {self.program.text!r}>"


class Shaky:
    """Simulated tools of which some calls lose their connection at first."""

    def __init__(self, world: SimulatedTools, shaking: int) -> None:
        self.world = world
        self.shaking = shaking
        self.calls: Counter[str] = Counter()

    def toolbox(self) -> Toolbox:
        return Toolbox(*(Tool(one.signature, self.shaken(one)) for one in self.world.toolbox().values()))

    def shaken(self, tool: Tool) -> Any:
        async def function(**args: Any) -> object:
            self.calls[tool.name] += 1
            count = self.calls[tool.name]
            result = await tool(**args)
            if self.shaking and count % self.shaking == 0:
                raise ConnectionError(f"{tool.name}, call {count}")
            return result

        return function


def ruled(signature: Signature, draw: Any) -> Signature:
    rules = {
        "retries": st.integers(0, 2),
        "limit": st.sampled_from([None, 1, 2]),
        "rate": st.sampled_from([None, None, 0.5]),
        "breaker": st.sampled_from([None, None, 1]),
        "idempotent": st.booleans(),
    }
    return msgspec.structs.replace(signature, **draw(st.fixed_dictionaries(rules)))


@st.composite
def runs(draw: Any) -> Run:
    signatures = {name: ruled(one, draw) for name, one in draw(toolboxes()).items()}
    schedule = Schedule(draw(st.integers(0, 2**32)))
    world = SimulatedTools(signatures.values(), schedule=schedule, failing=draw(st.sampled_from([0.0, 0.2])))
    toolbox = Shaky(world, draw(st.sampled_from([0, 2, 3]))).toolbox()
    program = llmcc.compile(draw(plans(signatures)), toolbox, level=draw(st.integers(0, 2)))
    limits: dict[str, Any] = {
        "max_running": draw(st.sampled_from([None, 1, 3])),
        "deadline_s": draw(st.sampled_from([None, None, 1.0, 5.0])),
        "max_calls": draw(st.sampled_from([10_000, 3])),
    }
    outcome = run_virtual(lambda: llmcc.run(program, seed=schedule.seed, **limits), seed=schedule.seed)
    return Run(outcome, Trace.of(outcome, program), program)


@pytest.mark.slow
@settings(max_examples=25)
@given(run=runs())
def test_a_trace_that_was_written_and_read_runs_again_as_it_did(run: Run) -> None:
    trace = from_json(to_json(run.trace))
    assert trace == run.trace
    again = replay(trace)
    assert [event for _, event in again.log] == [event for _, event in run.outcome.log]
    assert [at for at, _ in again.log] == pytest.approx([at for at, _ in run.outcome.log])
    assert (again.value, again.failed, again.values) == (run.outcome.value, run.outcome.failed, run.outcome.values)
    assert again.errors == run.outcome.errors
    assert [(one.key, one.args, one.attempts, one.status, one.error) for one in again.calls] == [
        (one.key, one.args, one.attempts, one.status, one.error) for one in run.outcome.calls
    ]


@pytest.mark.slow
@settings(max_examples=25)
@given(run=runs())
def test_the_timeline_is_that_of_the_calls(run: Run) -> None:
    timeline = run.trace.timeline
    told = {one.key: (one.tool, one.started_s, one.ended_s, one.attempts, one.status) for one in run.outcome.calls}
    assert told == {
        one.key: (one.tool, told_s(one), one.end_s, len(one.attempts), one.status) for one in timeline.calls
    }
    spans = {one.key: one for one in timeline.calls}
    for span in timeline.calls:
        assert all(spans[key].end_s <= span.start_s for key in span.after)
        before = [wait for wait in span.waits if wait.start_s < span.start_s]
        assert all(a.end_s == b.start_s for a, b in itertools.pairwise(before))
        assert not before or before[-1].end_s == span.start_s
        assert all(wait.took_s > 0 and wait.on != span.key for wait in span.waits)
        assert span.by is None or spans[span.by].end_s <= span.start_s
    path = [spans[key] for key in timeline.critical]
    ends = [one.end_s for one in path]
    assert ends[-1:] in ([], [max(one.end_s for one in timeline.calls)] if timeline.calls else [])
    assert [told_s(one) for one in path[1:]] == ends[:-1]
    assert timeline.work_s <= timeline.peak * timeline.makespan_s + 1e-9


@pytest.mark.slow
@settings(max_examples=25)
@given(run=runs())
def test_the_events_are_what_the_trace_event_format_wants(run: Run) -> None:
    told = json.loads(to_json(run.trace))
    assert set(told) == {"traceEvents", "displayTimeUnit", "llmcc"}
    assert told["displayTimeUnit"] in ("ms", "ns")
    check_events(told["traceEvents"])


#: The fields that an event of each phase needs, with their types; any other is one of the optional ones.
COMMON: dict[str, Any] = {"ph": str, "pid": int, "tid": int, "ts": (int, float), "name": str}
NEEDED: dict[str, dict[str, Any]] = {
    "X": {"dur": (int, float), "cat": str, "args": dict},
    "M": {"args": dict},
    "i": {"s": str, "cat": str, "args": dict},
    "s": {"id": int, "cat": str},
    "f": {"id": int, "cat": str, "bp": str},
}
ABOUT = {
    "process_name": "name",
    "thread_name": "name",
    "process_sort_index": "sort_index",
    "thread_sort_index": "sort_index",
}


def check_events(events: list[dict[str, Any]]) -> None:
    lanes: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for event in events:
        wanted = COMMON | NEEDED[event["ph"]]
        assert set(event) == set(wanted)
        assert all(isinstance(event[name], kind) for name, kind in wanted.items())
        assert event["ts"] >= 0 and event.get("dur", 0) >= 0
        if event["ph"] == "M":
            assert list(event["args"]) == [ABOUT[event["name"]]]
        if event["ph"] == "X":
            lanes.setdefault((event["pid"], event["tid"]), []).append(event)
    named = {(event["pid"], event["tid"]) for event in events if event["name"] == "thread_name"}
    assert named >= set(lanes)
    for slices in lanes.values():
        check_nesting(slices)
    check_arrows(events, lanes)


def check_nesting(slices: list[dict[str, Any]]) -> None:
    """Of two slices in a lane one lies within the other, or before it."""
    ends: list[float] = []
    for one in sorted(slices, key=lambda one: (one["ts"], -one["dur"])):
        end = one["ts"] + one["dur"]
        while ends and ends[-1] <= one["ts"] + 1e-6:
            ends.pop()
        assert not ends or end <= ends[-1] + 1e-6, one
        ends.append(end)


def check_arrows(events: list[dict[str, Any]], lanes: dict[tuple[int, int], list[dict[str, Any]]]) -> None:
    """Each arrow has two ends, the second no earlier, each within a slice of its lane."""
    ends: dict[int, dict[str, dict[str, Any]]] = {}
    for event in events:
        if event["ph"] not in "sf":
            continue
        assert event["ph"] not in ends.setdefault(event["id"], {})
        ends[event["id"]][event["ph"]] = event
        slices = lanes[event["pid"], event["tid"]]
        assert any(one["ts"] <= event["ts"] <= one["ts"] + one["dur"] + 1e-6 for one in slices)
    assert all(set(pair) == {"s", "f"} and pair["s"]["ts"] <= pair["f"]["ts"] for pair in ends.values())
    assert all((pair["s"]["name"], pair["s"]["cat"]) == (pair["f"]["name"], pair["f"]["cat"]) for pair in ends.values())


def told_s(span: CallSpan) -> float:
    """When the scheduler had the call started: its tool's rate can hold it up after that."""
    return min([span.start_s, *(wait.start_s for wait in span.waits if wait.kind == "rate")])


def finished(plan: str, *tools: Tool, **limits: Any) -> tuple[Outcome, llmcc.Program]:
    program = llmcc.compile(plan, Toolbox(*tools))
    return run_virtual(lambda: llmcc.run(program, seed=1, **limits)), program


def traced(plan: str, *tools: Tool, value_limit: int = 1 << 20, **limits: Any) -> Trace:
    outcome, program = finished(plan, *tools, **limits)
    return Trace.of(outcome, program, value_limit=value_limit)


def waits(trace: Trace, key: str) -> list[tuple[str, float]]:
    (span,) = [one for one in trace.timeline.calls if one.key == key]
    return [(str(wait), round(wait.took_s, 3)) for wait in span.waits]


def test_a_wait_for_another_call_names_it() -> None:
    trace = traced("a = f(1)\nb = g(a)\nreturn b\n", fake("f", 1, latency=0.5), fake("g", latency=0.1))
    assert waits(trace, "b") == [("for a", 0.5)]
    assert (trace.timeline.critical, trace.timeline.makespan_s) == (("a", "b"), 0.6)


def test_a_wait_behind_an_expression_names_the_call_behind_it() -> None:
    trace = traced("a = f(1)\nx = a + 1\nb = g(x)\nreturn b\n", fake("f", 1, latency=0.5), fake("g", latency=0.1))
    assert waits(trace, "b") == [("for a", 0.5)]
    assert trace.timeline.calls[1].after == ("a",)


def test_a_wait_for_a_slot_names_the_tool_or_the_run() -> None:
    plan = "a = f(1)\nb = f(2)\nreturn [a, b]\n"
    assert waits(traced(plan, fake("f", latency=0.5, limit=1)), "b") == [("limit of f", 0.5)]
    assert waits(traced(plan, fake("f", latency=0.5), max_running=1), "b") == [("limit of the run", 0.5)]


def test_a_pause_before_a_retry_is_no_work() -> None:
    trace = traced("a = f(1)\nreturn a\n", fake("f", 1, latency=0.5, fails=TimeoutError(), failures=1, retries=1))
    (span,) = trace.timeline.calls
    (wait,) = span.waits
    assert ([one.status for one in span.attempts], str(wait)) == (["failed", "done"], "retry pause")
    assert span.worked_s == pytest.approx(1.0)
    assert span.end_s == pytest.approx(1.0 + wait.took_s)


def test_a_wait_for_a_tool_that_is_called_too_fast_names_its_rate() -> None:
    trace = traced("a = f(1)\nb = f(2)\nreturn [a, b]\n", fake("f", latency=0.5, rate=0.1))
    assert sorted(waits(trace, "a") + waits(trace, "b")) == [("rate of f", 10.0)]
    assert trace.timeline.work_s == pytest.approx(1.0)


def test_a_map_over_writes_waits_for_the_element_before() -> None:
    writes = fake("put", 1, latency=0.5, effect=llmcc.tool(effect="write")(print_nothing).signature.effect)
    trace = traced("a = [put(x) for x in [1, 2]]\nreturn a\n", writes)
    keys = [one.key for one in trace.timeline.calls]
    assert waits(trace, keys[1]) == [(f"for {keys[0]}", 0.5)]
    assert trace.timeline.calls[1].by == keys[0]


def print_nothing() -> None:
    """A function to declare an effect for."""


def test_what_a_tool_changes_later_is_not_what_the_plan_saw() -> None:
    own: list[int] = []

    async def grow(x: int) -> list[int]:
        own.append(x)
        return own

    tool = llmcc.tool(effect="write", resource="own")(grow)
    outcome, program = finished("a = grow(1)\nb = grow(2)\nreturn [a, b]\n", tool)
    assert outcome.value == [[1], [1, 2]]
    assert replay(Trace.of(outcome, program)).value == [[1], [1, 2]]


@pytest.mark.parametrize("junk", [float("nan"), object(), {1: 2}, "\ud800", b"x", 2**5000, "no int"])
def test_what_is_no_value_is_a_failure_in_the_trace_too(junk: object) -> None:
    from llmcc.ir.types import INT

    outcome, program = finished("a = f(1) catch 0\nb = f(2)\nreturn [a, b]\n", fake("f", junk, returns=INT))
    trace = from_json(to_json(Trace.of(outcome, program)))
    again = replay(trace)
    assert (again.failed, again.errors, again.values) == (outcome.failed, outcome.errors, {"a": 0})
    assert {one.error.error for one in trace.timeline.calls if one.error} == {"ToolOutputError"}


@pytest.mark.parametrize("value", [2**3000, -0.0, 1e308, "\x00é\u202e", {"": [None, True, {}]}, [[[]]]])
def test_every_kind_of_value_survives_the_file(value: Any) -> None:
    outcome, program = finished("a = f(1)\nreturn a\n", fake("f", value))
    again = replay(from_json(to_json(Trace.of(outcome, program))))
    assert repr(again.value) == repr(outcome.value) == repr(value)


def test_a_value_that_is_too_long_is_left_out_and_then_nothing_is_replayed() -> None:
    tools = fake("f", "x" * 100), fake("g", "y")
    plan = "a = f(1)\nb = g(len(a))\nreturn b\n"
    assert replay(traced(plan, *tools, value_limit=102)).value == "y"
    trace = from_json(to_json(traced(plan, *tools, value_limit=101)))
    assert [trace.log[place].event.key for place in trace.truncated] == ["a"]  # type: ignore[union-attr]
    assert [one.result_bytes for one in trace.timeline.calls] == [102, 3]
    with pytest.raises(TraceError, match=r"leaves out: a \(102 bytes\)"):
        replay(trace)


def test_a_run_with_endless_limits_can_be_written() -> None:
    trace = traced("return 1\n", fake("f"), backoff_max_s=float("inf"), deadline_s=float("inf"))
    assert replay(from_json(to_json(trace))).value == 1


def test_a_run_that_was_left_in_the_middle_is_traced_as_far_as_it_came() -> None:
    from llmcc.ir.ops import Return
    from llmcc.runtime.executor import Execution

    toolbox = Toolbox(fake("f", 1, latency=1.0), fake("g", 2, latency=9.0))
    program = llmcc.compile("a = f(1)\nb = g(1)\nreturn [a, b]\n", toolbox)

    async def main() -> tuple[Outcome, Outcome]:
        async with Execution.open(toolbox) as execution:
            execution.add(op for op in program.module.ops if not isinstance(op, Return))
            await trio.sleep(2)
            middle = execution.outcome()
        return middle, execution.outcome()

    middle, end = run_virtual(main)
    trace = Trace.of(middle, program)
    assert [one.status for one in trace.timeline.calls] == ["done", "running"]
    assert replay(trace).values == {"a": 1}
    trace = Trace.of(end, program)
    assert [one.status for one in trace.timeline.calls] == ["done", "cancelled"]
    again = replay(trace)
    assert (again.values, again.errors) == ({"a": 1}, end.errors)


def changed(trace: Trace, log: list[Entry]) -> Trace:
    return msgspec.structs.replace(trace, log=tuple(log))


def test_a_trace_that_was_changed_does_not_replay() -> None:
    trace = traced("a = f(1)\nb = g(a)\nreturn b\n", fake("f", 1, latency=1.0), fake("g", 2, latency=1.0))
    ends = [place for place, one in enumerate(trace.log) if isinstance(one.event, ev.CallFinished)]
    without_end = [one for place, one in enumerate(trace.log) if place != ends[0]]
    with pytest.raises(ReplayError, match="never comes"):
        replay(changed(trace, without_end))
    twice = [*trace.log[: ends[0] + 1], *trace.log[ends[0] :]]
    with pytest.raises(ReplayError, match="never comes"):
        replay(changed(trace, twice))
    with pytest.raises(ReplayError, match="event 0 never comes"):
        replay(changed(trace, [trace.log[-1], *trace.log]))
    wrong = Entry(trace.log[ends[0]].at_s, ev.CallCancelled("a"))
    with pytest.raises(ReplayError, match="nobody asked to cancel"):
        replay(changed(trace, [*trace.log[: ends[0]], wrong, *trace.log[ends[0] + 1 :]]))


def test_replay_needs_a_thread_without_trio() -> None:
    trace = traced("return 1\n", fake("f"))

    async def main() -> None:
        replay(trace)

    with pytest.raises(llmcc.LlmccError, match="runs no trio"):
        trio.run(main)


def test_a_trace_needs_a_toolbox_and_a_log() -> None:
    outcome, program = finished("return 1\n", fake("f"))
    bare = llmcc.compile("return 1\n")
    with pytest.raises(TraceError, match="toolbox"):
        Trace.of(outcome, bare)
    assert Trace.of(outcome, bare, program.toolbox).tools == ()
    with pytest.raises(TraceError, match="no log"):
        Trace.of(Outcome(None), program)


def test_the_digest_of_tools_tells_tools_apart() -> None:
    one, other = fake("f").signature, fake("f", retries=1).signature
    assert tools_digest([one]) != tools_digest([other])
    assert tools_digest([one, fake("g").signature]) == tools_digest([fake("g").signature, one])


def test_a_file_that_is_cut_anywhere_is_no_trace() -> None:
    data = to_json(traced("a = f(1)\nreturn a\n", fake("f", 1, latency=0.5)))
    assert from_json(data).plan
    end = len(data.rstrip())
    for length in [*range(0, end, max(1, end // 200)), end - 1]:
        with pytest.raises(TraceError, match=r"^some file: "):
            from_json(data[:length], "some file")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "no trace of llmcc"),
        ("[]", "no trace of llmcc"),
        ('{"traceEvents": []}', "no trace of llmcc"),
        ('{"llmcc": 3}', "no trace of llmcc"),
        ('{"llmcc": {"version": 2}}', "version 2 of a trace, and this llmcc reads 1"),
        ('{"llmcc": {"version": 1}}', "no trace of llmcc"),
        ('{"llmcc": ' + "[" * 100_000, "no trace of llmcc"),
        ('{"llmcc": "\ud800"}', "no trace of llmcc"),
    ],
)
def test_what_is_no_trace_is_said_to_be_none(content: str, why: str) -> None:
    with pytest.raises(TraceError, match=why):
        from_json(content.encode("utf-8", "surrogatepass"))


def test_a_trace_whose_parts_do_not_fit_is_refused() -> None:
    trace = traced("a = f(1)\nreturn a\n", fake("f", 1, latency=0.5))
    line = msgspec.structs.replace
    (span,) = trace.timeline.calls
    wrong = [
        line(trace, log=trace.log[::-1]),
        line(trace, timeline=line(trace.timeline, critical=("b",))),
        line(trace, timeline=line(trace.timeline, calls=(line(span, end_s=-1.0),))),
        line(trace, truncated={len(trace.log): 1}),
    ]
    for one in wrong:
        with pytest.raises(TraceError):
            from_json(to_json(one))


def test_saving_replaces_a_file_or_leaves_it(tmp_path: Path) -> None:
    trace = traced("return 1\n", fake("f"))
    file = tmp_path / "t.json"
    file.write_text("before")
    trace.save(file)
    assert Trace.load(file) == trace
    with pytest.raises(TraceError, match="No such file"):
        trace.save(tmp_path / "no" / "t.json")
    with pytest.raises(TraceError, match="No such file"):
        Trace.load(tmp_path / "other.json")
    assert [path.name for path in tmp_path.iterdir()] == ["t.json"]


@pytest.mark.slow
def test_the_work_of_a_trace_grows_with_the_number_of_calls() -> None:
    def logged(calls: int) -> tuple[Outcome, llmcc.Program]:
        lines = [f"a{i} = f({f'a{i // 2}' if i else 0})" for i in range(calls)]
        return finished("\n".join([*lines, f"return a{calls - 1}"]), fake("f", 1, latency=0.1))

    runs = {calls: logged(calls) for calls in (50, 100, 200, 400)}
    assert growth(lambda calls: work_of(lambda: Trace.of(*runs[calls])), 50) < 1.05
