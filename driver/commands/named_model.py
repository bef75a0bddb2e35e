"""Models by the names that options have. Compiling a plan that asks one needs its name only."""

from __future__ import annotations

import os
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from typing import TYPE_CHECKING

from llmcc.runtime.models.protocol import Completion, Model, Request

if TYPE_CHECKING:
    from llmcc.runtime.models.llama import Llama
    from llmcc.runtime.models.openai import OpenAI


def model_named(
    name: str | None, base_url: str | None = None, way: str | None = None, adapter: str | None = None
) -> Llama | OpenAI:
    """The model of an option: `openai:NAME`, a GGUF file, or the embedded one (None, or `embedded`).

    `adapter` is for a model in this process: a GGUF file, `none`, or None for the one that is shipped.

    Raises:
        ModelUnavailable: there is no such model here.
    """
    if name is not None and name.startswith("openai:"):
        from llmcc.runtime.models.openai import OpenAI

        return OpenAI(name.removeprefix("openai:"), base_url=base_url, way=way)
    from llmcc.runtime.models.llama import Llama
    from llmcc.runtime.models.llama_adapter import SHIPPED

    path = None if name == "embedded" else name
    if adapter is None:
        return Llama(path, adapter=SHIPPED)
    return Llama(path, adapter=None if adapter == "none" else adapter)


class NamedModel:
    """A model by its name, which is made when it is first asked."""

    def __init__(self, name: str) -> None:
        self.name = name.removeprefix("openai:")
        self._named = name
        if name.startswith("openai:"):
            #: As the model's own; only a hosted one has it.
            self.base_url = os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"

    @cached_property
    def _model(self) -> Model:
        return model_named(self._named)

    @property
    def constrains(self) -> bool:
        """As the model's own."""
        return self._model.constrains

    def stream(self, request: Request) -> AbstractAsyncContextManager[Completion]:
        """Asks the model; raises what that raises."""
        return self._model.stream(request)
