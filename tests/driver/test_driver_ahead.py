"""Elements of a list that start before their line is complete: they are the first of those that the whole line runs."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import llmcc
from llmcc.frontend.front import compile_front
from llmcc.ir.interpret import interpret
from llmcc.runtime.limits import Limits
from llmcc.runtime.models import Cut, Scripted, StreamBroken
from llmcc.runtime.models.scripted import words
from llmcc.testing.clock import run_virtual
from llmcc.testing.work import work_of

FACTS = '["a", "b", "c"]'


class World:
    """Two reads that take a second, and a write, with a log of what was called when."""

    def __init__(self) -> None:
        self.log: list[tuple[float, str]] = []

        @llmcc.tool(effect="read", resource="web")
        async def lookup(key: str, kind: str = "") -> str:
            """Look something up."""
            await self._work(f"{key}{kind}")
            return f"<{key}{kind}>"

        @llmcc.tool(effect="read", resource="box:{key}")
        async def peek(key: str) -> str:
            """Look into a box."""
            await self._work(f"peek {key}")
            return f"<{key}>"

        @llmcc.tool(effect="write", resource="box:{key}", idempotent=False)
        async def put(key: str) -> str:
            """Put something into a box."""
            await self._work(f"put {key}")
            return key

        self.toolbox = llmcc.Toolbox(lookup, peek, put)

    async def _work(self, what: str) -> None:
        self.log.append((round(trio.current_time() - self.begun, 3), what))
        await trio.sleep(1.0)

    def ask(self, *replies: Any, chunks: Callable[[str], Sequence[str]] = words, **options: Any) -> llmcc.Answer:
        """One sign or word a second."""

        async def main() -> llmcc.Answer:
            self.begun = trio.current_time()
            model = Scripted(replies, tokens_per_s=1.0, chunks=chunks)
            given = {"max_plan_tokens": 10_000, **options}
            return await llmcc.Agent(self.toolbox, planner=model, **given).ask("What?")

        return run_virtual(main)

    @property
    def called(self) -> list[str]:
        return [what for _, what in self.log]


def interpreted(world: World, text: str) -> Any:
    """What the sequential interpreter makes of the plan."""
    result = compile_front(text, world.toolbox.signatures)
    assert result.module is not None, result.diagnostics

    def call(tool: str, args: dict[str, Any]) -> Any:
        return args["key"] if tool == "put" else f"<{args['key']}{args.get('kind', '')}>"

    return interpret(result.module, call).answer


def test_the_first_element_starts_before_the_list_is_closed() -> None:
    world = World()
    text = f"x = [lookup(v) for v in {FACTS}]\nreturn x\n"
    answer = world.ask(text, chunks=list)
    assert answer.value == ["<a>", "<b>", "<c>"]
    assert world.log == [(text.index(f'"{key}"') + 3.0, key) for key in "abc"], "with the sign behind each literal"
    assert world.log[0][0] < text.index("]")
    assert [call.key for call in answer.outcome.calls] == ["x[0].x.1", "x[1].x.1", "x[2].x.1"]


@pytest.mark.parametrize(
    "line",
    [
        "2. [lookup(v) for v in {list}]\nreturn $2",
        "[lookup(v) for v in {list}]\nreturn $1",
        "return [lookup(v) for v in {list}]",
        "x = sorted([lookup(v) for v in {list}])\nreturn x",
        "x = [[lookup(v), lookup(v, 'it\\'s')] for v in {list}]\nreturn x",
        "x = [lookup(f\"{{{{[{{v}}\") for v in {list}]\nreturn x",
        "y = lookup(\"y\")\nx = [lookup(v, y) for v in {list}]\nreturn x",
        "x = [lookup(v) for v in {list}] catch []\nreturn x",
        "x = [lookup(v) for v in {list}]  # all of them, [really]\nreturn x",
        "x = [lookup(v.k) for v in [{{\"k\": \"a]\"}}, {{\"k\": \"b,\"}}, {{\"k\": \"c\"}}]]\nreturn x",
        "x = [lookup(str(v)) for v in [-1, 2.5, true]]\nreturn x",
        "put(\"z\")\nx = [lookup(v) for v in {list}]\nreturn x",
    ],
)  # fmt: skip
def test_all_elements_of_a_literal_list_start_ahead_and_once(line: str) -> None:
    world = World()
    text = line.format(list=FACTS) + "\n"
    answer = world.ask(text, chunks=list)
    assert answer.value == interpreted(world, text), answer.problem
    whole = World()
    whole.ask(text, chunks=lambda text: [text])
    assert Counter(world.called) == Counter(whole.called), "nothing twice, and nothing else"
    ends = text.rindex("]", 0, text.index("return x") if "return x" in text else len(text))
    ahead = [what for at, what in world.log if at < ends and not what.startswith(("put", "y"))]
    assert len(ahead) >= 1, world.log


@pytest.mark.parametrize(
    ("line", "ahead", "values"),
    [
        # What follows the list changes what the line means: it is taken back, and said again.
        ("x = [lookup(v) for v in {list} if v != \"a\"]", 3, ["<b>", "<c>"]),
        ("x = [lookup(v) for v in {list}] when 1 > 2", 3, None),
        ("x = [lookup(v) for v in {list}[1:]]", 3, ["<b>", "<c>"]),
        ("x = [lookup(v) for v in {list}] if 1 > 2 else []", 3, []),
        # What cannot begin before its line is whole.
        ("x = [put(v) for v in {list}]", 0, ["a", "b", "c"]),
        ("w = put(\"a\")\nx = [peek(v) for v in {list}]", 0, ["<a>", "<b>", "<c>"]),
        ("x = [v for v in {list}]", 0, ["a", "b", "c"]),
        ("y = 1\nx = [lookup(v) for v in [str(y), \"b\"]]", 0, ["<1>", "<b>"]),
        ("x = [lookup(v) for v in split(\"a b\")]", 0, ["<a>", "<b>"]),
        ("y = [lookup(v) for v in {list}]\nx = [lookup(w) for w in {list}]", 0, ["<a>", "<b>", "<c>"]),
        # The outer list begins, not the one within it.
        ("x = [[lookup(w) for w in [\"a\", \"b\"]] for v in [1, 2]]", 4, [["<a>", "<b>"], ["<a>", "<b>"]]),
        # What is wrong, or mended when the line is whole.
        ("x = [lookup(v) for v in [\"a\", 1]]", 1, None),
        ("x = [lookup(v, 1) for v in {list}]", 0, ["<a1>", "<b1>", "<c1>"]),
    ],
)  # fmt: skip
def test_what_the_whole_line_does_not_say_is_taken_back(line: str, ahead: int, values: Any) -> None:
    world = World()
    text = line.format(list=FACTS) + "\nreturn x\n"
    answer = world.ask(text, "return null\n", chunks=list, max_repairs=0)
    ends = text.index("\n", text.index("x = "))
    begun = [call for call in answer.outcome.calls if call.key.startswith("x") and call.started_s < ends]
    assert len(begun) == ahead
    assert answer.value == values
    if answer.problem is None and not answer.mended:
        assert answer.value == interpreted(world, text)


@st.composite
def _plans(draw: st.DrawFn) -> str:
    """Some lines, most of them maps over lists that are written out."""
    lines: list[str] = []
    tools = st.sampled_from(["lookup(v)", "peek(v)", "put(v)", "lookup(v, k)", "[lookup(v), peek(v)]", "lookup('a')"])
    texts = st.lists(st.sampled_from(['"a"', '"b"', "'c,]'", '"d\\""', '"a"']), min_size=1, max_size=4)
    tails = st.sampled_from(["", "", "", "", " catch []", " when k == k", " after k", ' when k != "<k>"', " + [k]"])
    for number in range(draw(st.integers(1, 3))):
        items = ", ".join(draw(texts))
        condition = draw(st.sampled_from(["", "", "", ' if v != "a"', "[1:]"]))
        lines.append(f"x{number} = [{draw(tools)} for v in [{items}]{condition}]{draw(tails)}")
        if draw(st.booleans()):
            lines.append(draw(st.sampled_from(['put("a")', 'peek("b")', "# so far"])))
    return "\n".join(['k = lookup("k")', *lines, f"return [{', '.join(f'x{i}' for i in range(number + 1))}]", ""])


def _chunked(data: st.DataObject, text: str) -> Callable[[str], Sequence[str]]:
    if data.draw(st.booleans()):
        return list
    cuts = sorted(data.draw(st.sets(st.integers(1, len(text) - 1), max_size=12)))
    edges = [0, *cuts, len(text)]
    return lambda text: [text[a:b] for a, b in itertools.pairwise(edges)]


SLOW = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.slow
@SLOW
@given(_plans(), st.data())
def test_whatever_is_begun_the_values_are_the_interpreters(text: str, data: st.DataObject) -> None:
    world, whole = World(), World()
    limits = Limits(max_running=data.draw(st.sampled_from([None, 1, 2])))
    answer = world.ask(text, chunks=_chunked(data, text), limits=limits)
    expected = whole.ask(text, chunks=lambda text: [text], limits=limits)
    assert (answer.value, answer.problem) == (interpreted(world, text), None)
    assert answer.outcome.values == expected.outcome.values
    # A name that was taken back is written with a mark behind it when it is used again.
    kept = {re.sub(r"~[0-9.]+", "", call.key) for call in answer.outcome.calls if call.status == "done"}
    assert {call.key for call in expected.outcome.calls} <= kept
    again = Counter(world.called) - Counter(whole.called)
    plain = not any(tail in text for tail in (" when ", " after ", " if v", "[1:]", "+ ["))
    assert not plain or not again, f"{again} ran twice"
    writes = [what for what in world.called if what.startswith("put")]
    assert sorted(writes) == sorted(what for what in whole.called if what.startswith("put"))


@pytest.mark.slow
@SLOW
@given(_plans(), st.data())
def test_a_line_that_is_cut_anywhere_has_written_nothing(text: str, data: st.DataObject) -> None:
    text = text[: data.draw(st.integers(0, text.index("return")))]
    world = World()
    if data.draw(st.booleans()):
        with pytest.raises(StreamBroken):
            world.ask(Cut(text), chunks=list)
    else:
        world.ask(text + "?" * 9, chunks=list, max_plan_tokens=len(text) + 1, max_repairs=0)
    assert not [what for what in world.called if what.startswith("put")]


def test_a_line_that_is_repaired_starts_its_elements_again() -> None:
    world = World()
    answer = world.ask(f"x = [lookup(v) for v in {FACTS}] wen\n", f"x = [lookup(v) for v in {FACTS}]\nreturn x\n")
    assert (answer.value, answer.repairs) == (["<a>", "<b>", "<c>"], 1)
    assert Counter(world.called) == Counter("aabbcc")


def test_a_replan_begins_elements_too_but_none_that_stand() -> None:
    world = World()
    line = f"x = [lookup(v) for v in {FACTS}]\n"
    answer = world.ask(
        f"{line}join()\n",
        "Replan: more",
        f"{line}y = [lookup(v) for v in {FACTS}]\nz = [peek(v) for v in x]\nreturn z\n",
    )
    assert answer.value == ["<<a>>", "<<b>>", "<<c>>"]
    assert Counter(world.called) == Counter(["a", "b", "c", "peek <a>", "peek <b>", "peek <c>"])


def test_a_list_that_is_too_long_is_no_plan_however_it_comes() -> None:
    world = World()
    text = f"x = [lookup(v) for v in {json.dumps([str(i) for i in range(8)])}]\nreturn x\n"
    answer = world.ask(text, limits=Limits(max_fanout=5))
    assert answer.problem == "LimitExceeded: a map of 8 elements is wider than 5"


def test_the_trace_shows_calls_that_start_before_their_line_is_known() -> None:
    world = World()
    answer = world.ask(f"x = [lookup(v) for v in {FACTS}]\nreturn x\n", chunks=list)
    timeline = answer.trace(world.toolbox).timeline
    (known,) = [one.at_s for one in timeline.statements if one.name == "x"]
    assert [call.start_s < known for call in timeline.calls] == [True] * 3
    assert [call.waits for call in timeline.calls] == [()] * 3, "nothing held them up but the writing"
    assert llmcc.replay(answer.trace(world.toolbox)).value == answer.value


@pytest.mark.slow
@pytest.mark.parametrize("cut", [1, 50])
def test_a_long_list_costs_the_same_for_each_element(cut: int) -> None:
    def ask(elements: int) -> int:
        text = f"x = [lookup(v) for v in {json.dumps([str(i) for i in range(elements)])}]\nreturn len(x)\n"
        pieces = [text[i : i + cut] for i in range(0, len(text), cut)]
        return work_of(partial(World().ask, text, chunks=lambda text: pieces))

    ask(10)
    assert ask(200) < 2.5 * ask(100)
