"""The text of one streamed answer, as it comes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import trio

from llmcc.runtime.models.errors import ModelError, ModelUnavailable, StreamBroken
from llmcc.runtime.models.openai_events import Piece, reader
from llmcc.runtime.models.openai_failures import client_errors
from llmcc.runtime.models.openai_json import PlanInJson
from llmcc.runtime.models.openai_ways import Way
from llmcc.runtime.models.protocol import Completion, Usage
from llmcc.runtime.models.stopping import StopFilter

#: How long a complete answer is followed, in seconds, for its usage and for the connection to be used again.
_TAIL_S = 1.0


@dataclass(frozen=True, slots=True)
class Timeouts:
    """The longest waits, in seconds: for a connection, for the first text after the request, and for what follows."""

    connect_s: float = 10.0
    first_token_s: float = 120.0
    between_tokens_s: float = 30.0


class Answer:
    """Turns the events of one answer into chunks of text and its usage.

    Args:
        events: the client's stream.
        way: how it was asked for.
        stops: texts that end it.
        first_by: the time on trio's clock by which there must be text.
        timeouts: the longest waits.
        scrub: takes the key out of a text.
    """

    def __init__(
        self,
        events: Any,
        way: Way,
        stops: Sequence[str],
        first_by: float,
        timeouts: Timeouts,
        scrub: Callable[[str], str],
    ) -> None:
        self._events = events
        self._way = way
        self._reader = reader(way)
        self._unpack = PlanInJson() if way.endswith("/schema") else None
        self._stop = StopFilter(stops)
        self._by = first_by
        self._timeouts = timeouts
        self._scrub = scrub
        self._has_begun = False

    def begin(self, chunks: AsyncIterator[str], spent: Usage) -> Completion:
        """The completion that reading `chunks` fills. `spent` is what it has cost by now."""
        self._spent = spent
        self._completion = Completion(chunks, spent, way=self._way)
        return self._completion

    async def chunks(self) -> AsyncGenerator[str]:
        """The text, until the answer says that it is complete or a stop text ends it.

        Raises:
            ModelUnavailable: the connection breaks, or nothing comes in time, before there is any text.
            StreamBroken: that happens later, or what comes cannot be read.
            ModelError: the server or the model says no, in the midst of the answer.
        """
        finish = None
        while finish is None:
            piece = self._read(await self._next())
            finish = piece.finish
            if shown := self._stop.feed(piece.text):
                yield shown
            if self._stop.stopped:
                self._completion.finish = "stop"
                return
        if self._unpack and finish == "stop" and not self._unpack.is_complete:
            raise StreamBroken("the server ended the answer within its JSON object")
        self._completion.finish = finish
        if held := self._stop.flush():
            yield held
        await self._read_tail()

    async def _next(self) -> Any:
        """The next event."""
        error = self._silent()
        with trio.move_on_at(self._by):
            try:
                if (event := await anext(self._events, None)) is not None:
                    return event
                error = StreamBroken("the server ended the answer without saying that it is complete")
            except client_errors() as broken:
                error = self._broken(broken)
        raise error

    def _read(self, event: Any) -> Piece:
        """What the event adds; errors that quote the server are raised without the key."""
        try:
            return self._unpacked(event)
        except ModelError as error:
            kind, said = type(error), self._scrub(str(error))
        del event  # it may hold the key, and some tools show the variables of a traceback
        raise kind(said)

    def _unpacked(self, event: Any) -> Piece:
        piece = self._reader.read(event)
        self._note(piece)
        return piece if self._unpack is None else Piece(self._unpack.feed(piece.text), piece.finish)

    def _note(self, piece: Piece) -> None:
        """Keeps the usage (a server may tell it more than once: the last one counts) and moves the time limit."""
        if piece.usage:
            self._completion.usage = self._spent + piece.usage
        self._has_begun = self._has_begun or bool(piece.text)
        if self._has_begun:
            self._by = trio.current_time() + self._timeouts.between_tokens_s

    async def _read_tail(self) -> None:
        """Reads what follows a complete answer: its usage, in the chat API, and the end of the connection's use.

        What breaks here costs just these, and no part of the answer.
        """
        expected: tuple[type[Exception], ...] = (ModelError, *client_errors())
        with trio.move_on_after(_TAIL_S):
            try:
                while (event := await anext(self._events, None)) is not None:
                    self._note(self._reader.read(event))
            except expected:
                return

    def _broken(self, error: Exception) -> ModelError:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        # Unreadable events are no lost connection.
        kind = StreamBroken if self._has_begun or isinstance(error, ValueError | RecursionError) else ModelUnavailable
        return kind(self._scrub(f"the answer broke off: {error}{cause}"))

    def _silent(self) -> ModelError:
        if self._has_begun:
            return StreamBroken(f"the answer broke off: nothing came for {self._timeouts.between_tokens_s:g} s")
        return ModelUnavailable(f"the server sent no text within {self._timeouts.first_token_s:g} s")
