"""Constrained decoding: which tokens a segment's grammar allows, and where a segment ends."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from llmcc.runtime.models.errors import GrammarError
from llmcc.runtime.models.extras import require
from llmcc.runtime.models.llama_model import LlamaModel
from llmcc.runtime.models.protocol import Choosy, Constraint

Pick = Callable[[NDArray[np.float32]], int]
_COMPLETE = ("NoExtension", "NoExtensionBias", "EndOfSentence")


class Guide:
    """Follows a constraint through its segments.

    A segment ends when its grammar can take no more, or when it accepts and the model wants something else: to end, or
    a token that the grammar refuses. `ended` says so; `advance` then reports the segment and opens the next one.
    """

    def __init__(self, model: LlamaModel, constraint: Constraint) -> None:
        """Opens the first segment; `complete` says if there is none.

        Raises:
            GrammarError: llguidance refuses the grammar.
        """
        self._model = model
        self._constraint = constraint
        self._matcher: Any = None
        self._text = bytearray()
        self._empty_before = False
        #: The start of each grammar that was compiled: ways that part in a line mostly meet the same ones behind it.
        self._compiled: dict[str, Any] = {}
        self.end = min(model.end_tokens)
        self.doubts = 0.0
        self.ended = False
        self.complete = not self._open()

    def forced(self, limit: int) -> list[int]:
        """The tokens (at most `limit`) that must come next, taken already; none where there is a choice."""
        tokens: list[int] = self._matcher.compute_ff_tokens()[:limit]
        if tokens:
            self._take(tokens)
        return tokens

    def choose(self, logits: NDArray[np.float32], pick: Pick) -> int | None:
        """The next token by `pick`, taken already; None when the segment ended instead.

        The token that would come without a grammar is tried first: that is cheap, nearly always right, and (because a
        refused draw is repeated among the allowed tokens) gives each allowed token its probability among those.

        Raises:
            GrammarError: the grammar allows nothing here and is not complete.
        """
        token = pick(logits)
        accepting: bool = self._matcher.is_accepting()
        if not self._allows(token, accepting):
            token = self._choose_allowed(logits, pick, accepting)
        if token in self._model.end_tokens:
            self.ended = True
            return None
        self._take([token])
        return token

    def copy(self) -> Self:
        """One that goes on by itself; what it compiles serves both. The constraint is one that can be copied."""
        twin = copy.copy(self)
        twin._matcher, twin._text = self._matcher.deep_copy(), bytearray(self._text)
        return twin

    def likelihoods(self, scores: NDArray[np.float32]) -> NDArray[np.float64]:
        """For each token the logarithm of its probability among those that may come next; -inf for those that may not.

        `end` has that of ending the segment.
        """
        allowed = self._allowed(len(scores))
        logits = np.where(allowed, scores.astype(np.float64), -np.inf)
        if self._matcher.is_accepting():
            # The model ends the segment by one of its tokens for that, or by wanting what the grammar refuses.
            logits[self.end] = scores[~allowed].max()
        elif not allowed.any():
            return logits
        logits -= logits.max()
        logits -= np.log(np.exp(logits).sum())
        return logits

    def follow(self, token: int, limit: int) -> list[int]:
        """Takes a token that `likelihoods` has, and all that is forced behind it, in this segment and the next ones,
        until there are `limit` or more; returns what this adds to the text.

        Raises:
            GrammarError: a later grammar is refused.
        """
        tokens = [] if token in self._model.end_tokens else [token]
        if tokens:
            self._take(tokens)
        self.ended = self.ended or not tokens
        while not self.complete and len(tokens) < limit:
            if self.ended:
                self._part()
                self.advance()
                continue
            forced: list[int] = self._matcher.compute_ff_tokens()
            if not forced:
                break
            self._take(forced)
            tokens += forced
        return tokens

    def _part(self) -> None:
        """The way of a copy parts from the others, with its segment; what they wrote was the same to the constraint."""
        assert isinstance(self._constraint, Choosy)
        self.doubts += self._constraint.doubt(self._text.decode("utf-8", "replace"))
        self._constraint = self._constraint.copy()

    def advance(self) -> bool:
        """Reports the segment that ended and opens the next one; False when the output is complete.

        Raises:
            GrammarError: the next grammar is refused, or two empty segments follow each other.
        """
        if not self._text and self._empty_before:
            raise GrammarError("two segments in a row came out empty: the grammars accept the empty text")
        self._empty_before = not self._text
        self._constraint.accept(self._text.decode("utf-8", "replace"))
        self.complete = not self._open()
        return not self.complete

    def _open(self) -> bool:
        """Compiles the next segment's grammar, if there is one."""
        self.ended = False
        self._text.clear()
        grammar = self._constraint.next_grammar()
        if grammar is None:
            return False
        if grammar not in self._compiled:
            self._compiled[grammar] = self._compile(grammar)
        self._matcher = self._compiled[grammar].deep_copy()
        return True

    def _compile(self, grammar: str) -> Any:
        matcher_class = require("llguidance", "local").LLMatcher
        tokenizer = self._model.matcher_tokenizer()
        compiled = matcher_class.grammar_from_lark(grammar)
        matcher = matcher_class(tokenizer, compiled, log_level=0)
        if matcher.is_error():
            reason = matcher_class.validate_grammar(compiled, tokenizer) or matcher.get_error()
            raise GrammarError(f"llguidance refuses the grammar: {_first_part(reason)}")
        return matcher

    def _allows(self, token: int, accepting: bool) -> bool:
        """True if `token` may come next; the model's wish to end is granted where the grammar accepts."""
        if token in self._model.end_tokens:
            return accepting
        return bool(self._matcher.validate_tokens([token]))

    def _choose_allowed(self, logits: NDArray[np.float32], pick: Pick, accepting: bool) -> int:
        """The best allowed token; an end token for "the segment is over"."""
        if accepting and self._text:
            return self.end
        allowed = self._allowed(len(logits))
        if allowed.any():
            return pick(np.where(allowed, logits, np.float32(-np.inf)))
        if accepting:
            return self.end
        raise GrammarError(f"the grammar allows nothing more here: {_first_part(self._matcher.get_error())}")

    def _allowed(self, count: int) -> NDArray[np.bool_]:
        """For each token whether the grammar has it next."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        allowed: NDArray[np.bool_] = np.unpackbits(bits, count=count, bitorder="little").astype(bool)
        allowed[list(self._model.end_tokens)] = False
        return allowed

    def _take(self, tokens: list[int]) -> None:
        """Moves the grammar on over `tokens`."""
        if not self._matcher.consume_tokens(tokens):
            raise GrammarError(f"llguidance gave up: {_first_part(self._matcher.get_error())}")
        self._text += b"".join(map(self._model.piece, tokens))
        if self._matcher.is_stopped():
            self._end()

    def _end(self) -> None:
        """The grammar takes no more: because it is complete, or because llguidance ran into one of its limits."""
        if self._matcher.stop_reason() not in _COMPLETE:
            raise GrammarError(f"llguidance gave up: {_first_part(self._matcher.get_error())}")
        self.ended = True


def _first_part(reason: str) -> str:
    """llguidance's reason without the dump of its state."""
    return reason.partition("\n<state>")[0].strip() or "no reason given"
