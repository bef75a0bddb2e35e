"""Writes expressions in a simpler form: conditions that are known where they stand, texts in texts, parts of what is
written out, checks that cannot fail.

Before:

    %a = call search(query = "K2") : str {effect = read(web)}
    %ok = expr %a != "" : bool
    %b = call note(text = format("a", format("b", %a)), bold = %ok and true) : str {effect = pure, when = not not %ok}
    %c = call note(text = check(%a, str) if %ok else "") : str {effect = pure, when = %ok}
    return [%b, {"x": %c, "y": 1}.x]

After:

    %a = call search(query = "K2") : str {effect = read(web)}
    %ok = expr %a != "" : bool
    %b = call note(text = format("ab", %a), bold = true) : str {effect = pure, when = %ok}
    %c = call note(text = %a) : str {effect = pure, when = %ok}
    return [%b, %c]

A guard counts as known in the op that it guards and, for a map, in all of its body. A guard that is always true goes;
an op whose guard is never true becomes null, and keeps its place in the order.

Declines: dropping what may have no value, or a value that may have failed and that nothing else there looks at;
expressions that are nested deeper than `MAX_DEPTH`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from llmcc.ir.expr import FALSE, NOTHING, TRUE, Expr
from llmcc.ir.ops import Call, Compute, Join, Map, Module, Op, Return, ValueOp, needs
from llmcc.ir.signature import Signature
from llmcc.ir.types import NULL
from llmcc.optimizer.certainty import Certainty
from llmcc.optimizer.constants import depth
from llmcc.optimizer.facts import NO_CONTEXT, Context
from llmcc.optimizer.forward import Forward, changed, keeping_order, over_module, unscheduled
from llmcc.optimizer.remarks import current
from llmcc.optimizer.simplification import Simplification

#: Expressions that are nested deeper than this stay as they are.
MAX_DEPTH = 64


class Simplify(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options of `simplify`: none."""

    def __call__(self, module: Module, signatures: Mapping[str, Signature]) -> Module:
        """The module with its expressions simplified."""
        return keeping_order(module, over_module(self.forward(), module))

    def forward(self) -> Forward:
        """The pass for a plan that streams in."""
        return _Simplifying()


class _Simplifying:
    def __init__(self) -> None:
        self._certainty = Certainty()
        self._rules = Simplification(self._certainty)
        self._within: set[str] = set()
        self._remarks = current()

    def step(self, op: Op) -> tuple[Op, ...]:
        """The op, simpler."""
        if isinstance(op, Join):
            return (changed(op, args=self._args(op.args, NO_CONTEXT)),)
        if isinstance(op, Return):
            return (changed(op, expr=self._expr(op.expr, NO_CONTEXT)),)
        return (self._value(op, NO_CONTEXT),)

    def _value(self, op: ValueOp, context: Context) -> ValueOp:
        """The op where `context` holds."""
        guard = None if op.guard is None else self._condition(op.guard, context)
        if guard == FALSE:
            new: ValueOp = self._never(op)
        else:
            guard = None if guard == TRUE else guard
            catch = None if op.catch is None else self._expr(op.catch, context)
            new = self._inside(changed(op, guard=guard, catch=catch), self._rules.after(context, guard))
        self._certainty.learn(new)
        if new is op:
            return op
        if self._remarks is not None and op.guard is not None and new.guard is None:
            says = "never runs: its condition is false" if guard == FALSE else "always runs: its condition is true"
            self._remarks.note("simplified", op.name, f"{self._remarks.name(op.name)} {says}")
        return unscheduled(new)

    def _never(self, op: ValueOp) -> Compute:
        """What never runs; it still holds its place in the order."""
        if isinstance(op, Compute) and op.expr == NOTHING and op.guard is None:
            return op
        return Compute(name=op.name, type=NULL, expr=NOTHING, after=op.after, span=op.span)

    def _inside(self, op: ValueOp, context: Context) -> ValueOp:
        if isinstance(op, Compute):
            return changed(op, expr=self._expr(op.expr, context))
        if isinstance(op, Call):
            return changed(op, args=self._args(op.args, context))
        op = changed(op, source=self._expr(op.source, context))
        self._certainty.bind(op.var, op.source)
        self._within.update((op.var, *(inner.name for inner in op.body)))
        return self._region(op, self._rules.after(context, op.source, None))

    def _region(self, op: Map, context: Context) -> Map:
        """A map with its region simplified, as long as it still needs the same values from outside."""
        body = tuple(self._value(inner, context) for inner in op.body)
        body = op.body if all(a is b for a, b in zip(body, op.body, strict=True)) else body
        keep = None if op.keep is None else self._condition(op.keep, context)
        keep = None if keep == TRUE else keep
        result = self._expr(op.result, self._rules.after(context, keep, None))
        new = changed(op, body=body, keep=keep, result=result)
        return new if new is op or self._open(new, context) == self._open(op, context) else op

    def _open(self, op: Map, context: Context) -> tuple[list[str], set[str]]:
        """The values from outside with which a map fails, less those that were looked at before; and all that it uses
        of the elements of maps around it.
        """
        needed = needs(op)
        failing = [name for name in self._certainty.uncertain(needed) if name not in context.seen]
        return failing, self._within.intersection(needed)

    def _args(self, args: tuple[tuple[str, Expr], ...], context: Context) -> tuple[tuple[str, Expr], ...]:
        simpler = tuple((name, self._expr(expr, context)) for name, expr in args)
        return args if all(a is b for (_, a), (_, b) in zip(args, simpler, strict=True)) else simpler

    def _expr(self, expr: Expr, context: Context) -> Expr:
        return expr if depth(expr) > MAX_DEPTH else self._rules.value(expr, context)

    def _condition(self, expr: Expr, context: Context) -> Expr:
        return expr if depth(expr) > MAX_DEPTH else self._rules.condition(expr, context)
