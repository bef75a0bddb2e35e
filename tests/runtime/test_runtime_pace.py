"""Rates and breakers: as laws over drawn times, then in runs on the virtual clock."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir.effects import PURE, Effect
from llmcc.ir.errors import ToolError
from llmcc.ir.ops import Call, Module, Op
from llmcc.ir.signature import Signature
from llmcc.ir.types import ANY
from llmcc.runtime.executor import run_module
from llmcc.runtime.faults import delay_s
from llmcc.runtime.limits import Limits
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.pace import Breaker, Pace
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import Tool
from llmcc.testing.clock import run_virtual
from llmcc.testing.tools import fake

GAPS = st.lists(st.sampled_from([0.0, 0.01, 0.3, 1.0, 7.0]), max_size=40)
RATES = st.sampled_from([0.1, 1.0, 3.0, 50.0])


@given(RATES, st.integers(1, 10), GAPS)
def test_no_window_of_time_holds_more_calls_than_the_bucket_gives(rate: float, burst: int, gaps: list[float]) -> None:
    pace, now, starts = Pace(rate, burst), 100.0, []
    for gap in gaps:
        now += gap
        starts.append(now + pace.turn(now))
    assert starts == sorted(starts)
    for (i, first), (j, last) in itertools.combinations(enumerate(starts), 2):
        assert j - i + 1 <= burst + rate * (last - first) + 1e-6


@given(RATES, st.integers(1, 10), GAPS)
def test_no_call_waits_longer_than_it_must(rate: float, burst: int, gaps: list[float]) -> None:
    """The pace against a bucket that is filled drop by drop."""
    pace, now, tokens, at = Pace(rate, burst), 100.0, float(burst), 100.0
    for gap in gaps:
        now += gap
        start = now + pace.turn(now)
        tokens = min(burst, tokens + rate * (max(now, at) - at))
        at = max(now, at)
        wait = max(0.0, (1 - tokens) / rate)
        assert start == pytest.approx(at + wait)
        tokens, at = tokens + rate * wait - 1, at + wait


class Model:
    """The table in the breaker's docstring, taken literally."""

    def __init__(self, threshold: int, cooldown_s: float) -> None:
        self.threshold, self.cooldown_s = threshold, cooldown_s
        self.state, self.failures, self.until, self.probe = "closed", 0, math.inf, False

    def enter(self, now: float) -> bool:
        if self.state == "open" and now >= self.until:
            self.state, self.probe = "half-open", False
        if self.state == "half-open" and not self.probe:
            self.probe = True
            return True
        return self.state == "closed"

    def end(self, event: str, now: float) -> None:
        self.probe = False
        if event == "succeeded":
            self.state, self.failures = "closed", 0
        elif event == "failed":
            self.failures += 1
            if self.state != "closed" or self.failures >= self.threshold:
                self.state, self.until = "open", now + self.cooldown_s


@given(st.integers(1, 4), st.lists(st.tuples(st.sampled_from(["succeeded", "failed", "left"]), st.integers(0, 12))))
def test_the_breaker_does_what_its_table_says(threshold: int, steps: list[tuple[str, int]]) -> None:
    breaker, model, now = Breaker(threshold, 10.0), Model(threshold, 10.0), 0.0
    for event, gap in steps:
        now += gap
        may = model.enter(now)
        assert breaker.enter(now) is may
        assert breaker.state(now) == model.state
        if not may:
            assert breaker.wait_s(now) > 0
            continue
        model.end(event, now)
        if event == "failed":
            breaker.failed(now)
        else:
            getattr(breaker, event)()


def calls(count: int, **options: Any) -> list[Op]:
    return [Call(name=f"a{i}", type=ANY, tool="t", args=(), **{"effect": PURE, **options}) for i in range(count)]


def run(ops: list[Op], *tools: Tool, **limits: Any) -> Outcome:
    module = Module(tuple(ops), ordered=True)
    return run_virtual(lambda: run_module(module, Toolbox(*tools), limits=Limits(**limits), seed=1))


def test_calls_start_at_the_tools_rate() -> None:
    starts: list[float] = []

    async def now() -> float:
        import trio

        starts.append(trio.current_time())
        return 0.0

    tool = Tool(Signature(name="t", effect=PURE, rate=2.0, burst=3), now)
    assert run(calls(7), tool).ok
    assert [round(start - starts[0], 6) for start in starts] == [0, 0, 0, 0.5, 1.0, 1.5, 2.0]


def test_the_time_a_call_waits_for_its_turn_is_not_the_tools_time() -> None:
    assert run(calls(5), fake("t", latency="1s", rate=0.5, timeout_s=1.5)).ok


def test_runs_that_share_a_tool_share_its_rate() -> None:
    tool = fake("t", rate=1.0)
    module = Module(tuple(calls(2)), ordered=True)

    async def twice() -> float:
        import trio

        begun = trio.current_time()
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(run_module, module, Toolbox(tool))
        return trio.current_time() - begun

    assert run_virtual(twice) == pytest.approx(3.0)


def test_a_tool_that_keeps_failing_is_left_alone() -> None:
    tool = fake("t", fails=ConnectionError("gone"), breaker=3, limit=1)
    outcome = run(calls(10), tool)
    assert [one.error for one in outcome.errors] == ["ConnectionError"] * 3 + ["CircuitOpen"] * 7
    assert "tried again in 30 s" in outcome.errors[-1].message


def test_an_error_that_is_an_answer_opens_nothing() -> None:
    outcome = run(calls(10), fake("t", fails=ToolError("no such customer"), breaker=3))
    assert {one.error for one in outcome.errors} == {"ToolError"}


def test_after_the_cooldown_a_tool_that_is_well_again_is_called_again() -> None:
    tool = fake("t", "well", fails=ConnectionError("gone"), failures=2, breaker=2, cooldown_s=5.0, limit=1)
    ops = [*calls(3), Call(name="slow", type=ANY, tool="wait", args=(), effect=PURE)]
    ops += [Call(name="late", type=ANY, tool="t", args=(), effect=PURE, after=("slow",))]
    outcome = run(ops, tool, fake("wait", latency="6s"))
    assert outcome.values == {"slow": None, "late": "well"}
    assert [one.error for one in outcome.errors] == ["ConnectionError", "ConnectionError", "CircuitOpen"]


def test_the_delay_that_the_other_side_asks_for_wins() -> None:
    slow_down = ToolError("429", retry_after=7.0)
    outcome = run(calls(1), fake("t", "ok", fails=slow_down, failures=1, retries=1))
    assert outcome.ok and outcome.elapsed_s == pytest.approx(7.0)


def test_a_call_that_would_have_to_wait_too_long_fails_at_once() -> None:
    outcome = run(calls(1), fake("t", fails=ToolError("429", retry_after=3600.0), retries=5))
    assert outcome.elapsed_s == 0 and outcome.calls[0].attempts == 1


def test_a_write_that_is_not_idempotent_is_not_tried_again_whatever_the_server_says() -> None:
    write = Effect("write", ("w",))
    tool = fake("t", fails=ToolError("429", retry_after=1.0), retries=5, effect=write, retry_on=("ToolError",))
    assert run(calls(1, effect=write), tool).calls[0].attempts == 1


@pytest.mark.parametrize(("names", "attempts"), [(("LookupError",), 3), (("ValueError",), 1), ((), 1)])
def test_only_the_errors_that_a_tool_names_are_tried_again(names: tuple[str, ...], attempts: int) -> None:
    outcome = run(calls(1), fake("t", fails=KeyError("x"), retries=2, retry_on=names))
    assert outcome.calls[0].attempts == attempts


class Response:
    def __init__(self, **headers: str) -> None:
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.mark.parametrize(
    ("header", "wait"), [("12", 12.0), ("0.5", 0.5), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0), ("soon", None), ("", None)]
)
def test_an_http_clients_error_tells_its_delay_by_the_header(header: str, wait: float | None) -> None:
    error = RuntimeError("429")
    error.response = Response(retry_after=header)  # type: ignore[attr-defined]
    assert delay_s(error) == wait


@pytest.mark.parametrize("said", [math.nan, math.inf, "5", True, [], None])
def test_what_is_no_delay_is_none(said: object) -> None:
    error = RuntimeError()
    error.retry_after = said  # type: ignore[attr-defined]
    assert delay_s(error) is None
