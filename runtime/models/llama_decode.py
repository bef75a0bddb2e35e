"""One answer of a local model, token by token: tokens in, text out, until something ends it. No threads."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from llmcc.runtime.models.errors import ContextTooLong
from llmcc.runtime.models.llama_chat import chat_tokens
from llmcc.runtime.models.llama_context import LlamaContext
from llmcc.runtime.models.llama_guide import Guide
from llmcc.runtime.models.protocol import Request, Usage
from llmcc.runtime.models.stopping import StopFilter


class Answer:
    """One request on a context. Making it checks the request; iterating `texts` generates."""

    def __init__(self, context: LlamaContext, request: Request, seed: int) -> None:
        """Tokenizes the request and opens its constraint; nothing is decoded yet.

        Raises:
            ContextTooLong: the request leaves no room for an answer.
            GrammarError: the first grammar is refused.
        """
        self._context = context
        self._request = request
        self._prompt = request_tokens(context, request)
        if len(self._prompt) >= context.n_ctx:
            raise ContextTooLong(f"the request has {len(self._prompt)} tokens, the context {context.n_ctx}")
        self._guide = Guide(context, request.constraint) if request.constraint else None
        self._random = np.random.default_rng([seed & 0xFFFFFFFFFFFFFFFF, request.seed & 0xFFFFFFFFFFFFFFFF])
        self._pending: list[int] = []
        self._written = 0
        self._cached = 0
        self.finish: Literal["stop", "length"] | None = None

    @property
    def usage(self) -> Usage:
        """The tokens so far."""
        return Usage(len(self._prompt), self._written, self._cached, requests=1)

    def texts(self) -> Iterator[str]:
        """Generates; every item is text that is complete in characters and surely not part of a stop text.

        Raises:
            Aborted: the context was told to abort.
            GrammarError: a later grammar is refused, or the decoding got stuck in one.
        """
        self._cached = self._context.reuse(self._prompt)
        self._pending = self._prompt[self._cached :]
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        stop = StopFilter(self._request.stop)
        if self._guide and self._guide.complete:
            self.finish = "stop"
        while self.finish is None:
            self._context.check()
            tokens = self._next_tokens()
            shown = stop.feed(decoder.decode(b"".join(map(self._context.piece, tokens))))
            if shown:
                yield shown
            self._note(tokens, stop.stopped)
        if rest := stop.feed(decoder.decode(b"", final=True)) + stop.flush():
            yield rest

    def _next_tokens(self) -> list[int]:
        """The next token, or several that a grammar forces; none at the end of the model, a segment or the room."""
        room = self._room()
        if room <= 0:
            return []
        if self._guide is None:
            token = self._pick(self._logits())
            return [] if token in self._context.end_tokens else [token]
        if forced := self._guide.forced(room):
            return forced
        chosen = self._guide.choose(self._logits(), self._pick)
        return [] if chosen is None else [chosen]

    def _note(self, tokens: list[int], stopped: bool) -> None:
        """Counts `tokens` and decides whether the answer goes on."""
        had_room = self._room() > 0
        self._written += len(tokens)
        self._pending += tokens
        if not had_room:
            self.finish = "length"
        elif stopped or self._is_over(tokens):
            self.finish = "stop"

    def _is_over(self, tokens: list[int]) -> bool:
        """True if the model ended the answer, or the constraint is complete."""
        if self._guide is None:
            return not tokens
        return self._guide.ended and not self._guide.advance()

    def _room(self) -> int:
        """How many more tokens may be written."""
        in_context = self._context.n_ctx - self._context.length - len(self._pending)
        return min(self._request.max_tokens - self._written, in_context)

    def _logits(self) -> NDArray[np.float32]:
        """The scores for the next token; decodes what is pending."""
        if self._pending:
            self._context.decode(self._pending)
            self._pending = []
        return self._context.logits()

    def _pick(self, logits: NDArray[np.float32]) -> int:
        """The best token, or at a temperature above 0 one drawn by its probability."""
        if self._request.temperature <= 0:
            best: np.intp = logits.argmax()
            return int(best)
        scores = logits.astype(np.float64) / self._request.temperature
        sums: NDArray[np.float64] = np.exp(scores - scores.max()).cumsum()
        drawn = int(np.count_nonzero(sums <= self._random.random() * sums[-1]))
        return min(drawn, len(sums) - 1)


def request_tokens(context: LlamaContext, request: Request) -> list[int]:
    """The request in the model's tokens: a chat, or a plain prompt, in which nothing is read as a control token.

    Nothing at all cannot be continued, so an empty prompt is taken as a line break.
    """
    if request.messages:
        return chat_tokens(context, request.messages)
    tokens = context.tokenize(request.prompt or "", start=True)
    return tokens or context.tokenize("\n")
