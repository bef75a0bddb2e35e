"""A model behind OpenAI's chat or Responses API: OpenAI's own service, or any server that speaks one of them."""

from __future__ import annotations

import functools
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import trio

from llmcc.runtime.models.errors import ModelUnavailable
from llmcc.runtime.models.extras import require
from llmcc.runtime.models.openai_answer import Timeouts
from llmcc.runtime.models.openai_call import Caller
from llmcc.runtime.models.openai_key import Key
from llmcc.runtime.models.openai_probe import QUESTION, Findings, probe
from llmcc.runtime.models.openai_ways import Records, Way, as_text, to_way
from llmcc.runtime.models.protocol import Completion, Request, Usage

_HOME = "api.openai.com"


@functools.cache
def _certificates() -> Any:
    """Who vouches for servers: the client's own choice, read once, because that takes longer than a whole request."""
    return require("httpx2", "openai").create_ssl_context()


class OpenAI:
    """A hosted model. Every stream makes its own connection; inside `async with` they share a pool of them.

    A request with a `grammar` is put in the best way that the server has (see `docs/models.md`): the first time it is
    asked a few short questions, and what it can do is written to a file. Constraints are not applied token by token
    (`constrains` is False): what comes back must be checked.
    """

    constrains = False

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        way: str | None = None,
        key_variable: str = "OPENAI_API_KEY",
        timeouts: Timeouts | None = None,
        retries: int = 2,
        records: Path | None = None,
    ) -> None:
        """Describes the model; nothing is connected yet.

        Args:
            model: the model's name on the server.
            base_url: where the server is (`http://localhost:8080/v1`); None: `$OPENAI_BASE_URL`, else OpenAI's.
            way: how to ask for plans, such as `chat/text`; None: the best that the server has.
            key_variable: the environment variable that holds the key. A server of your own may need none.
            timeouts: the longest waits.
            retries: how often a request is repeated that failed before its answer began (no connection, server busy).
            records: the file that says what servers can do; None: `servers.json` in the cache folder.

        Raises:
            ModelUnavailable: there is no key, and the server is OpenAI's; or the URL holds a key; or there is no such
                way.
        """
        self.name = model
        self._base_url = (base_url or os.environ.get("OPENAI_BASE_URL") or f"https://{_HOME}/v1").rstrip("/")
        self._way = None if way is None else to_way(way)
        self._key = Key(key_variable)
        self._timeouts = timeouts or Timeouts()
        self._records = Records(records)
        self._found: Way | None = None
        self._has_looked = False
        self._probing = trio.Lock()
        self._shared: Any = None
        url = urlsplit(self._base_url)
        if url.query or url.username or url.password:
            raise ModelUnavailable(f"keys do not belong into the server's URL: put them into ${key_variable}")
        is_openai = url.hostname == _HOME
        if not self._key and is_openai:
            raise ModelUnavailable(f"there is no key for OpenAI: set {key_variable}, or name a server with `base_url`")
        # OpenAI gave the old name up; most other servers know only that one.
        limit = "max_completion_tokens" if is_openai else "max_tokens"
        self._caller = Caller(model, self._base_url, self._key, self._timeouts, retries, limit)

    def __repr__(self) -> str:
        return f"OpenAI({self.name!r}, base_url={self._base_url!r})"

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Completion]:
        """Starts one answer; leaving the block closes its connection, so that the server stops too.

        The completion's `way` says how it was asked for; its `usage.requests` counts all requests that it took.

        Raises:
            ModelUnavailable: the package `openai` is missing, or the server cannot be reached or stays busy; also
                raised by `chunks` if nothing comes.
            ModelRefused: the server refuses the request.
            ContextTooLong: it refuses it because of its length.
            GrammarError: the server does not keep to the grammar; raised by `chunks`.
            StreamBroken: the answer breaks off or cannot be read; raised by `chunks`.
        """
        async with self._client() as client:
            way, spent = await self._choose(client, request)
            async with self._caller.answer(client, request, way, spent) as completion:
                yield completion

    async def probe(self) -> Findings:
        """Tries all ways on the server, with up to six short questions, and writes down those that work.

        Raises:
            ModelError: none works, or the server cannot be reached.
        """
        async with self._client() as client:
            return await self._probe(client, all_ways=True)

    async def __aenter__(self) -> Self:
        """Opens the pool of connections, for this trio run.

        Raises:
            ModelUnavailable: the package `openai` is missing.
        """
        self._shared = self._connect()
        await trio.lowlevel.checkpoint()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes the connections."""
        client, self._shared = self._shared, None
        await client.close()

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Any]:
        """The client with the pool, or one for this use."""
        async with AsyncExitStack() as stack:
            yield self._shared or await stack.enter_async_context(self._connect())

    def _connect(self) -> Any:
        """A client of the package `openai`; it connects when it is used. Pauses and waits are ours."""
        openai, httpx2 = require("openai", "openai"), require("httpx2", "openai")
        return openai.AsyncOpenAI(
            api_key=self._key.reveal(),
            base_url=self._base_url,
            timeout=httpx2.Timeout(None, connect=self._timeouts.connect_s),
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(verify=_certificates()),
        )

    async def _choose(self, client: Any, request: Request) -> tuple[Way, Usage]:
        """How to put the request, and what it cost to find out."""
        known = self._way or self._found or self._recorded()
        if request.grammar is None:
            return as_text(known or "chat/text"), Usage()
        if known is not None:
            return known, Usage()
        async with self._probing:  # several requests may come at once
            if self._found is not None:
                return self._found, Usage()
            found = await self._probe(client, all_ways=False)
            return found.works[0], found.usage

    def _recorded(self) -> Way | None:
        """The best way in the file, which is read once."""
        if not self._has_looked:
            self._has_looked = True
            self._found = next(iter(self._records.ways(self._base_url, self.name)), None)
        return self._found

    async def _probe(self, client: Any, *, all_ways: bool) -> Findings:
        """Asks the server, and writes down what it can do."""

        async def ask(way: Way) -> tuple[str, Usage]:
            async with self._caller.answer(client, QUESTION, way, Usage()) as completion:
                text = "".join([chunk async for chunk in completion.chunks])
            return text, completion.usage

        found = await probe(ask, all_ways=all_ways)
        self._records.write(self._base_url, self.name, found.works)
        self._found = found.works[0]
        return found
