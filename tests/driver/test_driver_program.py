"""`compile`, `Program`, `run` and `run_sync`: the names that people hold."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import msgspec
import pytest
import trio

import llmcc
from llmcc.ir.expr import Const
from llmcc.ir.ops import Module, Return
from llmcc.ir.parser import from_json, parse
from llmcc.ir.signature import Signature
from llmcc.optimizer.manager import optimize
from llmcc.optimizer.registry import PASSES, Entry
from llmcc.optimizer.validate import ValidationError
from llmcc.testing.clock import run_virtual

PLAN = "a = double(20)\nb = double(1)\nreturn a + b\n"


@llmcc.tool(effect="pure", latency="10ms")
async def double(n: int) -> int:
    """Twice a number."""
    await trio.sleep(1)
    return 2 * n


BOX = llmcc.Toolbox(double)


def test_a_program_can_be_printed_and_read_back() -> None:
    program = llmcc.compile(PLAN, BOX)
    assert parse(program.emit("ir")) == program.module
    assert from_json(program.emit("json").encode()) == program.module
    assert json.loads(program.emit("json"))
    assert program.emit("dot").startswith("digraph")
    assert "double" in program.emit("schedule")
    assert "double" in program.emit("mermaid")
    assert repr(program) == "<Program of 3 values>" or "values" in repr(program)


def test_errors_of_a_plan_are_raised_together_and_readable() -> None:
    with pytest.raises(llmcc.CompileError) as caught:
        llmcc.compile('a = dubble(1)\nb = double("x")\nreturn c\n', BOX, name="my plan")
    codes = [d.code for d in caught.value.diagnostics]
    assert len(codes) == 3
    assert "did you mean `double`" in str(caught.value)
    assert "my plan:2:" in str(caught.value)


def test_warnings_do_not_raise() -> None:
    program = llmcc.compile("a = f(1)\n")
    assert {d.code for d in program.diagnostics} == {"W0290", "W0501"}


def test_run_overlaps_what_is_independent() -> None:
    async def main() -> llmcc.Outcome:
        return await llmcc.run(llmcc.compile(PLAN, BOX))

    outcome = run_virtual(main)
    assert (outcome.value, outcome.values, outcome.ok) == (42, {"a": 40, "b": 2}, True)
    assert outcome.elapsed_s == 1.0
    assert {call.key for call in outcome.calls} == {"a", "b"}


def test_limits_are_passed_on() -> None:
    async def main() -> llmcc.Outcome:
        return await llmcc.run(llmcc.compile(PLAN, BOX), max_running=1)

    assert run_virtual(main).elapsed_s == 2.0


@llmcc.tool(effect="pure")
def triple(n: int) -> int:
    """Three times a number."""
    return 3 * n


def test_run_sync_needs_no_loop() -> None:
    outcome = llmcc.run_sync(llmcc.compile("return triple(2)", llmcc.Toolbox(triple)))
    assert outcome.value == 6


def test_run_sync_inside_a_loop_says_what_to_use() -> None:
    program = llmcc.compile("return triple(2)", llmcc.Toolbox(triple))

    async def inside() -> None:
        llmcc.run_sync(program)

    for run in (trio.run, lambda f: asyncio.run(f())):
        with pytest.raises(llmcc.LlmccError, match=r"await llmcc\.run"):
            run(inside)


def test_a_program_without_tools_needs_some_to_run() -> None:
    program = llmcc.compile("return triple(2)")
    with pytest.raises(llmcc.LlmccError, match="needs one to run"):
        llmcc.run_sync(program)


def test_compiled_without_tools_it_still_runs_with_them() -> None:
    program = llmcc.compile("return triple(n=2)")
    assert llmcc.run_sync(program, llmcc.Toolbox(triple)).value == 6


def test_a_pipeline_that_orders_nothing_still_runs_in_order() -> None:
    log: list[str] = []

    @llmcc.tool(effect="write", resource="log")
    async def write(text: str) -> None:
        """Write to the log."""
        await trio.sleep(3 - len(text))
        log.append(text)

    program = llmcc.compile('write("a")\nwrite("bb")\nwrite("ccc")', llmcc.Toolbox(write), passes="fold-constants")
    assert not program.module.ordered

    async def main() -> llmcc.Outcome:
        return await llmcc.run(program)

    assert run_virtual(main).ok
    assert log == ["a", "bb", "ccc"]


@pytest.mark.parametrize("level", [0, 1, 2])
def test_every_level_means_the_same(level: int) -> None:
    program = llmcc.compile(
        "a = triple(2)\nb = triple(2)\nunused = triple(9)\nreturn a + b", llmcc.Toolbox(triple), level=level
    )
    outcome = llmcc.run_sync(program)
    assert outcome.value == 12
    assert len(outcome.calls) == {0: 3, 1: 2, 2: 1}[level]


class Wrong(msgspec.Struct, frozen=True):
    """A pass that returns something else."""

    def __call__(self, module: Module, signatures: Mapping[str, Signature]) -> Module:
        return msgspec.structs.replace(module, ops=(*module.values, Return(expr=Const("wrong"))))


def test_a_pass_in_doubt_is_left_out_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PASSES, "simplify", Entry(Wrong, "goes wrong"))
    program = llmcc.compile("a = triple(2)\nb = triple(2)\nreturn a + b", llmcc.Toolbox(triple))
    (doubt,) = program.doubts
    assert doubt.startswith("simplify: answer")
    assert llmcc.run_sync(program).value == 12
    assert len(program.module.values) == 1, "the passes after it still run"
    with pytest.raises(ValidationError, match="answer"):
        optimize(program.module, passes="simplify")


def test_all_public_names_exist() -> None:
    for name in llmcc.__all__:
        assert getattr(llmcc, name) is not None
    with pytest.raises(AttributeError):
        llmcc.nonsense  # noqa: B018
