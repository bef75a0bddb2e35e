"""The scripted model, its token clock, and stop texts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from llmcc.runtime.models import (
    Completion,
    Cut,
    Message,
    Model,
    ModelUnavailable,
    Request,
    Scripted,
    StreamBroken,
    Usage,
)
from llmcc.runtime.models.scripted import words
from llmcc.runtime.models.stopping import StopFilter


def answer(model: Model, request: Request) -> tuple[str, Completion]:
    async def main() -> tuple[str, Completion]:
        async with model.stream(request) as completion:
            return "".join([chunk async for chunk in completion.chunks]), completion

    return trio.run(main, clock=MockClock(autojump_threshold=0))


def times(model: Model, request: Request, *, read_s: float = 0.0) -> list[tuple[float, str]]:
    """When each chunk arrived, for a reader that needs `read_s` for each."""

    async def main() -> list[tuple[float, str]]:
        seen = []
        start = trio.current_time()
        async with model.stream(request) as completion:
            async for chunk in completion.chunks:
                seen.append((round(trio.current_time() - start, 9), chunk))
                await trio.sleep(read_s)
        return seen

    return trio.run(main, clock=MockClock(autojump_threshold=0))


def test_chunks_arrive_by_the_token_clock() -> None:
    model = Scripted(["a = b\n"], first_token_s=0.5, tokens_per_s=4)
    assert times(model, Request(prompt="x")) == [(0.5, "a"), (0.75, " ="), (1.0, " b"), (1.25, "\n")]


def test_a_slow_reader_finds_the_chunks_waiting() -> None:
    model = Scripted(["a b c d"], first_token_s=1, tokens_per_s=1)
    assert times(model, Request(prompt="x"), read_s=2.5) == [(1, "a"), (3.5, " b"), (6, " c"), (8.5, " d")]


def test_without_a_rate_everything_comes_at_once() -> None:
    assert times(Scripted(["a b"], first_token_s=2), Request(prompt="x")) == [(2, "a"), (2, " b")]


def test_usage_counts_its_own_tokens() -> None:
    request = Request(messages=(Message("system", "be brief"), Message("user", "hi")))
    text, completion = answer(Scripted(["one two three"]), request)
    assert text == "one two three"
    assert (completion.usage, completion.finish) == (Usage(prompt_tokens=3, completion_tokens=3, requests=1), "stop")


def test_replies_follow_each_other_and_requests_are_kept() -> None:
    model = Scripted(["first", lambda request: f"you said {request.prompt}"])
    requests = [Request(prompt="1"), Request(prompt="2")]
    assert [answer(model, request)[0] for request in requests] == ["first", "you said 2"]
    assert model.requests == requests
    with pytest.raises(ModelUnavailable, match="`scripted` has 2 replies and was asked for number 3"):
        answer(model, Request(prompt="3"))


def test_an_error_is_raised_at_once() -> None:
    with pytest.raises(ModelUnavailable, match="down"):
        answer(Scripted([ModelUnavailable("down")]), Request(prompt="x"))


def test_a_cut_streams_its_text_and_then_breaks() -> None:
    async def main() -> list[str]:
        seen = []
        async with Scripted([Cut("a = sea")]).stream(Request(prompt="x")) as completion:
            with pytest.raises(StreamBroken):
                async for chunk in completion.chunks:
                    seen.append(chunk)
            assert completion.finish is None
        return seen

    assert trio.run(main) == ["a", " =", " sea"]


def test_max_tokens_end_the_answer() -> None:
    text, completion = answer(Scripted(["a b c"]), Request(prompt="x", max_tokens=2))
    assert (text, completion.finish, completion.usage.completion_tokens) == ("a b", "length", 2)


def test_a_stop_text_ends_the_answer_and_is_not_part_of_it() -> None:
    text, completion = answer(Scripted(["a\nb\n\nc"], chunks=list), Request(prompt="x", stop=("\n\n",)))
    assert (text, completion.finish, completion.usage.completion_tokens) == ("a\nb", "stop", 5)


def test_chunks_that_change_the_text_are_refused() -> None:
    with pytest.raises(ValueError, match="without losing"):
        answer(Scripted(["abc"], chunks=lambda _: ["ab"]), Request(prompt="x"))


def test_leaving_early_leaves_the_model_usable() -> None:
    model = Scripted(["a b c", "d"], tokens_per_s=1)

    async def main() -> str:
        async with model.stream(Request(prompt="1")) as completion:
            assert await anext(completion.chunks) == "a"
        async with model.stream(Request(prompt="2")) as completion:
            return "".join([chunk async for chunk in completion.chunks])

    assert trio.run(main, clock=MockClock(autojump_threshold=0)) == "d"


@pytest.mark.parametrize("times", [{"first_token_s": -1.0}, {"tokens_per_s": 0.0}])
def test_impossible_clocks_are_refused(times: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="first_token_s"):
        Scripted([], **times)  # type: ignore[arg-type]


@given(st.text())
def test_words_lose_nothing(text: str) -> None:
    assert "".join(words(text)) == text


def first_stop(text: str, stops: Sequence[str]) -> str:
    """By definition: of all the stop texts' ends, the first; there, the longest."""
    ends = [at for at in range(len(text) + 1) if any(text[:at].endswith(stop) for stop in stops)]
    if not ends:
        return text
    return text[: ends[0] - max(len(stop) for stop in stops if text[: ends[0]].endswith(stop))]


@given(st.text("ab", max_size=12), st.lists(st.text("ab", min_size=1, max_size=4), max_size=3), st.data())
def test_stop_texts_do_not_depend_on_the_chunking(text: str, stops: list[str], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    chunks = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    stop = StopFilter(stops)
    shown = "".join([stop.feed(chunk) for chunk in chunks]) + stop.flush()
    assert shown == first_stop(text, stops)
    assert stop.stopped == any(stop_text in text for stop_text in stops)
