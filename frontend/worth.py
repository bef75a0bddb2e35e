"""Lines that compile and that nobody means to write: what a decoder with a choice need not take."""

from __future__ import annotations

from collections.abc import Iterator

from llmcc.ir.expr import Binary, Builtin, Comprehension, Cond, Const, Expr, ListOf, Ref, walk
from llmcc.ir.ops import Join, Map, Op, Return, inner, operands

#: What of two operands that are the same says nothing that one of them does not say, or nothing at all.
_OF_TWO = frozenset({"and", "or", "==", "!=", "<", "<=", ">", ">=", "-", "/", "//", "%"})


def says_nothing(op: Op) -> bool:
    """Whether something in an op is the same whatever its values are, or is there twice: `a - a`, `a / a`, `max(a, a)`,
    `[a, a]`, `a if b else a`, or what of a list is in the list.

    >>> from llmcc.ir.ops import Return
    >>> a, b = Ref("a"), Ref("b")
    >>> [says_nothing(Return(expr=Binary("/", left, b))) for left in (a, b)]
    [False, True]
    """
    return any(_says_nothing(part) for expr in _expressions(op) for part in walk(expr))


def _says_nothing(expr: Expr) -> bool:
    match expr:
        case Binary(op, left, right):
            return op in _OF_TWO and left == right and not isinstance(left, Const)
        case Builtin("min" | "max", (first, *others)):
            return first in others
        case ListOf(items):
            found = [item for item in items if not isinstance(item, Const)]
            return any(item in found[:i] for i, item in enumerate(found))
        case Cond(_, then, otherwise):
            return then == otherwise
        case Comprehension(_, name, source, condition):
            within = (part for part in walk(condition) if isinstance(part, Binary)) if condition is not None else ()
            return any(
                part.op in ("in", "not in") and (part.left, part.right) == (Ref(name), source) for part in within
            )
    return False


def _expressions(op: Op) -> Iterator[Expr]:
    yield from operands(op)
    if isinstance(op, Join | Return):
        return
    yield from (expr for expr in (op.guard, op.catch) if expr is not None)
    if isinstance(op, Map):
        yield from inner(op)
        for one in op.body:
            yield from _expressions(one)
