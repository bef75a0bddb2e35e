"""What `merge-duplicates` reports: which op became a name for which, and why another one did not."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import islice

from llmcc.ir.expr import Ref, is_literal
from llmcc.ir.ops import Call, Compute, Map, ValueOp
from llmcc.optimizer.alias import access
from llmcc.optimizer.remarks import Remarks, conflict, current, touched

#: How many writes are looked at for the one that stands between two reads.
LOOK_BACK = 1000


class MergeRemarks:
    """Watches the ops of one level, in program order."""

    def __init__(self, remarks: Remarks) -> None:
        self._remarks = remarks
        self._latest: dict[Hashable, tuple[Call | Compute, int]] = {}
        self._writes: list[ValueOp] = []
        self._ops: dict[str, ValueOp] = {}

    @staticmethod
    def wanted() -> MergeRemarks | None:
        """A watcher, if somebody wants remarks."""
        remarks = current()
        return None if remarks is None else MergeRemarks(remarks)

    def saw(self, op: ValueOp, now: ValueOp, what: Hashable) -> None:
        """The next op and what became of it; ops with the same `what` compute the same (None: it is never merged)."""
        self._ops[op.name] = op
        if now is not op and isinstance(now, Compute) and isinstance(now.expr, Ref):
            self._merged(op, now.expr.name)
        elif isinstance(op, Call | Compute) and what is not None and not _trivial(op):
            self._kept(op, what)
        if access(op).writes:
            self._writes.append(op)

    def _merged(self, op: ValueOp, first: str) -> None:
        found = self._ops.get(first)
        if isinstance(op, Compute) or found is None:
            why = "the same expression"
        elif touched(op):
            read = touched(op).removeprefix("reads anything").removeprefix("reads")
            why = f"the same {'map' if isinstance(op, Map) else 'call'}, nothing between writes{read}"
        elif isinstance(op, Map):
            why = "the same map of the same list"
        else:
            why = "the same call of a pure tool"
        self._remarks.note("merged", op.name, f"{self._remarks.name(op.name)} is {self._remarks.place(first)}: {why}")

    def _kept(self, op: Call | Compute, what: Hashable) -> None:
        earlier, writes = self._latest.get(what, (None, 0))
        self._latest[what] = op, len(self._writes)
        if earlier is None:
            return
        why = self._reason(op, earlier, writes)
        name, place = self._remarks.name(op.name), self._remarks.place(earlier.name)
        self._remarks.note("not merged", op.name, f"{name} does what {place} does, but {why}")

    def _reason(self, op: Call | Compute, earlier: Call | Compute, writes: int) -> str:
        if isinstance(op, Call) and op.effect.writes:
            return f"{op.tool} {touched(op)}"
        between = islice(reversed(self._writes), min(LOOK_BACK, len(self._writes) - writes))
        for write in between:
            if found := conflict(write, op):
                return f"{self._remarks.place(write.name)} {found}, which both read"
        return next(self._differences(op, earlier), "they are not certain to have the same value")

    def _differences(self, op: Call | Compute, earlier: Call | Compute) -> Iterator[str]:
        if op.guard != earlier.guard:
            yield "it runs under another condition"
        if op.catch != earlier.catch:
            yield "it has another catch"
        if late := [name for name in op.after if name not in earlier.after]:
            yield f"it comes after {self._remarks.place(late[0])}"


def _trivial(op: Call | Compute) -> bool:
    """Whether there is nothing to save."""
    return isinstance(op, Compute) and (isinstance(op.expr, Ref) or is_literal(op.expr))
