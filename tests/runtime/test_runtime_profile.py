"""Profiles: what runs add up to, in memory and in a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir.effects import PURE
from llmcc.ir.errors import ToolError, ToolTimeout
from llmcc.ir.expr import Const
from llmcc.ir.ops import Call, Module
from llmcc.ir.types import ANY
from llmcc.runtime.executor import run_module
from llmcc.runtime.limits import Limits
from llmcc.runtime.outcome import CallEnded, CallRecord
from llmcc.runtime.profile import Figures, Profile, ToolProfile, problem
from llmcc.runtime.profile_file import ProfileError, add_to_file, check_target, read_profile
from llmcc.runtime.toolbox import Toolbox
from llmcc.testing.clock import run_virtual
from llmcc.testing.tools import fake

FIGURES = st.lists(st.one_of(st.just(0.0), st.floats(1e-9, 1e6)), max_size=30)


def figures(values: list[float]) -> Figures:
    found = Figures()
    for value in values:
        found.add(value)
    return found


@given(FIGURES, st.floats(0, 1))
def test_a_quantile_is_right_within_one_percent(values: list[float], share: float) -> None:
    found = figures(values).quantile(share)
    if not values:
        assert found is None
        return
    below = sorted(values)[max(1, -int(-share * len(values) // 1)) - 1]
    assert found == pytest.approx(below, rel=0.01, abs=0)


@given(FIGURES, FIGURES)
def test_parts_add_up_to_the_whole_in_any_order(first: list[float], second: list[float]) -> None:
    one, other = figures(first), figures(second)
    one.merge(figures(second))
    other.merge(figures(first))
    whole = figures(first + second)
    assert one.buckets == other.buckets == whole.buckets
    assert (one.count, one.zeros) == (other.count, other.zeros) == (whole.count, whole.zeros)
    assert one.total == pytest.approx(other.total)
    assert one.consistent()


def profile_of(*tools: tuple[str, float], status: str = "done", attempts: int = 1) -> Profile:
    found = Profile()
    for name, took in tools:
        record = CallRecord(name, name, name, {}, 1.0, 1.0 + took, attempts, status)  # type: ignore[arg-type]
        found(CallEnded(record, "é"))
    return found


def test_failures_and_retries_count_and_cancelled_calls_do_not() -> None:
    found = profile_of(("a", 0.5), ("a", 1.5))
    found.merge(profile_of(("a", 9.0), status="failed", attempts=3))
    found.merge(profile_of(("a", 9.0), ("b", 9.0), status="cancelled"))
    assert set(found.tools) == {"a"}
    one = found.tools["a"]
    assert (one.calls, one.failed, one.retries) == (3, 1, 2)
    assert found.latencies() == {"a": 1.0}
    assert one.bytes.average() == 4.0  # of JSON: two quotes, and one character of two bytes
    assert problem(found) is None


def test_a_tool_that_only_failed_has_no_latency() -> None:
    assert profile_of(("a", 9.0), status="failed").latencies() == {}


def test_a_run_tells_its_observer_what_calls_took_and_gave() -> None:
    box = Toolbox(
        fake("slow", [1, 2], latency="2s"),
        fake("shaky", "x", latency="1s", fails=ToolTimeout("late"), failures=1, retries=1),
        fake("broken", fails=ToolError("no")),
    )
    ops = tuple(Call(name=name, type=ANY, tool=name, args=(("x", Const(1)),), effect=PURE) for name in box)
    found = Profile()
    run_virtual(lambda: run_module(Module(ops, ordered=True), box, observer=found, limits=Limits(backoff_s=0.0)))
    assert found.latencies() == {"slow": 2.0, "shaky": 2.0}
    assert found.tools["slow"].bytes.total == len("[1, 2]")
    assert (found.tools["shaky"].retries, found.tools["broken"].failed) == (1, 1)


def test_a_file_adds_up_and_reads_back(tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    add_to_file(profile_of(("b", 1.0), ("a", 0.25)), file)
    total = add_to_file(profile_of(("a", 0.75)), file)
    found = read_profile(file)
    assert found.latencies() == total.latencies() == {"a": 0.5, "b": 1.0}
    told = json.loads(file.read_text())
    assert told["version"] == 1
    assert list(told["tools"]) == ["a", "b"]
    assert told["tools"]["a"]["latency_s"]["mean"] == 0.5
    assert told["tools"]["a"]["latency_s"]["p90"] == pytest.approx(0.75, rel=0.01)
    assert os.listdir(tmp_path) == ["p.json"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "no profile"),
        ("[]", "no profile"),
        ("{}", "no profile"),
        ('{"version": 2, "tools": {}}', "version 2"),
        ('{"version": 1, "tools": {}, "more": 1}', "more"),
        ('{"version": 1, "tools": {"a": {"calls": -1}}}', "calls"),
        ('{"version": 1, "tools": {"a": {"calls": 1}}}', "a: the calls"),
        ('{"version": 1, "tools": {"a": {"calls": 1, "latency_s": {"count": 1}}}}', "a: the buckets"),
        (
            '{"version": 1, "tools": {"a": {"calls": 1, "latency_s": {"count": 1, "buckets": {"99999": 1}}}}}',
            "a: the buckets",
        ),
    ],
)
def test_a_file_that_is_no_profile_is_left_alone(tmp_path: Path, content: str, why: str) -> None:
    file = tmp_path / "p.json"
    file.write_text(content)
    for use in (lambda: read_profile(file), lambda: add_to_file(Profile(), file), lambda: check_target(file)):
        with pytest.raises(ProfileError, match=r"p\.json: .*") as error:
            use()
        assert why in str(error.value)
    assert file.read_text() == content


def test_a_file_that_cannot_be_is_told_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="No such file"):
        read_profile(tmp_path / "missing.json")
    with pytest.raises(ProfileError, match="no folder"):
        check_target(tmp_path / "missing" / "p.json")
    with pytest.raises(ProfileError, match="missing"):
        add_to_file(Profile(), tmp_path / "missing" / "p.json")
    check_target(tmp_path / "new.json")


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "p.json"
    add_to_file(profile_of(("a", 1.0)), file)
    before = file.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ProfileError, match="No space left"):
        add_to_file(profile_of(("a", 1.0)), file)
    assert file.read_bytes() == before
    assert os.listdir(tmp_path) == ["p.json"]


@pytest.mark.slow
def test_runs_that_add_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    code = (
        "import sys\n"
        "from llmcc.runtime.profile import Figures, Profile, ToolProfile\n"
        "from llmcc.runtime.profile_file import add_to_file\n"
        "for _ in range(20):\n"
        "    latency = Figures(); latency.add(1.0)\n"
        "    add_to_file(Profile(tools={'a': ToolProfile(calls=1, latency_s=latency)}), sys.argv[1])\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, str(file)]) for _ in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert read_profile(file).tools["a"].calls == 60


def test_an_empty_profile_says_nothing() -> None:
    assert Profile().latencies() == {}
    assert ToolProfile().latency_s.quantile(0.5) is None
