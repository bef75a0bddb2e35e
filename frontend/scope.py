"""The names of a plan: which values exist so far, their types, and which names the IR has given away.

A scope outlives one text: a replan starts with the scope of the plan before it, so values and numbering go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from llmcc.ir.expr import Expr
from llmcc.ir.span import Span
from llmcc.ir.trust import Trust
from llmcc.ir.types import ANY, Type


class Binding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A value of the plan.

    `type` is what a later statement sees: with null, if a guard may keep the value from being made. `plain` is the type
    where the `guard` is known to hold. A `poisoned` value is one of a statement with errors; uses of it are not judged.
    """

    name: str
    type: Type = ANY
    plain: Type = ANY
    span: Span | None = None
    guard: Expr | None = None
    poisoned: bool = False


class Scope:
    """The values defined so far, in order, and every other name that the IR already uses.

    >>> scope = Scope()
    >>> scope.define(Binding(name="a"))
    >>> scope.fresh("a"), scope.fresh("a"), scope.variable("c", None), scope.variable("c", None)
    ('a.1', 'a.2', 'c', 'c.2')
    """

    def __init__(self) -> None:
        self.bindings: dict[str, Binding] = {}
        #: Variables of comprehensions and where each was used first: no later value may have such a name.
        self.variables: dict[str, Span | None] = {}
        #: The highest number of a statement so far; a call without a number gets the next one.
        self.highest = 0
        #: Which of the values, derived ones included, are untrusted.
        self.trust = Trust()
        self._derived: set[str] = set()
        self._last: dict[str, int] = {}

    def __contains__(self, name: object) -> bool:
        return name in self.bindings

    def __iter__(self) -> Iterator[Binding]:
        return iter(self.bindings.values())

    @property
    def types(self) -> dict[str, Type]:
        """Name to type of every value, in order of definition."""
        return {binding.name: binding.type for binding in self}

    def find(self, name: str) -> Binding | None:
        """The value called `name`."""
        return self.bindings.get(name)

    def define(self, binding: Binding) -> None:
        """Adds a value whose name is free."""
        self.bindings[binding.name] = binding
        if binding.name.isdigit():
            self.highest = max(self.highest, int(binding.name))

    def forget(self, names: Iterable[str]) -> None:
        """Frees names; the numbers of steps go on all the same."""
        for name in names:
            self.bindings.pop(name, None)
            self.trust.values.discard(name)

    def fresh(self, base: str) -> str:
        """A new name for an op that lowering adds to the statement `base`: `base.1`, `base.2`, ..."""
        return self._next(base, 1)

    def variable(self, name: str, span: Span | None) -> str:
        """The name that the IR uses for a comprehension's variable: its own, or `name.2`, ... if that is taken."""
        if name not in self.variables:
            self.variables[name] = span
            return name
        return self._next(name, 2)

    def _next(self, base: str, start: int) -> str:
        number = max(self._last.get(base, 0) + 1, start)
        while f"{base}.{number}" in self._derived:
            number += 1
        self._last[base] = number
        self._derived.add(f"{base}.{number}")
        return f"{base}.{number}"

    def copy(self) -> Scope:
        """A scope that can go on without changing this one."""
        twin = Scope()
        twin.bindings = dict(self.bindings)
        twin.variables = dict(self.variables)
        twin.highest = self.highest
        twin.trust = Trust(self.trust.values)
        twin._derived = set(self._derived)
        twin._last = dict(self._last)
        return twin
