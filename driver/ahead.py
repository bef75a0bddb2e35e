"""Elements that start before their statement is whole: `x = [f(v) for v in ["a",` says enough to look `a` up.

What is begun so only reads. If the whole statement turns out to say something else (it has a condition, say), that is
taken back, and the statement starts like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from llmcc.frontend.opening import Opening
from llmcc.ir.expr import NOTHING, ListOf, is_literal
from llmcc.ir.ops import Map, Op, ValueOp
from llmcc.ir.types import ANY
from llmcc.optimizer.numbering import standard
from llmcc.runtime.executor import Execution
from llmcc.runtime.growing import continues
from llmcc.runtime.nodes import writes


class Ahead:
    """The map of the line that is being written, as far as it was begun; at most one at a time.

    Args:
        optimize: what the optimizer would make of an op that came next.
        made: the plan's ops so far, by name. A read that comes after one of them (which then writes) cannot begin.
        standing: those of the plans before it. A map that may turn out to be an earlier one's duplicate does not begin.
    """

    def __init__(
        self,
        optimize: Callable[[Op], Sequence[Op]],
        made: Mapping[str, ValueOp],
        standing: Mapping[str, ValueOp],
    ) -> None:
        self._optimize = optimize
        self._made = made
        self._standing = standing
        #: The line that it stands in, and what the front end made of its first element, and the run has of it.
        self._line: Opening | None = None
        self._first: Map | None = None
        self._begun: Map | None = None

    def begin(self, execution: Execution, line: Opening, ops: Sequence[Op]) -> None:
        """Begins the next element. `ops` are what the line would have if it were the only one of its list."""
        op = ops[0] if ops else None
        if not isinstance(op, Map) or not isinstance(op.source, ListOf) or not is_literal(op.source):
            return line.stop()
        if self._begun is not None:
            return self._grow(execution, line, op, op.source)
        made = self._optimized(op)
        if made is None:
            return line.stop()
        self._line, self._first, self._begun = line, op, made
        execution.begin(made)

    def _grow(self, execution: Execution, line: Opening, op: Map, more: ListOf) -> None:
        """Adds an element that is to be treated as the first one is."""
        assert self._first is not None and self._begun is not None and isinstance(self._begun.source, ListOf)
        items = (*self._begun.source.items, *more.items)
        if _body(op) != _body(self._first) or len(items) > execution.machine.limits.max_fanout:
            return line.stop()
        self._begun = msgspec.structs.replace(self._begun, source=ListOf(items))
        execution.grow(self._begun.name, more)

    def _optimized(self, op: Map) -> Map | None:
        """The map as the run is to have it; None if it has to wait for its whole statement."""
        made = self._optimize(op)
        new = made[0] if len(made) == 1 else None
        if not isinstance(new, Map) or writes(new) or new.guard is not None or new.catch is not None:
            return None
        if new.source != op.source or not self._made.keys().isdisjoint(new.after):
            return None
        same = _body(new)
        earlier = (*self._made.values(), *self._standing.values())
        return None if any(isinstance(one, Map) and _body(one) == same for one in earlier) else new

    def settle(self, execution: Execution, op: ValueOp) -> None:
        """Makes way for an op that is about to be added: what was begun goes on as part of it, or is taken back."""
        if self._begun is None or op.name != self._begun.name:
            return
        if not continues(self._begun, op, execution.machine.limits.max_fanout):
            execution.withdraw([op.name])
        self._line = self._first = self._begun = None

    def leave(self, execution: Execution, line: Opening) -> None:
        """Takes back what was begun in a line that is over, if nothing came of it. `line` is the one that goes on."""
        if line is not self._line:
            self.drop(execution)

    def drop(self, execution: Execution) -> None:
        """Takes back what was begun."""
        if self._begun is not None:
            execution.withdraw([self._begun.name])
        self._line = self._first = self._begun = None


def _body(op: Map) -> Map:
    """What a map does with each element."""
    return standard(msgspec.structs.replace(op, source=NOTHING, type=ANY, var_type=ANY))
