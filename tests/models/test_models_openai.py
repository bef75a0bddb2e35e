"""The hosted model, against a real HTTP server on the loopback."""

from __future__ import annotations

import sys
import traceback

import pytest
import trio

from llmcc.runtime.models import (
    ContextTooLong,
    Message,
    ModelError,
    ModelRefused,
    ModelUnavailable,
    OpenAI,
    Request,
    ServerFault,
    StreamBroken,
    Usage,
)
from llmcc.testing.openai_server import Answer, OpenAIServer, serving

KEY = "sk-canary-0123456789"  # what `hosted` sets
HELLO = Request(prompt="hello")

pytestmark = pytest.mark.usefixtures("hosted")


APIS = ["chat/text", "responses/text"]


def ask(model: OpenAI, request: Request = HELLO) -> tuple[list[str], Usage, str | None]:
    async def main() -> tuple[list[str], Usage, str | None]:
        async with model.stream(request) as completion:
            chunks = [chunk async for chunk in completion.chunks]
        return chunks, completion.usage, completion.finish

    return trio.run(main)


@pytest.mark.parametrize("way", APIS)
def test_an_answer_streams_with_its_usage(way: str) -> None:
    with serving(Answer(("a =", " b", "\n")), way=way) as (_, model):
        assert ask(model) == (["a =", " b", "\n"], Usage(7, 3, 2, 1), "stop")


def test_the_request_is_put_into_the_protocols_words() -> None:
    request = Request(messages=(Message("system", "s"), Message("user", "u")), max_tokens=9, stop=("\n",), seed=3)
    with serving(Answer("x")) as (server, model):
        ask(model, request)
    received = server.requests[0]
    assert received.headers["authorization"] == f"Bearer {KEY}"
    assert received.body == {
        "model": "tiny",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        "temperature": 0.0,
        "seed": 3,
        "max_tokens": 9,
        "stop": ["\n"],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_the_other_api_has_its_own_words() -> None:
    request = Request(messages=(Message("system", "s"), Message("user", "u")), max_tokens=9, stop=("\n",), seed=3)
    with serving(Answer("x"), way="responses/text") as (server, model):
        ask(model, request)
    assert server.requests[0].path == "/v1/responses"
    assert server.requests[0].body == {
        "model": "tiny",
        "input": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}],
        "temperature": 0.0,
        "max_output_tokens": 9,
        "store": False,
        "stream": True,
    }


def test_a_prompt_becomes_a_message() -> None:
    with serving(Answer("x")) as (server, model):
        ask(model)
    assert server.requests[0].body["messages"] == [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize("way", APIS)
def test_a_server_that_tells_no_usage_is_served_too(way: str) -> None:
    with serving(Answer("x", usage=False), way=way) as (_, model):
        assert ask(model) == (["x"], Usage(requests=1), "stop")


@pytest.mark.parametrize("way", APIS)
def test_the_limit_is_reported(way: str) -> None:
    with serving(Answer("x", finish="length"), way=way) as (_, model):
        assert ask(model)[2] == "length"


def test_stop_texts_hold_where_the_server_ignores_them() -> None:
    with serving(Answer(("a\n", "\nb"))) as (_, model):
        chunks, _, finish = ask(model, Request(prompt="x", stop=("\n\n",)))
    assert ("".join(chunks), finish) == ("a", "stop")


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (Answer(status=400, message="bad field"), ModelRefused, "bad field"),
        (Answer(status=401, message=f"no such key: {KEY}"), ModelRefused, r"no such key: \*\*\*"),
        (Answer(status=403), ModelRefused, "403"),
        (Answer(status=404, message="no such model"), ModelRefused, "no such model"),
        (Answer(status=400, code="context_length_exceeded"), ContextTooLong, "400"),
        (Answer(status=429, message="slow down"), ModelUnavailable, "slow down"),
        (Answer(status=500), ServerFault, "500"),
        (Answer(("abc", "def"), malformed_at=2), StreamBroken, "broke off"),
        (Answer("abc", finish=None), StreamBroken, "without saying"),
        (Answer("abc", finish="content_filter"), ModelRefused, "filter"),
    ],
)
@pytest.mark.parametrize("way", APIS)
def test_errors_have_their_class_and_never_hold_the_key(
    answer: Answer, error: type[ModelError], text: str, way: str
) -> None:
    with serving(answer, way=way) as (_, model), pytest.raises(error, match=text) as caught:
        ask(model)
    shown = "".join(traceback.format_exception(caught.value))
    assert KEY not in shown + repr(caught.value) + repr(model)


def test_what_came_before_a_cut_was_shown() -> None:
    seen = []

    async def main(model: OpenAI) -> None:
        async with model.stream(HELLO) as completion:
            async for chunk in completion.chunks:
                seen.append(chunk)

    with serving(Answer(("abc", "def"), cut_after=460)) as (_, model), pytest.raises(StreamBroken):
        trio.run(main, model)
    assert seen == ["abc"]


@pytest.mark.parametrize("status", [429, 500])
def test_a_busy_server_is_asked_again(status: int) -> None:
    busy = Answer(status=status, headers={"retry-after-ms": "1"})
    with serving(busy, Answer("fine"), retries=1) as (server, model):
        assert ask(model)[0] == ["fine"]
    assert len(server.requests) == 2


def test_retries_are_bounded() -> None:
    busy = Answer(status=429, headers={"retry-after-ms": "1"})
    with serving(busy, busy, busy, retries=1) as (server, model), pytest.raises(ModelUnavailable):
        ask(model)
    assert len(server.requests) == 2


def test_no_server_is_unavailable() -> None:
    with serving() as (server, model):
        pass
    with pytest.raises(ModelUnavailable, match=f"no answer from {server.base_url}: Connection error"):
        ask(model)


def test_a_server_that_never_begins_is_unavailable() -> None:
    with serving(Answer("x", first_token_s=30), timeout_s=0.05) as (_, model), pytest.raises(ModelUnavailable):
        ask(model)


def test_a_server_that_falls_silent_breaks_the_stream() -> None:
    with serving(Answer(("x", "y"), pause_s=30), timeout_s=0.05) as (_, model), pytest.raises(StreamBroken):
        ask(model)


@pytest.mark.parametrize("way", APIS)
@pytest.mark.parametrize("shared", [False, True])
def test_leaving_the_block_reaches_the_server(shared: bool, way: str) -> None:
    async def read_one(model: OpenAI) -> str:
        async with model.stream(HELLO) as completion:
            return await anext(completion.chunks)

    async def main(model: OpenAI) -> str:
        if not shared:
            return await read_one(model)
        async with model:
            return await read_one(model)

    with serving(Answer(("one", "two"), pause_s=0.2), way=way) as (server, model):
        assert trio.run(main, model) == "one"
        assert server.wait_for_disconnects(1)


@pytest.mark.parametrize("way", APIS)
def test_cancelling_a_wait_for_a_chunk_reaches_the_server(way: str) -> None:
    async def main(server: OpenAIServer, model: OpenAI) -> None:
        with trio.CancelScope() as scope:
            async with model.stream(HELLO) as completion:
                assert await anext(completion.chunks) == "one"
                scope.deadline = trio.current_time() + 0.01
                await anext(completion.chunks)
                await anext(completion.chunks)
                await anext(completion.chunks)
        assert scope.cancelled_caught
        assert await trio.to_thread.run_sync(server.wait_for_disconnects, 1)

    with serving(Answer(("one", *["two"] * 100), pause_s=0.2), way=way) as (server, model):
        trio.run(main, server, model)


def test_one_pool_serves_parallel_and_later_requests() -> None:
    async def ask_one(model: OpenAI, seen: list[str]) -> None:
        async with model.stream(HELLO) as completion:
            seen.append("".join([chunk async for chunk in completion.chunks]))

    async def main(model: OpenAI) -> list[str]:
        seen: list[str] = []
        async with model:
            async with trio.open_nursery() as nursery:
                for _ in range(4):
                    nursery.start_soon(ask_one, model, seen)
            await ask_one(model, seen)
        return seen

    with serving(*[Answer(("o", "k"))] * 5) as (_, model):
        assert trio.run(main, model) == ["ok"] * 5


def test_openai_itself_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ModelUnavailable, match="OPENAI_API_KEY"):
        OpenAI("gpt")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    assert KEY not in repr(OpenAI("gpt"))


def test_a_server_without_keys_gets_a_placeholder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with OpenAIServer([Answer("x")]) as server:
        assert ask(OpenAI("tiny", base_url=server.base_url))[0] == ["x"]
    assert server.requests[0].headers["authorization"] == "Bearer none"


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(ModelUnavailable, match=r"llmcc-toolchain\[openai\]"):
        ask(OpenAI("tiny", base_url="http://127.0.0.1:1/v1"))
