"""A job in the model's thread, seen from trio: texts and ends travel from the one to the other without polling."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Self

import trio

from llmcc.runtime.models.llama_worker import Job, Worker
from llmcc.runtime.models.protocol import Completion, Request

if TYPE_CHECKING:
    from llmcc.runtime.models.llama_answer import Answer
    from llmcc.runtime.models.llama_engine import Engine


class Call:
    """One request between two threads: `job` belongs to the model's, everything else to trio's.

    The texts wait in an unbounded channel; `max_tokens` and the context bound what can be in it.
    """

    def __init__(self, request: Request, seed: int) -> None:
        self.begun = trio.Event()
        self.over = trio.Event()
        #: Why the answer did not even begin; what goes wrong later comes out of `chunks`, after the text before it.
        self.refusal: BaseException | None = None
        self.error: BaseException | None = None
        self.completion = Completion(self)
        self.job = Job(self._make, self._done, request.priority)
        self._request = request
        self._seed = seed
        self._answer: Answer | None = None
        self._token = trio.lowlevel.current_trio_token()
        self._sender, self._receiver = trio.open_memory_channel[str](math.inf)

    def end(self, error: BaseException | None) -> None:
        """The answer is over: wakes who waits for its beginning, for a text, or for its end."""
        self.error = error
        self.refusal = None if self.begun.is_set() else error
        if self._answer:
            self.completion.usage, self.completion.finish = self._answer.usage, self._answer.finish
        self._sender.close()
        self.begun.set()
        self.over.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        try:
            return await self._receiver.receive()
        except trio.EndOfChannel:
            if self.error:
                raise self.error from None
            raise StopAsyncIteration from None

    def _make(self, engine: Engine) -> Answer:
        """Begins the answer. What this imports is heavy: that is done in the model's thread too."""
        from llmcc.runtime.models.llama_answer import Answer

        model = engine.context.model
        self._answer = Answer(model, self._request, seed=self._seed, n_ctx=engine.n_ctx, show=self._show)
        post(self._token, self.begun.set)
        return self._answer

    def _show(self, text: str) -> None:
        post(self._token, self._sender.send_nowait, text)

    def _done(self, error: BaseException | None) -> None:
        post(self._token, self.end, error)


@asynccontextmanager
async def running(worker: Worker, job: Job, over: trio.Event) -> AsyncIterator[None]:
    """Has a job done while the block runs; leaving the block cancels it and waits for `over`, which it sets."""
    worker.submit(job)
    try:
        yield
    finally:
        worker.cancel(job)
        with trio.CancelScope(shield=True):
            await over.wait()


def post(token: trio.lowlevel.TrioToken, call: Callable[..., object], *values: object) -> None:
    """Calls `call(*values)` in trio's thread, unless that trio run is over: then nobody is left to be told."""
    with suppress(trio.RunFinishedError):
        token.run_sync_soon(call, *values)
