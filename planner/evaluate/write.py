"""Has a model write a plan, greedily: freely, or held to a grammar that is one of llmcc's."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from planner.evaluate.task import Task
from planner.llama import Decoder

from llmcc.driver.adapted import copied_words
from llmcc.driver.prompt import planner_request
from llmcc.driver.styles import style
from llmcc.frontend.constrain import PlanConstraint
from llmcc.runtime.models.protocol import Constraint

MOST_TOKENS = 320
#: `statement`: what the agent holds a local model to, line by line, with texts copied from the question; `styled`: what
#: it holds one with an adapter to, which is more of the language, with texts of words of the prompt.
GRAMMARS = ("none", "statement", "styled")


@dataclass(frozen=True, slots=True)
class Written:
    """A plan, its tokens, and the seconds of CPU time to its first line and to its end."""

    text: str
    prompt_tokens: int
    tokens: int
    first_line_s: float
    whole_s: float


def constraint_of(task: Task, grammar: str) -> Constraint | None:
    """The constraint of a name."""
    if grammar == "statement":
        return PlanConstraint(task.signatures, copy_from=task.question)
    if grammar == "styled":
        words = copied_words(task.question, task.signatures)
        return PlanConstraint(task.signatures, copy_from=words, styled=True)
    return None


def prompt_of(task: Task, taught: str) -> str:
    """What the model reads."""
    examples = () if taught == "bare" else task.examples
    request = planner_request(task.question, task.signatures, examples, chat=False, written_as=style(taught))
    assert request.prompt is not None
    return request.prompt


def write_plan(decoder: Decoder, task: Task, *, grammar: str, taught: str) -> Written:
    """Has the model write a plan for a task."""
    tokens = decoder.tokenize(prompt_of(task, taught), start=True)
    begun = time.process_time()
    pen = _Pen(decoder, tokens, lambda: time.process_time() - begun)
    constraint = constraint_of(task, grammar)
    if constraint is None:
        pen.free()
    else:
        pen.held(constraint)
    whole = time.process_time() - begun
    return Written(pen.text, len(tokens), len(pen.tokens), pen.first_line_s or whole, whole)


class _Pen:
    """Writes token by token behind a prompt."""

    def __init__(self, decoder: Decoder, prompt: list[int], clock: Callable[[], float]) -> None:
        self._decoder, self._prompt, self._clock = decoder, prompt, clock
        self.tokens: list[int] = []
        self._bytes = b""
        self.first_line_s = 0.0

    @property
    def text(self) -> str:
        return self._bytes.decode("utf-8", "replace")

    @property
    def room(self) -> bool:
        return len(self.tokens) < MOST_TOKENS

    def free(self) -> None:
        """Until the model ends the plan, begins another question, or has no room."""
        while self.room:
            token = int(self._logits().argmax())
            if self._decoder.ends(token):
                return
            self._take([token])
            for stop in (b"\n\n", b"Question:"):
                if stop in self._bytes:
                    self._bytes = self._bytes[: self._bytes.index(stop)]
                    return

    def held(self, constraint: Constraint) -> None:
        """Within the grammars of a constraint."""
        from llguidance import LLMatcher

        while self.room and (grammar := constraint.next_grammar()) is not None:
            matcher = LLMatcher(self._decoder.matcher_tokenizer(), LLMatcher.grammar_from_lark(grammar), log_level=0)
            if matcher.is_error():
                raise RuntimeError(f"llguidance refuses the grammar: {matcher.get_error()}")
            before = len(self._bytes)
            self._segment(matcher)
            constraint.accept(self._bytes[before:].decode("utf-8", "replace"))

    def _segment(self, matcher: Any) -> None:
        while self.room and not matcher.is_stopped():
            forced = matcher.compute_ff_tokens()
            if not forced:
                token = self._allowed(matcher)
                if token is None:
                    return
                forced = [token]
            matcher.consume_tokens(forced)
            self._take(forced)

    def _allowed(self, matcher: Any) -> int | None:
        """The best token that the grammar allows; None where the model ends and may."""
        logits = self._logits()
        token = int(logits.argmax())
        if self._decoder.ends(token) and matcher.is_accepting():
            return None
        if not self._decoder.ends(token) and matcher.validate_tokens([token]):
            return token
        bits = np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8)
        allowed = np.unpackbits(bits, count=len(logits), bitorder="little").astype(bool)
        masked = np.where(allowed, logits, np.float32(-np.inf))
        token = int(masked.argmax())
        if not allowed.any():
            raise RuntimeError(f"the grammar allows nothing: {matcher.get_error()}")
        return None if self._decoder.ends(token) else token

    def _logits(self) -> Any:
        return self._decoder.read([*self._prompt, *self.tokens])

    def _take(self, tokens: list[int]) -> None:
        self.tokens += tokens
        self._bytes += b"".join(map(self._decoder.piece, tokens))
        if not self.first_line_s and b"\n" in self._bytes:
            self.first_line_s = self._clock()
