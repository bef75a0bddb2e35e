"""Tools to test plans with: fakes that take virtual time, and simulated ones that read and change a shared state."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import trio

from llmcc.ir.effects import EVERYTHING, Effect, split
from llmcc.ir.errors import ToolError
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import EnumType, ListType, Prim, RecordType, Type, UnionType
from llmcc.ir.values import Value, canonical, to_text
from llmcc.runtime.durations import seconds
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import Tool
from llmcc.testing.schedules import Schedule


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


@dataclass(frozen=True, slots=True)
class Access:
    """One call: what it touched, filled in, and when (in virtual seconds) it started and ended."""

    tool: str
    args: str
    kind: str
    resources: tuple[str, ...]
    start_s: float
    end_s: float | None = None

    def conflicts(self, other: Access) -> bool:
        """Whether one of the two writes what the other touches."""
        if "write" not in (self.kind, other.kind):
            return False
        return any(_same(a, b) for a in self.resources for b in other.resources)


class SimulatedTools:
    """A world behind some signatures. Reads return a value that depends on all writes before them to what they read,
    writes change it; every call's value has its declared type. So two runs differ in their values as soon as two
    conflicting calls changed places.

    `overlaps` holds the pairs of conflicting calls that ran at the same time: a schedule is wrong if there is one.
    `failing` is the share of calls (0 to 1) that fail, the same ones in every run. `invocations` counts, by tool, how
    often its functions were called: a batch counts once.
    """

    def __init__(
        self, signatures: Iterable[Signature], *, schedule: Schedule | None = None, failing: float = 0.0
    ) -> None:
        self.signatures = {signature.name: signature for signature in signatures}
        self.schedule = schedule or Schedule(0)
        self.failing = failing
        self.writes: list[tuple[tuple[str, ...], str]] = []
        #: For each write a number that stands for it and all the conflicting writes before it.
        self._histories: list[int] = []
        self.overlaps: list[tuple[Access, Access]] = []
        self.most_running = 0
        self.invocations: Counter[str] = Counter()
        self._running: list[Access] = []

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
        effect = signature.effect or Effect("read", (EVERYTHING,))
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
        return [history for (where, _), history in pairs if any(_same(a, b) for a in where for b in touched)]

    def _function(self, name: str) -> Any:
        async def function(**args: Value) -> object:
            self.invocations[name] += 1
            with _Watch(self, name, args):
                await trio.sleep(self.schedule.latency_s(f"{name}({canonical(args)})"))
                return self.call(name, args)

        return function

    def _batch_function(self, name: str) -> Any:
        async def function(calls: list[dict[str, Value]]) -> list[object]:
            self.invocations[name] += 1
            with ExitStack() as watches:
                for args in calls:
                    watches.enter_context(_Watch(self, name, args))
                await trio.sleep(self.schedule.latency_s(f"{name}({canonical(calls)})"))
                return [self._result(name, args) for args in calls]

        return function

    def _result(self, name: str, args: dict[str, Value]) -> object:
        try:
            return self.call(name, args)
        except ToolError as error:
            return error

    def started(self, access: Access) -> None:
        """Notes a call that starts, and which conflicting ones run."""
        self.overlaps.extend((other, access) for other in self._running if other.conflicts(access))
        self._running.append(access)
        self.most_running = max(self.most_running, len(self._running))

    def ended(self, access: Access) -> None:
        """Notes that a call is over."""
        self._running.remove(access)


class _Watch:
    def __init__(self, world: SimulatedTools, tool: str, args: dict[str, Value]) -> None:
        effect = world.signatures[tool].effect or Effect("read", (EVERYTHING,))
        self._world = world
        self._access = Access(tool, canonical(args), effect.kind, filled(effect, args), trio.current_time())

    def __enter__(self) -> None:
        self._world.started(self._access)

    def __exit__(self, *error: object) -> None:
        self._world.ended(self._access)


def filled(effect: Effect, args: dict[str, Value]) -> tuple[str, ...]:
    """The resources of an effect with the arguments in place of the holes.

    >>> filled(Effect("write", ("account:{iban}",)), {"iban": "DE1"})
    ('account:DE1',)
    """
    return tuple(
        "".join(to_text(args.get(part)) if i % 2 else part for i, part in enumerate(split(pattern)))
        for pattern in effect.resources
    )


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


def _same(a: str, b: str) -> bool:
    return a == b or EVERYTHING in (a, b)


def _digest(*texts: str) -> int:
    return int.from_bytes(hashlib.blake2b("\0".join(texts).encode(), digest_size=6).digest(), "big")


def _share(digest: int) -> float:
    return digest / 2**48
