"""Tools to test plans with: fakes that take virtual time, and simulated ones that read and change a shared state."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import trio

from llmcc.ir.effects import Effect
from llmcc.ir.errors import ToolError
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import EnumType, ListType, Prim, RecordType, Type, UnionType
from llmcc.ir.values import Value, canonical
from llmcc.runtime.durations import seconds
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import Tool
from llmcc.testing.access import Access, Accesses, effect_of, filled, same_resource
from llmcc.testing.schedule import Schedule


def fake(
    name: str,
    result: object = None,
    *,
    latency: str | float = 0.0,
    fails: BaseException | None = None,
    failures: int | None = None,
    parameters: Iterable[str] = ("x",),
    **rules: Any,
) -> Tool:
    """A tool that takes `latency` of virtual time, and then returns `result`, or raises `fails` (the first `failures`
    times, or always). Its parameters are optional and of any type; `rules` are further fields of its signature.
    """
    left = [failures]

    async def function(**args: Value) -> object:
        await trio.sleep(seconds(latency))
        if fails is None or left[0] == 0:
            return result
        left[0] = None if left[0] is None else left[0] - 1
        raise fails

    shown = tuple(Parameter(parameter, required=False) for parameter in parameters)
    return Tool(Signature(name=name, parameters=shown, **{"effect": Effect("pure"), **rules}), function)


class Race(ToolError):
    """Two calls that conflict ran at the same time."""


class SimulatedTools:
    """A world behind some signatures. Reads return a value that depends on all writes before them to what they read,
    writes change it; every call's value has its declared type. So two runs differ in their values as soon as two
    conflicting calls changed places.

    `overlaps` holds the pairs of conflicting calls that ran at the same time: a schedule is wrong if there is one. With
    `races="error"` the second of such a pair fails with `Race` besides, so that the run tells. `failing` is the share
    of calls (0 to 1) that fail, the same ones in every run. `invocations` counts, by tool, how often its functions were
    called: a batch counts once.
    """

    def __init__(
        self,
        signatures: Iterable[Signature],
        *,
        schedule: Schedule | None = None,
        failing: float = 0.0,
        races: Literal["note", "error"] = "note",
    ) -> None:
        self.signatures = {signature.name: signature for signature in signatures}
        self.schedule = schedule or Schedule(0)
        self.failing = failing
        self.writes: list[tuple[tuple[str, ...], str]] = []
        #: For each write a number that stands for it and all the conflicting writes before it.
        self._histories: list[int] = []
        self._races = races
        self._accesses = Accesses()
        self.invocations: Counter[str] = Counter()

    @property
    def started(self) -> list[Access]:
        """All calls in the order in which they started, also those that were cut off."""
        return self._accesses.all

    @property
    def overlaps(self) -> list[tuple[Access, Access]]:
        """The pairs of conflicting calls that ran at the same time."""
        return self._accesses.races

    @property
    def most_running(self) -> int:
        """How many calls ran at the same time at most."""
        return self._accesses.most_running

    def again(self) -> SimulatedTools:
        """The same world before anything happened in it, at once with every answer."""
        quick = Schedule(0, slowest_s=0.0)
        return SimulatedTools(self.signatures.values(), schedule=quick, failing=self.failing, races=self._races)

    def toolbox(self) -> Toolbox:
        """The tools as asynchronous functions that take the schedule's latencies; in batches where they allow them."""
        return Toolbox(*map(self._tool, self.signatures.values()))

    def _tool(self, signature: Signature) -> Tool:
        made = Tool(signature, self._function(signature.name))
        if signature.batch is not None:
            made.batched(self._batch_function(signature.name))
        return made

    def call(self, tool: str, args: dict[str, Value]) -> object:
        """One call, at once: for the interpreter, and for schedulers without a clock.

        Raises:
            ToolError: this call is one that fails.
        """
        signature = self.signatures[tool]
        text = f"{tool}({canonical(args)})"
        effect = effect_of(signature)
        touched = filled(effect, args)
        # Writes that do not conflict have no order, so that what is seen of them must not depend on one.
        digest = _digest(text, *sorted(str(history) for history in self._seen(touched)))
        if effect.writes:
            self.writes.append((touched, text))
            self._histories.append(digest)
        if _share(_digest("fails", text)) < self.failing:
            raise ToolError(f"{text} fails by design")
        return value_of(signature.returns, digest)

    def _seen(self, touched: tuple[str, ...]) -> list[int]:
        """The histories of the writes so far that touch one of the resources."""
        pairs = zip(self.writes, self._histories, strict=True)
        return [history for (where, _), history in pairs if any(same_resource(a, b) for a in where for b in touched)]

    def _function(self, name: str) -> Any:
        async def function(**args: Value) -> object:
            self.invocations[name] += 1
            with self._watched(name, args):
                await trio.sleep(self.schedule.latency_s(f"{name}({canonical(args)})"))
                return self.call(name, args)

        return function

    def _batch_function(self, name: str) -> Any:
        async def function(calls: list[dict[str, Value]]) -> list[object]:
            self.invocations[name] += 1
            with ExitStack() as watches:
                for args in calls:
                    watches.enter_context(self._watched(name, args))
                await trio.sleep(self.schedule.latency_s(f"{name}({canonical(calls)})"))
                return [self._result(name, args) for args in calls]

        return function

    @contextmanager
    def _watched(self, name: str, args: dict[str, Value]) -> Iterator[None]:
        before = len(self.overlaps)
        access = self._accesses.start(self.signatures[name], args)
        try:
            if self._races == "error" and len(self.overlaps) > before:
                raise Race(f"{access} started while {self.overlaps[-1][0]} was running, and they conflict")
            yield
        finally:
            self._accesses.end(access, "over")

    def _result(self, name: str, args: dict[str, Value]) -> object:
        try:
            return self.call(name, args)
        except ToolError as error:
            return error


def value_of(wanted: Type, digest: int) -> Value:
    """A value of a type, decided by a number.

    >>> value_of(ListType(Prim("bool")), 7)
    [True, True]
    """
    match wanted:
        case Prim(name):
            value: Value = _PRIMS[name](digest)
            return value
        case EnumType(values):
            return values[digest % len(values)]
        case UnionType(options):
            return value_of(options[digest % len(options)], digest // len(options))
        case ListType(element):
            return [value_of(element, _digest(str(digest), str(i))) for i in range(digest % 3 + 1)]
        case RecordType(fields):
            return {field.name: value_of(field.type, _digest(str(digest), field.name)) for field in fields}


_PRIMS: dict[str, Any] = {
    "any": lambda digest: digest % 1000,
    "null": lambda digest: None,
    "bool": lambda digest: digest % 2 == 0,
    "int": lambda digest: digest % 1000,
    "float": lambda digest: digest % 1000 / 8,
    "str": lambda digest: f"t{digest % 1000}",
}


def _digest(*texts: str) -> int:
    return int.from_bytes(hashlib.blake2b("\0".join(texts).encode(), digest_size=6).digest(), "big")


def _share(digest: int) -> float:
    return digest / 2**48
