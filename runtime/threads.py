"""Threads for blocking tools. A thread cannot be killed: one that does not end when its call was given up is abandoned,
and stays known by name until it ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import trio


@dataclass(slots=True, eq=False)
class _Job:
    name: str
    started: bool = False
    over: bool = False
    given_up: bool = False


class Threads:
    """Runs functions in at most `limit` threads at the same time; an abandoned thread counts until it ends."""

    def __init__(self, limit: int) -> None:
        self._limiter = trio.CapacityLimiter(limit)
        self._abandoned: dict[_Job, None] = {}
        self._quiet = trio.Event()

    @property
    def abandoned(self) -> tuple[str, ...]:
        """The names of the threads that were given up and have not ended yet."""
        return tuple(job.name for job in self._abandoned)

    async def run(self, name: str, function: Callable[[], Any]) -> Any:
        """What `function` returns or raises, run in a thread called `name`.

        If this is cancelled, the thread goes on by itself; a function can ask `trio.from_thread.check_cancelled()`.
        """
        job = _Job(name)
        token = trio.lowlevel.current_trio_token()

        def work() -> tuple[Any, BaseException | None]:
            # Each thread says what it did before it looks at what the other did, so one of them sees both.
            job.started = True
            try:
                return (None if job.given_up else function()), None
            except BaseException as error:  # it is raised again where the function was called from
                return None, error
            finally:
                job.over = True
                if job.given_up:
                    _tell(token, lambda: self._ended(job))

        try:
            result, error = await trio.to_thread.run_sync(
                work, limiter=self._limiter, abandon_on_cancel=True, thread_name=name
            )
        except trio.Cancelled:
            self._abandon(job)
            raise
        if error is not None:
            raise error
        return result

    async def wait(self, grace_s: float) -> None:
        """Waits for the abandoned threads to end, for at most `grace_s` seconds, whatever is cancelled meanwhile."""
        if not self._abandoned:
            return
        with trio.CancelScope(shield=True, deadline=trio.current_time() + grace_s):
            self._quiet = trio.Event()
            await self._quiet.wait()

    def _abandon(self, job: _Job) -> None:
        job.given_up = True
        if not job.started:
            return  # it waited for a thread, and will not run
        self._abandoned[job] = None
        if job.over:
            self._ended(job)

    def _ended(self, job: _Job) -> None:
        self._abandoned.pop(job, None)
        if not self._abandoned:
            self._quiet.set()


def _tell(token: trio.lowlevel.TrioToken, act: Callable[[], None]) -> None:
    try:
        token.run_sync_soon(act)
    except trio.RunFinishedError:
        return  # the run ended without waiting for this thread, and nobody is left to be told
