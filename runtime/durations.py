"""Durations as people write them."""

from __future__ import annotations

import math
import re

_UNITS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_TEXT = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-zµ]+)\s*")


def seconds(duration: str | float) -> float:
    """A duration in seconds: a number is one already, a text has a unit (us, ms, s, m or min, h).

    >>> seconds("400ms"), seconds("2m"), seconds(10)
    (0.4, 120.0, 10.0)

    Raises:
        ValueError: it is no duration, or none that can be waited for.
    """
    if isinstance(duration, str):
        found = _TEXT.fullmatch(duration)
        if found is None or found[2] not in _UNITS:
            raise ValueError(f"{duration!r} is no duration; write it like '400ms', '10s' or '2m'")
        return float(found[1]) * _UNITS[found[2]]
    if isinstance(duration, bool) or not isinstance(duration, int | float):
        raise ValueError(f"{duration!r} is no duration; write seconds, or a text like '400ms'")
    if not math.isfinite(duration) or duration < 0:
        raise ValueError(f"{duration!r} is no duration that can be waited for")
    return float(duration)
