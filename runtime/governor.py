"""Keeps the paces and breakers of tools, and asks them before each attempt of a call."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

import trio

from llmcc.ir.errors import CircuitOpen
from llmcc.ir.signature import Signature
from llmcc.runtime import events as ev
from llmcc.runtime.pace import Breaker, Pace
from llmcc.runtime.tools import Tool


class Governed:
    """One tool's pace and breaker, by trio's clock."""

    def __init__(self, signature: Signature) -> None:
        self._name = signature.name
        self._pace = None if signature.rate is None else Pace(signature.rate, signature.burst)
        self._breaker = None if signature.breaker is None else Breaker(signature.breaker, signature.cooldown_s)

    async def enter(self, waits: Callable[[float], None]) -> None:
        """Waits for the tool's next turn; `waits` is told for how many seconds, if it must. Whoever enters has to tell
        by `ended` what came of it.

        Raises:
            CircuitOpen: the tool is not to be called now.
        """
        if self._pace is not None:
            pause = self._pace.turn(trio.current_time())
            if pause:
                waits(pause)
            await trio.sleep(pause)
        now = trio.current_time()
        if self._breaker is not None and not self._breaker.enter(now):
            wait = self._breaker.wait_s(now)
            when = f"in {wait:.3g} s" if wait else "by another call right now"
            raise CircuitOpen(f"{self._name} was not called, for its last calls failed; it is tried again {when}")

    def ended(self, event: ev.CallFinished | ev.CallFailed | None) -> None:
        """How the attempt ended (None: it was cancelled). An error that another attempt cannot mend is an answer too:
        the tool is well.
        """
        if self._breaker is None:
            return
        if event is None:
            self._breaker.left()
        elif isinstance(event, ev.CallFailed) and event.retryable:
            self._breaker.failed(trio.current_time())
        else:
            self._breaker.succeeded()


#: By trio's run, since two runs' clocks have nothing to do with each other; by tool, since all plans share the service.
_known: trio.lowlevel.RunVar[WeakKeyDictionary[Tool, Governed]] = trio.lowlevel.RunVar("governed tools")


def governed(tool: Tool) -> Governed | None:
    """What governs the tool in this run of trio; None if it declares neither a rate nor a breaker."""
    if tool.signature.rate is None and tool.signature.breaker is None:
        return None
    try:
        known = _known.get()
    except LookupError:
        known = WeakKeyDictionary()
        _known.set(known)
    if tool not in known:
        known[tool] = Governed(tool.signature)
    return known[tool]
