"""What the scheduler keeps about each op of each level of a running plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from llmcc.ir.expr import refs
from llmcc.ir.frame import Failure, Frame
from llmcc.ir.ops import Call, Map, Op, ValueOp, needs
from llmcc.ir.values import Value

State: TypeAlias = Literal[
    "waiting", "held", "ready", "running", "open", "recovering", "done", "failed", "known", "withdrawn"
]
#: States in which nothing further happens to an op.
OVER: frozenset[State] = frozenset({"done", "failed", "known", "withdrawn"})


@dataclass(slots=True, eq=False)
class Region:
    """One level of ops: the plan's top (`owner` is None), or one element of a map."""

    frame: Frame
    prefix: str = ""
    owner: Node | None = None
    nodes: dict[str, Node] = field(default_factory=dict)
    unfinished: int = 0


@dataclass(slots=True, eq=False)
class Elements:
    """A map that runs: its elements' values, the regions opened so far, and how many of those are under way."""

    values: list[Value]
    window: int
    regions: list[Region] = field(default_factory=list)
    under_way: int = 0


@dataclass(slots=True, eq=False)
class Node:
    """One op of one region. `unmet` counts the ops that it still waits for; `order` is its place in program order.

    `failure` is why the op or its call failed, also where a `catch` made up for it.
    """

    key: str
    op: Op
    region: Region
    order: tuple[int, ...]
    plan: int
    state: State = "waiting"
    unmet: int = 0
    dependents: list[Node] = field(default_factory=list)
    args: dict[str, Value] | None = None
    attempt: int = 0
    error: Exception | None = None
    failure: Failure | None = None
    elements: Elements | None = None
    history: list[tuple[int, State]] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether nothing further will happen to the op."""
        return self.state in OVER

    def enter(self, state: State, event: int) -> None:
        """Changes the state and notes it, with the number of the event that caused it."""
        self.state = state
        self.history.append((event, state))

    def story(self) -> str:
        """What happened to the op so far, in one line."""
        told = ", ".join(f"{state} at event {event}" for event, state in self.history) or "waiting"
        waits = f"; waits for {self.unmet} ops" if self.unmet else ""
        tries = f"; attempt {self.attempt}" if self.attempt else ""
        return f"{self.key}: {told}{tries}{waits}"


def prerequisites(op: Op) -> list[str]:
    """The ops that must be over before this one can start: what its guard and itself use, and its order edges.

    What its `catch` uses is not among them: it is waited for only if the op fails.
    """
    if not isinstance(op, ValueOp):
        return needs(op)
    guard = refs(op.guard) if op.guard is not None else []
    return list(dict.fromkeys((*guard, *needs(op), *op.after)))


def writes(op: ValueOp) -> bool:
    """Whether the op calls a tool that writes, or is a map with such a call in it."""
    stack: list[ValueOp] = [op]
    while stack:
        one = stack.pop()
        if isinstance(one, Call) and one.effect.writes:
            return True
        if isinstance(one, Map):
            stack.extend(one.body)
    return False


def inside(node: Node) -> Iterator[Node]:
    """All nodes of the regions of a map, at any depth."""
    stack = [node]
    while stack:
        one = stack.pop()
        if one.elements is None:
            continue
        for region in one.elements.regions:
            yield from region.nodes.values()
            stack.extend(region.nodes.values())
