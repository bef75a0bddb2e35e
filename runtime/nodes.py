"""What the scheduler keeps about each op of each level of a running plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

import msgspec

from llmcc.ir.expr import Const, Ref, refs
from llmcc.ir.frame import Failure, Frame
from llmcc.ir.ops import Call, Map, Op, ValueOp, needs
from llmcc.ir.values import Value

State: TypeAlias = Literal[
    "waiting", "held", "ready", "running", "open", "recovering", "done", "failed", "known", "withdrawn"
]
#: States in which nothing further happens to an op.
OVER: frozenset[State] = frozenset({"done", "failed", "known", "withdrawn"})
#: In which order an op goes through its states.
_ORDER = {state: place for place, state in enumerate(get_args(State))}


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
    """A map that runs: its elements' values, the regions opened so far, and how many of those are under way.

    While it is `growing`, its statement is still being written, and more may come.
    """

    values: list[Value]
    window: int
    regions: list[Region] = field(default_factory=list)
    under_way: int = 0
    growing: bool = False


@dataclass(slots=True, eq=False)
class Batch:
    """Calls that share a slot of their tool: how many they may be, are, and are still under way.

    `name` is the key of the first of them.
    """

    name: str
    most: int
    size: int = 0
    running: int = 0


class Node(msgspec.Struct, eq=False):
    """One op of one region. `unmet` counts the ops that it still waits for; `order` is its place in program order.

    `failure` is why the op or its call failed, also where a `catch` made up for it. `history` is all that the op went
    through. It is made of the numbers of the events at which a call became ready, started, and was over (0: it did
    not; a call that started as soon as it was ready has the second only), and in `path` what else it went through, each
    the number of an event and the state that it led to.
    """

    key: str
    op: Op
    region: Region
    order: tuple[int, ...]
    plan: int
    state: State = "waiting"
    unmet: int = 0
    dependents: list[Node] | None = None
    args: dict[str, Value] | None = None
    attempt: int = 1
    error: Exception | None = None
    failure: Failure | None = None
    elements: Elements | None = None
    batch: Batch | None = None
    readied: int = 0
    started: int = 0
    ended: int = 0
    path: tuple[tuple[int, State], ...] = ()

    def __repr__(self) -> str:
        """Its story."""
        return f"<{self.story()}>"

    @property
    def over(self) -> bool:
        """Whether nothing further will happen to the op."""
        return self.state in OVER

    @property
    def history(self) -> list[tuple[int, State]]:
        """The states that the op went through, each with the number of the event that caused it."""
        found = list(self.path)
        if self.readied or self.started:
            found.append((self.readied or self.started, "ready"))
        if self.started:
            found.append((self.started, "running"))
        if self.ended:
            found.append((self.ended, self.state))
        return sorted(found, key=lambda one: (one[0], _ORDER[one[1]]))

    def enter(self, state: State, event: int) -> None:
        """Changes the state and notes it, with the number of the event that caused it."""
        if self.ended:
            self.path += ((self.ended, self.state),)
            self.ended = 0
        self.state = state
        if state in OVER:
            self.ended = event
        else:
            self.path += ((event, state),)

    def wait_for(self, others: list[Node]) -> bool:
        """Has the op wait for those of the others that are not over; whether there are any."""
        unmet = self.unmet
        for other in others:
            if other.state in OVER:
                continue
            unmet += 1
            if other.dependents is None:
                other.dependents = [self]
            else:
                other.dependents.append(self)
        self.unmet = unmet
        return unmet > 0

    def wait_for_arguments(self, op: Call, nodes: Mapping[str, Node]) -> bool:
        """Has a call wait for the nodes that its arguments are the values of; False if they are anything else than
        values of these nodes, or constants: then the node is of no use.
        """
        unmet = 0
        for _, expr in op.args:
            if type(expr) is not Ref:
                if type(expr) is Const:
                    continue
                return self._useless()
            other = nodes.get(expr.name)
            if other is None:
                return self._useless()
            if other.ended:
                continue
            waiting = other.dependents
            if waiting is None:
                other.dependents = [self]
            elif waiting[-1] is not self:
                waiting.append(self)
            else:
                continue
            unmet += 1
        self.unmet = unmet
        return True

    def _useless(self) -> bool:
        self.state = "withdrawn"  # the nodes that know already that it waits leave it alone now
        return False

    def story(self) -> str:
        """What happened to the op so far, in one line."""
        told = ", ".join(f"{state} at event {event}" for event, state in self.history) or "waiting"
        waits = f"; waits for {self.unmet} ops" if self.unmet else ""
        tries = f"; attempt {self.attempt}" if self.started else ""
        return f"{self.key}: {told}{tries}{waits}"


def prerequisites(op: Op) -> list[str]:
    """The ops that must be over before this one can start: what its guard and itself use, and its order edges.

    What its `catch` uses is not among them: it is waited for only if the op fails.
    """
    if type(op) is Call:
        found = [] if op.guard is None else refs(op.guard)
        for _, expr in op.args:
            if type(expr) is Ref:
                found.append(expr.name)
            elif type(expr) is not Const:
                found += refs(expr)
    elif isinstance(op, ValueOp):
        found = [] if op.guard is None else refs(op.guard)
        found += needs(op)
    else:
        return needs(op)
    found += op.after
    if len(found) < 2 or (len(found) == 2 and found[0] != found[1]):
        return found
    return list(dict.fromkeys(found))


def uses(op: Op) -> set[str]:
    """All ops that this one uses or comes after, those of its `catch` included."""
    found = set(prerequisites(op))
    if isinstance(op, ValueOp) and op.catch is not None:
        found.update(refs(op.catch))
    return found


def closure(ops: Mapping[str, ValueOp], names: Iterable[str]) -> list[str]:
    """The names, and those of all `ops` (in program order) that use one of them or come after it."""
    gone = set(names)
    for name, op in ops.items():
        if name not in gone and not gone.isdisjoint(uses(op)):
            gone.add(name)
    return [name for name in ops if name in gone]


def writes(op: ValueOp) -> bool:
    """Whether the op calls a tool that writes, or is a map with such a call in it."""
    if not isinstance(op, Map):
        return isinstance(op, Call) and op.effect.writes
    return any(writes(one) for one in op.body)


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
