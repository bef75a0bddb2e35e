"""Draws a trace on a terminal: a line for each call, its bar by time, and what it waited for."""

from __future__ import annotations

from collections.abc import Iterator

import click

from llmcc.ir.escape import visible
from llmcc.ir.render import columns
from llmcc.optimizer.times import human
from llmcc.runtime.spans import CallSpan, Timeline
from llmcc.runtime.trace import Trace

#: What a bar is made of, and what it says. Later ones are drawn over earlier ones.
SIGNS = {
    ".": "needs another call",
    "h": "held for acceptance",
    "~": "limit or rate",
    ":": "retry pause",
    "=": "runs",
    "#": "runs, and decides when the run ends",
}
_WAITS = {"dependency": ".", "acceptance": "h", "limit": "~", "rate": "~", "retry": ":"}
#: Columns: names and tools get the first where there are so many or more, the second elsewhere.
_WIDE, _NAME, _TOOL, _TIME, _LEAST_BAR = 100, (18, 12), (16, 10), 8, 20


def chart(trace: Trace, *, width: int = 100, lines: int = 40, color: bool = False) -> str:
    """The chart and the totals below it.

    Args:
        trace: what to draw.
        width: columns of the terminal.
        lines: the most calls that are drawn (0: all); those on the critical path and the longest come first.
        color: whether to mark the critical path in colour.
    """
    found = trace.timeline
    drawn = _chosen(found, lines)
    table = _Table(trace, drawn, width)
    rows = [*table.models(), *(table.row(span) for span in drawn)]
    shown = [click.style(line, bold=True) if color and mark else line for mark, line in rows]
    said = (*_rest(found, drawn), *table.legend(), *totals(trace))
    return "".join(f"{line}\n" for line in (table.head(), *shown, *said))


class _Table:
    def __init__(self, trace: Trace, drawn: list[CallSpan], width: int) -> None:
        self.critical = set(trace.timeline.critical)
        self.moments = trace.moments
        self.used: set[str] = set()
        self.ends_s = max([trace.timeline.makespan_s, *(moment.at_s for moment in trace.moments)])
        names = [*(moment.role for moment in trace.moments), *(span.key for span in drawn)]
        name, tool = (_NAME[0], _TOOL[0]) if width >= _WIDE else (_NAME[1], _TOOL[1])
        self.name = min(name, max([4, *(columns(visible(name)) for name in names)]))
        self.tool = min(tool, max([4, *(columns(visible(span.tool)) for span in drawn)]))
        notes = max([0, *(columns(note(span)) for span in drawn)])
        fixed = 2 + self.name + 2 + self.tool + 2 + _TIME + 2 + _TIME + 2
        left = max(0, width - fixed)
        self.note = min(notes, max(left // 2, left - 2 * _LEAST_BAR), max(0, left - _LEAST_BAR - 2))
        self.bar = max(_LEAST_BAR, left - (self.note + 2 if self.note else 0))

    def head(self) -> str:
        scale = f"0 s{human(self.ends_s):>{self.bar - 3}}"
        return self._line(" ", "call", "tool", "start", "took", scale, "waited" if self.note else "")

    def row(self, span: CallSpan) -> tuple[bool, str]:
        """Whether the call is on the critical path, and its line."""
        critical = span.key in self.critical
        cells = [" "] * self.bar
        for wait in span.waits:
            self._paint(cells, wait.start_s, wait.end_s, _WAITS[wait.kind])
        for attempt in span.attempts:
            self._paint(cells, attempt.start_s, attempt.end_s, "#" if critical else "=", least=1)
        mark = "*" if critical else " "
        start, took = human(span.start_s), human(span.end_s - span.start_s)
        return critical, self._line(mark, span.key, span.tool, start, took, "".join(cells), note(span))

    def models(self) -> Iterator[tuple[bool, str]]:
        """A line for each time that a model was asked."""
        asked = None
        for moment in self.moments:
            if moment.what == "asked":
                asked = moment
            if moment.what == "ended" and asked is not None:
                cells = [" "] * self.bar
                self._paint(cells, asked.at_s, moment.at_s, "=", least=1)
                start, took = human(asked.at_s), human(moment.at_s - asked.at_s)
                yield False, self._line(" ", moment.role, "model", start, took, "".join(cells), moment.text)

    def legend(self) -> Iterator[str]:
        """A line that explains the signs which were used."""
        told = [f"{sign} {meaning}" for sign, meaning in SIGNS.items() if sign in self.used]
        if told:
            yield f"  {'   '.join(told)}"

    def _paint(self, cells: list[str], start_s: float, end_s: float, sign: str, least: int = 0) -> None:
        scale = self.bar / self.ends_s if self.ends_s else 0.0
        start = min(round(start_s * scale), self.bar - least)
        end = max(start + least, min(round(end_s * scale), self.bar))
        if start < end:
            cells[start:end] = sign * (end - start)
            self.used.add(sign)

    def _line(self, mark: str, name: str, tool: str, start: str, took: str, bar: str, said: str) -> str:
        cells = [
            _fit(name, self.name),
            _fit(tool, self.tool),
            start.rjust(_TIME),
            took.rjust(_TIME),
            bar.ljust(self.bar),
            _fit(said, self.note),
        ]
        return f"{mark} {'  '.join(cells)}".rstrip()


def note(span: CallSpan) -> str:
    """What became of a call, if it was not done, and what it waited for."""
    said: list[str] = [] if span.status == "done" else [span.status]
    if span.status == "failed" and span.error is not None:
        said = [span.error.error]
    return ", ".join([*said, *(f"{wait} {human(wait.took_s)}" for wait in span.waits)])


def totals(trace: Trace) -> Iterator[str]:
    """Lines about the run as a whole."""
    found = trace.timeline
    calls = f"{len(found.calls):,} call{'' if len(found.calls) == 1 else 's'}"
    average = f"{found.parallelism:.2f} at the same time on average, at most {found.peak}"
    yield f"makespan {human(found.makespan_s)}, work {human(found.work_s)}, {calls}, {average}"
    yield from _while_written(trace)
    waited = waits_by_kind(found)
    if waited:
        yield f"waited: {', '.join(f'{kind} {human(seconds)}' for kind, seconds in waited.items())}"
    if found.critical:
        path = [visible(key) for key in found.critical]
        left = [*path[:4], f"({len(path) - 8} more)", *path[-4:]] if len(path) > 9 else path
        yield f"critical path: {' -> '.join(left)}"


def _while_written(trace: Trace) -> Iterator[str]:
    """How many calls did not wait for the whole plan, and how many of them not even for their own line."""
    asked = [moment.at_s for moment in trace.moments if moment.role == "planner" and moment.what == "asked"]
    ended = [moment.at_s for moment in trace.moments if moment.role == "planner" and moment.what == "ended"]
    calls = trace.timeline.calls
    early = [one for one in calls if any(a <= one.start_s < b for a, b in zip(asked, ended, strict=False))]
    if not early:
        return
    known = {(one.plan, one.name): one.at_s for one in trace.timeline.statements}
    # A call in a map is named after it: `x[3].x.1`.
    ahead = sum(one.start_s < known.get((one.plan, one.key.split("[")[0]), 0.0) for one in early)
    line = f", {ahead:,} of them before their line was complete" if ahead else ""
    yield f"{len(early):,} of {len(calls):,} calls started while the plan was being written{line}"


def waits_by_kind(found: Timeline) -> dict[str, float]:
    """How long all calls together waited, in seconds, by what for."""
    seconds: dict[str, float] = {}
    for span in found.calls:
        for wait in span.waits:
            seconds[wait.kind] = seconds.get(wait.kind, 0.0) + wait.took_s
    return dict(sorted(seconds.items()))


def _chosen(found: Timeline, most: int) -> list[CallSpan]:
    if not most or len(found.calls) <= most:
        return list(found.calls)
    critical = set(found.critical)
    ranked = sorted(found.calls, key=lambda span: (span.key not in critical, span.start_s - span.end_s, span.start_s))
    kept = {span.key for span in ranked[:most]}
    return [span for span in found.calls if span.key in kept]


def _rest(found: Timeline, drawn: list[CallSpan]) -> Iterator[str]:
    shown = {span.key for span in drawn}
    rest = [span for span in found.calls if span.key not in shown]
    if rest:
        yield f"  and {len(rest):,} more, {human(sum(span.worked_s for span in rest))} of work"


def _fit(text: str, width: int) -> str:
    """The text in exactly so many columns."""
    text = visible(text)
    if columns(text) <= width:
        return text + " " * (width - columns(text))
    kept = ""
    for char in text:
        if columns(kept + char) > width - 1:
            break
        kept += char
    return kept + "…" + " " * (width - 1 - columns(kept)) if width else ""
