"""A hosted model's faults, over real HTTP: nothing hangs, nothing is lost, and the key is shown nowhere."""

from __future__ import annotations

import io
import itertools
import json
import logging
import pickle
import random
import traceback
from typing import Any

import pytest
import trio
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llmcc.runtime.models import ModelError, ModelRefused, ModelUnavailable, OpenAI, Request, StreamBroken
from llmcc.runtime.models.openai_failures import LONGEST_PAUSE_S, asked_pause_s, pause_s
from llmcc.runtime.models.openai_ways import WAYS
from llmcc.testing.openai_server import Answer, OpenAIServer, serving
from llmcc.testing.openai_wire import usage_of

KEY = "sk-canary-0123456789"  # what `hosted` sets
HELLO = Request(prompt="hello", grammar='start: "x"', gbnf='root ::= "x"')
CHUNKS = ("a =", ' "é\\\n', "\u2028b\n")
WHOLE = "".join(CHUNKS)
SHORT = ("aé\n",)

pytestmark = pytest.mark.usefixtures("hosted")


async def ask(model: OpenAI, request: Request = HELLO) -> tuple[str, str | None, ModelError | None]:
    """The text, why it ended, and the error that broke it off."""
    seen: list[str] = []
    try:
        async with model.stream(request) as completion:
            async for chunk in completion.chunks:
                seen.append(chunk)
        return "".join(seen), completion.finish, None
    except ModelError as error:
        return "".join(seen), None, error


def size(way: str, answer: Answer) -> int:
    """The bytes of an answer, its head included."""
    with serving(answer, way=way) as (server, model):
        trio.run(ask, model)
    # Only now: the client is through before the server has counted what it sent.
    return server.sent


async def ask_all(model: OpenAI, times: int) -> list[tuple[str, str | None, ModelError | None]]:
    async with model:
        return [await ask(model) for _ in range(times)]


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_an_answer_cut_at_any_byte_keeps_its_text_and_is_told_from_a_whole_one(way: str) -> None:
    # Every byte for one way of each API; the others differ in their events only, and are sampled.
    step = 1 if way in ("responses/grammar", "chat/text") else 29
    cuts = range(0, size(way, Answer(SHORT)), step)
    assert len(cuts) > 9
    with serving(*[Answer(SHORT, cut_after=cut) for cut in cuts], way=way) as (_, model):
        results = trio.run(ask_all, model, len(cuts))
    longest = 0
    for text, finish, error in results:
        assert "".join(SHORT).startswith(text)
        assert len(text) >= longest, "more bytes, less text"
        longest = len(text)
        # Either it is whole and says so, or it broke off and says so.
        assert (error is None) == (finish == "stop")
        assert error is not None or text == "".join(SHORT)
        assert error is None or type(error) in (ModelUnavailable, StreamBroken)
        assert not text or error is None or type(error) is StreamBroken
    assert longest == len("".join(SHORT))


FIELDS = st.sampled_from(
    "choices delta content tool_calls custom input index finish_reason usage type response error message status "
    "incomplete_details reason code prompt_tokens output_tokens input_tokens_details cached_tokens".split()
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=4),
    max_leaves=12,
)
KINDS = st.sampled_from(
    "response.output_text.delta response.output_text.done response.custom_tool_call_input.delta response.completed "
    "response.incomplete response.failed response.refusal.done error thread.x".split()
)


def shaped(kind: str, fields: Any) -> bytes:
    return json.dumps({**(fields if isinstance(fields, dict) else {"response": fields}), "type": kind}).encode()


@pytest.mark.slow
@settings(max_examples=50)
@given(
    way=st.sampled_from(WAYS),
    at=st.integers(0, 6),
    data=st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"").replace(b"\r", b""))
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.builds(shaped, KINDS, JSON),
)
@example("chat/text", 1, b"[" * 100_000)
@example("chat/text", 1, b'{"choices": [{"delta": {"content": 5}}]}')
@example("chat/grammar", 1, b'{"choices": [{"delta": {"tool_calls": 5}}]}')
@example("responses/text", 1, b"\xff\xfe")
def test_an_event_of_any_content_is_an_answer_or_a_classed_error(way: str, at: int, data: bytes) -> None:
    with serving(Answer(CHUNKS, malformed_at=at, malformed=data), way=way) as (_, model):
        text, finish, error = trio.run(ask, model)
    assert (error is None) == (finish is not None)
    assert KEY not in text


NUMBERS = st.none() | st.integers() | st.floats() | st.text(max_size=3) | st.booleans() | st.lists(st.integers())


@pytest.mark.slow
@settings(max_examples=30)
@given(
    api=st.sampled_from(["chat", "responses"]),
    usage=st.one_of(
        NUMBERS,
        st.fixed_dictionaries(
            {},
            optional={
                name: NUMBERS | st.dictionaries(st.just("cached_tokens"), NUMBERS)
                for api in ("chat", "responses")
                for name in usage_of(api, 1)
            },
        ),
    ),
)
def test_a_wrong_usage_harms_nothing_and_is_never_negative(api: str, usage: object) -> None:
    async def main(model: OpenAI) -> None:
        async with model.stream(HELLO) as completion:
            assert "".join([chunk async for chunk in completion.chunks]) == WHOLE
        told = completion.usage
        assert told.requests == 1
        assert 0 <= told.cached_tokens <= told.prompt_tokens
        assert told.completion_tokens >= 0

    with serving(Answer(CHUNKS, usage=usage), way=f"{api}/text") as (_, model):
        trio.run(main, model)


FAULTS = st.one_of(
    st.builds(
        Answer,
        status=st.sampled_from([400, 401, 403, 404, 408, 422, 429, 500, 503]),
        message=st.just(f"no such key: {KEY}") | st.just(json.dumps({"key": KEY})) | st.just("no"),
        code=st.sampled_from([None, "context_length_exceeded", "insufficient_quota"]),
        param=st.sampled_from([None, "temperature", "max_tokens", KEY]),
        headers=st.sampled_from([{}, {"retry-after-ms": "1"}, {"retry-after": "3600"}]),
    ),
    st.builds(Answer, text=st.just(CHUNKS), cut_after=st.integers(0, 900)),
    st.builds(
        Answer,
        text=st.just(CHUNKS),
        malformed_at=st.integers(0, 3),
        malformed=st.sampled_from(
            [
                f"{KEY}".encode(),
                json.dumps({"error": {"message": f"bad key {KEY}"}}).encode(),
                json.dumps({"error": KEY}).encode(),
                json.dumps({"type": "error", "message": KEY}).encode(),
                json.dumps({"type": "response.failed", "response": {"error": {"message": KEY}}}).encode(),
                json.dumps({"choices": [{"delta": {"refusal": KEY}}]}).encode(),
            ]
        ),
    ),
    st.builds(Answer, text=st.just(CHUNKS), finish=st.sampled_from([None, "content_filter"])),
    st.builds(Answer, text=st.just(KEY), plain=st.just(True)),
    st.builds(Answer, first_token_s=st.just(0.2)),
)


def shown(error: BaseException | None) -> str:
    """All that a log or a debugger could show of an error: it, its causes, and the variables of their frames."""
    told = io.StringIO()
    while error is not None:
        traceback.TracebackException.from_exception(error, capture_locals=True).print(file=told)
        told.write(repr(error) + repr(vars(error)))
        error = error.__cause__ or error.__context__
    return told.getvalue()


async def failing(model: OpenAI) -> ModelError | None:
    try:
        async with model.stream(HELLO) as completion:
            async for _ in completion.chunks:
                pass
    except ModelError as error:
        return error
    return None


@pytest.mark.slow
@settings(max_examples=60)
@given(way=st.sampled_from(WAYS), fault=FAULTS)
def test_the_key_is_in_no_error_log_or_repr(way: str, fault: Answer) -> None:
    log = io.StringIO()
    handler, root = logging.StreamHandler(log), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        # Only who lets the client wait is given up soon: a busy machine may take a while to send the request.
        timeout_s = 0.1 if fault.first_token_s else 10.0
        with serving(fault, fault, way=way, retries=bool(fault.headers), timeout_s=timeout_s) as (server, model):
            error = trio.run(failing, model)
            assert fault.first_token_s or server.requests
            assert {request.headers["authorization"] for request in server.requests} <= {f"Bearer {KEY}"}
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    assert KEY not in log.getvalue()
    assert KEY not in repr(model) + repr(vars(model)) + repr(vars(model._caller))
    assert KEY not in shown(error)


def test_a_model_that_is_pickled_or_copied_leaves_its_key_behind() -> None:
    from llmcc.runtime.models.openai_key import Key

    key = Key("OPENAI_API_KEY")
    assert KEY.encode() not in pickle.dumps(key)
    assert pickle.loads(pickle.dumps(key)).reveal() == KEY


@pytest.mark.parametrize("form", ["{}", "it said {}!", '{{"key": "{}"}}'])
def test_a_key_is_taken_out_of_texts(form: str) -> None:
    from llmcc.runtime.models.openai_key import Key

    assert Key("OPENAI_API_KEY").scrub(form.format(KEY)) == form.format("***")


@pytest.mark.parametrize("bad", ["sk-\nx", "schlüssel"])
def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(bad: str) -> None:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(ModelUnavailable, match=r"\$OTHER_KEY") as caught:
        patch.setenv("OTHER_KEY", bad)
        OpenAI("tiny", base_url="http://127.0.0.1:9/v1", key_variable="OTHER_KEY")
    assert bad not in str(caught.value)


@pytest.mark.parametrize("url", [f"http://user:{KEY}@127.0.0.1/v1", f"http://127.0.0.1/v1?api-key={KEY}"])
def test_a_key_in_the_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ModelUnavailable, match="OPENAI_API_KEY") as caught:
        OpenAI("tiny", base_url=url)
    assert KEY not in str(caught.value)


# Attempts.


@pytest.mark.parametrize("way", ["chat/text", "responses/text"])
@pytest.mark.parametrize("status", [429, 500])
@pytest.mark.parametrize("headers", [{"retry-after-ms": "30"}, {"retry-after": "0.03"}])
def test_the_servers_pause_is_kept_and_the_attempts_are_counted(way: str, status: int, headers: dict[str, str]) -> None:
    async def main(model: OpenAI) -> int:
        async with model, model.stream(HELLO) as completion:
            assert "".join([chunk async for chunk in completion.chunks]) == "fine"
        return completion.usage.requests

    busy = Answer(status=status, headers=headers)
    with serving(busy, busy, Answer("fine"), way=way, retries=2) as (server, model):
        assert trio.run(main, model) == 3
    times = [request.at_s for request in server.requests]
    assert all(later - earlier >= 0.03 for earlier, later in itertools.pairwise(times))
    assert server.connections == 1, "a refused request gives its connection back"


@pytest.mark.slow
def test_without_a_word_from_the_server_there_is_a_pause_all_the_same() -> None:
    with serving(Answer(status=429), Answer("fine"), retries=1, way="chat/text") as (server, model):
        assert trio.run(ask, model)[0] == "fine"
    assert server.requests[1].at_s - server.requests[0].at_s >= 0.5 * 0.75


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Answer(status=429, headers={"retry-after": "3600"}), "asks for a pause of 3600 s"),
        (Answer(status=429, code="insufficient_quota"), "429"),
        (Answer(status=503, headers={"x-should-retry": "false"}), "503"),
    ],
)
def test_what_will_not_get_better_is_not_asked_again(fault: Answer, text: str) -> None:
    with serving(fault, Answer("fine"), retries=5, way="chat/text") as (server, model):
        error = trio.run(ask, model)[2]
    assert isinstance(error, ModelUnavailable) and text in str(error)
    assert len(server.requests) == 1


@given(st.integers(0, 1000), st.none() | st.floats(0, 1e9), st.randoms(use_true_random=False))
def test_a_pause_is_the_servers_or_grows_and_is_bounded(attempt: int, asked: float | None, draw: random.Random) -> None:
    pause = pause_s(attempt, asked, draw)
    if asked is None:
        full = 0.5 * 2 ** min(attempt, 4)
        assert pause is not None and 0.75 * full <= pause <= full <= 8
    else:
        assert pause == (asked if asked <= LONGEST_PAUSE_S else None)


@given(st.dictionaries(st.sampled_from(["retry-after", "retry-after-ms"]), st.text(max_size=12) | st.floats().map(str)))
def test_any_pause_that_a_server_asks_for_is_a_time_or_none(headers: dict[str, str]) -> None:
    asked = asked_pause_s(headers, 0.0)
    assert asked is None or asked >= 0


def test_a_silent_server_is_not_asked_again() -> None:
    with serving(Answer("x", first_token_s=30), retries=5, timeout_s=0.5, way="chat/text") as (server, model):
        error = trio.run(ask, model)[2]
        assert isinstance(error, ModelUnavailable)
        assert server.wait_for_disconnects(1)
    assert len(server.requests) == 1


def test_an_argument_that_the_server_refuses_is_left_out_from_then_on() -> None:
    refusals = [Answer(status=400, param=name) for name in ("temperature", "max_tokens", "seed")]
    with serving(*refusals, Answer("fine"), Answer("fine"), way="chat/text") as (server, model):
        assert trio.run(ask, model)[0] == trio.run(ask, model)[0] == "fine"
    assert [{"temperature", "max_tokens", "seed"} & set(request.body) for request in server.requests[-2:]] == [
        set()
    ] * 2
    assert server.requests[-1].body["max_completion_tokens"] == 512


def test_an_argument_that_is_needed_is_not_left_out() -> None:
    with serving(Answer(status=400, param="messages", message="bad"), Answer("fine"), way="chat/text") as (
        server,
        model,
    ):
        assert isinstance(trio.run(ask, model)[2], ModelRefused)
    assert len(server.requests) == 1


# Connections.


@pytest.mark.parametrize("way", WAYS)
def test_one_connection_serves_one_request_after_the_other(way: str) -> None:
    with serving(*[Answer(CHUNKS)] * 5, way=way) as (server, model):
        assert [text for text, _, _ in trio.run(ask_all, model, 5)] == [WHOLE] * 5
    assert server.connections == 1


def test_a_cancelled_answer_costs_its_own_connection_only() -> None:
    async def main(server: OpenAIServer, model: OpenAI) -> None:
        async with model:
            await ask(model)
            with trio.move_on_after(0.05):
                await ask(model)
            assert await trio.to_thread.run_sync(server.wait_for_disconnects, 1)
            assert (await ask(model))[0] == (await ask(model))[0] == "x"

    with serving(Answer("x"), Answer("x", first_token_s=30), Answer("x"), Answer("x"), way="chat/text") as (
        server,
        model,
    ):
        trio.run(main, server, model)
    assert server.connections == 2
