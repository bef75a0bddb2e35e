"""A trace as events of Chrome's Trace Event Format, which Perfetto and chrome://tracing draw.

Process 1 holds the calls: each is a complete event (`X`), and its attempts lie within it where there were several. A
lane (a "thread") holds calls that do not overlap. Arrows (`s`, `f`) lead to a call from those that it needed. Process 2
holds what calls waited for beside those (acceptance, a slot), process 3 the models, with the pieces of text that they
wrote and the statements that these made up (instants, `i`). Times are in microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count
from typing import TYPE_CHECKING, Any

from llmcc.ir.escape import visible
from llmcc.runtime.spans import CallSpan, Moment, Wait, lanes

if TYPE_CHECKING:
    from llmcc.runtime.trace import Trace

CALLS, WAITS, MODELS = 1, 2, 3


def trace_events(trace: Trace) -> Iterator[dict[str, Any]]:
    """The events: first the names of processes and lanes, then the rest in no particular order."""
    spans = trace.timeline.calls
    yield from _named(CALLS, "calls", 0)
    yield from _named(WAITS, "waits", 1)
    rows = dict(zip((span.key for span in spans), lanes([(s.start_s, s.end_s) for s in spans]), strict=True))
    yield from _lane_names(CALLS, "lane", len(set(rows.values())))
    critical = set(trace.timeline.critical)
    for span in spans:
        yield from _call(span, rows[span.key], span.key in critical)
    yield from _arrows({span.key: span for span in spans}, rows)
    yield from _waits(spans)
    if trace.moments:
        yield from _models(trace)


def _call(span: CallSpan, lane: int, critical: bool) -> Iterator[dict[str, Any]]:
    told: dict[str, Any] = {
        "key": span.key,
        "arguments": span.args,
        "status": span.status,
        "critical": critical,
        "waited": [f"{wait.took_s:.6f} s {wait}" for wait in span.waits],
    }
    if span.at is not None:
        told["at"] = str(span.at)
    if span.result_bytes is not None:
        told |= {"result": span.result, "result bytes": span.result_bytes}
    if span.error is not None:
        told["error"] = f"{span.error.error}: {span.error.message}"
    name = f"{span.op}: {span.tool}" if span.op else span.tool
    yield _slice(CALLS, lane, name, f"call,{span.status}", span.start_s, span.end_s, told)
    if len(span.attempts) == 1:
        return
    for number, attempt in enumerate(span.attempts, 1):
        said = {"status": attempt.status, "error": attempt.error}
        yield _slice(CALLS, lane, f"attempt {number}", "attempt", attempt.start_s, attempt.end_s, said)


def _arrows(spans: dict[str, CallSpan], rows: dict[str, int]) -> Iterator[dict[str, Any]]:
    """An arrow starts within the call that it leaves (`s`) and ends at the start of the one that it enters (`f`)."""
    numbers = count(1)
    for span in spans.values():
        for key in span.after:
            source = spans[key]
            at = {"name": "needs", "cat": "dependency", "id": next(numbers), "pid": CALLS}
            leaves = max(micros(source.start_s), round(micros(source.end_s) - 0.001, 3))
            yield {**at, "ph": "s", "tid": rows[key], "ts": leaves}
            yield {**at, "ph": "f", "bp": "e", "tid": rows[span.key], "ts": micros(span.start_s)}


def _waits(spans: Iterable[CallSpan]) -> Iterator[dict[str, Any]]:
    found: list[tuple[Wait, CallSpan]] = []
    for span in spans:
        found += [(wait, span) for wait in span.waits if wait.kind in ("acceptance", "limit")]
    found.sort(key=lambda one: (one[0].start_s, one[1].key))
    rows = lanes([(wait.start_s, wait.end_s) for wait, _ in found])
    yield from _lane_names(WAITS, "waiting", len(set(rows)))
    for (wait, span), row in zip(found, rows, strict=True):
        told = {"key": span.key, "for": str(wait)}
        yield _slice(WAITS, row, f"{span.key}: {wait}", f"wait,{wait.kind}", wait.start_s, wait.end_s, told)


def _models(trace: Trace) -> Iterator[dict[str, Any]]:
    yield from _named(MODELS, "models", 2)
    roles = list(dict.fromkeys(moment.role for moment in trace.moments))
    for row, role in enumerate(roles):
        yield _about(MODELS, row, "thread_name", name=role)
        yield from _turns(row, [moment for moment in trace.moments if moment.role == role], trace.elapsed_s)
    for statement in trace.timeline.statements:
        name = f"statement {statement.name}" if statement.name else "end of the plan"
        told = {"at": str(statement.at), "plan": statement.plan}
        yield _instant(MODELS, 0, name, "statement", statement.at_s, told)


def _turns(row: int, moments: list[Moment], end_s: float) -> Iterator[dict[str, Any]]:
    """Each answer of a model as a slice, each piece of it as an instant."""
    for place, moment in enumerate(moments):
        if moment.what == "wrote":
            yield _instant(MODELS, row, "text", "text", moment.at_s, {"text": visible(moment.text)})
        if moment.what != "asked":
            continue
        later = [one for one in moments[place + 1 :] if one.what != "wrote"][:1]
        ended = later[0] if later else Moment(max(end_s, moment.at_s), moment.role, "ended")
        told = {"model": moment.text, "ended": ended.text}
        yield _slice(MODELS, row, f"{moment.role} writes", "model", moment.at_s, ended.at_s, told)


def _named(process: int, name: str, place: int) -> Iterator[dict[str, Any]]:
    yield _about(process, 0, "process_name", name=name)
    yield _about(process, 0, "process_sort_index", sort_index=place)


def _lane_names(process: int, name: str, many: int) -> Iterator[dict[str, Any]]:
    for lane in range(many):
        yield _about(process, lane, "thread_name", name=f"{name} {lane + 1}")
        yield _about(process, lane, "thread_sort_index", sort_index=lane)


def _about(process: int, lane: int, what: str, **args: Any) -> dict[str, Any]:
    return {"ph": "M", "pid": process, "tid": lane, "ts": 0, "name": what, "args": args}


def _slice(
    process: int, lane: int, name: str, category: str, start_s: float, end_s: float, args: dict[str, Any]
) -> dict[str, Any]:
    start = micros(start_s)
    return {
        "ph": "X",
        "pid": process,
        "tid": lane,
        "ts": start,
        "dur": round(micros(end_s) - start, 3),
        "name": visible(name),
        "cat": category,
        "args": args,
    }


def _instant(process: int, lane: int, name: str, category: str, at_s: float, args: dict[str, Any]) -> dict[str, Any]:
    at = {"pid": process, "tid": lane, "ts": micros(at_s)}
    return {"ph": "i", "s": "t", **at, "name": visible(name), "cat": category, "args": args}


def micros(seconds: float) -> float:
    """Seconds as microseconds, to the nanosecond.

    >>> micros(0.0123456789)
    12345.679
    """
    return round(seconds * 1e6, 3)
