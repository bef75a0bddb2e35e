"""Cancelling a request to the local model, in steps: what is still decoded for it, and what it costs the others.

The worker, the engine and the schedule are the real ones; the model is a toy, in whose batches one can act.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from llmcc.runtime.models.engine.steps import Limits, Order, Step
from llmcc.runtime.models.llama_answer import Scores
from llmcc.runtime.models.llama_engine import Engine
from llmcc.runtime.models.llama_library import Aborted
from llmcc.runtime.models.llama_worker import Job, Worker

CHUNK = 16


class ToyAnswer:
    """An answer of `length` tokens to a prompt; `choosing` is called while a token is being chosen."""

    priority = 0.0
    cached = 0
    width = 1

    def __init__(self, prompt: list[int], length: int) -> None:
        self.prompt = prompt
        self.finish: str | None = None
        self.written = 0
        self.choosing: Callable[[], None] = lambda: None
        self._length = length

    def proceed(self, scores: Scores | None) -> list[int]:
        if scores is None:
            return []
        self.choosing()
        self.written += 1
        self.finish = "length" if self.written == self._length else None
        return [1000 + self.written]

    def stable(self) -> int:
        return 0


class ToyContext:
    """A context that decodes nothing. As llama.cpp does, it looks at its flag while it is at work on a batch."""

    def __init__(self, decoding: Callable[[Step], None]) -> None:
        self.aborted = 0
        self._flag = False
        self._decoding = decoding

    def do(self, orders: Iterable[Order]) -> None:
        pass

    def decode(self, step: Step) -> None:
        if not self._flag:
            self._decoding(step)
        if self._flag:
            self.aborted += 1
            raise Aborted

    def scores(self, step: Step) -> list[Any]:
        return [np.zeros(1, np.float32) for row in step.rows if row.chooses]

    def abort(self) -> None:
        self._flag = True

    def resume(self) -> None:
        self._flag = False

    def close(self) -> None:
        pass


class Trial:
    """Requests to a worker, the first of which is cancelled while its `at`-th batch is decoded, or its `at`-th token
    chosen.
    """

    def __init__(self, requests: list[tuple[int, int]], at: int, *, choosing: bool) -> None:
        self.ends: dict[int, list[BaseException | None]] = {number: [] for number in range(len(requests))}
        #: Batches in which the first request had a share, and how many of them were begun after it was cancelled.
        self.shares = self.later = 0
        self.is_cancelled = self.was_told_at_once = self.was_alone = False
        self._at, self._is_choosing, self._choices = at, choosing, 0
        self.context = ToyContext(self._decoding)
        over = threading.Semaphore(0)
        all_there = threading.Event()
        self.answers = [ToyAnswer([number] * prompt, length) for number, (prompt, length) in enumerate(requests)]
        self.answers[0].choosing = self._chosen
        limits = Limits(cells=4096, live=8, sequences=8, batch=8 * CHUNK, chunk=CHUNK, share=False)
        engine: Any = Engine(self.context, limits)  # type: ignore[arg-type]  # all that an engine needs of one

        def load() -> Any:
            all_there.wait()
            return engine

        def job(number: int) -> Job:
            def done(error: BaseException | None) -> None:
                self.ends[number].append(error)
                over.release()

            answer: Any = self.answers[number]
            return Job(lambda _engine: answer, done)

        self.worker = Worker(load, most=8)
        self.jobs = [job(number) for number in self.ends]
        for one in self.jobs:
            self.worker.submit(one)
        all_there.set()
        for _ in self.jobs:
            over.acquire()
        self.worker.close()

    def _decoding(self, step: Step) -> None:
        if not any(row.key is self.jobs[0] for row in step.rows):
            return
        self.shares += 1
        self.later += self.is_cancelled
        if not self._is_choosing and self.shares == self._at:
            self.was_alone = len(step.rows) == 1
            self._cancel()

    def _chosen(self) -> None:
        self._choices += 1
        if self._is_choosing and self._choices == self._at:
            self._cancel()

    def _cancel(self) -> None:
        self.is_cancelled = True
        self.worker.cancel(self.jobs[0])
        self.was_told_at_once = bool(self.ends[0])


REQUESTS = st.lists(st.tuples(st.integers(1, 20 * CHUNK), st.integers(1, 12)), min_size=1, max_size=5)


@settings(deadline=None)
@given(REQUESTS, st.integers(1, 20), st.booleans())
def test_nothing_is_decoded_for_a_request_that_was_cancelled(
    requests: list[tuple[int, int]], at: int, choosing: bool
) -> None:
    trial = Trial(requests, at, choosing=choosing)
    (end,) = trial.ends[0]
    assert trial.later == 0, "at most the batch that is under way"
    if trial.is_cancelled:
        assert isinstance(end, Aborted) or trial.answers[0].finish
        assert trial.was_told_at_once == (not choosing), "who chooses a token, ends that first"
        assert trial.context.aborted == trial.was_alone, "and that batch is broken off, unless others have a share"
    else:
        assert end is None
        assert trial.context.aborted == 0
    for number, (_, length) in list(enumerate(requests))[1:]:
        assert trial.ends[number] == [None]
        assert trial.answers[number].written == length, "the others do not notice"


def test_a_long_prompt_is_broken_off_in_its_first_batch() -> None:
    trial = Trial([(20 * CHUNK, 1)], 1, choosing=False)
    assert (trial.shares, trial.later, trial.context.aborted, trial.was_told_at_once) == (1, 0, 1, True)
