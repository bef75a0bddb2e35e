"""The last run of the kit, as a reader of a failed test wants to see it: plan, schedule, and every call with its times.

Imports nothing that costs: the pytest plugin loads it in every session.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmcc.testing.access import Access
    from llmcc.testing.faulty import Faults
    from llmcc.testing.schedule import Schedule

#: So many calls are shown, and so many characters of each.
MOST_CALLS, MOST_TEXT = 200, 60


@dataclass(frozen=True, slots=True)
class Run:
    """One run: the plan's text (or IR), what it ran under, and its calls in the order in which they started."""

    plan: str
    schedule: Schedule
    faults: Faults
    calls: Sequence[Access]

    def describe(self) -> str:
        """The run in lines of text."""
        shown = [_line(call) for call in self.calls[:MOST_CALLS]]
        if len(self.calls) > MOST_CALLS:
            shown.append(f"  ... and {len(self.calls) - MOST_CALLS} more")
        return "\n".join(
            [
                "plan:",
                *(f"  {line}" for line in self.plan.rstrip("\n").split("\n")),
                f"schedule: {self.schedule}",
                f"faults:   {self.faults if self.faults.share else 'none'}",
                "calls, in seconds of virtual time:",
                *(shown or ["  none"]),
            ]
        )


def _line(call: Access) -> str:
    text = str(call) if len(str(call)) <= MOST_TEXT else f"{str(call)[: MOST_TEXT - 1]}…"
    end = "running" if call.end_s is None else f"{call.end_s:.4f}"
    touched = f"{call.kind} {', '.join(call.resources)}".rstrip()
    return f"  {call.start_s:9.4f} → {end:>9}  {text:<{MOST_TEXT // 2}}  {touched}  {call.ended}".rstrip()


_last: list[Run] = []


def note(run: Run) -> None:
    """Remembers a run as the last one."""
    _last[:] = [run]


def forget() -> None:
    """Forgets the last run."""
    _last.clear()


def last() -> Run | None:
    """The last run since `forget`."""
    return _last[0] if _last else None
