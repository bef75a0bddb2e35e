"""The thread that owns a llama.cpp context: it loads it, does jobs on it one after the other, and frees it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llmcc.runtime.models.errors import ModelUnavailable
from llmcc.runtime.models.llama_library import Aborted

if TYPE_CHECKING:
    from llmcc.runtime.models.llama_context import LlamaContext


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """Work on the context, and who is told when it is over.

    `done` is called once, with the error that ended the work, if one did: in the worker's thread, or in that of whoever
    cancels the job before it began.
    """

    work: Callable[[LlamaContext], None]
    done: Callable[[BaseException | None], None]


class Worker:
    """A thread, its context and its queue. Jobs are done in the order of `submit`. Any thread may call the methods."""

    def __init__(self, load: Callable[[], LlamaContext]) -> None:
        """Starts the thread, which begins with `load`; an error of that is handed to every job."""
        self._load = load
        self._changed = threading.Condition()
        self._queue: deque[Job] = deque()
        self._current: Job | None = None
        self._context: LlamaContext | None = None
        self._closing = False
        self._exits: list[Callable[[], None]] = []
        self._over = False
        self._reason: BaseException = ModelUnavailable("the model was closed")
        # A daemon, so that a model that was never closed does not keep the interpreter from ending.
        self._thread = threading.Thread(target=self._run, name="llmcc-llama", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """True when the thread takes no more jobs."""
        return self._over

    def submit(self, job: Job) -> None:
        """Puts a job at the end of the queue."""
        with self._changed:
            is_late = self._closing or self._over
            if not is_late:
                self._queue.append(job)
                self._changed.notify()
        if is_late:
            job.done(self._reason)

    def cancel(self, job: Job) -> None:
        """Takes a waiting job out of the queue, or makes a running one end soon; otherwise does nothing."""
        with self._changed:
            is_waiting = job in self._queue
            if is_waiting:
                self._queue.remove(job)
            elif job is self._current and self._context:
                self._context.abort()
        if is_waiting:
            job.done(Aborted())

    def stop(self, then: Callable[[], None] | None = None) -> None:
        """Ends the current job, fails the waiting ones, ends the thread, which calls `then` last."""
        with self._changed:
            self._closing = True
            if self._current and self._context:
                self._context.abort()
            if then and not self._over:
                self._exits.append(then)
                then = None
            self._changed.notify()
        if then:
            then()

    def join(self) -> None:
        """Waits until the thread has ended."""
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def close(self) -> None:
        """`stop` and `join`."""
        self.stop()
        self.join()

    def _run(self) -> None:
        try:
            self._context = self._load()
        except BaseException as error:
            self._reason = error
            self._finish()
            return
        while job := self._take():
            self._do(job, self._context)
        self._context.close()
        self._finish()

    def _take(self) -> Job | None:
        """Waits for the next job; None when the worker closes."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or self._queue)
            if self._closing:
                return None
            self._current = self._queue.popleft()
            if self._context:
                self._context.resume()
            return self._current

    def _do(self, job: Job, context: LlamaContext) -> None:
        """Does one job; whatever goes wrong is the job's, and the thread goes on."""
        error: BaseException | None = None
        try:
            job.work(context)
        except BaseException as caught:  # a constraint may raise anything, and its caller waits for it
            error = caught
        with self._changed:
            self._current = None
            if self._closing and isinstance(error, Aborted):
                error = self._reason
        job.done(error)

    def _finish(self) -> None:
        """Takes no more jobs, fails the waiting ones and tells who waits for the end."""
        with self._changed:
            self._over = True
            left, self._queue = list(self._queue), deque()
            exits = self._exits
        for job in left:
            job.done(self._reason)
        for call in exits:
            call()
