"""The thread that owns a model: it loads it, decodes the requests of all others together, and frees it."""

from __future__ import annotations

import threading
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from llmcc.runtime.models.errors import ModelUnavailable
from llmcc.runtime.models.llama_library import Aborted

if TYPE_CHECKING:
    from llmcc.runtime.models.engine.steps import Row, Step
    from llmcc.runtime.models.llama_answer import Answer, Scores
    from llmcc.runtime.models.llama_engine import Engine


@dataclass(slots=True, eq=False)
class Job:
    """A request between two threads.

    `make` begins its answer, in the worker's thread; it may give None, for work that is done with that. `done` is
    called once, with the error that ended the job, if one did: in the worker's thread, or in that of whoever cancels
    it. After that nothing of the answer is touched any more. The rest is the worker's.
    """

    make: Callable[[Engine], Answer | None]
    done: Callable[[BaseException | None], None]
    priority: float = 0.0
    rank: tuple[float, int] = (0.0, 0)
    #: The worker is at work on it, outside of a batch; so a cancellation waits until it is not.
    is_busy: bool = False
    is_cancelled: bool = False
    is_over: bool = False


@dataclass(slots=True)
class _Jobs:
    """The jobs of a worker. Queued ones were not looked at, open ones are the engine's, ended ones were cancelled."""

    queued: list[Job] = field(default_factory=list)
    opened: set[Job] = field(default_factory=set)
    ended: list[Job] = field(default_factory=list)
    in_batch: list[Job] = field(default_factory=list)
    count: int = 0


class Worker:
    """A thread, its engine and its queue. Any thread may call the methods.

    At most `most` jobs are open; further ones wait in the queue, the most urgent first, without being looked at.
    """

    def __init__(self, load: Callable[[], Engine], most: int) -> None:
        """Starts the thread, which begins with `load`; an error of that is handed to every job."""
        self._load = load
        self._most = most
        self._changed = threading.Condition()
        self._jobs = _Jobs()
        self._engine: Engine | None = None
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
        """Puts a job into the queue, behind those of the same priority."""
        with self._changed:
            job.is_over = is_late = self._closing or self._over
            if not is_late:
                self._jobs.count += 1
                job.rank = (-job.priority, self._jobs.count)
                insort(self._jobs.queued, job, key=lambda other: other.rank)
                self._changed.notify()
        if is_late:
            job.done(self._reason)

    def cancel(self, job: Job) -> None:
        """Ends a job: at once, unless the worker is just choosing its next token; otherwise does nothing.

        A batch in which others have a share is not interrupted: that the job is over takes effect behind it.
        """
        with self._changed:
            job.is_cancelled = True
            is_now = not (job.is_busy or job.is_over)
            if is_now:
                job.is_over = True
                self._leave(job)
        if is_now:
            job.done(Aborted())

    def stop(self, then: Callable[[], None] | None = None) -> None:
        """Ends all jobs and the thread, which calls `then` last."""
        with self._changed:
            self._closing = True
            if self._engine:
                self._engine.context.abort()
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

    def _leave(self, job: Job) -> None:
        """A cancelled job leaves the queue, or the engine as soon as that is not decoding."""
        jobs = self._jobs
        if job in jobs.opened:
            jobs.opened.remove(job)
            jobs.ended.append(job)
            self._changed.notify()
        else:
            jobs.queued.remove(job)
        if self._engine and jobs.in_batch and all(other.is_over for other in jobs.in_batch):
            self._engine.context.abort()

    def _run(self) -> None:
        try:
            engine = self._engine = self._load()
            try:
                while self._take(engine):
                    self._decode(engine)
            finally:
                engine.close()
        except BaseException as error:  # also a defect of ours: nobody may wait for ever
            self._reason = error
        self._finish()

    def _take(self, engine: Engine) -> bool:
        """Waits for something to do, takes jobs in and lets go of cancelled ones; False when the worker closes."""
        jobs = self._jobs
        with self._changed:
            self._changed.wait_for(lambda: self._closing or jobs.queued or jobs.opened or jobs.ended)
            if self._closing:
                return False
            ended, jobs.ended = jobs.ended, []
            room = self._most - len(jobs.opened)
            new, jobs.queued = jobs.queued[:room], jobs.queued[room:]
            jobs.opened.update(new)
        for job in ended:
            engine.end(job)
        for job in new:
            self._work(engine, job, partial(self._open, engine, job))
        return True

    def _open(self, engine: Engine, job: Job) -> bool:
        answer = job.make(engine)
        return answer is not None and engine.open(job, answer)

    def _decode(self, engine: Engine) -> None:
        """Decodes one batch, if there is one, and goes on with the jobs whose next tokens it tells."""
        cramped = engine.cramped()
        if cramped is not None and isinstance(cramped[0], Job):
            self._work(engine, cramped[0], partial(engine.narrow, *cramped))
        step = engine.next_step()
        if step is None:
            return
        jobs = [job for row in step.rows if isinstance(job := engine.owner(row.key), Job)]
        try:
            chosen = self._decode_for(jobs, engine, step)
        except Aborted:
            return
        except Exception as error:
            for job in jobs:
                self._work(engine, job, partial(_fail, error))
            return
        for row, scores in chosen:
            job = engine.owner(row.key)
            assert isinstance(job, Job)
            self._work(engine, job, partial(engine.go_on, row.key, scores))

    def _decode_for(self, jobs: list[Job], engine: Engine, step: Step) -> list[tuple[Row, Scores]]:
        """Decodes a batch, which is interrupted as soon as no job wants it any more."""
        with self._changed:
            self._jobs.in_batch = jobs
            if self._closing or all(job.is_over for job in jobs):
                engine.context.abort()
            else:
                engine.context.resume()
        try:
            return engine.decode(step)
        finally:
            with self._changed:
                self._jobs.in_batch = []

    def _work(self, engine: Engine, job: Job, do: Callable[[], bool]) -> None:
        """Does something for one job; whatever goes wrong is the job's, and the others go on."""
        with self._changed:
            if job.is_over:
                return
            job.is_busy = True
        error: BaseException | None = None
        goes_on = False
        try:
            goes_on = do()
        except BaseException as caught:  # a constraint may raise anything, and its caller waits for it
            error = caught
        with self._changed:
            job.is_busy = False
            if goes_on and not job.is_cancelled:
                return
            job.is_over = True
            self._jobs.opened.discard(job)
        job.done(Aborted() if goes_on else error)
        engine.end(job)

    def _finish(self) -> None:
        """Takes no more jobs, fails those that are left and tells who waits for the end."""
        with self._changed:
            self._over = True
            left = [*self._jobs.opened, *self._jobs.queued]
            self._jobs = _Jobs()
            for job in left:
                job.is_over = True
            exits = self._exits
        for job in left:
            job.done(self._reason)
        for call in exits:
            call()


def _fail(error: Exception) -> bool:
    raise error
