"""What calls touched, and when: the record by which races and the order of writes are found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import trio

from llmcc.ir.effects import EVERYTHING, Effect, split
from llmcc.ir.signature import Signature
from llmcc.ir.values import Value, canonical, to_text


@dataclass(slots=True, eq=False)
class Access:
    """One call, or one attempt of it: what it touched, filled in, and when (in virtual seconds) it started and ended.

    `ended` tells how: `done`, or the name of the error's class; it is empty while the call runs.
    """

    tool: str
    args: str
    kind: str
    resources: tuple[str, ...]
    start_s: float
    end_s: float | None = None
    ended: str = ""

    def conflicts(self, other: Access) -> bool:
        """Whether one of the two writes what the other touches."""
        if "write" not in (self.kind, other.kind):
            return False
        return any(same_resource(a, b) for a in self.resources for b in other.resources)

    def __str__(self) -> str:
        """The call, as one line of a trace shows it."""
        return f"{self.tool}({self.args})"


class Accesses:
    """All accesses of a run in the order in which they started. `races` holds the conflicting ones that overlapped."""

    def __init__(self) -> None:
        self.all: list[Access] = []
        self.races: list[tuple[Access, Access]] = []
        self.most_running = 0
        self._running: list[Access] = []

    def start(self, signature: Signature, args: dict[str, Value]) -> Access:
        """Notes a call that starts now, by trio's clock."""
        effect = effect_of(signature)
        access = Access(signature.name, canonical(args), effect.kind, filled(effect, args), trio.current_time())
        self.races.extend((other, access) for other in self._running if other.conflicts(access))
        self._running.append(access)
        self.all.append(access)
        self.most_running = max(self.most_running, len(self._running))
        return access

    def end(self, access: Access, how: str) -> None:
        """Notes that a call is over."""
        self._running.remove(access)
        access.end_s, access.ended = trio.current_time(), how


def effect_of(signature: Signature) -> Effect:
    """A tool's effect; one that says nothing reads everything, as the compiler takes it."""
    return signature.effect or Effect("read", (EVERYTHING,))


def same_resource(a: str, b: str) -> bool:
    """Whether two filled-in resources may be the same: `*` is every one."""
    return a == b or EVERYTHING in (a, b)


def filled(effect: Effect, args: dict[str, Value]) -> tuple[str, ...]:
    """The resources of an effect with the arguments in place of the holes.

    >>> filled(Effect("write", ("account:{iban}",)), {"iban": "DE1"})
    ('account:DE1',)
    """
    return tuple(
        "".join(to_text(args.get(part)) if i % 2 else part for i, part in enumerate(split(pattern)))
        for pattern in effect.resources
    )


def writes_by_resource(writes: Iterable[tuple[tuple[str, ...], str]]) -> dict[str, list[str]]:
    """The writes to each resource in their order, given as (resources, text); one to everything is one to each.

    >>> writes_by_resource([(("a",), "1"), (("b",), "2"), (("*",), "3")])
    {'*': ['3'], 'a': ['1', '3'], 'b': ['2', '3']}
    """
    listed = list(writes)
    names = sorted({name for touched, _ in listed for name in touched} | {EVERYTHING})
    return {name: [text for touched, text in listed if {name, EVERYTHING} & {*touched}] for name in names}
