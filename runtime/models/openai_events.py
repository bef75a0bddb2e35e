"""What the events of a streamed answer say, for both APIs.

Events are JSON values as the server sent them, so everything in them is looked at before it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from llmcc.runtime.models.errors import GrammarError, ModelRefused, StreamBroken
from llmcc.runtime.models.openai_ways import Way
from llmcc.runtime.models.protocol import Usage


@dataclass(frozen=True, slots=True)
class Piece:
    """What one event adds."""

    text: str = ""
    finish: Literal["stop", "length"] | None = None
    usage: Usage | None = None


class Reader(Protocol):
    """Reads the events of one answer, in order."""

    def read(self, event: Any) -> Piece:
        """What the event adds.

        Raises:
            StreamBroken: it is none of this API's, or the server says that it failed.
            ModelRefused: the model or a filter refuses to go on.
            GrammarError: the text stands beside the tool that has the grammar.
        """


def reader(way: Way) -> Reader:
    """The reader for a way."""
    api, _, form = way.partition("/")
    return ResponsesReader(form) if api == "responses" else ChatReader(form)


class ChatReader:
    """Chat completions."""

    def __init__(self, form: str) -> None:
        self._calls = form == "grammar"

    def read(self, event: Any) -> Piece:
        """See `Reader`."""
        choices = _get(event, "choices")
        if not isinstance(choices, list):
            raise StreamBroken("the server sent an event that is no part of a chat completion")
        usage = _usage(_get(event, "usage"), "prompt_tokens", "completion_tokens")
        if not choices:
            return Piece(usage=usage)
        delta = _get(choices[0], "delta")
        if refusal := _text(delta, "refusal"):
            raise ModelRefused(f"the model refuses: {refusal}")
        content = _text(delta, "content")
        text = self._input(delta, content) if self._calls else content
        return Piece(text, _finish(_get(choices[0], "finish_reason")), usage)

    def _input(self, delta: Any, content: str) -> str:
        """The next part of the tool's input."""
        if content.strip():
            raise _beside(content)
        calls = _get(delta, "tool_calls") or []
        if not isinstance(calls, list):
            raise StreamBroken("the server sent tool calls that are no list")
        if any(_get(call, "index") not in (0, None) for call in calls):
            raise GrammarError("the model calls the tool a second time")
        return "".join(_text(_get(call, "custom"), "input") for call in calls)


class ResponsesReader:
    """The Responses API."""

    def __init__(self, form: str) -> None:
        self._calls = form == "grammar"
        self._seen = ""
        self._item: object = None

    def read(self, event: Any) -> Piece:
        """See `Reader`."""
        kind = _get(event, "type")
        if not isinstance(kind, str):
            raise StreamBroken("the server sent an event that is no part of a response")
        if kind.startswith(("response.custom_tool_call_input.", "response.output_text.d")):
            return Piece(self._written(event, kind))
        if kind == "response.refusal.done":
            raise ModelRefused(f"the model refuses: {_text(event, 'refusal')}")
        if kind in ("response.completed", "response.incomplete"):
            return _ended(_get(event, "response"), kind)
        if kind in ("response.failed", "error"):
            told = event if kind == "error" else _get(_get(event, "response"), "error")
            raise StreamBroken(f"the server says that it failed: {_text(told, 'message') or 'without a reason'}")
        return Piece()

    def _written(self, event: Any, kind: str) -> str:
        """The next part of the text, or what its last event has more than all parts before."""
        is_input = kind.startswith("response.custom")
        if kind.endswith(".delta"):
            text = _text(event, "delta")
        else:
            whole = _text(event, "input" if is_input else "text")
            if not whole.startswith(self._seen):
                raise StreamBroken("the parts of the server's text are not the whole that it sent")
            text = whole[len(self._seen) :]
        if self._calls and not is_input:
            if text.strip():
                raise _beside(text)
            return ""
        item = (_get(event, "output_index"), _get(event, "content_index"))
        if self._item not in (None, item):
            raise GrammarError("the model wrote a second text")
        self._item = item
        self._seen += text
        return text


def _ended(response: Any, kind: str) -> Piece:
    """The last event."""
    usage = _usage(_get(response, "usage"), "input_tokens", "output_tokens")
    if kind == "response.completed":
        return Piece(finish="stop", usage=usage)
    reason = _get(_get(response, "incomplete_details"), "reason")
    return Piece(finish=_finish("length" if reason == "max_output_tokens" else reason or "length"), usage=usage)


def _finish(reason: object) -> Literal["stop", "length"] | None:
    """The server's reason in our words."""
    if reason == "content_filter":
        raise ModelRefused("the server's content filter ended the answer")
    if reason is None:
        return None
    return "length" if reason == "length" else "stop"


def _usage(told: Any, read: str, written: str) -> Usage | None:
    """The usage, where the event tells it. Numbers that cannot be are left out."""
    if told is None:
        return None
    cached = _count(_get(_get(told, f"{read}_details"), "cached_tokens"))
    prompt = _count(_get(told, read))
    return Usage(prompt, _count(_get(told, written)), min(cached, prompt))


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _get(holder: Any, name: str) -> Any:
    """A field, or None where there is no such object or no such field."""
    return holder.get(name) if isinstance(holder, dict) else None


def _text(holder: Any, name: str) -> str:
    value = _get(holder, name)
    if value is not None and not isinstance(value, str):
        raise StreamBroken(f"the server sent an event whose {name} is no text")
    return value or ""


def _beside(text: str) -> GrammarError:
    return GrammarError(f"the model wrote text instead of calling the tool that has the grammar: {text[:40]!r}")
