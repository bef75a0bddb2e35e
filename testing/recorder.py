"""Any tools under a schedule and faults, with a record of what they touched: how the kit runs a user's own toolbox."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec
import trio

from llmcc.ir.signature import Signature
from llmcc.ir.values import Value, canonical
from llmcc.runtime.callee import Callee
from llmcc.runtime.faults import class_name
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import Tool
from llmcc.testing.access import Accesses
from llmcc.testing.faulty import Faults
from llmcc.testing.schedule import Schedule
from llmcc.testing.tools import SimulatedTools

#: What can be tested: a function that makes tools with their state anew, tools without state, or simulated ones.
Tools: TypeAlias = Callable[[], "Toolbox | SimulatedTools"] | Toolbox | SimulatedTools | Mapping[str, Signature]


def fresh(tools: Tools) -> Toolbox:
    """The tools in the state in which every run starts."""
    if isinstance(tools, Toolbox):
        return tools
    if isinstance(tools, SimulatedTools):
        return tools.again().toolbox()
    if callable(tools):
        return fresh(tools())
    return SimulatedTools(tools.values()).again().toolbox()


class Recorder:
    """Tools that behave as the given ones, but take the schedule's latencies, have the faults, and are recorded.

    A blocking function is called in place and not in a thread, so that the virtual clock knows what happens. Rates and
    circuit breakers are left out: what they do depends on the time, and so on the schedule.
    """

    def __init__(self, tools: Toolbox, schedule: Schedule, faults: Faults) -> None:
        self.accesses = Accesses()
        self._tools = tools
        self._schedule = schedule
        self._faults = faults
        self._calls: Counter[str] = Counter()
        self._struck: set[str] = set()

    def toolbox(self) -> Toolbox:
        """The recorded tools."""
        return Toolbox(*(Tool(_timeless(one.signature), self._function(one)) for one in self._tools.values()))

    def _function(self, tool: Tool) -> Callable[..., Any]:
        async def function(**args: Value) -> object:
            access = self.accesses.start(tool.signature, args)
            ended = "done"
            try:
                return await self._perform(tool, args)
            except BaseException as error:
                ended = class_name(error)
                raise
            finally:
                self.accesses.end(access, ended)

        return function

    async def _perform(self, tool: Tool, args: dict[str, Value]) -> object:
        text = f"{tool.name}({canonical(args)})"
        self._calls[text] += 1
        way = f"{text} {self._calls[text]}"
        await trio.sleep(self._latency_s(tool, f"{way} there"))
        fault = self._faults.of(tool.signature, args)
        if fault is not None and fault.kind == "flaky" and text in self._struck:
            fault = None
        self._struck.add(text)
        if fault is not None and fault.kind != "lost":
            return await fault.strike()
        assert tool.function is not None
        callee = Callee(tool, tool.function, None)
        positional, named = callee.bound(args)
        result = callee.function(*positional, **named)
        if inspect.isawaitable(result):
            result = await result
        await trio.sleep(self._latency_s(tool, f"{way} back"))
        return result if fault is None else await fault.strike()

    def _latency_s(self, tool: Tool, way: str) -> float:
        """The schedule's, but never so long that the call is timed out for that."""
        limit = tool.signature.timeout_s
        drawn = self._schedule.latency_s(way)
        return drawn if limit is None else min(drawn, limit / 4)


def _timeless(signature: Signature) -> Signature:
    return msgspec.structs.replace(signature, rate=None, breaker=None)
