"""A server on the loopback that speaks the chat and the Responses API: real HTTP, with scripted answers and faults.

Example::

    with OpenAIServer([Answer("hello"), Answer(status=500), Answer("cut", cut_after=200)]) as server:
        model = OpenAI("any", base_url=server.base_url)
"""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self, TypeAlias

from llmcc.runtime.models import OpenAI, Timeouts
from llmcc.testing.openai_handler import Handler
from llmcc.testing.openai_wire import way_of

_OK = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """One scripted answer, and what goes wrong with it.

    Args:
        text: what the model says; in one chunk, or in the chunks given. It is sent in the form that was asked for.
        status: other than 200: a JSON error with `message`, `code` and `param` is sent instead.
        message: the error's text.
        code: the error's code, such as `context_length_exceeded`.
        param: the argument that the error is about.
        headers: sent with the answer (`Retry-After`, `retry-after-ms`).
        first_token_s: seconds before the first event.
        pause_s: seconds between events.
        cut_after: close the connection after so many bytes, counted from the first of the answer's head.
        malformed_at: the number of the event (from 0) in place of which `malformed` is sent.
        malformed: the data of a broken event.
        finish: the reason given at the end; None: the answer ends without one.
        usage: True: the usage; False: be a server that never tells it; else what is sent in its place.
        plain: True: ignore tools and schemas, as many servers do, and send text.
    """

    text: str | Sequence[str] = ""
    status: int = _OK
    message: str = "scripted error"
    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    first_token_s: float = 0.0
    pause_s: float = 0.0
    cut_after: int | None = None
    malformed_at: int | None = None
    malformed: bytes = b"{broken"
    finish: str | None = "stop"
    usage: object = True
    plain: bool = False

    @property
    def chunks(self) -> tuple[str, ...]:
        """The text as it is sent."""
        return (self.text,) if isinstance(self.text, str) else tuple(self.text)


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived: its path, headers (names in lower case), JSON body, and the time in seconds."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at_s: float = 0.0

    @property
    def way(self) -> str:
        """How it asks: `chat/grammar`, `responses/text` and so on."""
        return way_of(self.path, self.body)


Script: TypeAlias = Sequence[Answer] | Callable[[Received], Answer]


class OpenAIServer:
    """Serves a script on 127.0.0.1 and a free port while the `with` block runs.

    The script is a list of answers, given in order (asked more often, the server answers 400 and says so), or a
    function from the request to its answer. `requests` holds what was asked; `disconnects` counts the clients that went
    away before their answer was complete, `connections` all that ever came, and `sent` the bytes of the last answer.
    """

    def __init__(self, script: Script) -> None:
        """Takes the script; the server starts with the `with` block."""
        self.requests: list[Received] = []
        self.disconnects = 0
        self.connections = 0
        self.sent = 0
        self._script = script
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        self._http = _Server(("127.0.0.1", 0), Handler)
        self._http.script = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def base_url(self) -> str:
        """What a client takes as its base URL."""
        return f"http://127.0.0.1:{self._http.server_port}/v1"

    def wait_for_disconnects(self, count: int, timeout_s: float = 5.0) -> bool:
        """Waits until `count` clients went away early; False when that took too long."""
        with self._changed:
            return self._changed.wait_for(lambda: self.disconnects >= count, timeout_s)

    def __enter__(self) -> Self:
        """Starts to serve."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes all connections and waits for all threads."""
        self._http.shutdown()
        self._thread.join()
        with self._changed:
            for connection in self._open:
                with suppress(OSError):  # the client may have closed it already
                    connection.shutdown(socket.SHUT_RDWR)
        self._http.server_close()

    def take(self, path: str, headers: dict[str, str], body: dict[str, Any], at_s: float) -> Answer:
        """Records a request and hands out its answer."""
        received = Received(path, headers, body, at_s)
        with self._changed:
            self.requests.append(received)
            number = len(self.requests)
        if callable(self._script):
            return self._script(received)
        if number > len(self._script):
            return Answer(status=400, message=f"{len(self._script)} answers, asked for number {number}")
        return self._script[number - 1]

    def note_disconnect(self) -> None:
        """Counts a client that went away."""
        with self._changed:
            self.disconnects += 1
            self._changed.notify_all()

    def note_connection(self, connection: socket.socket, *, is_open: bool) -> None:
        """Keeps the list of connections to close at the end."""
        with self._changed:
            self.connections += is_open
            (self._open.add if is_open else self._open.discard)(connection)


@contextmanager
def serving(
    *answers: Answer, way: str | None = None, retries: int = 0, timeout_s: float = 5.0
) -> Iterator[tuple[OpenAIServer, OpenAI]]:
    """A server with a script, and a model that asks it: `way` says how, and no wait is longer than `timeout_s`."""
    timeouts = Timeouts(timeout_s, timeout_s, timeout_s)
    with OpenAIServer(answers) as server:
        yield server, OpenAI("tiny", base_url=server.base_url, way=way, retries=retries, timeouts=timeouts)


class _Server(ThreadingHTTPServer):
    """The HTTP server; it waits for its threads when it closes."""

    script: OpenAIServer
    daemon_threads = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of a client that went away, which is counted; all else is a defect."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Notes a new connection, before its thread starts."""
        self.script.note_connection(request, is_open=True)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forgets a connection, before it is closed."""
        self.script.note_connection(request, is_open=False)
        super().shutdown_request(request)
