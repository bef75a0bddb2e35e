"""What was measured, as a table with confidence intervals, and what went wrong, word for word."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import median

import msgspec


class Row(msgspec.Struct, frozen=True):
    """One question, put to one model in one way."""

    way: str
    group: str
    name: str
    question: str
    plan: str
    reference: str
    compiles: bool
    right: bool
    reason: str
    prompt_tokens: int
    tokens: int
    first_line_s: float
    whole_s: float


def wilson(right: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """The interval in which a share lies with a confidence of 95 %, after Wilson (1927).

    >>> low, high = wilson(8, 10)
    >>> round(low, 3), round(high, 3), wilson(0, 0)
    (0.49, 0.943, (0.0, 1.0))
    """
    if total == 0:
        return 0.0, 1.0
    share, square = right / total, z * z / total
    middle = (share + square / 2) / (1 + square)
    half = z * math.sqrt(share * (1 - share) / total + square / (4 * total)) / (1 + square)
    return min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half))  # rounding included


def table(rows: Sequence[Row], titles: dict[str, str]) -> str:
    """A Markdown table: a line a way and group."""
    lines = [
        "| way | group | questions | right | 95 % interval | compile | first line | whole plan |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for way in dict.fromkeys(row.way for row in rows):
        for group in (*titles, "all"):
            found = [row for row in rows if row.way == way and group in (row.group, "all")]
            if found:
                lines.append(_line(way, titles.get(group, "all"), found))
    return "\n".join(lines)


def _line(way: str, title: str, found: Sequence[Row]) -> str:
    right = sum(row.right for row in found)
    low, high = wilson(right, len(found))
    compiled = sum(row.compiles for row in found)
    first, whole = median(row.first_line_s for row in found), median(row.whole_s for row in found)
    share = f"{right / len(found):.0%}"
    return (
        f"| {way} | {title} | {len(found)} | {right} ({share}) | {low:.0%} to {high:.0%} | {compiled} "
        f"| {first:.2f} s | {whole:.2f} s |"
    )


def failures(rows: Iterable[Row], count: int) -> str:
    """Some failures, spread over the groups: question, plan, what is wrong with it, and a right plan."""
    by_group: dict[str, list[Row]] = {}
    for row in rows:
        if not row.right:
            by_group.setdefault(row.group, []).append(row)
    chosen: list[Row] = []
    for turn in range(count):
        chosen += [found[turn] for found in by_group.values() if turn < len(found)]
    return "\n\n".join(_told(row) for row in chosen[:count])


def _told(row: Row) -> str:
    def indented(text: str) -> str:
        return "\n".join(f"    {line}" for line in text.splitlines()) or "    (nothing)"

    head = f"[{row.group}, {row.name}; {row.way}] {row.question}"
    return f"{head}\n{indented(row.plan)}\n  {row.reason or 'cut off'}; right is\n{indented(row.reference)}"
