"""The agents to compare with do what such agents do, on scripted models and a virtual clock."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from bench.agents import parallel, react
from bench.agents.__main__ import ATLAS, Speeds, compare
from bench.agents.script import script, slowed
from bench.agents.turns import Result, Wanted
from hypothesis import given
from hypothesis import strategies as st

import llmcc
from llmcc.runtime.models import Scripted, StreamBroken
from llmcc.testing.clock import run_virtual
from llmcc.testing.modules import values


@llmcc.tool(effect="read", resource="web")
async def height(peak: str) -> int:
    """How high a mountain is, in metres."""
    await trio.sleep(1)
    return {"K2": 8611, "Denali": 6190}[peak]


TOOLS = llmcc.Toolbox(height)


def timed(ask: Any, *replies: Any, **options: Any) -> tuple[Result, Scripted, float]:
    """The result, the model, and how long it took in seconds."""
    model = Scripted(replies, first_token_s=0.5)

    async def run() -> tuple[Result, float]:
        begun = trio.current_time()
        result = await ask("Which is higher?", TOOLS, model, **options)
        return result, trio.current_time() - begun

    result, took = run_virtual(run)
    return result, model, took


def acting(tool: str, args: Any) -> str:
    return f"Thought: hm\nAction: {tool}\nAction Input: {json.dumps(args)}"


def calling(*calls: tuple[str, Any]) -> str:
    return json.dumps({"tool_calls": [{"name": tool, "arguments": args} for tool, args in calls]})


FINAL = "Thought: I know the answer\nFinal Answer: K2 "


def test_react_makes_one_call_a_turn() -> None:
    result, model, took = timed(
        react.ask, acting("height", {"peak": "K2"}), acting("height", {"peak": "Denali"}), FINAL
    )
    assert (result.text, result.problem, result.calls, result.usage.requests) == ("K2", None, 2, 3)
    assert took == 3 * 0.5 + 2 * 1
    assert [one.text for one in model.requests[2].messages if one.text.startswith("Obs")] == [
        "Observation: 8611",
        "Observation: 6190",
    ]


def test_react_does_not_let_the_model_write_observations() -> None:
    made_up = acting("height", {"peak": "K2"}) + "\nObservation: 9000\nThought: I know\nFinal Answer: 9000"
    result, model, _ = timed(react.ask, made_up, FINAL)
    assert result.text == "K2" and "Observation: 8611" in model.requests[1].messages[-1].text


@pytest.mark.parametrize(
    ("turn", "observation"),
    [
        ("I think so", "write a line `Action:`"),
        ("Action: height\nAction Input: K2", "error: "),
        ('Action: height\nAction Input: ["K2"]', "no JSON object"),
        (acting("depth", {}), "ToolMissing"),
        (acting("height", {"name": "K2"}), "ToolInputError"),
        (acting("height", {"peak": 3}), "ToolInputError"),
        (acting("height", {"peak": "Eiger"}), "KeyError"),
    ],
)
def test_react_gives_mistakes_back(turn: str, observation: str) -> None:
    result, model, _ = timed(react.ask, turn, FINAL)
    assert result.text == "K2"
    last = model.requests[1].messages[-1].text
    assert last.startswith("Observation: error: ") and observation in last


def test_parallel_calls_of_a_turn_overlap() -> None:
    both = calling(("height", {"peak": "K2"}), ("height", {"peak": "Denali"}))
    result, model, took = timed(parallel.ask, both, "K2 is.\n")
    assert (result.text, result.calls, result.usage.requests, took) == ("K2 is.", 2, 2, 0.5 + 1 + 0.5)
    assert json.loads(model.requests[1].messages[-1].text) == [
        {"name": "height", "content": "8611"},
        {"name": "height", "content": "6190"},
    ]


def test_one_failure_of_a_turn_leaves_the_others() -> None:
    some = calling(("height", {"peak": "Eiger"}), ("depth", {}), ("height", {"peak": "K2"}))
    _, model, _ = timed(parallel.ask, some, "K2")
    contents = [one["content"] for one in json.loads(model.requests[1].messages[-1].text)]
    assert contents[2] == "8611" and "KeyError" in contents[0] and "ToolMissing" in contents[1]


@pytest.mark.parametrize(
    "turn", ['{"tool_calls": []}', '{"tool_calls": 3}', '{"tool_calls": [{"arguments": {}}]}', '{"tool_calls": [']
)
def test_calls_that_are_malformed_are_given_back(turn: str) -> None:
    result, model, _ = timed(parallel.ask, turn, "K2")
    assert (result.text, result.calls) == ("K2", 0) and model.requests[1].messages[-1].text.startswith("error: ")


@pytest.mark.parametrize("ask", [react.ask, parallel.ask])
def test_turns_are_bounded_and_a_model_that_breaks_off_is_an_error(ask: Any) -> None:
    result, _, _ = timed(ask, *["Action: ?", '{"tool_calls": 1}'] * 2, max_turns=1)
    assert result.problem == "no answer after 1 turns" or result.text == "Action: ?"
    with pytest.raises(StreamBroken):
        timed(ask, StreamBroken("cut"))


@given(st.text(max_size=60))
def test_any_turn_is_read_or_refused(text: str) -> None:
    for read in (react.read, parallel.read):
        try:
            found = read(f'{{"tool_calls"{text}')
        except ValueError as error:
            assert str(error)
        else:
            assert found is not None


@given(st.dictionaries(st.text(max_size=5), values(), max_size=3), st.sampled_from(["height", "a b"]))
def test_what_is_said_in_the_right_form_is_read(args: dict[str, Any], tool: str) -> None:
    assert parallel.read(calling((tool, args), (tool, {}))) == [Wanted(tool, args), Wanted(tool, {})]
    assert react.read(acting(tool, args)) == Wanted(tool, args)


@pytest.mark.slow
def test_all_agents_give_the_answers_of_the_plans() -> None:
    toolbox = llmcc.load_toolbox(ATLAS)
    questions = [toolbox.examples[place] for place in (0, 6, 21, 26, 27, 32)]
    rows = compare(toolbox, questions, Speeds(first_token_s=0.5, tokens_per_s=50, call_s=0.3))
    assert [row.answered for row in rows] == [6, 6, 6]
    assert len({row.calls for row in rows}) == 1
    reacts, parallels, ours = rows
    assert reacts.usage.requests == reacts.calls + 6  # a turn a call, and one for each answer
    assert ours.usage.requests == 6 + sum("join" in plan for _, plan in questions)
    assert reacts.usage.requests > parallels.usage.requests > ours.usage.requests
    assert reacts.wall_s > parallels.wall_s > ours.wall_s > 0


def test_a_script_has_steps_and_writes_nothing() -> None:
    wrote: list[str] = []

    @llmcc.tool(effect="write", resource="log")
    def note(text: str) -> None:
        wrote.append(text)

    @llmcc.tool(effect="pure")
    def twice(n: int, from_: int = 0) -> int:
        return 2 * n + from_

    toolbox = llmcc.Toolbox(note, twice)
    plan = "a = twice(1)\nb = twice(2)\nc = twice(a, from=b + 1)\nd = note(str(c))\nreturn c\n"
    known = script("What?", plan, toolbox)
    assert [(one.tool, one.step) for one in known.calls] == [("twice", 0), ("twice", 0), ("twice", 1), ("note", 2)]
    assert (known.answer, wrote) == ("9", [])
    assert len(known.for_react()) == 5 and len(known.for_parallel()) == 4 and known.for_llmcc() == [plan]
    played = slowed(toolbox, known, 2.0)
    program = llmcc.compile(plan, played, level=0)
    outcome = run_virtual(lambda: llmcc.run(program))
    assert (outcome.value, outcome.elapsed_s, wrote) == (9, 6.0, [])
