"""What every op goes through once it has begun: how it is admitted, succeeds or fails, and frees those that wait."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, count

from llmcc.ir import errors
from llmcc.ir.expr import refs
from llmcc.ir.frame import Frame, failure_of
from llmcc.ir.ops import Call, End, Map, ValueOp
from llmcc.ir.signature import Signature
from llmcc.ir.values import Value
from llmcc.runtime import events as ev
from llmcc.runtime.limits import Limits
from llmcc.runtime.nodes import Node, Region, State
from llmcc.runtime.ready import ReadyQueue, call_of


class IllegalTransition(RuntimeError):
    """An event that cannot happen in this state: whoever drives the machine is wrong. The text tells the story."""


class Progress:
    """The part of the machine that knows of ops, of whatever kind."""

    def __init__(self, signatures: Mapping[str, Signature], limits: Limits) -> None:
        self.signatures = signatures
        self.limits = limits
        self.top = Region(Frame())
        self.phase = "open"
        self.plan = 1
        self.accepted = 0
        self.stop_reason: str | None = None
        self.calls = 0
        self.max_calls = limits.max_calls
        #: Dollars of all calls that were let through, retries counted.
        self.usd = 0.0
        self.events = 0
        #: Whether there may be something to say of the end of a plan, or of the run.
        self._concludes = False
        self.nodes: dict[str, Node] = {}
        #: Keys that no op may get, as an earlier process of the run has used them.
        self.taken: set[str] = set()
        self.held: list[Node] = []
        #: Maps of the plan's top level whose statements are still being written, by name.
        self.growing: dict[str, Node] = {}
        self.queue = ReadyQueue(
            limits.max_running,
            {name: one.limit for name, one in signatures.items() if one.limit is not None},
            {name: one.batch for name, one in signatures.items() if one.batch is not None},
        )
        self._prices = {name: one.cost_usd for name, one in signatures.items() if one.cost_usd is not None}
        #: Tools of whose calls more is to be looked at than the number.
        self._counted = self._prices.keys() | self.queue.limits.keys() | self.queue.batches.keys()
        #: Whether further events follow at once, so that nothing starts yet.
        self.more = False
        #: Nodes that nothing holds back any more, and maps of which an element is over.
        self._agenda: list[Node] = []
        self._bodies: dict[int, tuple[Map, list[list[int]]]] = {}
        self._out: list[ev.Instruction] = []

    def _node(self, key: str, op: ValueOp | End, region: Region, order: tuple[int, ...]) -> Node:
        if key in self.nodes or key in self.taken:
            # The name belonged to something that was withdrawn, and its call may still run.
            key = self._another(f"{key}~{self.plan}")
        node = Node(key, op, region, order, self.plan)
        self.nodes[key] = node
        return node

    def _another(self, key: str) -> str:
        tried = chain((key,), (f"{key}.{n}" for n in count(2)))
        return next(one for one in tried if one not in self.nodes and one not in self.taken)

    def _hold(self, node: Node) -> None:
        node.enter("held", self.events)
        self.held.append(node)

    def _admit(self, node: Node) -> None:
        if isinstance(node.op, Map):
            node.enter("open", self.events)
            self._agenda.append(node)
        else:
            self._admit_call(node, call_of(node))

    def _admit_call(self, node: Node, op: Call) -> None:
        """Counts and pays a call, and has it wait for its turn."""
        if self.calls >= self.max_calls:
            return self._fail(node, errors.LimitExceeded(f"the run has made its {self.max_calls:,} calls"))
        if op.tool in self._prices and not self._pay(op.tool):
            return self._fail(node, errors.LimitExceeded(f"the run has spent its {self.limits.max_usd:g} USD"))
        self.calls += 1
        node.state = "ready"
        node.readied = self.events
        self.queue.push(node)

    def _pay(self, tool: str) -> bool:
        """Takes the price of a call out of what the run may spend; whether it was enough."""
        price = self._prices.get(tool, 0.0)
        if self.limits.max_usd is not None and self.usd + price > self.limits.max_usd * (1 + 1e-9):
            return False
        self.usd += price
        return True

    def _succeed(self, node: Node, op: ValueOp, value: Value) -> None:
        region = node.region
        region.frame.values[op.name] = value
        self._over(node, region, "done")

    def _fail(self, node: Node, error: Exception) -> None:
        op, region = node.op, node.region
        assert isinstance(op, ValueOp)
        node.failure = failure_of(error, op.name, op.span)
        names = refs(op.catch) if op.catch is not None and self.stop_reason is None else []
        if not node.wait_for([region.nodes[name] for name in names if name in region.nodes]):
            return self._conclude_failure(node, error)
        node.error = error
        node.enter("recovering", self.events)

    def _conclude_failure(self, node: Node, error: Exception) -> None:
        op, frame = node.op, node.region.frame
        assert isinstance(op, ValueOp)
        node.error = None
        if self.stop_reason is None:
            frame.fail(op, error)
        else:
            frame.failures[op.name] = failure_of(error, op.name, op.span)  # a stopped run makes up no values
        self._over(node, node.region, "failed" if op.name in frame.failures else "done")

    def _over(self, node: Node, region: Region, state: State) -> None:
        node.state = state
        node.ended = self.events
        if node.dependents is not None:
            for other in node.dependents:
                unmet = other.unmet = other.unmet - 1
                if not unmet:
                    self._agenda.append(other)
        region.unfinished -= 1
        if region.owner is not None and region.unfinished == 0:
            assert region.owner.elements is not None
            region.owner.elements.under_way -= 1
            self._agenda.append(region.owner)
