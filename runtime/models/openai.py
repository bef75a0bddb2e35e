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

from llmcc.runtime.models.errors import GrammarError, ModelUnavailable
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
    asked a few short questions, and what it can do is written to a file. A grammar that the server refuses is left out:
    the request is put in the next best way, and the completion's `notes` say so. Constraints are not applied token by
    token (`constrains` is False): what comes back must be checked.
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
        self._found: tuple[Way, ...] = ()
        #: The grammars that the server refused, and in which way.
        self._refused: dict[tuple[Way, str | None], str] = {}
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

    @property
    def base_url(self) -> str:
        """Where the server is."""
        return self._base_url

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
            GrammarError: the server does not keep to the grammar; raised by `chunks`. Or it refuses it, and `way` was
                given.
            StreamBroken: the answer breaks off or cannot be read; raised by `chunks`.
        """
        async with self._client() as client, AsyncExitStack() as stack:
            yield await self._open(client, request, stack)

    async def _open(self, client: Any, request: Request, stack: AsyncExitStack) -> Completion:
        """The answer in the best way for which the server does not refuse the grammar."""
        spent = Usage()
        while True:
            way, cost = await self._choose(client, request)
            spent += cost
            try:
                completion = await stack.enter_async_context(self._caller.answer(client, request, way, spent))
            except GrammarError as error:
                if self._way is not None or request.grammar is None:
                    raise
                self._refused[way, request.grammar] = str(error)
                spent += Usage(requests=error.requests)
                continue
            refused = (said for (_, grammar), said in self._refused.items() if grammar == request.grammar)
            completion.notes = tuple(f"the grammar was refused, and {way} used instead: {said}" for said in refused)
            return completion

    async def probe(self) -> Findings:
        """Tries all ways on the server, with a few short questions, and writes down those that work.

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
        if request.grammar is None:
            known = self._known()
            return as_text(self._way or (known[0] if known else "chat/text")), Usage()
        if self._way is not None:
            lacks = self._way == "chat/gbnf" and request.gbnf is None
            return as_text(self._way) if lacks else self._way, Usage()
        async with self._probing:  # several requests may come at once
            way = self._usable(request)
            if way is not None:
                return way, Usage()
            found = await self._probe(client, all_ways=bool(self._known()))
            way = self._usable(request)
            if way is None:
                raise GrammarError("; ".join(dict.fromkeys(self._refused.values())))
            return way, found.usage

    def _known(self) -> tuple[Way, ...]:
        """The ways that work, the best first; from the file, which is read once."""
        if not self._has_looked:
            self._has_looked = True
            self._found = self._found or self._records.ways(self._base_url, self.name)
        return self._found

    def _usable(self, request: Request) -> Way | None:
        """The best way for which the request has a grammar that the server does not refuse."""
        ways = (way for way in self._known() if way != "chat/gbnf" or request.gbnf is not None)
        return next((way for way in ways if (way, request.grammar) not in self._refused), None)

    async def _probe(self, client: Any, *, all_ways: bool) -> Findings:
        """Asks the server, and writes down what it can do."""

        async def ask(way: Way) -> tuple[str, Usage]:
            async with self._caller.answer(client, QUESTION, way, Usage()) as completion:
                text = "".join([chunk async for chunk in completion.chunks])
            return text, completion.usage

        found = await probe(ask, all_ways=all_ways)
        self._records.write(self._base_url, self.name, found.works)
        self._found = tuple(found.works)
        return found
