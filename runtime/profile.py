"""What calls took, by tool: counts that runs add to, and that the compiler's estimates go by.

Figures are kept as histograms with buckets that grow by 2 % each, so that profiles of many runs add up exactly, in any
order, and quantiles are right within 1 %. A profile is a JSON file; `mean`, `p50` and `p90` stand in it for readers
only, and are worked out anew when it is read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Annotated

import msgspec

from llmcc.ir.values import Value
from llmcc.runtime.outcome import CallEnded, CallRecord, CallStarted

VERSION = 1
#: Each bucket's upper end is so many times its lower end.
_GROWTH = 1.02
#: No bucket lies further from 1 than that; beyond are no numbers.
_LAST = 35_000
#: What is smaller counts as nothing.
_LEAST = 1e-12

_Count = Annotated[int, msgspec.Meta(ge=0)]


class Figures(msgspec.Struct, forbid_unknown_fields=True):
    """A histogram of figures that are not negative. `buckets` maps `i` to how many were in (1.02^(i-1), 1.02^i]."""

    count: _Count = 0
    total: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    zeros: _Count = 0
    buckets: dict[int, _Count] = {}
    mean: float | None = None
    p50: float | None = None
    p90: float | None = None

    def add(self, figure: float) -> None:
        """One more figure."""
        self.count += 1
        self.total += figure
        if figure < _LEAST:
            self.zeros += 1
            return
        bucket = math.ceil(math.log(figure) / math.log(_GROWTH))
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    def merge(self, other: Figures) -> None:
        """All figures of another histogram."""
        self.count += other.count
        self.total += other.total
        self.zeros += other.zeros
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count

    def average(self) -> float | None:
        """The mean; None if there are no figures."""
        return self.total / self.count if self.count else None

    def quantile(self, share: float) -> float | None:
        """The figure that `share` (0 to 1) of all are not above, within 1 %; None if there are no figures.

        >>> found = Figures()
        >>> for figure in range(1, 101):
        ...     found.add(figure)
        >>> round(found.quantile(0.5)), round(found.quantile(0.9))
        (50, 90)
        """
        rank = max(1, math.ceil(share * self.count))
        passed = self.zeros
        if not self.count or passed >= rank:
            return 0.0 if self.count else None
        for bucket in sorted(self.buckets):
            passed += self.buckets[bucket]
            if passed >= rank:
                break
        return 2 * _GROWTH**bucket / (1 + _GROWTH)

    def summed_up(self) -> Figures:
        """The same histogram, sorted, with what readers want to see."""
        shown = [None if one is None else float(f"{one:.4g}") for one in self._summary()]
        ordered = dict(sorted(self.buckets.items()))
        return Figures(self.count, self.total, self.zeros, ordered, *shown)

    def _summary(self) -> tuple[float | None, ...]:
        return self.average(), self.quantile(0.5), self.quantile(0.9)

    def consistent(self) -> bool:
        """Whether the counts add up, and the buckets are those of numbers."""
        known = all(abs(bucket) < _LAST for bucket in self.buckets)
        return known and self.count == self.zeros + sum(self.buckets.values()) and math.isfinite(self.total)


class ToolProfile(msgspec.Struct, forbid_unknown_fields=True):
    """What is known of one tool: `calls` that ended (not those that were cancelled), how many of them `failed`, the
    `retries`; of those that were done what they took (`latency_s`, in seconds, retries included) and returned (`bytes`
    of JSON).
    """

    calls: _Count = 0
    failed: _Count = 0
    retries: _Count = 0
    latency_s: Figures = msgspec.field(default_factory=Figures)
    bytes: Figures = msgspec.field(default_factory=Figures)

    def add(self, record: CallRecord, value: Value) -> None:
        """One more call and its value."""
        if record.status == "cancelled":
            return
        self.calls += 1
        self.retries += record.attempts - 1
        if record.status == "failed":
            self.failed += 1
            return
        self.latency_s.add(record.ended_s - record.started_s)
        self.bytes.add(len(json.dumps(value, ensure_ascii=False).encode()))

    def merge(self, other: ToolProfile) -> None:
        """All calls of another profile."""
        self.calls += other.calls
        self.failed += other.failed
        self.retries += other.retries
        self.latency_s.merge(other.latency_s)
        self.bytes.merge(other.bytes)


class Profile(msgspec.Struct, forbid_unknown_fields=True):
    """What is known of the tools, by name. It is an observer: pass it to `llmcc.run`, and it learns from the run."""

    version: int = VERSION
    tools: dict[str, ToolProfile] = {}

    def __call__(self, news: CallStarted | CallEnded) -> None:
        """Takes in one call when it is over."""
        if isinstance(news, CallEnded) and news.record.status != "cancelled":
            self.tools.setdefault(news.record.tool, ToolProfile()).add(news.record, news.value)

    def merge(self, other: Profile) -> None:
        """All calls of another profile."""
        for tool, found in other.tools.items():
            self.tools.setdefault(tool, ToolProfile()).merge(found)

    def latencies(self) -> Mapping[str, float]:
        """What a call takes on average, in seconds, by tool; without tools that were never called with success."""
        found = {tool: one.latency_s.average() for tool, one in self.tools.items()}
        return {tool: average for tool, average in found.items() if average is not None}


def problem(profile: Profile) -> str | None:
    """What does not add up in a profile; None if all does."""
    return next((f"{tool}: {why}" for tool, one in profile.tools.items() for why in _problems(one)), None)


def _problems(one: ToolProfile) -> Iterable[str]:
    if not (one.latency_s.consistent() and one.bytes.consistent()):
        yield "the buckets do not add up to the count"
    if one.latency_s.count + one.failed != one.calls:
        yield "the calls are not those that failed and those that took a time"
