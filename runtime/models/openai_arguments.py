"""A request in the words of the two APIs."""

from __future__ import annotations

from collections.abc import Collection

from llmcc.runtime.models.openai_json import SCHEMA
from llmcc.runtime.models.openai_ways import Way
from llmcc.runtime.models.protocol import Request

_MAX_STOPS = 4  # more are refused by OpenAI; the rest is applied here
_TOOL = "plan"
_DESCRIPTION = "Takes the whole answer."
#: What a request can do without, should a server or a model refuse it. Stop texts are applied here as well.
OPTIONAL = frozenset({"temperature", "seed", "stop", "stream_options", "store", "parallel_tool_calls"})


def arguments(request: Request, way: Way, model: str, *, limit: str, without: Collection[str]) -> dict[str, object]:
    """What the client is called with.

    Args:
        request: the request; its grammar is used if the way's form is `grammar` or `gbnf`.
        way: the API and the form.
        model: the model's name on the server.
        limit: what the chat API calls the bound of the answer's length.
        without: optional arguments that the server refuses.
    """
    api, _, form = way.partition("/")
    made = _responses(request, form) if api == "responses" else _chat(request, form, limit)
    made = {"model": model, **made, "temperature": request.temperature, "stream": True}
    return {name: value for name, value in made.items() if name not in without}


def _messages(request: Request) -> list[dict[str, str]]:
    """The turns; a prompt becomes a user's."""
    turns = [{"role": message.role, "content": message.text} for message in request.messages]
    return turns or [{"role": "user", "content": request.prompt or ""}]


def _chat(request: Request, form: str, limit: str) -> dict[str, object]:
    made: dict[str, object] = {
        "messages": _messages(request),
        "seed": request.seed,
        limit: request.max_tokens,
        "stream_options": {"include_usage": True},
    }
    if form == "gbnf":
        # Under the names of llama.cpp's servers and of vLLM's. Others ignore or refuse them.
        made["grammar"] = request.gbnf
        made["structured_outputs"] = {"grammar": request.gbnf}
    if form in ("text", "gbnf") and request.stop:
        made["stop"] = list(request.stop[:_MAX_STOPS])
    if form == "schema":
        named = {"name": _TOOL, "strict": True, "schema": SCHEMA}
        made["response_format"] = {"type": "json_schema", "json_schema": named}
    if form == "grammar":
        grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": request.grammar}}
        tool = {"name": _TOOL, "description": _DESCRIPTION, "format": grammar}
        made["tools"] = [{"type": "custom", "custom": tool}]
        made["tool_choice"] = {"type": "custom", "custom": {"name": _TOOL}}
        made["parallel_tool_calls"] = False
    return made


def _responses(request: Request, form: str) -> dict[str, object]:
    """This API knows neither seeds nor stop texts. Nothing is to be kept on the server."""
    made: dict[str, object] = {
        "input": _messages(request),
        "max_output_tokens": request.max_tokens,
        "store": False,
    }
    if form == "schema":
        made["text"] = {"format": {"type": "json_schema", "name": _TOOL, "strict": True, "schema": SCHEMA}}
    if form == "grammar":
        grammar = {"type": "grammar", "syntax": "lark", "definition": request.grammar}
        made["tools"] = [{"type": "custom", "name": _TOOL, "description": _DESCRIPTION, "format": grammar}]
        made["tool_choice"] = {"type": "custom", "name": _TOOL}
        made["parallel_tool_calls"] = False
    return made
