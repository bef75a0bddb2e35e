"""Language models behind one small protocol: scripted ones, local ones, hosted ones.

Importing this package is cheap: a backend, and what it needs, is imported when its name is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmcc.runtime.models.errors import (
        ContextTooLong,
        GrammarError,
        ModelError,
        ModelRefused,
        ModelUnavailable,
        ServerFault,
        StreamBroken,
    )
    from llmcc.runtime.models.llama import Llama
    from llmcc.runtime.models.llama_files import default_model_path
    from llmcc.runtime.models.openai import OpenAI
    from llmcc.runtime.models.openai_answer import Timeouts
    from llmcc.runtime.models.protocol import Adapted, Completion, Constraint, Hosted, Message, Model, Request, Usage
    from llmcc.runtime.models.scripted import Cut, Scripted

__all__ = [
    "Adapted",
    "Completion",
    "Constraint",
    "ContextTooLong",
    "Cut",
    "GrammarError",
    "Hosted",
    "Llama",
    "Message",
    "Model",
    "ModelError",
    "ModelRefused",
    "ModelUnavailable",
    "OpenAI",
    "Request",
    "Scripted",
    "ServerFault",
    "StreamBroken",
    "Timeouts",
    "Usage",
    "default_model_path",
]

_HOMES = {
    "errors": (
        "ContextTooLong",
        "GrammarError",
        "ModelError",
        "ModelRefused",
        "ModelUnavailable",
        "ServerFault",
        "StreamBroken",
    ),
    "llama": ("Llama",),
    "llama_files": ("default_model_path",),
    "openai": ("OpenAI",),
    "openai_answer": ("Timeouts",),
    "protocol": ("Adapted", "Completion", "Constraint", "Hosted", "Message", "Model", "Request", "Usage"),
    "scripted": ("Cut", "Scripted"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    """Imports the module that holds `name`, once."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, those not imported yet included."""
    return sorted(__all__)
