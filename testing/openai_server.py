"""A server on the loopback that speaks the chat-completions protocol: real HTTP, with scripted answers and faults.

Example::

    with OpenAIServer([Answer("hello"), Answer(status=500), Answer("cut", cut_after=200)]) as server:
        model = OpenAI("any", base_url=server.base_url, api_key="k")
"""

from __future__ import annotations

import json
import select
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

MODEL = "scripted"
_OK = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """One scripted answer, and what goes wrong with it.

    Args:
        text: what the model says; in one chunk, or in the chunks given.
        status: other than 200: a JSON error with `message` and `code` is sent instead.
        message: the error's text.
        code: the error's code, such as `context_length_exceeded`.
        headers: sent with the answer (`Retry-After`, `retry-after-ms`).
        first_token_s: seconds before the first chunk.
        pause_s: seconds between chunks.
        cut_after: close the connection after so many bytes of the body (its HTTP framing counted).
        malformed_at: the number of the chunk (from 0) that is sent as broken JSON.
        finish: the reason given at the end; None: the answer ends without one.
        usage: False: be a server that never tells the usage.
    """

    text: str | Sequence[str] = ""
    status: int = _OK
    message: str = "scripted error"
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    first_token_s: float = 0.0
    pause_s: float = 0.0
    cut_after: int | None = None
    malformed_at: int | None = None
    finish: str | None = "stop"
    usage: bool = True

    @property
    def chunks(self) -> tuple[str, ...]:
        """The text as it is sent."""
        return (self.text,) if isinstance(self.text, str) else tuple(self.text)


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived: its path, headers (names in lower case) and JSON body."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class OpenAIServer:
    """Serves `answers` in order, on 127.0.0.1 and a free port, while the `with` block runs.

    `requests` holds the chat requests; `disconnects` counts the clients that went away before their answer was
    complete. Asked more often than there are answers, it answers 400 and says so.
    """

    def __init__(self, answers: Sequence[Answer]) -> None:
        """Takes the answers; the server starts with the `with` block."""
        self.requests: list[Received] = []
        self.disconnects = 0
        self._answers = list(answers)
        self._changed = threading.Condition()
        self._connections: set[socket.socket] = set()
        self._http = _Server(("127.0.0.1", 0), _Handler)
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
            for connection in self._connections:
                with suppress(OSError):  # the client may have closed it already
                    connection.shutdown(socket.SHUT_RDWR)
        self._http.server_close()

    def take(self, received: Received) -> Answer:
        """Records a request and hands out its answer."""
        with self._changed:
            self.requests.append(received)
            number = len(self.requests)
        if number > len(self._answers):
            return Answer(status=400, message=f"{len(self._answers)} answers, asked for number {number}")
        return self._answers[number - 1]

    def note_disconnect(self) -> None:
        """Counts a client that went away."""
        with self._changed:
            self.disconnects += 1
            self._changed.notify_all()

    def note_connection(self, connection: socket.socket, *, is_open: bool) -> None:
        """Keeps the list of connections to close at the end."""
        with self._changed:
            (self._connections.add if is_open else self._connections.discard)(connection)


class _Server(ThreadingHTTPServer):
    """The HTTP server; it waits for its threads when it closes."""

    script: OpenAIServer
    daemon_threads = False

    def process_request(self, request: Any, client_address: Any) -> None:
        """Notes a new connection, before its thread starts."""
        self.script.note_connection(request, is_open=True)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forgets a connection, before it is closed."""
        self.script.note_connection(request, is_open=False)
        super().shutdown_request(request)


class _Cut(Exception):
    """The script wants the connection closed here."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: _Server
    _budget: int | None = None

    def log_message(self, format: str, *args: object) -> None:
        """Keeps quiet."""

    def do_GET(self) -> None:
        """`/v1/models`."""
        if self.path != "/v1/models":
            self._send_json(404, {"error": {"message": f"no {self.path} here"}})
            return
        self._send_json(_OK, {"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "llmcc"}]})

    def do_POST(self) -> None:
        """`/v1/chat/completions`."""
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.path != "/v1/chat/completions":
            self._send_json(404, {"error": {"message": f"no {self.path} here"}})
            return
        answer = self.server.script.take(Received(self.path, headers, body))
        if answer.status != _OK:
            error = {"error": {"message": answer.message, "code": answer.code}}
            self._send_json(answer.status, error, answer.headers)
            return
        try:
            self._stream(answer, asks_usage=bool((body.get("stream_options") or {}).get("include_usage")))
        except OSError:
            self.close_connection = True
            self.server.script.note_disconnect()
        except _Cut:
            self.close_connection = True

    def _stream(self, answer: Answer, *, asks_usage: bool) -> None:
        """Sends the answer as server-sent events, in HTTP chunks.

        Raises:
            OSError: the client is gone.
            _Cut: the script cuts the answer.
        """
        self.send_response(_OK)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self._budget = answer.cut_after
        self._pause(answer.first_token_s)
        for index, data in enumerate(_events(answer, asks_usage=asks_usage)):
            self._pause(answer.pause_s if index else 0.0)
            self._send_chunk(b"data: " + (b"{broken" if index == answer.malformed_at else data) + b"\n\n")
        self._send_chunk(b"")

    def _send_chunk(self, data: bytes) -> None:
        """One HTTP chunk, as far as the script lets it through."""
        frame = b"%x\r\n" % len(data) + data + b"\r\n"
        shown = frame if self._budget is None else frame[: self._budget]
        self.wfile.write(shown)
        if self._budget is not None:
            self._budget -= len(shown)
        if len(shown) < len(frame):
            raise _Cut

    def _pause(self, seconds: float) -> None:
        """Waits, but not for a client that has gone.

        Raises:
            ConnectionResetError: it has.
        """
        if seconds <= 0:
            return
        readable, _, _ = select.select([self.connection], [], [], seconds)
        if readable and not self.connection.recv(1, socket.MSG_PEEK):
            raise ConnectionResetError("the client went away")

    def _send_json(self, status: int, value: object, headers: Mapping[str, str] | None = None) -> None:
        """A whole answer."""
        data = json.dumps(value).encode()
        self.send_response(status)
        sent = {"Content-Type": "application/json", "Content-Length": str(len(data)), **(headers or {})}
        for name, text in sent.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(data)


def _events(answer: Answer, *, asks_usage: bool) -> Iterator[bytes]:
    """The data of the events of a whole answer."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": MODEL}

    def event(delta: Mapping[str, str], finish: str | None = None) -> bytes:
        return json.dumps({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).encode()

    for text in answer.chunks:
        yield event({"content": text})
    if answer.finish:
        yield event({}, answer.finish)
    if answer.usage and asks_usage:
        count = len(answer.chunks)
        usage = {"prompt_tokens": 7, "completion_tokens": count, "total_tokens": 7 + count}
        yield json.dumps({**head, "choices": [], "usage": usage}).encode()
    yield b"[DONE]"
