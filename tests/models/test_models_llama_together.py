"""Several requests at once to the local model, and what it keeps between them and between processes; with SmolLM2."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio
import trio.testing

from llmcc.runtime.models import Completion, Llama, ModelUnavailable, Request, default_model_path
from llmcc.runtime.models.llama_files import requantized
from llmcc.runtime.models.llama_states import MOST, States

pytestmark = pytest.mark.slow

EXAMPLE = "Question: What is the height of K2?\nPlan:\na = lookup('K2', 'height')\nreturn a.value\n\n"
EXAMPLES = EXAMPLE * 3
# Continued by copying, without doubt: what shares a batch changes the rounding, and must not decide here.
SIBLINGS = [
    Request(prompt=EXAMPLES + EXAMPLE[: EXAMPLE.index(end)], max_tokens=6, prefix=EXAMPLES)
    for end in (" of K2", "'K2'", " = ", "\nPlan")
]
Answers = list[tuple[str, Completion]]


class Lines:
    """A constraint of two lines, the second of which is forced."""

    def __init__(self) -> None:
        self.accepted: list[str] = []

    def next_grammar(self) -> str | None:
        grammars = ['start: /[a-z]{1,6}/ "\\n"', 'start: "return the answer to the question\\n"', None]
        return grammars[len(self.accepted)]

    def accept(self, segment: str) -> None:
        self.accepted.append(segment)


@pytest.fixture(scope="module")
def path() -> Path:
    pytest.importorskip("llama_cpp")
    try:
        return requantized(default_model_path())
    except ModelUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


async def read(model: Llama, request: Request) -> tuple[str, Completion]:
    async with model.stream(request) as completion:
        return "".join([chunk async for chunk in completion.chunks]), completion


async def together(model: Llama, requests: Sequence[Request]) -> Answers:
    """All at once, each begun after the one before."""
    answers: dict[int, tuple[str, Completion]] = {}

    async def note(index: int) -> None:
        answers[index] = await read(model, requests[index])

    async with trio.open_nursery() as nursery:
        for index in range(len(requests)):
            nursery.start_soon(note, index)
            await trio.testing.wait_all_tasks_blocked()
    return [answers[index] for index in range(len(requests))]


def cached(answers: Answers) -> list[int]:
    return [completion.usage.cached_tokens for _, completion in answers]


def test_requests_at_once_get_the_texts_that_they_get_alone(path: Path) -> None:
    grammar = Request(prompt="A plan:\n", constraint=Lines(), max_tokens=40)
    requests = [*SIBLINGS, grammar, Request(prompt="1 2 3 4 5 6", max_tokens=12)]

    async def main() -> tuple[Answers, Answers]:
        async with Llama(path, keep=False) as model:
            shared = await together(model, requests)
        async with Llama(path, keep=False, share=False) as model:
            return shared, [await read(model, request) for request in SIBLINGS]

    shared, alone = trio.run(main)
    assert [text for text, _ in shared[:4]] == [text for text, _ in alone]
    assert shared[4][0].endswith("\nreturn the answer to the question\n")
    assert shared[5][0].startswith(" 7 8")
    assert cached(alone) == [0] * 4
    shortest = min(completion.usage.prompt_tokens for _, completion in shared[:4])
    assert min(cached(shared)[1:4]) > shortest - 10, "the examples are decoded once"


def test_a_small_memory_makes_requests_wait_but_not_fail(path: Path) -> None:
    """Two of these fit, or hardly: the others wait, or are put back, and all get their texts."""
    requests = [Request(prompt=f"{number} {number + 1} {number + 2}", max_tokens=14) for number in range(4)]

    async def main() -> Answers:
        async with Llama(path, n_ctx=32, parallel=4) as model:
            return await together(model, requests)

    answers = trio.run(main)
    assert [completion.usage.completion_tokens for _, completion in answers] == [14] * 4


def test_more_requests_than_places_wait_in_order_of_priority(path: Path) -> None:
    begun: list[float] = []

    async def ask(model: Llama, priority: float) -> None:
        async with model.stream(Request(prompt="1 2 3", max_tokens=6, priority=priority)) as completion:
            begun.append(priority)
            async for _ in completion.chunks:
                pass

    async def main() -> None:
        async with Llama(path, parallel=1) as model, trio.open_nursery() as nursery:
            for priority in (9.0, 9.0, 1.0, 3.0, 2.0, 3.0):
                nursery.start_soon(ask, model, priority)
                await trio.testing.wait_all_tasks_blocked()

    trio.run(main)
    assert begun == [9.0, 9.0, 3.0, 3.0, 2.0, 1.0]


def test_one_that_leaves_does_not_disturb_the_others(path: Path) -> None:
    async def main() -> tuple[Answers, str]:
        async with Llama(path) as model:
            alone, _ = await read(model, SIBLINGS[0])
            async with model.stream(Request(prompt="Once upon a time", max_tokens=400)) as story:
                await anext(story.chunks)
                with trio.move_on_after(0.05):
                    await read(model, Request(prompt="hello " * 300))
                others = await together(model, SIBLINGS[:2])
                assert await anext(story.chunks)
            return others, alone

    others, alone = trio.run(main)
    assert others[0][0] == alone
    assert all(completion.finish == "length" for _, completion in others)


def test_cancelling_does_not_wait_for_the_batch_of_others(path: Path) -> None:
    """A long prompt of another request is being read; the one that leaves need not wait for that."""

    async def main() -> None:
        async with Llama(path) as model, trio.open_nursery() as nursery:
            async with model.stream(Request(prompt="Once upon a time", max_tokens=400)) as story:
                await anext(story.chunks)
                reader = Request(prompt="hello " * 1500, max_tokens=1)
                nursery.start_soon(read, model, reader)
                await trio.testing.wait_all_tasks_blocked()
            assert story.usage.completion_tokens < 400
            assert len(nursery.child_tasks) == 1, "the reader goes on"
            nursery.cancel_scope.cancel()

    trio.run(main)


def test_a_prefix_outlives_the_process(path: Path, cache: Path) -> None:
    async def main(request: Request) -> tuple[str, Completion]:
        async with Llama(path) as model:
            return await read(model, request)

    first, fresh = trio.run(main, SIBLINGS[0])
    (file,) = cache.rglob("*.state")
    again, loaded = trio.run(main, SIBLINGS[0])
    assert (first, fresh.usage.cached_tokens) == (again, 0)
    prefix = loaded.usage.cached_tokens
    assert loaded.usage.prompt_tokens - 10 < prefix < loaded.usage.prompt_tokens

    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    damaged, decoded = trio.run(main, SIBLINGS[0])
    assert (damaged, decoded.usage.cached_tokens) == (first, 0), "a damaged file is as good as none"
    _, mended = trio.run(main, SIBLINGS[1])
    assert mended.usage.cached_tokens == prefix, "and is written anew"

    file.write_bytes(b"")
    os.utime(file)
    short = Request(prompt="1 2 3", prefix="1 2", max_tokens=1)
    trio.run(main, short)
    assert list(cache.rglob("*.state")) == [file], "what is decoded in no time gets no file"


def test_a_state_that_llama_cpp_refuses_is_decoded_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(States, "read", lambda *_: b"not a state")

    async def main() -> Answers:
        async with Llama(path) as model:
            return [await read(model, request) for request in SIBLINGS[:2]]

    answers = trio.run(main)
    assert cached(answers)[0] == 0
    assert all(completion.usage.completion_tokens == 6 for _, completion in answers)


def test_old_files_make_room_and_bad_folders_are_a_warning(tmp_path: Path) -> None:
    states = States(lambda: tmp_path / "states")
    for first in range(MOST + 3):
        tokens = [first] * 100
        assert states.read(tokens) is None
        assert states.wants(tokens)
        states.write(tokens, b"data %d" % first)
        os.utime(states._file(tokens), (first, first))
    assert not states.wants([MOST + 2] * 100)
    assert states.read([MOST + 2] * 100) == b"data %d" % (MOST + 2)
    assert states.read([0] * 100) is None
    assert len(list((tmp_path / "states").iterdir())) == MOST
    (tmp_path / "file").touch()
    blocked = States(lambda: tmp_path / "file")
    with pytest.warns(RuntimeWarning, match="decoded again"):
        blocked.write([1] * 100, b"")
