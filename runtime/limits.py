"""The bounds of one run. Every one has an end that is finite, unless the caller says otherwise."""

from __future__ import annotations

import msgspec

from llmcc.ir.frame import MAX_FANOUT


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a run may use.

    `max_running`: calls at the same time (None: no bound), also the elements of one map under way at the same time.
    `threads`: blocking tools at the same time; a call that waits for a thread is using up its own time.
    `max_calls`: calls in all, retries not counted. `max_fanout`: elements of one map.
    `max_usd`: dollars for calls, retries counted, by what the tools declare (None: no bound).
    `timeout_s`: seconds for a call whose tool declares none (None: for ever).
    `deadline_s`: seconds for the whole run (None: no bound); then it stops with what is known.
    `grace_s`: seconds that the end of a run waits for blocking tools that did not stop when told to.
    `backoff_s`, `backoff_max_s`: a retry waits a random time up to a bound that doubles from here to there.
    `delay_max_s`: how long a retry waits where the other side says how long; a call that is to wait longer fails.
    """

    max_running: int | None = 64
    threads: int = 64
    max_calls: int = 10_000
    max_fanout: int = MAX_FANOUT
    max_usd: float | None = None
    timeout_s: float | None = 120.0
    deadline_s: float | None = None
    grace_s: float = 0.25
    backoff_s: float = 0.1
    backoff_max_s: float = 10.0
    delay_max_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuses bounds under which nothing could ever run.

        Raises:
            ValueError: naming the bound.
        """
        for name in ("max_running", "threads"):
            bound = getattr(self, name)
            if bound is not None and bound < 1:
                raise ValueError(f"{name} is at least 1, not {bound}")
        for name in (
            "max_calls",
            "max_fanout",
            "max_usd",
            "timeout_s",
            "deadline_s",
            "grace_s",
            "backoff_s",
            "backoff_max_s",
            "delay_max_s",
        ):
            bound = getattr(self, name)
            if bound is not None and not bound >= 0:
                raise ValueError(f"{name} is at least 0, not {bound}")
