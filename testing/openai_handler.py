"""One connection to the scripted server."""

from __future__ import annotations

import json
import select
import socket
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from typing import Any

from llmcc.testing.openai_wire import MODEL, chat_events, response_events, usage_of, way_of

_OK = 200
_PATHS = ("/v1/chat/completions", "/v1/responses")


class _Cut(Exception):
    """The script wants the connection closed here."""


class _Gate:
    """Counts the bytes of an answer, and lets only so many through."""

    def __init__(self, target: Any, budget: int | None) -> None:
        self._target = target
        self._budget = budget
        self.sent = 0

    def write(self, data: bytes) -> int:
        """Writes what is let through.

        Raises:
            _Cut: that was not everything.
        """
        shown = data if self._budget is None else data[: max(0, self._budget - self.sent)]
        self._target.write(shown)
        self.sent += len(shown)
        if len(shown) < len(data):
            raise _Cut
        return len(data)

    def flush(self) -> None:
        """Sends what is held."""
        self._target.flush()


class Handler(BaseHTTPRequestHandler):
    """One connection; its requests come one after the other."""

    protocol_version = "HTTP/1.1"
    server: Any

    def log_message(self, format: str, *args: object) -> None:
        """Keeps quiet."""

    def do_GET(self) -> None:
        """`/v1/models`."""
        if self.path != "/v1/models":
            self._send_json(404, {"error": {"message": f"no {self.path} here"}})
            return
        self._send_json(_OK, {"object": "list", "data": [{"id": MODEL, "object": "model", "owned_by": "llmcc"}]})

    def do_POST(self) -> None:
        """The two APIs."""
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.path not in _PATHS:
            self._send_json(404, {"error": {"message": f"no {self.path} here"}})
            return
        answer = self.server.script.take(self.path, headers, body, time.monotonic())
        plain_file = self.wfile
        gate = _Gate(plain_file, answer.cut_after)
        self.wfile = gate  # type: ignore[assignment]
        try:
            self._answer(answer, body)
        except OSError:
            self.close_connection = True
            self.server.script.note_disconnect()
        except _Cut:
            # What is left unsent in the head must not be sent when the handler ends.
            self._headers_buffer: list[bytes] = []
            self.close_connection = True
        finally:
            self.wfile = plain_file
            self.server.script.sent = gate.sent

    def _answer(self, answer: Any, body: Mapping[str, Any]) -> None:
        """Sends an answer or an error."""
        if answer.status == _OK:
            self._stream(answer, _events(answer, self.path, body))
            return
        error = {"message": answer.message, "code": answer.code, "param": answer.param}
        self._send_json(answer.status, {"error": error}, answer.headers)

    def _stream(self, answer: Any, events: Iterator[bytes]) -> None:
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
        self._pause(answer.first_token_s)
        for index, data in enumerate(events):
            self._pause(answer.pause_s if index else 0.0)
            self._send_chunk(b"data: " + (answer.malformed if index == answer.malformed_at else data) + b"\n\n")
        self._send_chunk(b"")

    def _send_chunk(self, data: bytes) -> None:
        """One HTTP chunk."""
        self.wfile.write(b"%x\r\n" % len(data) + data + b"\r\n")

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


def _events(answer: Any, path: str, body: Mapping[str, Any]) -> Iterator[bytes]:
    """The data of the events of a whole answer, in the form that was asked for."""
    api, _, form = way_of(path, body).partition("/")
    form = "text" if answer.plain else form
    chunks = answer.chunks
    if form == "schema":
        # Cut where the chunks end, so that each of them is an event here, too.
        parts = [json.dumps(chunk)[1:-1] for chunk in chunks]
        chunks = ('{"plan": "', *parts, '"}')
    usage = usage_of(api, len(answer.chunks)) if answer.usage is True else answer.usage or None
    if api == "responses":
        return response_events(chunks, form=form, finish=answer.finish, usage=usage)
    asks = bool((body.get("stream_options") or {}).get("include_usage"))
    return chat_events(chunks, form=form, finish=answer.finish, usage=usage if asks else None)
