"""Times as people read them."""

from __future__ import annotations


def human(seconds: float) -> str:
    """A time in its natural unit, to two or three digits.

    >>> human(0.002), human(0.4), human(12.34), human(200), human(7500)
    ('2 ms', '0.40 s', '12.3 s', '3 min 20 s', '2 h 5 min')
    """
    # The borders are where rounding would reach the next unit: nothing is 1000 ms, or 60.0 s.
    if seconds == 0:
        return "0 s"
    if seconds < 0.9995e-3:
        return f"{seconds * 1e6:.3g} µs" if seconds >= 1e-6 else "<1 µs"
    if seconds < 0.0995:
        return f"{seconds * 1e3:.2g} ms"
    if seconds < 59.95:
        return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.1f} s"
    if seconds < 3599.5:
        return _two(round(seconds), "min", "s")
    return _two(round(seconds / 60), "h", "min")


def _two(small: int, larger_unit: str, unit: str) -> str:
    large, rest = divmod(small, 60)
    return f"{large:,} {larger_unit}" + (f" {rest} {unit}" if rest else "")
