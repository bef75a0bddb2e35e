"""Loads a local model, in the thread that will own it: its file, repacked if that pays, its adapter, its memory."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from llmcc.runtime.models.engine.steps import Limits
from llmcc.runtime.models.errors import ModelUnavailable
from llmcc.runtime.models.llama_files import requantized, states_folder
from llmcc.runtime.models.llama_library import llama_library

if TYPE_CHECKING:
    from llmcc.runtime.models.llama_engine import Engine
    from llmcc.runtime.models.llama_model import LlamaModel


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is loaded: the file at `path`, turned into the quantization `repack` if that is given, with `adapter`.

    `keep`: whether decoded beginnings of prompts are kept in files.
    """

    path: Path
    repack: str | None
    adapter: Path | None
    limits: Limits
    threads: int
    keep: bool

    def load(self) -> Engine:
        """Loads it; a repacked copy that does not load is removed, and the original taken.

        Raises:
            ModelUnavailable: a package is missing, or llama.cpp does not take the model or its adapter.
        """
        llama_library()  # says which package is missing, before numpy is missed
        from llmcc.runtime.models.llama_context import LlamaContext
        from llmcc.runtime.models.llama_engine import Engine
        from llmcc.runtime.models.llama_model import LlamaModel
        from llmcc.runtime.models.llama_states import States

        model = self._model(LlamaModel)
        if self.adapter is not None:
            model.load_adapter(self.adapter)
        limits = replace(self.limits, rewinds=model.rewinds)
        context = LlamaContext(model, limits, threads=self.threads)
        states = States(partial(states_folder, model.path, self.adapter)) if self.keep else None
        return Engine(context, limits, states)

    def _model(self, load: Callable[[Path], LlamaModel]) -> LlamaModel:
        path = self.path
        chosen = path if self.repack is None else requantized(path, self.repack)
        try:
            return load(chosen)
        except ModelUnavailable as error:
            if chosen == path:
                raise
            warnings.warn(f"the cached copy of `{path.name}` is removed: {error}", RuntimeWarning, stacklevel=2)
        chosen.unlink(missing_ok=True)
        return load(path)
