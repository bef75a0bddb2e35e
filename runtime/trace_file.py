"""Reads and writes traces. A file is one JSON object: `traceEvents` for viewers, and under `llmcc` the trace itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from llmcc.runtime.chrome import trace_events
from llmcc.runtime.files import replace_content
from llmcc.runtime.trace import VERSION, Trace, TraceError


class _Head(msgspec.Struct):
    version: int


class _File(msgspec.Struct):
    llmcc: msgspec.Raw


def to_json(trace: Trace) -> bytes:
    """The file's content, an event a line."""
    events = b",\n".join(map(msgspec.json.encode, trace_events(trace)))
    own = msgspec.json.encode(trace)
    return b'{"traceEvents": [\n' + events + b'\n],\n"displayTimeUnit": "ms",\n"llmcc": ' + own + b"}\n"


def from_json(data: bytes, name: str = "trace") -> Trace:
    """The trace in a file's content.

    Raises:
        TraceError: there is none, or it makes no sense; the text begins with `name`.
    """
    try:
        own = msgspec.json.decode(data, type=_File).llmcc
        version = msgspec.json.decode(own, type=_Head).version
        if version != VERSION:
            raise TraceError(f"{name}: this is version {version} of a trace, and this llmcc reads {VERSION}")
        trace = msgspec.json.decode(own, type=Trace)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise TraceError(f"{name}: this is no trace of llmcc: {error}") from error
    wrong = _problem(trace)
    if wrong is not None:
        raise TraceError(f"{name}: {wrong}")
    return trace


def read_trace(file: str | Path) -> Trace:
    """The trace in a file. Raises a `TraceError` if there is none."""
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise TraceError(f"{file}: {error.strerror or error}") from error
    return from_json(data, str(file))


def write_trace(trace: Trace, file: str | Path) -> None:
    """Writes the file, all of it or, if that fails, nothing. Raises a `TraceError` if it cannot be written."""
    path = Path(file)
    data = to_json(trace)
    try:
        if path.exists() and not path.is_file():  # a device or a pipe cannot be replaced
            path.write_bytes(data)
            return
        replace_content(path, data)
    except OSError as error:
        raise TraceError(f"{file}: {error.strerror or error}") from error


def check_target(file: str | Path) -> None:
    """Raises a `TraceError` if no trace can be written there: before calls are made, and not after."""
    path = Path(file)
    if path.is_dir():
        raise TraceError(f"{file}: this is a folder")
    if not path.parent.is_dir():
        raise TraceError(f"{file}: there is no folder {path.parent}")


def _problem(trace: Trace) -> str | None:
    """What does not add up in a trace; None if all does."""
    times: list[Any] = [entry.at_s for entry in trace.log]
    if any(after < before for before, after in zip([0.0, *times], times, strict=False)):
        return "the events are not in the order of their times"
    known = {span.key for span in trace.timeline.calls}
    if not known.issuperset(trace.timeline.critical):
        return "the critical path names a call that there is not"
    if any(span.end_s < span.start_s or span.start_s < 0 for span in trace.timeline.calls):
        return "a call ends before it starts"
    if any(place >= len(trace.log) for place in trace.truncated):
        return "a value is left out of an event that there is not"
    return None
