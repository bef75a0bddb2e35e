"""What makes the reference implementation of the paper hang, lose calls, leak values or wait, when a plan runs.

Each run is on the virtual clock, on which a hang would be an error and a wait a number.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import trio

import llmcc
from llmcc.runtime.models import Cut, ModelError, ModelUnavailable, Scripted
from llmcc.testing.clock import run_virtual

ROOT = Path(__file__).parents[2]


class World:
    """Reads that take 0.4 s, one of them failing, and a log of when each was called, with what."""

    def __init__(self, texts: dict[str, str] | None = None) -> None:
        self.log: list[tuple[float, str]] = []
        self.begun = 0.0

        @llmcc.tool(effect="read", resource="web", latency="400ms")
        async def search(query: str) -> str:
            """Search the web."""
            self.log.append((round(trio.current_time() - self.begun, 3), query))
            await trio.sleep(0.4)
            return (texts or {}).get(query, f"about {query}")

        @llmcc.tool(effect="read", resource="web")
        async def boom(reason: str) -> str:
            """Fail."""
            raise RuntimeError(reason)

        @llmcc.tool(effect="pure")
        async def noop(value: int) -> int:
            """Give the value back, at once."""
            return value

        self.toolbox = llmcc.Toolbox(search, boom, noop)

    def run(self, text: str, **options: Any) -> llmcc.Outcome:
        program = llmcc.compile(text, self.toolbox, **options)

        async def main() -> llmcc.Outcome:
            self.begun = trio.current_time()
            return await llmcc.run(program)

        return run_virtual(main)

    def ask(self, *replies: Any, **options: Any) -> llmcc.Answer:
        model = Scripted(replies, **options)

        async def main() -> llmcc.Answer:
            self.begun = trio.current_time()
            return await llmcc.Agent(self.toolbox, planner=model).ask("What?")

        return run_virtual(main)


def test_a_tool_that_raises_fails_what_needs_it_and_nothing_else() -> None:
    outcome = World().run(
        '1. boom("broken")\n2. search("$1")\n3. search("b")\nreturn $3', dialect="llmcompiler", level=0
    )
    assert outcome.value == "about b"
    assert [failure.op for failure in outcome.errors] == ["1"]
    assert "broken" in outcome.errors[0].message
    assert outcome.elapsed_s == pytest.approx(0.4)


def test_a_tool_that_raises_while_the_plan_streams_ends_the_question() -> None:
    answer = World().ask('a = boom("broken")\nreturn a\n', tokens_per_s=10.0)
    assert answer.problem is not None and "broken" in answer.problem


@pytest.mark.parametrize("call", ["search()", 'search("a", "b")'])
def test_a_wrong_number_of_arguments_is_no_hang(call: str) -> None:
    world = World()
    with pytest.raises(llmcc.CompileError, match=r"E031[34]"):
        world.run(f"1. {call}\njoin($1)")
    assert world.ask(f"1. {call}\njoin($1)\n", 'a = search("b")\nreturn a\n').text == "about b"
    assert [query for _, query in world.log] == ["b"]


def test_an_unknown_tool_is_no_exception() -> None:
    answer = World().ask('1. nosuch("a")\njoin()\n', 'a = search("b")\nreturn a\n')
    assert (answer.text, answer.repairs, answer.problem) == ("about b", 1, None)


@pytest.mark.parametrize("broken", [ModelUnavailable("the server answers 500"), Cut('a = search("K2")\nb = sea')])
def test_a_model_whose_server_fails_is_no_hang(broken: Any) -> None:
    with pytest.raises(ModelError):
        World().ask(broken, tokens_per_s=5.0)


@pytest.mark.parametrize("chunks", [list, lambda text: [text], str.split])
def test_a_whole_plan_in_one_chunk_loses_no_call(chunks: Any) -> None:
    plan = 'a=search("a")\nb=search("b")\nc=search(a)\nreturn[a,b,c]\n'
    world = World()
    if chunks is str.split:
        chunks = lambda text: text.splitlines(keepends=True)  # noqa: E731
    answer = world.ask(plan, chunks=chunks)
    assert answer.value == ["about a", "about b", "about about a"]
    assert sorted(query for _, query in world.log) == ["a", "about a", "b"]


@pytest.mark.parametrize("dialect", ["native", "llmcompiler"])
def test_what_a_tool_returned_is_never_searched_for_references(dialect: str) -> None:
    world = World({"a": "secret", "b": "see $1 and ${1} and {x}"})
    passed = {"native": 'f"{$2}!"', "llmcompiler": '"$2!"'}[dialect]
    outcome = world.run(f'1. search("a")\n2. search("b")\n3. search({passed})\nreturn $3', dialect=dialect)
    assert world.log[-1][1] == "see $1 and ${1} and {x}!"
    assert outcome.value == "about see $1 and ${1} and {x}!"


def test_a_list_is_passed_as_it_is() -> None:
    seen: list[object] = []

    @llmcc.tool(effect="pure")
    def gather(values: list[str], label: str = "none") -> int:
        """Count."""
        seen.append((values, label))
        return len(values)

    program = llmcc.compile('1. gather(["$1", "b"])\nreturn $1', llmcc.Toolbox(gather), dialect="llmcompiler")
    assert llmcc.run_sync(program).value == 2
    assert seen == [(["$1", "b"], "none")]


def test_a_replan_goes_on_with_numbers_and_uses_earlier_values() -> None:
    world = World()
    answer = world.ask(
        '1. search("a")\n2. join()\n', "Replan: more", '2. search($1)\n3. search(f"{$1} {$2}")\nreturn $3\n'
    )
    assert answer.text == "about about a about about a"
    assert [query for _, query in world.log] == ["a", "about a", "about a about about a"]


@pytest.mark.parametrize(
    "text",
    ["It is K2 (8,611 m).", "First line.\nSecond (line).\n\nThird.", "Replan the trip for May.", "No. Replan: no"],
)
def test_the_joiners_answer_is_whole(text: str) -> None:
    answer = World().ask('a = search("K2")\njoin(a)\n', f"Answer: {text}")
    assert (answer.text, answer.replans) == (text, 0)


def test_a_ready_call_starts_while_the_plan_still_streams() -> None:
    # `b` needs `a`, which is done at 0.4 s; the line after it comes many seconds later.
    world = World()
    plan = ['a = search("a")\nb = search(a)\n', "# " + "thinking " * 20, "\n", "return b\n"]
    answer = world.ask("".join(plan), tokens_per_s=0.1, chunks=lambda text: plan)
    assert [at for at, _ in world.log] == [0.0, 0.4]
    assert answer.outcome.elapsed_s > 20


def test_a_chain_of_calls_waits_for_nothing_between_them() -> None:
    lines = ["v0 = noop(0)", *(f"v{i} = noop(v{i - 1})" for i in range(1, 100)), "return v99"]
    outcome = World().run("\n".join(lines), level=0)
    assert len(outcome.calls) == 100
    assert outcome.elapsed_s == 0.0


def test_a_chain_of_slow_calls_takes_their_times_and_no_more() -> None:
    outcome = World().run('a = search("a")\nb = search(a)\nc = search(b)\nreturn c')
    assert outcome.elapsed_s == pytest.approx(1.2, abs=1e-9)


@pytest.mark.slow
def test_nothing_evaluates_text_as_python() -> None:
    folders = ("driver", "frontend", "ir", "optimizer", "runtime", "testing", "grammar", "examples")
    sources = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    sources.remove(ROOT / "testing" / "planting.py")  # runs our own source with defects planted in it
    assert len(sources) > 100
    for path in sources:
        called = {
            n.func.id
            for n in ast.walk(ast.parse(path.read_bytes()))
            if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
        }
        assert not called & {"eval", "exec"}, path


def test_arithmetic_is_part_of_the_language() -> None:
    assert World().run("return max(8849 - 8611, 2 * 3) / 2").value == 119.0
