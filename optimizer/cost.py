"""The cost model: what a call takes, and how that is known.

A tool's latency is what a profile has measured, else what the tool declares, else `DEFAULT_LATENCY_S`. A measured
latency takes the place of the declared one in the tool's signature (`measured`), so that everything which looks at
signatures goes by it. Times are in seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from llmcc.ir.escape import visible
from llmcc.ir.ops import Call, ValueOp, calls_in
from llmcc.ir.signature import Signature
from llmcc.optimizer.times import human

#: What a call takes, in seconds, if nobody has said.
DEFAULT_LATENCY_S = 1.0
#: How many tools a line names.
NAMED = 8


def latency_s(tool: str, signatures: Mapping[str, Signature]) -> float:
    """What a call of the tool is estimated to take."""
    declared = declared_latency_s(tool, signatures)
    return DEFAULT_LATENCY_S if declared is None else declared


def declared_latency_s(tool: str, signatures: Mapping[str, Signature]) -> float | None:
    """What the tool's signature says of it; None if nothing."""
    return signatures[tool].latency_s if tool in signatures else None


def measured(signatures: Mapping[str, Signature], latencies: Mapping[str, float]) -> dict[str, Signature]:
    """The signatures with what was measured (seconds by tool) in place of what was declared."""
    return {
        name: one if name not in latencies else msgspec.structs.replace(one, latency_s=latencies[name])
        for name, one in signatures.items()
    }


def most_at_once(calls: Iterable[Call], signatures: Mapping[str, Signature]) -> dict[str, int]:
    """How many of these calls of a tool its limit lets run at the same time, by tool, for those that have a limit.

    A batch counts once for the limit, so that it is as many as the largest batch holds.
    """
    batches: dict[str, int] = {}
    for call in calls:
        if call.tool in signatures:
            batches[call.tool] = max(batches.get(call.tool, 1), call.batch or 1)
    limits = {tool: signatures[tool].limit for tool in batches}
    return {tool: limit * batches[tool] for tool, limit in limits.items() if limit is not None}


def basis(ops: Iterable[ValueOp], signatures: Mapping[str, Signature], latencies: Mapping[str, float]) -> str | None:
    """On what the estimates rest, in a line: what was measured, what nobody has said. None if all is declared."""
    tools = list(dict.fromkeys(op.tool for op in calls_in(ops)))
    seen = [tool for tool in tools if tool in latencies and tool in signatures]
    unknown = [tool for tool in tools if declared_latency_s(tool, signatures) is None]
    said = [f"measured for {named(seen)}"] if seen else []
    said += [f"{human(DEFAULT_LATENCY_S)} assumed for {named(unknown)}"] if unknown else []
    return f"latencies: {', '.join(said)}" if said else None


def named(tools: list[str]) -> str:
    """Some tools' names, cut off after a few.

    >>> named(["a", "b"]), named(list("abcdefghij"))
    ('a, b', 'a, b, c, d, e, f, g, h and 2 more')
    """
    more = len(tools) - NAMED
    return ", ".join(map(visible, tools[:NAMED])) + (f" and {more} more" if more > 0 else "")
