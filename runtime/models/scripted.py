"""A model that says what it was told to say, at the speed it was told to: for tests, examples and simulations."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import trio

from llmcc.runtime.models.errors import ModelUnavailable, StreamBroken
from llmcc.runtime.models.protocol import Completion, Request, Usage
from llmcc.runtime.models.stopping import StopFilter


@dataclass(frozen=True, slots=True)
class Cut:
    """A reply that breaks: `text` is streamed, then `error` is raised."""

    text: str
    error: Exception = field(default_factory=lambda: StreamBroken("the answer was cut off"))


Reply: TypeAlias = str | Callable[[Request], str] | Exception | Cut


def words(text: str) -> list[str]:
    """Splits `text` into pieces about the size of a model's tokens: a word or a sign with the blank before it.

    >>> words('a = search("K2")\\n')
    ['a', ' =', ' search', '("', 'K2', '")', '\\n']
    """
    return re.findall(r" ?\w+| ?[^\w\s]+|\s", text)


class Scripted:
    """A deterministic model: the n-th request gets the n-th reply, in chunks, on a token clock.

    A chunk counts as one token. Chunk `i` (from 0) is there `first_token_s + i / tokens_per_s` seconds after the
    request (without `tokens_per_s`: all at `first_token_s`), by trio's clock, so virtual time works; a slow reader
    finds the chunks of the meantime waiting. Constraints are not applied (`constrains` is False).
    """

    constrains = False

    def __init__(
        self,
        replies: Sequence[Reply],
        *,
        first_token_s: float = 0.0,
        tokens_per_s: float | None = None,
        chunks: Callable[[str], Sequence[str]] = words,
        name: str = "scripted",
    ) -> None:
        """Makes a model from its replies.

        Args:
            replies: texts, functions from the request to a text, errors to raise, or `Cut`s.
            first_token_s: seconds until the first chunk.
            tokens_per_s: chunks a second after that; None: as fast as they are read.
            chunks: how a reply is cut up; `list` gives single characters. It must neither lose nor add text.
            name: how the model is called.

        Raises:
            ValueError: a negative time, or a rate that is not positive.
        """
        if first_token_s < 0 or (tokens_per_s is not None and tokens_per_s <= 0):
            raise ValueError("`first_token_s` must be at least 0 and `tokens_per_s` above 0")
        self.name = name
        self.requests: list[Request] = []
        self._replies = list(replies)
        self._first_token_s = first_token_s
        self._pause_s = 1 / tokens_per_s if tokens_per_s else 0.0
        self._chunks = chunks

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Completion]:
        """Streams the next reply.

        Raises:
            ModelUnavailable: there are no replies left.
            ModelError: a reply is an error; raised here, or by `chunks` where a `Cut` breaks.
        """
        reply = self._next_reply(request)
        await trio.lowlevel.checkpoint()
        if isinstance(reply, Exception):
            raise reply
        text = reply.text if isinstance(reply, Cut) else reply
        pieces = self._split(text)
        start = trio.current_time() + self._first_token_s

        async def write() -> AsyncGenerator[str]:
            stop = StopFilter(request.stop)
            for index, piece in enumerate(pieces):
                if index >= request.max_tokens:
                    completion.finish = "length"
                    break
                await trio.sleep_until(start + index * self._pause_s)
                completion.usage = replace(completion.usage, completion_tokens=index + 1)
                if shown := stop.feed(piece):
                    yield shown
                if stop.stopped:
                    break
            if held := stop.flush():
                yield held
            if isinstance(reply, Cut) and completion.finish is None and not stop.stopped:
                raise reply.error
            completion.finish = completion.finish or "stop"

        async with aclosing(write()) as chunks:
            completion = Completion(chunks, Usage(prompt_tokens=_size(request), requests=1))
            yield completion

    def _next_reply(self, request: Request) -> str | Exception | Cut:
        """The reply to this request, a function's already made; the request is recorded."""
        self.requests.append(request)
        if len(self.requests) > len(self._replies):
            raise ModelUnavailable(
                f"`{self.name}` has {len(self._replies)} replies and was asked for number {len(self.requests)}"
            )
        reply = self._replies[len(self.requests) - 1]
        return reply(request) if callable(reply) else reply

    def _split(self, text: str) -> Sequence[str]:
        """The chunks of `text`."""
        pieces = self._chunks(text)
        if "".join(pieces) != text:
            raise ValueError("`chunks` must cut the text up without losing or adding anything")
        return pieces


def _size(request: Request) -> int:
    """The request's size in this model's tokens."""
    texts = [message.text for message in request.messages] + [request.prompt or ""]
    return sum(len(words(text)) for text in texts)
