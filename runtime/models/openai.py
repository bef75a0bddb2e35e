"""A model behind the chat-completions protocol: OpenAI's own service, or any server that speaks it."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Literal, Self

import trio

from llmcc.runtime.models.errors import ContextTooLong, ModelError, ModelRefused, ModelUnavailable, StreamBroken
from llmcc.runtime.models.extras import require
from llmcc.runtime.models.protocol import Completion, Request, Usage
from llmcc.runtime.models.stopping import StopFilter

_HOME = "api.openai.com"
_MAX_STOPS = 4  # more are refused by OpenAI; the rest is applied here
_BUSY = (408, 409, 429)
_SERVER_ERROR = 500


class OpenAI:
    """A hosted model. Every stream makes its own connection; inside `async with` they share a pool of them.

    Constraints are not applied (`constrains` is False): what comes back must be checked.
    """

    constrains = False

    def __init__(
        self,
        model: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 60.0,
        retries: int = 2,
    ) -> None:
        """Describes the model; nothing is connected yet.

        Args:
            model: the model's name on the server.
            base_url: where the server is (`http://localhost:8080/v1`); None: `$OPENAI_BASE_URL`, else OpenAI's.
            api_key: None: `$OPENAI_API_KEY`. A server of your own may need none.
            timeout_s: the longest wait, in seconds, for a connection and for each piece of the answer.
            retries: how often a request is repeated that failed before its answer began (no connection, server busy).

        Raises:
            ModelUnavailable: there is no key, and the server is OpenAI's.
        """
        self.name = model
        self._base_url = base_url or os.environ.get("OPENAI_BASE_URL") or f"https://{_HOME}/v1"
        self._key = api_key or os.environ.get("OPENAI_API_KEY") or ""
        self._timeout_s = timeout_s
        self._retries = retries
        self._shared: Any = None
        if not self._key and self._is_openai:
            raise ModelUnavailable("there is no key for OpenAI: set OPENAI_API_KEY, or name a server with `base_url`")

    def __repr__(self) -> str:
        return f"OpenAI({self.name!r}, base_url={self._base_url!r})"

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Completion]:
        """Starts one answer; leaving the block closes its connection, so that the server stops too.

        Raises:
            ModelUnavailable: the package `openai` is missing, or the server cannot be reached or stays busy.
            ModelRefused: the server refuses the request.
            ContextTooLong: it refuses it because of its length.
            StreamBroken: the answer breaks off or cannot be read; raised by `chunks`.
        """
        async with AsyncExitStack() as stack:
            client = self._shared or await stack.enter_async_context(self._connect())
            with self._errors_mapped(begun=False):
                create = client.chat.completions.create(**self._arguments(request))
                events = await stack.enter_async_context(await create)

            async def read() -> AsyncGenerator[str]:
                stop, begun = StopFilter(request.stop), False
                while event := await self._next_event(events, begun=begun):
                    begun = True
                    completion.usage = _usage(event) or completion.usage
                    text, reason = _text_and_reason(event)
                    if shown := stop.feed(text):
                        yield shown
                    if stop.stopped:
                        break
                    completion.finish = _finish(reason) or completion.finish
                if completion.finish is None and not stop.stopped:
                    raise StreamBroken("the server ended the answer without saying that it is complete")
                completion.finish = completion.finish or "stop"
                if held := stop.flush():
                    yield held

            chunks = await stack.enter_async_context(aclosing(read()))
            completion = Completion(chunks, Usage(requests=1))
            yield completion

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

    @property
    def _is_openai(self) -> bool:
        return f"//{_HOME}/" in f"{self._base_url}/"

    def _connect(self) -> Any:
        """A client of the package `openai`; it connects when it is used."""
        return require("openai", "openai").AsyncOpenAI(
            api_key=self._key or "none",
            base_url=self._base_url,
            timeout=self._timeout_s,
            max_retries=self._retries,
        )

    def _arguments(self, request: Request) -> dict[str, object]:
        """The request in the protocol's words; a prompt becomes a user's message."""
        messages = [{"role": message.role, "content": message.text} for message in request.messages]
        if not messages:
            messages = [{"role": "user", "content": request.prompt or ""}]
        # OpenAI gave the old name up; most other servers know only that one.
        limit = "max_completion_tokens" if self._is_openai else "max_tokens"
        arguments: dict[str, object] = {
            "model": self.name,
            "messages": messages,
            "temperature": request.temperature,
            "seed": request.seed,
            limit: request.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if request.stop:
            arguments["stop"] = list(request.stop[:_MAX_STOPS])
        return arguments

    async def _next_event(self, events: Any, *, begun: bool) -> Any:
        """The stream's next event, or None at its end; the client's errors are turned into ours."""
        with self._errors_mapped(begun=begun):
            return await anext(events, None)

    @contextmanager
    def _errors_mapped(self, *, begun: bool) -> Iterator[None]:
        """Turns the client's errors into `ModelError`s, without the originals: those hold the request and its key."""
        openai = require("openai", "openai")
        try:
            yield
        except openai.APIStatusError as error:
            mapped = self._status_error(error)
        except (openai.OpenAIError, ValueError) as error:
            is_silent = isinstance(error, openai.APIConnectionError) and not begun
            mapped = self._unreachable(error) if is_silent else self._broken(error)
        else:
            return
        raise mapped from None

    def _status_error(self, error: Any) -> ModelError:
        """What the server's refusal means."""
        text = self._scrubbed(f"the server answers {error.status_code}: {error.message}")
        if error.status_code in _BUSY or error.status_code >= _SERVER_ERROR:
            return ModelUnavailable(text)
        if error.code == "context_length_exceeded":
            return ContextTooLong(text)
        return ModelRefused(text)

    def _unreachable(self, error: Exception) -> ModelError:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        return ModelUnavailable(self._scrubbed(f"no answer from {self._base_url}: {error}{cause}"))

    def _broken(self, error: Exception) -> ModelError:
        return StreamBroken(self._scrubbed(f"the answer broke off: {error}"))

    def _scrubbed(self, text: str) -> str:
        """`text` without the key, should the server have repeated it."""
        return text.replace(self._key, "***") if self._key else text


def _text_and_reason(event: Any) -> tuple[str, str | None]:
    """The text of an event and why the answer ended, if it did; servers send events without either."""
    choices = getattr(event, "choices", None)
    if choices is None or not isinstance(choices, list):
        raise StreamBroken("the server sent an event that is no part of a chat completion")
    if not choices:
        return "", None
    delta = getattr(choices[0], "delta", None)
    text = getattr(delta, "content", None) or ""
    if not isinstance(text, str):
        raise StreamBroken("the server sent an event whose text is no text")
    return text, getattr(choices[0], "finish_reason", None)


def _finish(reason: str | None) -> Literal["stop", "length"] | None:
    """The protocol's reason in our words.

    Raises:
        ModelRefused: the server's filter ended the answer.
    """
    if reason == "content_filter":
        raise ModelRefused("the server's content filter ended the answer")
    if reason is None:
        return None
    return "length" if reason == "length" else "stop"


def _usage(event: Any) -> Usage | None:
    """The usage, where the event tells it."""
    told = getattr(event, "usage", None)
    if told is None:
        return None
    details = getattr(told, "prompt_tokens_details", None)
    cached = getattr(details, "cached_tokens", None) or 0
    return Usage(told.prompt_tokens or 0, told.completion_tokens or 0, cached, requests=1)
