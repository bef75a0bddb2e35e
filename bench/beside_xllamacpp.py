"""The same work by xllamacpp: llama.cpp's own server, in this process. Nothing else needs the package."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def is_installed() -> bool:
    """Whether there is something to compare with."""
    return importlib.util.find_spec("xllamacpp") is not None


class Server:
    """A server with eight slots, one memory for all of them, and the prompts that they keep."""

    def __init__(self, model: Path, *, n_ctx: int, threads: int, slots: int = 8) -> None:
        """Loads the model."""
        import xllamacpp

        options: Any = xllamacpp.CommonParams()
        options.model.path = str(model)
        options.n_ctx, options.n_parallel, options.kv_unified = n_ctx, slots, True
        options.cpuparams.n_threads = options.cpuparams_batch.n_threads = threads
        options.warmup, options.verbosity = False, -1
        self._server: Any = xllamacpp.Server(options)

    def ask(self, texts: Sequence[str], written: int) -> None:
        """All texts at once, greedily.

        Raises:
            RuntimeError: one of them was not answered in full.
        """
        answers: list[Any] = []

        def complete(text: str) -> None:
            request = {"prompt": text, "max_tokens": written, "temperature": 0.0}
            answers.append(self._server.handle_completions(request))

        threads = [threading.Thread(target=complete, args=(text,)) for text in texts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        counts = [answer.get("usage", {}).get("completion_tokens") for answer in answers]
        if counts != [written] * len(texts):
            raise RuntimeError(f"xllamacpp wrote {counts} tokens, not {written} for each of {len(texts)}")
