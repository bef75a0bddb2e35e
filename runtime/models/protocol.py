"""What a model is to llmcc: a request goes in, text comes out in chunks, and the usage is known at the end.

A backend implements `Model.stream`. It is an asynchronous context manager, so that leaving the block (also by
cancellation) always ends the generation: no request outlives the code that asked for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol, Self, runtime_checkable


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    text: str


class Constraint(Protocol):
    """A grammar that is handed out piece by piece, because what may follow depends on what was written.

    A decoder asks `next_grammar()` for the grammar of the next segment (a statement, with its line end), generates text
    that the grammar accepts until it can accept no more, reports it with `accept`, and asks again.
    """

    def next_grammar(self) -> str | None:
        """Lark text in llguidance's subset, start rule `start`; None when the whole output is complete."""

    def accept(self, segment: str) -> None:
        """Takes the text (all of it, line end included) that completed the grammar handed out last."""


@runtime_checkable
class Choosy(Constraint, Protocol):
    """A constraint that several ways to go on can be held to, and that has a say which of them is taken."""

    def doubt(self, segment: str) -> float:
        """How much speaks against a whole segment: so much less counts the logarithm of its probability. At least 0."""

    def copy(self) -> Self:
        """One that stands where this one does, and accepts other segments from there. The decoder of several ways
        accepts only in copies.
        """


@dataclass(frozen=True, slots=True)
class Request:
    """What a model is asked for.

    Either `prompt` (plain completion) or `messages` (chat); a backend that speaks only one of them converts.
    `max_tokens` bounds the output in tokens, `temperature` 0 is greedy, `stop` texts end the output and are not part
    of it. `grammar` is that of the whole answer, as Lark text in the subset that OpenAI's custom tools take, and `gbnf`
    the same for llama.cpp and its like; backends that cannot use them ignore them, so what comes back must be checked.

    `priority`: of requests that wait for the same model, the one with the larger number goes first; a schedule's
    priorities can be taken as they are. `prefix` is a beginning of `prompt` that other requests, later ones too, have
    in common with this one (the tools, the examples): a backend may keep what it made of it.
    `beam`: how many ways to write the answer are looked at before one is taken, at a temperature of 0, with a
    `constraint` that is `Choosy`, and by a backend that can; text comes when all of them agree on it.
    `adapted`: a model that was adapted to write plans (`Adapted`) answers as such; others ignore it.
    """

    prompt: str | None = None
    messages: tuple[Message, ...] = ()
    constraint: Constraint | None = None
    grammar: str | None = None
    gbnf: str | None = None
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    temperature: float = 0.0
    seed: int = 0
    priority: float = 0.0
    prefix: str = ""
    adapted: bool = False
    beam: int = 1


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written, and how many of those read came out of a cache. Adds up with `+`."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    requests: int = 0

    def __add__(self, other: Usage) -> Usage:
        """The sum, field by field."""
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            self.requests + other.requests,
        )


@dataclass(slots=True)
class Completion:
    """One answer on its way: iterate `chunks`, then read `usage` and `finish`.

    `finish` is `stop` (the model, a stop text or the constraint ended it), `length` (`max_tokens` or the context ended
    it) or None while it runs. `way` says how a backend that knows several ways asked for it (`responses/grammar`), and
    `notes` what did not go as it was asked for: a grammar that a server refuses.
    """

    chunks: AsyncIterator[str]
    usage: Usage = field(default_factory=Usage)
    finish: Literal["stop", "length"] | None = None
    way: str = ""
    notes: tuple[str, ...] = ()


@runtime_checkable
class Model(Protocol):
    """A language model. `constrains` tells whether it honours `Request.constraint` token by token."""

    @property
    def name(self) -> str:
        """How the model is called in traces and messages."""

    @property
    def constrains(self) -> bool:
        """True if every text it writes is accepted by the request's constraint."""

    def stream(self, request: Request) -> AbstractAsyncContextManager[Completion]:
        """Starts one answer; leaving the block ends it.

        Raises:
            ModelError: the model cannot answer (see `llmcc.runtime.models.errors`).
        """


@runtime_checkable
class Hosted(Model, Protocol):
    """A model behind a server: its tokens may cost money, and it is worth deriving a `Request.grammar` for it."""

    @property
    def base_url(self) -> str:
        """Where the server is."""


@runtime_checkable
class Adapted(Model, Protocol):
    """A model that may have been adapted to write plans; it does so for requests that are `adapted`, and no others."""

    @property
    def adapter(self) -> str | None:
        """What it was adapted with, for traces and messages; None if it was not."""
