"""How many calls can run at the same time at most, whatever they take.

Calls that wait for each other, directly or through others, form a chain, and of a chain only one call runs at a time.
So a plan that falls into a few chains never runs more calls than that, and chains of one tool's calls alone not more
than that tool's limit lets run (a batch counts once for it). The chains are found greedily: each op goes on with a
chain that ends in an op which it waits for. That takes linear time, and gives a bound, not always the least one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmcc.ir.expr import refs
from llmcc.ir.ops import Call, Compute, Map, ValueOp, calls_in, needs
from llmcc.ir.signature import Signature
from llmcc.optimizer.cost import most_at_once
from llmcc.optimizer.widths import Widths

#: How far back an op looks for a chain to go on with.
REACH = 64


def peak(ops: Sequence[ValueOp], signatures: Mapping[str, Signature], widths: Widths) -> int:
    """The bound for the ops of one level; a map counts with all that can run in it. Order edges must be in the ops."""
    chains = _Chains()
    for op in ops:
        tools = {call.tool for call in calls_in([op])}
        chains.add(op, _weight(op, signatures, widths), tools.pop() if len(tools) == 1 else None)
    total = chains.total(most_at_once(calls_in(ops), signatures))
    return min(total, _by_limits(ops, signatures, total))


def _weight(op: ValueOp, signatures: Mapping[str, Signature], widths: Widths) -> int:
    """How many calls the op alone runs at the same time."""
    if not isinstance(op, Map):
        return 1 if isinstance(op, Call) else 0
    inside = peak(op.body, signatures, widths)
    together = min(1, widths.most(op)) if op.ordered else widths.most(op)
    return min(inside * together, _by_limits(op.body, signatures, inside * together))


def _by_limits(ops: Sequence[ValueOp], signatures: Mapping[str, Signature], otherwise: int) -> int:
    """What the tools' limits allow; `otherwise` if one of the tools has none."""
    limits = most_at_once(calls_in(ops), signatures)
    limited = all(op.tool in limits for op in calls_in(ops))
    return sum(limits.values()) if limited else otherwise


class _Chains:
    def __init__(self) -> None:
        self._before: dict[str, list[str]] = {}
        #: How many of those before it, from the first on, have no chain left that could go on.
        self._spent: dict[str, int] = {}
        self._last: dict[str, int] = {}  # the ops at the ends of chains, and the numbers of these chains
        self._weights: list[int] = []
        self._tools: list[str | None] = []  # the one tool that a chain calls; None if there are several

    def add(self, op: ValueOp, weight: int, tool: str | None) -> None:
        """Puts an op into a chain that runs `weight` calls at the same time, all of `tool` if that is not None."""
        guard = refs(op.guard) if op.guard is not None else []
        # What its catch uses is not waited for.
        before = dict.fromkeys((*guard, *needs(op), *op.after))
        self._before[op.name] = [name for name in before if name in self._before]
        self._spent[op.name] = 0
        if isinstance(op, Compute):
            return
        end = self._end_before(op.name)
        chain = len(self._weights) if end is None else self._last.pop(end)
        if end is None:
            self._weights.append(0)
            self._tools.append(tool)
        if self._tools[chain] != tool:
            self._tools[chain] = None
        self._weights[chain] = max(self._weights[chain], weight)
        self._last[op.name] = chain

    def total(self, limits: Mapping[str, int]) -> int:
        """How many calls all chains together run at the same time, under the tools' limits."""
        together: dict[str | None, int] = {}
        for tool, weight in zip(self._tools, self._weights, strict=True):
            together[tool] = together.get(tool, 0) + weight
        return sum(count if tool is None else min(limits.get(tool, count), count) for tool, count in together.items())

    def _end_before(self, name: str) -> str | None:
        """The end of a chain that the op waits for. What has been searched in vain is not searched again."""
        path = [name]
        for _ in range(REACH + len(self._before[name])):
            one = path[-1]
            if one in self._last:
                return one
            if self._spent[one] < len(self._before[one]):
                path.append(self._before[one][self._spent[one]])
                continue
            path.pop()
            if not path:
                return None
            self._spent[path[-1]] += 1
        return None
