"""What a server of either API sends for a text: the data of its events, and whether a request asks for a form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MODEL = "scripted"
_CHAT = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": MODEL}
_RESPONSE = {"id": "resp_1", "object": "response", "created_at": 0, "model": MODEL, "output": []}


def way_of(path: str, body: Mapping[str, Any]) -> str:
    """How a request asks: `chat/grammar`, `responses/text` and so on.

    >>> way_of("/v1/chat/completions", {"messages": []})
    'chat/text'
    """
    api = "responses" if path.endswith("/responses") else "chat"
    form = "grammar" if body.get("tools") else "text"
    if "grammar" in body:
        form = "gbnf"
    if "response_format" in body or "text" in body:
        form = "schema"
    return f"{api}/{form}"


def chat_events(chunks: Sequence[str], *, form: str, finish: str | None, usage: object) -> Iterator[bytes]:
    """The events of a chat completion. `usage`: what is sent as such, None for none."""

    def event(delta: Mapping[str, object], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return json.dumps({**_CHAT, "choices": [choice]}).encode()

    if form == "grammar":
        tool = {"name": "plan", "input": ""}
        yield event({"tool_calls": [{"index": 0, "id": "call_1", "type": "custom", "custom": tool}]})
    for text in chunks:
        yield event(
            {"tool_calls": [{"index": 0, "custom": {"input": text}}]} if form == "grammar" else {"content": text}
        )
    if finish:
        yield event({}, finish)
    if usage is not None:
        yield json.dumps({**_CHAT, "choices": [], "usage": usage}).encode()
    yield b"[DONE]"


def response_events(chunks: Sequence[str], *, form: str, finish: str | None, usage: object) -> Iterator[bytes]:
    """The events of a response."""
    number = iter(range(1_000_000))

    def event(kind: str, **fields: object) -> bytes:
        return json.dumps({"type": kind, "sequence_number": next(number), **fields}).encode()

    stem = "response.custom_tool_call_input" if form == "grammar" else "response.output_text"
    place = {"item_id": "item_1", "output_index": 0} | ({} if form == "grammar" else {"content_index": 0})
    yield event("response.created", response={**_RESPONSE, "status": "in_progress"})
    for text in chunks:
        yield event(f"{stem}.delta", **place, delta=text)
    yield event(f"{stem}.done", **place, **{"input" if form == "grammar" else "text": "".join(chunks)})
    if finish is None:
        return
    told = {**_RESPONSE, "usage": usage}
    if finish == "stop":
        yield event("response.completed", response={**told, "status": "completed"})
        return
    reason = {"length": "max_output_tokens"}.get(finish, finish)
    yield event(
        "response.incomplete", response={**told, "status": "incomplete", "incomplete_details": {"reason": reason}}
    )


def usage_of(api: str, count: int) -> dict[str, object]:
    """A usage of 7 tokens read, 2 of them from a cache, and `count` written."""
    read, written = ("input_tokens", "output_tokens") if api == "responses" else ("prompt_tokens", "completion_tokens")
    return {read: 7, written: count, "total_tokens": 7 + count, f"{read}_details": {"cached_tokens": 2}}
