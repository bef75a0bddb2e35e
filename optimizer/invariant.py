"""Which ops of a map's body do the same for every element, and can run once before the map without anyone noticing.

What runs before the map fails before it, and then the map fails without running its body at all. So an op that can fail
may go only if its failure was certain to be the map's failure anyway: the map's value must lead back to the op through
what is looked at *first*, past nothing else that could fail in its place, and nothing in the body may write.

What is more, an op may not run where the map would not have run: it must fail, itself, with every value that the map
needs and that could have failed.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmcc.ir.expr import Expr, refs
from llmcc.ir.ops import Compute, Map, ValueOp, needs, uses
from llmcc.optimizer.alias import WriteLog, access
from llmcc.optimizer.certainty import Certainty


class Invariants:
    """Finds them in one map. `always` is the condition under which its body runs at all (None: it does)."""

    def __init__(self, op: Map, certainty: Certainty, always: Expr | None) -> None:
        self._op = op
        self._certainty = certainty
        self._always = always
        self._body = {one.name: one for one in op.body}
        self._writes = WriteLog()
        for written in access(op).writes:
            self._writes.note(written)
        self._guard = set() if op.guard is None else set(certainty.uncertain(refs(op.guard)))
        self._open = self._behind(needs(op))
        self._found: dict[str, ValueOp] = {}
        self._sound: set[str] = set()

    def find(self) -> list[ValueOp]:
        """The ops, in the order in which their failures count; those that they use come first."""
        self._follow()
        found = list(self._found.values())
        while found and isinstance(found[-1], Compute):  # alone it saves nothing
            del self._found[found.pop().name]
        for op in self._op.body:
            if not isinstance(op, Compute) and op.name not in self._found and self._never_fails(op):
                self._take(op)
        return list(self._found.values())

    def _behind(self, names: list[str]) -> list[str]:
        """Those that could fail, less what the map's guard has looked at before."""
        return [name for name in self._certainty.uncertain(names) if name not in self._guard]

    def _follow(self) -> None:
        """Goes to where the map's first failure can come from, again and again, until it depends on the element."""
        last = self._op.result if self._op.keep is None else self._op.keep
        trail: list[tuple[ValueOp | None, Iterator[str]]] = [(None, iter(refs(last)))]
        while trail:
            op, names = trail[-1]
            name = next((one for one in names if self._can_fail(one)), None)
            if name is not None:
                trail.append(self._step(self._body[name]))
                continue
            trail.pop()
            if op is None or self._take(op):
                continue
            if not (isinstance(op, Compute) and op.guard is op.catch is None and self._certainty.total(op.expr)):
                return  # it may fail before anything that comes after it
            self._sound.add(op.name)

    def _step(self, op: ValueOp) -> tuple[ValueOp, Iterator[str]]:
        """What an op looks at first; nothing that its `catch` could hide, or that only its elements look at."""
        if op.catch is not None or isinstance(op, Map):
            return op, iter(())
        return op, iter(needs(op) if op.guard is None else refs(op.guard))

    def _can_fail(self, name: str) -> bool:
        """Whether a value of the body could have failed, as far as it has not been dealt with."""
        if name not in self._body or name in self._found or name in self._sound:
            return False
        return not self._never_fails(self._body[name])

    def _never_fails(self, op: ValueOp) -> bool:
        return not self._certainty.uncertain([op.name])

    def _take(self, op: ValueOp) -> bool:
        """Notes the op, if it can go."""
        if op.name in self._found or not self._can_go(op):
            return op.name in self._found
        self._found[op.name] = op
        return True

    def _can_go(self, op: ValueOp) -> bool:
        inside = [name for name in uses(op) if name == self._op.var or name in self._body]
        if not all(name in self._found for name in (*inside, *op.after)):
            return False
        if not self._never_fails(op) and self._writes.count:
            return False  # the map would have written before it failed
        guards = [one for one in (self._op.guard, self._always, op.guard) if one is not None]
        if len(guards) > 1 or not all(map(self._certainty.is_bool, guards)):
            return False  # what a condition does that may be none, or several, would be too much to show
        touched = access(op)
        if touched.writes or any(self._writes.last(one) for one in touched.reads):
            return False
        return self._fails_with_the_map(op)

    def _fails_with_the_map(self, op: ValueOp) -> bool:
        """Whether every value that would have failed the map fails the op too, for the same reason."""
        if not self._open:
            return True
        if op.catch is not None:
            return False
        shown = self._behind(refs(self._op.source))  # what the map itself goes on looking at
        several = len(self._open) > 1 or isinstance(op, Map) or op.guard is not None
        if several and not set(self._open) <= set(shown):
            return False  # which of several fails first, and where, is too much to show
        conditions = [one for one in (self._always, op.guard) if one is not None]
        first = [name for one in conditions for name in refs(one)] if conditions else needs(op)
        behind = self._behind(first)
        return behind == self._open or any(name in self._found for name in behind)
