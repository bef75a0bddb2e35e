"""The ways to ask a server for a plan: what it can do is found out by asking, written down, and reported."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from llmcc.runtime.models import (
    Completion,
    GrammarError,
    ModelError,
    ModelRefused,
    ModelUnavailable,
    OpenAI,
    Request,
    StreamBroken,
)
from llmcc.runtime.models.openai_json import PlanInJson
from llmcc.runtime.models.openai_ways import WAYS, Records
from llmcc.testing.openai_server import Answer, OpenAIServer, Received

GRAMMAR = 'start: "a = 1\\n"'
GBNF = 'root ::= "a = 1\\n"'
PLAN = Request(prompt="plan", grammar=GRAMMAR, gbnf=GBNF, stop=("#",))

pytestmark = pytest.mark.usefixtures("hosted")


async def ask(model: OpenAI, request: Request = PLAN) -> tuple[str, Completion]:
    async with model.stream(request) as completion:
        return "".join([chunk async for chunk in completion.chunks]), completion


def obedient(can: set[str], *, ignores: bool, status: int = 400) -> Callable[[Received], Answer]:
    """A server that has these ways, and ignores or refuses what it does not know."""

    def answer(received: Received) -> Answer:
        api = received.way.partition("/")[0]
        if received.way in can:
            asked = [received.body.get(name, "") for name in ("tools", "grammar")]
            forced = '"yes"' in json.dumps(asked).replace("\\", "")
            return Answer("yes" if forced else ("a =", " 1\n"))
        return Answer("no", plain=True) if ignores and f"{api}/text" in can else Answer(status=status)

    return answer


@pytest.mark.slow
@pytest.mark.parametrize("ignores", [True, False])
@pytest.mark.parametrize("best", WAYS)
def test_the_best_way_is_found_used_and_written_down(best: str, ignores: bool, tmp_path: Path) -> None:
    can = set(WAYS[WAYS.index(best) :]) | {best}
    # What has the better API has its text as well.
    can |= {f"{way.partition('/')[0]}/text" for way in can}
    can -= set(WAYS[: WAYS.index(best)]) - {"chat/text"} if best != "responses/text" else {"chat/text"}
    records = tmp_path / "servers.json"
    with OpenAIServer(obedient(can, ignores=ignores)) as server:
        model = OpenAI("tiny", base_url=server.base_url, retries=0, records=records)
        text, completion = trio.run(ask, model)
        assert (text, completion.way) == ("a = 1\n", best)
        asked = len(server.requests)
        assert completion.usage.requests >= 2, "finding out costs, and that is told"
        # Later requests, and later processes, know it.
        trio.run(ask, model)
        trio.run(ask, OpenAI("tiny", base_url=server.base_url, retries=0, records=records))
        assert [request.way for request in server.requests[asked:]] == [best] * 2
        found = trio.run(model.probe)
    assert found.works[0] == best
    assert set(found.works) | set(found.problems) == set(WAYS)
    assert json.loads(records.read_text()) == {f"{server.base_url} tiny": found.works}


def test_the_two_shapes_of_a_grammar() -> None:
    with OpenAIServer([Answer("a = 1\n"), Answer("a = 1\n")]) as server:
        for way in ("responses/grammar", "chat/grammar"):
            model = OpenAI("tiny", base_url=server.base_url, way=way)
            text, completion = trio.run(ask, model)
            assert (text, completion.way, completion.finish) == ("a = 1\n", way, "stop")
        flat, nested = (request.body for request in server.requests)
    grammar = {"syntax": "lark", "definition": GRAMMAR}
    description = "Takes the whole answer."
    assert flat["tools"] == [
        {"type": "custom", "name": "plan", "description": description, "format": {"type": "grammar", **grammar}}
    ]
    assert flat["tool_choice"] == {"type": "custom", "name": "plan"}
    tool = {"name": "plan", "description": description, "format": {"type": "grammar", "grammar": grammar}}
    assert nested["tools"] == [{"type": "custom", "custom": tool}]
    assert nested["tool_choice"] == {"type": "custom", "custom": {"name": "plan"}}


def test_a_grammar_as_an_argument_of_the_request() -> None:
    with OpenAIServer([Answer("a = 1\n"), Answer("a = 1\n")]) as server:
        model = OpenAI("tiny", base_url=server.base_url, way="chat/gbnf")
        assert trio.run(ask, model)[1].way == "chat/gbnf"
        assert trio.run(ask, model, Request(prompt="plan", grammar=GRAMMAR))[1].way == "chat/text", "there is no GBNF"
        sent, plain = (request.body for request in server.requests)
    assert (sent["grammar"], sent["structured_outputs"]) == (GBNF, {"grammar": GBNF})
    assert (sent["stop"], plain.keys() & {"grammar", "structured_outputs"}) == (["#"], set())


def test_what_the_client_takes_for_a_tool_is_what_we_send() -> None:
    """The shapes, beside the client's own types."""
    from openai.types.chat import ChatCompletionCustomToolParam
    from openai.types.responses import CustomToolParam
    from pydantic import TypeAdapter

    from llmcc.runtime.models.openai_arguments import arguments

    for way, kind in (("responses/grammar", CustomToolParam), ("chat/grammar", ChatCompletionCustomToolParam)):
        made = arguments(PLAN, way, "m", limit="max_tokens", without=())  # type: ignore[arg-type]
        tools = made["tools"]
        assert isinstance(tools, list)
        assert TypeAdapter(kind).validate_python(tools[0]) == tools[0]


def test_a_request_without_a_grammar_is_plain_text_in_the_same_api(tmp_path: Path) -> None:
    with OpenAIServer([Answer("x")] * 3) as server:
        for way, used in (("responses/grammar", "responses/text"), ("chat/schema", "chat/text"), (None, "chat/text")):
            model = OpenAI("tiny", base_url=server.base_url, way=way, records=tmp_path / "none")
            assert trio.run(ask, model, Request(prompt="x"))[1].way == used
    assert [request.way for request in server.requests] == ["responses/text", "chat/text", "chat/text"]


def test_requests_that_come_at_once_find_out_once(tmp_path: Path) -> None:
    async def main(model: OpenAI) -> None:
        async with model, trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(ask, model)

    with OpenAIServer(obedient({"chat/schema", "chat/text"}, ignores=False)) as server:
        trio.run(main, OpenAI("tiny", base_url=server.base_url, records=tmp_path / "servers.json"))
    assert len(server.requests) == 4 + 5  # three refusals, one that works


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Answer(status=429, headers={"retry-after-ms": "1"}), ModelUnavailable),
        (Answer(cut_after=0), ModelUnavailable),
        (Answer(status=401), ModelRefused),
        (Answer(status=500), ModelUnavailable),
    ],
)
def test_nothing_is_written_down_about_a_server_that_does_not_answer(
    fault: Answer, error: type[ModelError], tmp_path: Path
) -> None:
    records = tmp_path / "servers.json"
    with OpenAIServer(lambda _: fault) as server, pytest.raises(error):
        trio.run(ask, OpenAI("tiny", base_url=server.base_url, retries=0, records=records))
    assert not records.exists()


@pytest.mark.slow
def test_a_server_that_fails_at_what_it_does_not_know_is_used_for_the_rest(tmp_path: Path) -> None:
    with OpenAIServer(obedient({"chat/text"}, ignores=False, status=500)) as server:
        model = OpenAI("tiny", base_url=server.base_url, retries=0, records=tmp_path / "servers.json")
        assert trio.run(ask, model)[1].way == "chat/text"


@pytest.mark.parametrize("way", ["chat/grammar", "responses/grammar"])
def test_text_beside_the_tool_is_never_passed_off_as_a_plan(way: str) -> None:
    with OpenAIServer([Answer("a = 1\n", plain=True)]) as server, pytest.raises(GrammarError, match="instead of"):
        trio.run(ask, OpenAI("tiny", base_url=server.base_url, way=way))


@pytest.mark.parametrize("way", ["chat/schema", "responses/schema"])
def test_a_server_that_ignores_the_schema_is_found_out(way: str) -> None:
    with OpenAIServer([Answer("a = 1\n", plain=True)]) as server, pytest.raises(StreamBroken, match="JSON schema"):
        trio.run(ask, OpenAI("tiny", base_url=server.base_url, way=way))


def test_there_are_these_ways_only() -> None:
    with pytest.raises(ModelUnavailable, match="there are responses/grammar, "):
        OpenAI("tiny", base_url="http://127.0.0.1:9/v1", way="smoke")


@pytest.mark.parametrize("content", ["", "[]", "{", '{"u m": 5}', '{"u m": ["smoke"]}', "\udcff"])
def test_a_damaged_file_costs_only_the_probing(content: str, tmp_path: Path) -> None:
    path = tmp_path / "servers.json"
    path.write_bytes(content.encode(errors="surrogateescape"))
    assert Records(path).ways("u", "m") == ()
    Records(path).write("u", "m", ["chat/text", "chat/grammar"])
    assert Records(path).ways("u", "m") == ("chat/grammar", "chat/text")


# The JSON that carries a plan.


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted({place % (len(text) + 1) for place in places})
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


@given(st.text(), st.booleans(), st.sampled_from([None, 2]), st.lists(st.integers(0, 10_000), max_size=8))
def test_a_plan_in_json_is_the_plan_however_it_is_cut(
    text: str, ascii_only: bool, indent: int | None, places: list[int]
) -> None:
    plan = PlanInJson()
    pieces = cut(json.dumps({"plan": text}, ensure_ascii=ascii_only, indent=indent), places)
    assert "".join(plan.feed(piece) for piece in pieces) == text
    assert plan.is_complete


@given(st.text(max_size=20), st.integers(0, 40))
def test_a_plan_in_json_that_is_cut_off_is_a_beginning(text: str, size: int) -> None:
    whole = json.dumps({"plan": text})
    plan = PlanInJson()
    assert text.startswith(plan.feed(whole[:size]))
    assert plan.is_complete == (size >= len(whole))


@given(st.text(max_size=30))
def test_any_other_text_is_refused_or_incomplete(text: str) -> None:
    plan = PlanInJson()
    try:
        plan.feed(text)
    except StreamBroken:
        return
    assert not plan.is_complete or set(json.loads(text, strict=False)) == {"plan"}
