"""A job in the model's thread, seen from trio: texts and ends travel from the one to the other without polling."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Literal, Self

import trio

from llmcc.runtime.models.llama_worker import Job, Worker
from llmcc.runtime.models.protocol import Completion, Request, Usage

if TYPE_CHECKING:
    from llmcc.runtime.models.llama_context import LlamaContext


class Call:
    """One request between two threads: `work` runs in the model's, everything else in trio's.

    The texts wait in an unbounded channel; `max_tokens` and the context bound what can be in it.
    """

    def __init__(self, request: Request, seed: int) -> None:
        self.begun = trio.Event()
        #: Why the answer did not even begin; what goes wrong later comes out of `chunks`, after the text before it.
        self.refusal: BaseException | None = None
        self.error: BaseException | None = None
        self.completion = Completion(self)
        self._request = request
        self._seed = seed
        self._token = trio.lowlevel.current_trio_token()
        self._sender, self._receiver = trio.open_memory_channel[str](math.inf)

    def work(self, context: LlamaContext) -> None:
        """Generates the answer. What this imports is heavy: that is done in the model's thread too."""
        from llmcc.runtime.models.llama_decode import Answer

        answer = Answer(context, self._request, self._seed)
        post(self._token, self.begun.set)
        try:
            for text in answer.texts():
                self._token.run_sync_soon(self._sender.send_nowait, text)
        finally:
            post(self._token, self._note, answer.usage, answer.finish)

    def end(self, error: BaseException | None) -> None:
        """The work is over: wakes who waits for the beginning or for a text."""
        self.error = error
        self.refusal = None if self.begun.is_set() else error
        self._sender.close()
        self.begun.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        try:
            return await self._receiver.receive()
        except trio.EndOfChannel:
            if self.error:
                raise self.error from None
            raise StopAsyncIteration from None

    def _note(self, usage: Usage, finish: Literal["stop", "length"] | None) -> None:
        self.completion.usage, self.completion.finish = usage, finish


@asynccontextmanager
async def running(
    worker: Worker, work: Callable[[LlamaContext], None], end: Callable[[BaseException | None], None]
) -> AsyncIterator[trio.Event]:
    """Has `work` done while the block runs; leaving the block cancels it and waits until the worker is done with it.

    `end` is called in trio's thread with the work's error or None; then the event that the block gets is set.
    """
    over = trio.Event()

    def note_end(error: BaseException | None) -> None:
        end(error)
        over.set()

    job = Job(work, partial(post, trio.lowlevel.current_trio_token(), note_end))
    worker.submit(job)
    try:
        yield over
    finally:
        worker.cancel(job)
        with trio.CancelScope(shield=True):
            await over.wait()


def post(token: trio.lowlevel.TrioToken, call: Callable[..., object], *values: object) -> None:
    """Calls `call(*values)` in trio's thread, unless that trio run is over: then nobody is left to be told."""
    with suppress(trio.RunFinishedError):
        token.run_sync_soon(call, *values)
