"""Runs once, before a map, what would do the same for every element.

Before:

    %m = map %c : str in ["a", "b"] : list[str] {ordered = true} [
      %m.1 = call style(name = "short") : str {effect = read(styles)}
      %m.2 = call write(text = %c, style = %m.1) : str {effect = pure}
    ] yield %m.2

After:

    %m.1.0 = call style(name = "short") : str {effect = read(styles)}
    %m = map %c : str in ["a", "b"] : list[str] {ordered = true} [
      %m.1 = expr %m.1.0 : str
      %m.2 = call write(text = %c, style = %m.1) : str {effect = pure}
    ] yield %m.2

Where it is not known that there are elements, the call gets the guard that there is one (`len(%xs) > 0`), so that
nothing runs that would not have run. A map of one element saves nothing.

Declines: writes, and reads of what the map writes; a source that might be no list; what could fail, unless the map
could not have had a value then, and unless nothing else could fail first; what would run although something the map
needs has failed; what has come out of an inner map, unless it cannot fail; what would get a guard besides one that it
or the map has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from llmcc.ir.expr import TRUE, Binary, Builtin, Comprehension, Const, Expr, ListOf, Ref, walk
from llmcc.ir.frame import MAX_FANOUT
from llmcc.ir.ops import Compute, Join, Map, Module, Op, Return, ValueOp, inner, operands, uses
from llmcc.ir.signature import Signature
from llmcc.ir.types import ANY, NULL, ListType, union
from llmcc.optimizer.certainty import Certainty
from llmcc.optimizer.facts import all_of
from llmcc.optimizer.forward import changed, renamed, unscheduled
from llmcc.optimizer.invariant import Invariants
from llmcc.optimizer.remarks import current


class HoistInvariant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options of `hoist-invariant`: none."""

    def __call__(self, module: Module, signatures: Mapping[str, Signature]) -> Module:
        """The module with the invariant calls before their maps."""
        if not any(isinstance(op, Map) for op in module.ops):
            return module
        old = module.values
        values = _Hoisting(module).level(old)
        if all(a is b for a, b in zip(values, old, strict=False)):
            return module
        ops: tuple[Op, ...] = values if module.end is None else (*values, module.end)
        return msgspec.structs.replace(module, ops=ops)


class _Hoisting:
    def __init__(self, module: Module) -> None:
        self._ordered = module.ordered
        self._certainty = Certainty()
        self._names = _names(module.ops)
        self._remarks = current()

    def level(self, ops: tuple[ValueOp, ...]) -> tuple[ValueOp, ...]:
        """The ops of one level, with what comes out of its maps."""
        made: list[ValueOp] = []
        defined: set[str] = set()
        for op in ops:
            found = self._map(op, defined) if isinstance(op, Map) else [op]
            for one in found:
                self._certainty.learn(one)
                defined.add(one.name)
            made += found
        return tuple(made)

    def _map(self, op: Map, defined: set[str]) -> list[ValueOp]:
        """A map, after what comes out of it; inner maps first, so that what cannot fail comes out of several."""
        self._certainty.bind(op.var, op.source)
        body = self.level(op.body)
        if any(a is not b for a, b in zip(body, op.body, strict=False)):
            op = changed(op, body=tuple(map(unscheduled, body)))
        some = self._some(op.source)
        if some is None:
            return [op]
        always = None if some == TRUE else some
        found = Invariants(op, self._certainty, always).find()
        return self._out_of(op, found, always, defined) if found else [op]

    def _some(self, source: Expr) -> Expr | None:
        """The condition that a map over `source` has elements to go through; None if it is not worth it, or not sure
        that there is anything to go through.
        """
        shape = self._certainty.shape(source)
        if isinstance(shape, ListOf):
            return TRUE if 2 <= len(shape.items) <= MAX_FANOUT and self._certainty.total(source) else None
        is_list = isinstance(source, Ref) and isinstance(self._certainty.type_of(source), ListType)
        return Binary(">", Builtin("len", (source,)), Const(0)) if is_list else None

    def _out_of(self, op: Map, found: list[ValueOp], always: Expr | None, defined: set[str]) -> list[ValueOp]:
        """The found ops before the map, which gets other names for them."""
        names = {one.name: self._fresh(one.name) for one in found}
        # Where `order-effects` has been, what the map waits for is also what holds its reads behind earlier writes.
        waits = [name for name in (*op.after, *(uses(op) if self._ordered else ())) if name in defined]
        made: list[ValueOp] = []
        for one in found:
            new = renamed(one, lambda name: Ref(names[name]) if name in names else None)
            guard = all_of([each for each in (op.guard, always, new.guard) if each is not None])
            after = (*dict.fromkeys(waits), *(names[name] for name in one.after))
            made.append(unscheduled(changed(new, name=names[one.name], guard=guard, after=after)))
            self._report(op, one)
        rest = [unscheduled(one) for one in op.body if one.name not in names]
        body = (*(_alias(one, names[one.name]) for one in found), *rest)
        return [*made, unscheduled(changed(op, body=body))]

    def _fresh(self, name: str) -> str:
        """A new name, which is not one of the plan's own."""
        found, count = f"{name}.0", 1
        while found in self._names:
            count += 1
            found = f"{name}.0.{count}"
        self._names.add(found)
        return found

    def _report(self, op: Map, one: ValueOp) -> None:
        if self._remarks is not None and not isinstance(one, Compute):
            called, place = self._remarks.name(one.name), self._remarks.place(op.name)
            self._remarks.note("hoisted", one.name, f"{called} does not depend on the element of {place}: it runs once")


def _alias(op: ValueOp, name: str) -> Compute:
    """The op as a name for the value that now comes from before the map."""
    type_ = ANY if op.catch is not None else op.type if op.guard is None else union(op.type, NULL)
    return Compute(name=op.name, type=type_, expr=Ref(name), span=op.span)


def _names(ops: Iterable[Op]) -> set[str]:
    """All names that are bound anywhere."""
    found: set[str] = set()
    for op in ops:
        exprs = [*operands(op)]
        if not isinstance(op, Join | Return):
            exprs += [one for one in (op.guard, op.catch) if one is not None]
            found.add(op.name)
        if isinstance(op, Map):
            exprs += inner(op)
            found |= _names(op.body) | {op.var}
        found.update(node.name for expr in exprs for node in walk(expr) if isinstance(node, Comprehension))
    return found
