"""Which values of a plan are untrusted: made by somebody who may want to mislead whoever reads them.

What brings such values in are calls, and they are marked (`Call.untrusted`): those of tools that declare it, and those
of models that are given an untrusted value, because a model does what it reads. From there the mark follows what ops
use. A value is untrusted if

- its call is marked,
- it is an expression that uses an untrusted value, or the variable or the result of a map over one,
- the guard or the catch of its op uses one.

An argument of any other call is not followed: what such a tool gives is the tool's own word.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmcc.ir.expr import Expr, refs
from llmcc.ir.ops import Call, Compute, Map, Module, ValueOp, inner
from llmcc.ir.signature import Signature


class Trust:
    """The untrusted values of a plan, learnt op by op in program order."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.values = set(values)

    def sees(self, *exprs: Expr | None) -> bool:
        """Whether one of the expressions uses an untrusted value."""
        if not self.values:
            return False
        return any(not self.values.isdisjoint(refs(expr)) for expr in exprs if expr is not None)

    def marks(self, signature: Signature, args: Iterable[tuple[str, Expr]]) -> bool:
        """Whether a call of the tool with these arguments is marked."""
        return signature.untrusted or (signature.prompt is not None and self.sees(*(expr for _, expr in args)))

    def enter(self, variable: str, source: Expr) -> None:
        """Learns the variable of a map, before the ops of its body."""
        if self.sees(source):
            self.values.add(variable)

    def learn(self, op: ValueOp) -> None:
        """Learns a value; those of a map's body are known then."""
        if self._own(op) or self.sees(op.guard, op.catch):
            self.values.add(op.name)

    def _own(self, op: ValueOp) -> bool:
        if isinstance(op, Call):
            return op.untrusted
        return self.sees(op.expr) if isinstance(op, Compute) else self.sees(op.source, *inner(op))


def untrusted_values(module: Module) -> frozenset[str]:
    """The untrusted values of a module by name, those inside of maps and the maps' variables included.

    >>> from llmcc.ir.effects import READ
    >>> from llmcc.ir.expr import Ref
    >>> from llmcc.ir.types import STR
    >>> page = Call(name="page", type=STR, tool="fetch", args=(), effect=READ, untrusted=True)
    >>> title = Compute(name="title", type=STR, expr=Ref("page"))
    >>> sorted(untrusted_values(Module((page, title))))
    ['page', 'title']
    """
    trust = Trust()
    _learn(trust, module.ops)
    return frozenset(trust.values)


def _learn(trust: Trust, ops: Iterable[object]) -> None:
    for op in ops:
        if isinstance(op, Map):
            trust.enter(op.var, op.source)
            _learn(trust, op.body)
        if isinstance(op, Call | Compute | Map):
            trust.learn(op)
