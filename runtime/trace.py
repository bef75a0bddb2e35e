"""The trace of a run: all that the scheduler was told, with times, and what follows from it.

A trace is complete: with it a run can be looked at (`calls`, `critical`, see `llmcc.runtime.spans`), drawn, opened in
Perfetto, and run again with the recorded results (`llmcc.replay`).
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from llmcc.ir.collector import paused
from llmcc.ir.errors import LlmccError
from llmcc.ir.ops import Module, calls_in
from llmcc.ir.printer import print_module
from llmcc.ir.signature import Signature
from llmcc.runtime import events as ev
from llmcc.runtime.limits import Limits
from llmcc.runtime.models.protocol import Usage
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.spans import Moment, Timeline
from llmcc.runtime.timeline import timeline
from llmcc.runtime.trace_secrets import Hidden

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1
#: Bytes of JSON that a value may have to be kept, unless told otherwise.
VALUE_LIMIT = 1 << 20


class TraceError(LlmccError):
    """A trace cannot be made, read, written or replayed; the text says why."""


class Toolset(Protocol):
    """What a trace needs of the tools: a `Toolbox` has it."""

    @property
    def runnable(self) -> Mapping[str, Signature]:
        """The signatures that the scheduler went by, by name."""


class Planned(Protocol):
    """What a trace needs of a program."""

    text: str
    digest: str
    toolbox: Any


class Entry(msgspec.Struct, frozen=True):
    """One event, and when it happened, in seconds since the run's start."""

    at_s: float
    event: ev.Event


class Trace(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A run that can be looked at and run again.

    Attributes:
        version: of this format.
        plan: the text of the plan; several, one after the other, if the run was given several; empty if it holds a
            secret.
        digest: the plan's (`llmcc compile --emit digest`); empty if it was written while it ran.
        module: the IR that ran, as text.
        tools: the signatures of the tools that the plan calls.
        tools_digest: their digest: equal if they are.
        began_at: the wall time of the start, in seconds since 1970.
        elapsed_s: how long the run took, in seconds.
        limits: the run's.
        log: the events.
        truncated: for each event whose value was too long to be kept (it is null then), by its place in the log, the
            length of the value in bytes.
        timeline: what the log tells about the calls.
        moments: what models did meanwhile.
        usage: their tokens.
    """

    version: int = VERSION
    plan: str
    digest: str
    module: str
    tools: tuple[Signature, ...]
    tools_digest: str
    began_at: float
    elapsed_s: float
    limits: Limits
    log: tuple[Entry, ...]
    truncated: dict[int, int] = {}
    timeline: Timeline
    moments: tuple[Moment, ...] = ()
    usage: Usage = msgspec.field(default_factory=Usage)

    @classmethod
    def of(
        cls, outcome: Outcome, program: Planned, toolbox: Toolset | None = None, *, value_limit: int = VALUE_LIMIT
    ) -> Trace:
        """The trace of a run of `program`.

        Args:
            outcome: what the run gave.
            program: what was run.
            toolbox: the tools, if they were not those the program was compiled against.
            value_limit: the most bytes of JSON that a result may have to be kept. What is longer is left out; the
                trace can then be looked at as ever, but not replayed.

        Raises:
            TraceError: there is no toolbox, or the run kept no log.
        """
        tools = toolbox if toolbox is not None else program.toolbox
        if tools is None:
            raise TraceError("a program that was compiled without a toolbox needs the one it ran with to be traced")
        return cls.record(outcome, tools.runnable, plan=program.text, digest=program.digest, value_limit=value_limit)

    @classmethod
    def record(
        cls,
        outcome: Outcome,
        signatures: Mapping[str, Signature],
        *,
        plan: str = "",
        digest: str = "",
        moments: Iterable[Moment] = (),
        value_limit: int = VALUE_LIMIT,
    ) -> Trace:
        """The trace of any run, from its parts. Raises like `of`."""
        if not outcome.log:
            raise TraceError("there is nothing to trace: the run kept no log")
        ops = tuple(event.op for _, event in outcome.log if isinstance(event, ev.StatementAdded))
        names = sorted({call.tool for call in calls_in(ops)})
        used = tuple(signatures[name] for name in names if name in signatures)
        log, truncated = _cut(outcome.log, value_limit)
        with paused():
            found = timeline(outcome.log, signatures, outcome.limits, outcome.pauses, outcome.secrets)
        hidden = Hidden(outcome.secrets, ops, plan)
        return cls(
            plan=hidden.plan,
            digest=digest,
            module=print_module(Module(hidden.ops, ordered=True)),
            tools=used,
            tools_digest=tools_digest(used),
            began_at=outcome.began_at,
            elapsed_s=outcome.elapsed_s,
            limits=_writable(outcome.limits),
            log=tuple(Entry(entry.at_s, hidden.event(entry.event)) for entry in log),
            truncated=truncated,
            timeline=found,
            moments=hidden.moments(tuple(moments)),
            usage=outcome.usage,
        )

    @property
    def signatures(self) -> dict[str, Signature]:
        """The signatures of the tools, by name."""
        return {one.name: one for one in self.tools}

    def save(self, file: str | Path) -> None:
        """Writes the trace as a JSON file that Perfetto and chrome://tracing open too.

        Raises:
            TraceError: it cannot be written; a file that was there stays as it was.
        """
        from llmcc.runtime.trace_file import write_trace

        write_trace(self, file)

    @staticmethod
    def load(file: str | Path) -> Trace:
        """The trace that `save` wrote.

        Raises:
            TraceError: there is none in the file, or it makes no sense.
        """
        from llmcc.runtime.trace_file import read_trace

        return read_trace(file)


def tools_digest(signatures: Iterable[Signature]) -> str:
    """`tools1:` and 64 hexadecimal digits: SHA-256 of all that is known of the tools.

    >>> tools_digest([])
    'tools1:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945'
    """
    text = msgspec.json.encode(sorted(signatures, key=lambda one: one.name), order="deterministic")
    return f"tools1:{hashlib.sha256(text).hexdigest()}"


def _cut(log: Iterable[tuple[float, ev.Event]], most: int) -> tuple[tuple[Entry, ...], dict[int, int]]:
    """The log without the values that are too long, and how long they were."""
    entries: list[Entry] = []
    truncated: dict[int, int] = {}
    for place, (at_s, event) in enumerate(log):
        if isinstance(event, ev.CallFinished) and isinstance(event.value, str | list | dict):
            size = len(msgspec.json.encode(event.value))
            if size > most:
                truncated[place] = size
                event = ev.CallFinished(event.key, None)
        entries.append(Entry(at_s, event))
    return tuple(entries), truncated


def _writable(limits: Limits) -> Limits:
    """The limits without infinities, which JSON does not know."""
    bounds = {name: getattr(limits, name) for name in Limits.__struct_fields__}
    endless = {name: sys.float_info.max for name, bound in bounds.items() if bound == float("inf")}
    return msgspec.structs.replace(limits, **endless)
