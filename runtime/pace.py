"""How fast a tool may be called, and when it is better not to: decided by the clock's time, which is handed in."""

from __future__ import annotations

from typing import Literal, TypeAlias

State: TypeAlias = Literal["closed", "open", "half-open"]


class Pace:
    """A token bucket: `burst` calls at once, `rate` calls a second in the long run. Times are in seconds.

    It keeps one number, the time at which the bucket will be full again; each call moves it by `1 / rate`. Turns are
    given in the order in which they are asked for.

    >>> pace = Pace(rate=2.0, burst=2)
    >>> [pace.turn(10.0) for _ in range(4)], pace.turn(20.0)
    ([0.0, 0.0, 0.5, 1.0], 0.0)
    """

    def __init__(self, rate: float, burst: int = 1) -> None:
        self._interval = 1.0 / rate
        self._credit = (burst - 1) * self._interval
        self._full_at = float("-inf")

    def turn(self, now: float) -> float:
        """Takes the next turn; returns how long to wait for it."""
        start = max(self._full_at, now)
        self._full_at = start + self._interval
        return max(0.0, start - self._credit - now)


class Breaker:
    """Stops calling a tool whose last `threshold` calls all failed; after `cooldown_s` it lets one call through to see.

    | state     | a call may start           | a success | a failure                  |
    |-----------|----------------------------|-----------|----------------------------|
    | closed    | yes                        | closed    | open, at the threshold     |
    | open      | no; after the cooldown it  | closed    | open                       |
    |           | is half-open               |           |                            |
    | half-open | one, and no other meanwhile| closed    | open, for another cooldown |

    >>> breaker = Breaker(threshold=2, cooldown_s=30)
    >>> breaker.failed(0.0), breaker.state(0.0), breaker.failed(1.0), breaker.state(1.0)
    (None, 'closed', None, 'open')
    >>> breaker.enter(5.0), breaker.enter(31.0), breaker.enter(31.0)
    (False, True, False)
    """

    def __init__(self, threshold: int, cooldown_s: float) -> None:
        self._threshold = threshold
        self._cooldown_s = cooldown_s
        self._failures = 0
        self._opened: float | None = None
        self._probing = False

    def state(self, now: float) -> State:
        """What the table above says."""
        if self._opened is None:
            return "closed"
        return "half-open" if now >= self._opened + self._cooldown_s else "open"

    def enter(self, now: float) -> bool:
        """Whether a call may start now. One that may has to end with `succeeded`, `failed` or `left`."""
        state = self.state(now)
        if state == "closed":
            return True
        if state == "open" or self._probing:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """The tool answered."""
        self._failures, self._opened, self._probing = 0, None, False

    def failed(self, now: float) -> None:
        """The tool did not answer, or not with what it should."""
        self._failures += 1
        self._probing = False
        if self._opened is not None or self._failures >= self._threshold:
            self._opened = now

    def left(self) -> None:
        """The call was cancelled before it could tell anything."""
        self._probing = False

    def wait_s(self, now: float) -> float:
        """How long until a call may start again."""
        return 0.0 if self._opened is None else max(0.0, self._opened + self._cooldown_s - now)
