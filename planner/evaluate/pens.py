"""The ways to have one model write plans, each loaded when it is first used."""

from __future__ import annotations

from contextlib import ExitStack, closing
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import trio
from planner.evaluate.package import ask, plan
from planner.evaluate.task import Task
from planner.evaluate.write import GRAMMARS, Written, write_plan
from planner.llama import Decoder

from llmcc.runtime.models import Llama, Request

#: `llmcc`: as the package asks; `styled` with an adapter: as it has the first plan written. The others are grammars of
#: our own decoder.
WAYS = (*GRAMMARS, "llmcc")


class Pens:
    """A base with or without an adapter."""

    def __init__(self, file: Path, adapter: Path | None, *, threads: int) -> None:
        self._file, self._adapter, self._threads = file, adapter, threads
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    def write(self, task: Task, way: str) -> Written:
        """Has a plan written. A base is shown examples of plans; with an adapter it is shown none."""
        if way == "llmcc":
            return ask(self._model, task)
        if way == "styled" and self._adapter is not None:
            return plan(self._model, task)
        taught = "native" if self._adapter is None else "bare"
        return write_plan(self._decoder, task, grammar=way, taught=taught)

    @cached_property
    def _decoder(self) -> Decoder:
        return self._open.enter_context(Decoder(self._file, self._adapter, threads=self._threads))

    @cached_property
    def _model(self) -> Llama:
        model = Llama(self._file, adapter=self._adapter, threads=self._threads, keep=False)
        self._open.enter_context(closing(model))
        trio.run(_load, model)  # so that the first question is not charged with it
        return model


async def _load(model: Llama) -> None:
    async with model.stream(Request(prompt="a", max_tokens=1, adapted=True)) as completion:
        async for _ in completion.chunks:
            pass
