"""Chats for a local model: the template in the model's file, with what people and tools wrote kept apart from it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from llmcc.runtime.models.errors import ModelRefused
from llmcc.runtime.models.extras import require
from llmcc.runtime.models.llama_model import LlamaModel
from llmcc.runtime.models.protocol import Message

_PLAIN = "{% for m in messages %}{{ m.role|capitalize }}: {{ m.content }}\n\n{% endfor %}Assistant:"


def chat_tokens(model: LlamaModel, messages: Sequence[Message]) -> list[int]:
    """The tokens of a chat up to where the model's turn begins.

    The template is rendered with marks in place of the texts. So only its own control tokens are read as such: a text
    that spells out `<|im_end|>` stays text and cannot end its turn.

    Raises:
        ModelRefused: the model's template cannot express these messages.
    """
    begin, end = model.border_texts()
    rendered = _render(model.chat_template() or _PLAIN, [message.role for message in messages], begin, end)
    tokens: list[int] = []
    start = not (begin and rendered.startswith(begin))
    for index, part in enumerate(re.split(r"\x00(\d+)\x00", rendered)):
        is_mark = index % 2 == 1
        text = messages[int(part)].text if is_mark else part
        tokens += model.tokenize(text, special=not is_mark, start=start and index == 0)
    return tokens


def _render(template: str, roles: Sequence[str], begin: str, end: str) -> str:
    """The template with the mark `\\0i\\0` for the text of message `i`."""
    jinja: Any = require("jinja2", "local")
    sandbox: Any = require("jinja2.sandbox", "local")
    environment = sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)

    def refuse(reason: str) -> None:
        raise jinja.TemplateError(reason)

    messages = [{"role": role, "content": f"\0{index}\0"} for index, role in enumerate(roles)]
    values = {"messages": messages, "add_generation_prompt": True, "bos_token": begin, "eos_token": end}
    try:
        return str(environment.from_string(template).render(raise_exception=refuse, **values))
    except jinja.TemplateError as error:
        raise ModelRefused(f"the model's chat template does not take these messages: {error}") from error
