"""What `order-effects` reports: which op waits for which, and which maps go through their elements one by one."""

from __future__ import annotations

from collections.abc import Iterable

from llmcc.ir.ops import Compute, Map, ValueOp
from llmcc.optimizer.alias import access
from llmcc.optimizer.remarks import Remarks, conflict, current, touched


class OrderRemarks:
    """Watches the ops of one level, in program order."""

    def __init__(self, remarks: Remarks) -> None:
        self._remarks = remarks
        self._ops: dict[str, ValueOp] = {}

    @staticmethod
    def wanted() -> OrderRemarks | None:
        """A watcher, if somebody wants remarks."""
        remarks = current()
        return None if remarks is None else OrderRemarks(remarks)

    def saw(self, op: ValueOp, edges: Iterable[str], barriers: Iterable[Compute]) -> None:
        """The next op, the edges that it gets, and the barriers made for it."""
        self._ops.update((one.name, one) for one in (*barriers, op))
        for name in edges:
            self._remarks.note("ordered", op.name, f"{self._remarks.name(op.name)} waits for {self._cause(name, op)}")
        if isinstance(op, Map) and access(op).writes and op.ordered:
            why = f"{self._remarks.name(op.name)} takes its elements one after another: it {touched(op)}"
            self._remarks.note("not parallel", op.name, why)

    def _cause(self, name: str, op: ValueOp) -> str:
        earlier = self._ops[name]
        if isinstance(earlier, Compute) and earlier.after:
            return f"{len(earlier.after)} others, among them {self._remarks.place(earlier.after[0])}"
        found = conflict(earlier, op)
        return self._remarks.place(name) + (f", which {found}" if found else "")
