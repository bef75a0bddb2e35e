"""One request to a server until its answer begins: attempts, pauses, and what the server refuses."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import trio

from llmcc.runtime.models.errors import GrammarError, ModelUnavailable
from llmcc.runtime.models.extras import require
from llmcc.runtime.models.openai_answer import Answer, Timeouts
from llmcc.runtime.models.openai_arguments import OPTIONAL, arguments
from llmcc.runtime.models.openai_failures import Failure, client_errors, failure, pause_s
from llmcc.runtime.models.openai_key import Key
from llmcc.runtime.models.openai_ways import Way, has_grammar
from llmcc.runtime.models.protocol import Completion, Request, Usage


class Caller:
    """Asks one server for one model's answers. It learns which optional arguments the server refuses."""

    def __init__(self, model: str, base_url: str, key: Key, timeouts: Timeouts, retries: int, limit: str) -> None:
        self._model = model
        self._base_url = base_url
        self._key = key
        self._timeouts = timeouts
        self._retries = retries
        self._limit = limit
        self._without: set[str] = set()
        self._draw = random.Random()

    @asynccontextmanager
    async def answer(self, client: Any, request: Request, way: Way, spent: Usage) -> AsyncIterator[Completion]:
        """The answer on its way; leaving the block closes its connection. `spent` is added to its usage."""
        events, first_by, requests = await self._open(client, request, way)
        async with events:
            reading = Answer(events, way, request.stop, first_by, self._timeouts, self._key.scrub)
            async with aclosing(reading.chunks()) as chunks:
                yield reading.begin(chunks, spent + Usage(requests=requests))

    async def _open(self, client: Any, request: Request, way: Way) -> tuple[Any, float, int]:
        """The stream of events, the time by which it must show text, and how many requests it took."""
        requests = attempt = 0
        while True:
            first_by = trio.current_time() + self._timeouts.first_token_s
            result = await self._attempt(client, request, way, first_by)
            requests += 1
            if not isinstance(result, Failure):
                return result, first_by, requests
            if self._does_without(result.field):
                continue
            if result.malformed and has_grammar(way):
                raise GrammarError(str(result.error), requests)
            if not result.again or attempt >= self._retries:
                raise result.error
            pause = pause_s(attempt, result.pause_s, self._draw)
            if pause is None:
                raise ModelUnavailable(f"{result.error}; it asks for a pause of {result.pause_s:g} s")
            attempt += 1
            await trio.sleep(pause)

    async def _attempt(self, client: Any, request: Request, way: Way, first_by: float) -> Any:
        """The stream of events, or the `Failure`. A silent server is not asked again: it has the request."""
        made = arguments(request, way, self._model, limit=self._limit, without=self._without)
        path = "/responses" if way.startswith("responses/") else "/chat/completions"
        stream_class = require("openai", "openai").AsyncStream[object]
        failed = Failure(ModelUnavailable(f"{self._base_url} sent no text within {self._timeouts.first_token_s:g} s"))
        with trio.move_on_at(first_by):
            try:
                # Not `create`: it builds a class an event, which takes longer than all the rest (docs/adr/0022).
                return await client.post(path, body=made, cast_to=object, stream=True, stream_cls=stream_class)
            except client_errors() as error:
                failed = failure(error, base_url=self._base_url, key=self._key, now_s=time.time())
        return failed

    def _does_without(self, field: str | None) -> bool:
        """Whether the refused argument can be left out, or be called by its other name, from now on."""
        if field == "max_tokens" == self._limit:
            self._limit = "max_completion_tokens"
            return True
        if field is None or field not in OPTIONAL or field in self._without:
            return False
        self._without.add(field)
        return True
