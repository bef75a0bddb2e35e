"""The thread of a model: started when it is first needed, and again if it could not load the model."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import trio

from llmcc.runtime.models.errors import ModelUnavailable
from llmcc.runtime.models.llama_call import post
from llmcc.runtime.models.llama_worker import Worker

if TYPE_CHECKING:
    from llmcc.runtime.models.llama_engine import Engine


class Host:
    """At most one worker at a time. Any thread may call the methods."""

    def __init__(self, name: str, load: Callable[[], Engine], most: int) -> None:
        """`name` is for messages; for the others see `Worker`."""
        self._name, self._load, self._most = name, load, most
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._closed = False

    def worker(self) -> Worker:
        """The worker, started if there is none (or if the last one could not load the model).

        Raises:
            ModelUnavailable: the model was closed.
        """
        with self._lock:
            if self._closed:
                raise ModelUnavailable(f"the model `{self._name}` was closed")
            if self._worker is None or self._worker.over:
                self._worker = Worker(self._load, most=self._most)
                weakref.finalize(self, self._worker.close)
            return self._worker

    async def aclose(self) -> None:
        """Ends what runs, frees the model and waits for the thread to end. There is no worker afterwards."""
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

    def _retire(self) -> Worker | None:
        """Starts no worker from now on; hands out the last one, if there ever was one."""
        with self._lock:
            self._closed = True
            return self._worker
