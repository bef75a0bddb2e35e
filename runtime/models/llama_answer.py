"""One answer of a local model: scores in, tokens and text out, until something ends it. No decoding, no threads."""

from __future__ import annotations

import codecs
from collections.abc import Callable
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from llmcc.runtime.models.engine.beginnings import common_length
from llmcc.runtime.models.errors import ContextTooLong
from llmcc.runtime.models.llama_beam import Beam
from llmcc.runtime.models.llama_chat import chat_tokens
from llmcc.runtime.models.llama_guide import Guide
from llmcc.runtime.models.llama_model import LlamaModel
from llmcc.runtime.models.protocol import Choosy, Request, Usage
from llmcc.runtime.models.stopping import StopFilter

#: For each token of the vocabulary, how well it goes on (the logits).
Scores: TypeAlias = NDArray[np.float32]


class Answer:
    """One request under way. `show` gets text that is complete in characters and surely not part of a stop text."""

    def __init__(
        self, model: LlamaModel, request: Request, *, seed: int, n_ctx: int, show: Callable[[str], None]
    ) -> None:
        """Tokenizes the request and opens its constraint; nothing is decoded yet.

        Raises:
            ContextTooLong: the request leaves no room for an answer.
            GrammarError: the first grammar is refused.
        """
        self._model = model
        self._request = request
        self._show = show
        self._n_ctx = n_ctx
        self.prompt = request_tokens(model, request)
        if len(self.prompt) >= n_ctx:
            raise ContextTooLong(f"the request has {len(self.prompt)} tokens, the context {n_ctx}")
        self._guide = Guide(model, request.constraint) if request.constraint else None
        self._random = np.random.default_rng([seed & 0xFFFFFFFFFFFFFFFF, request.seed & 0xFFFFFFFFFFFFFFFF])
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = StopFilter(request.stop)
        self._written = 0
        self._beam: Beam | None = None
        #: The tokens that are written for good, and those that were when the beam began.
        self._told: list[int] = []
        self._begun: list[int] = []
        #: How many tokens of the prompt came out of the memory.
        self.cached = 0
        self.finish: Literal["stop", "length"] | None = "stop" if self._guide and self._guide.complete else None

    @property
    def priority(self) -> float:
        """The request's."""
        return self._request.priority

    @property
    def usage(self) -> Usage:
        """The tokens so far."""
        return Usage(len(self.prompt), self._written, min(self.cached, len(self.prompt)), requests=1)

    def stable(self) -> int:
        """How many of the first tokens of the prompt are those of the request's `prefix`."""
        return common_length(self._model.tokenize(self._request.prefix, start=True), self.prompt)

    def proceed(self, scores: Scores | None) -> list[int]:
        """The next tokens: one by its `scores`, and what a grammar forces before and after it.

        They are to be decoded, and then the scores behind them given, unless `finish` says that the answer is over.
        Without scores (before the prompt was decoded) there is only what is forced.

        Raises:
            GrammarError: a later grammar is refused, or the decoding got stuck in one.
        """
        new: list[int] = []
        while self.finish is None:
            tokens = self._next(None if new else scores)
            if tokens is None:
                break
            new += tokens
            self._note(tokens)
        self._told += new
        return new

    @property
    def width(self) -> int:
        """How many ways are looked at side by side; only a constraint that can be copied can follow several."""
        several = isinstance(self._request.constraint, Choosy) and self._request.temperature <= 0
        return self._request.beam if several else 1

    def spread(self, number: int, scores: Scores) -> list[list[int]] | None:
        """What `proceed` does, for an answer of several ways: all texts behind the prompt that are to be decoded now.

        Args:
            number: which of the texts that were given last the scores belong to.
            scores: those behind it.

        Returns:
            The texts; None while the scores of others are awaited.

        Raises:
            GrammarError: as for `proceed`.
        """
        if self._beam is None:
            assert self._guide
            self._beam, self._begun = Beam(self._guide, self.width, self._room()), list(self._told)
        self._beam.hear(number, scores)
        return self._texts(self._beam)

    def narrow(self, number: int) -> list[list[int]] | None:
        """Gives one of the texts up, for which there is no room. Returns and raises as `spread`."""
        assert self._beam
        self._beam.drop(number)
        return self._texts(self._beam)

    def _texts(self, beam: Beam) -> list[list[int]] | None:
        if beam.awaits:
            return None
        found = beam.decided()
        sure = self._begun + (beam.agreed() if found is None else found.tokens)
        new, self._told = sure[len(self._told) :], sure
        self._show_tokens(new)
        if found is not None:
            self._finish("stop" if found is beam.done else "length")
        elif self._stop.stopped:
            self._finish("stop")
        return [self._begun + branch.tokens for branch in beam.open]

    def _next(self, scores: Scores | None) -> list[int] | None:
        """One token, or several that are forced; none where a segment or the answer ends; None: no scores."""
        room = self._room()
        if room <= 0:
            return []
        if self._guide and (forced := self._guide.forced(room)):
            return forced
        if scores is None:
            return None
        chosen = self._guide.choose(scores, self._pick) if self._guide else self._pick(scores)
        return [] if chosen is None or chosen in self._model.end_tokens else [chosen]

    def _note(self, tokens: list[int]) -> None:
        """Counts and shows `tokens` and decides whether the answer goes on."""
        had_room = self._room() > 0
        self._show_tokens(tokens)
        if not had_room:
            self._finish("length")
        elif self._stop.stopped or self._is_over(tokens):
            self._finish("stop")

    def _show_tokens(self, tokens: list[int]) -> None:
        self._written += len(tokens)
        self._tell(self._stop.feed(self._decoder.decode(b"".join(map(self._model.piece, tokens)))))

    def _finish(self, why: Literal["stop", "length"]) -> None:
        self.finish = why
        self._tell(self._stop.feed(self._decoder.decode(b"", final=True)) + self._stop.flush())

    def _tell(self, text: str) -> None:
        if text:
            self._show(text)

    def _is_over(self, tokens: list[int]) -> bool:
        """True if the model ended the answer, or the constraint is complete."""
        if self._guide is None:
            return not tokens
        return self._guide.ended and not self._guide.advance()

    def _room(self) -> int:
        """How many more tokens may be written."""
        in_context = self._n_ctx - len(self.prompt) - self._written
        return min(self._request.max_tokens - self._written, in_context)

    def _pick(self, scores: Scores) -> int:
        """The best token, or at a temperature above 0 one drawn by its probability."""
        if self._request.temperature <= 0:
            best: np.intp = scores.argmax()
            return int(best)
        scaled = scores.astype(np.float64) / self._request.temperature
        sums: NDArray[np.float64] = np.exp(scaled - scaled.max()).cumsum()
        drawn = int(np.count_nonzero(sums <= self._random.random() * sums[-1]))
        return min(drawn, len(sums) - 1)


def request_tokens(model: LlamaModel, request: Request) -> list[int]:
    """The request in the model's tokens: a chat, or a plain prompt, in which nothing is read as a control token.

    Nothing at all cannot be continued, so an empty prompt is taken as a line break.
    """
    if request.messages:
        return chat_tokens(model, request.messages)
    tokens = model.tokenize(request.prompt or "", start=True)
    return tokens or model.tokenize("\n")
