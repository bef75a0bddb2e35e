"""Pure expressions: trees without effects, whose leaves are constants and references to values of the plan.

They are immutable and compare by structure. Every name bound anywhere in a module (by an op, a map or a
comprehension) is bound once, so substituting a reference can never capture another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter, is_
from typing import Any, Literal, TypeAlias

import msgspec

from llmcc.ir.types import Type

Scalar: TypeAlias = bool | int | float | str | None
BinaryOp: TypeAlias = Literal[
    "and", "or", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "+", "-", "*", "/", "//", "%"
]


class _Node(msgspec.Struct, frozen=True, gc=False, tag=True, tag_field="e"):
    pass


class Const(_Node, frozen=True, tag="const", eq=False):
    """A scalar constant. `1`, `1.0` and `true` are three different constants."""

    value: Scalar

    def _key(self) -> tuple[type, Scalar]:
        # The text of a float tells -0.0 from 0.0, and makes nan equal to itself; that of an int may be too long to
        # make.
        return type(self.value), repr(self.value) if isinstance(self.value, float) else self.value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Const) and self._key() == other._key()

    def __ne__(self, other: object) -> bool:
        return not self == other  # the base's own would compare by identity

    def __hash__(self) -> int:
        return hash(self._key())


class Ref(_Node, frozen=True, tag="ref"):
    """The value of the op, map variable or comprehension variable called `name`."""

    name: str


class ListOf(_Node, frozen=True, tag="list"):
    """A list of the items' values."""

    items: tuple[Expr, ...]


class DictOf(_Node, frozen=True, tag="dict"):
    """A record: keys are constants and differ from each other."""

    entries: tuple[tuple[str, Expr], ...]


class Index(_Node, frozen=True, tag="index"):
    """`base[index]`: a field of a record (a string) or an item of a list or string (an int, negative from the end).

    `x.name` is `Index(x, Const("name"))`.
    """

    base: Expr
    index: Expr


class Slice(_Node, frozen=True, tag="slice"):
    """`base[start:stop]` of a list or string."""

    base: Expr
    start: Expr | None
    stop: Expr | None


class Unary(_Node, frozen=True, tag="unary"):
    """`not x` or `-x`."""

    op: Literal["not", "-"]
    operand: Expr


class Binary(_Node, frozen=True, tag="binary"):
    """`left op right`; `and` and `or` evaluate the right side only if it counts."""

    op: BinaryOp
    left: Expr
    right: Expr


class Cond(_Node, frozen=True, tag="cond"):
    """`then if test else other`; only the chosen side is evaluated."""

    test: Expr
    then: Expr
    other: Expr


class Format(_Node, frozen=True, tag="format"):
    """The texts of the parts, joined (`f"..."`)."""

    parts: tuple[Expr, ...]


class Builtin(_Node, frozen=True, tag="builtin"):
    """A built-in function (`llmcc.ir.builtins`) of some arguments."""

    name: str
    args: tuple[Expr, ...]


class Comprehension(_Node, frozen=True, tag="comprehension"):
    """`[element for name in source if condition]`, without calls."""

    element: Expr
    name: str
    source: Expr
    condition: Expr | None = None


class Check(_Node, frozen=True, tag="check"):
    """`operand`, provided that its value has type `type`; evaluating it fails otherwise.

    Lowering writes it wherever the types alone do not prove what a tool demands: a check moves, it never disappears.
    """

    operand: Expr
    type: Type


Expr: TypeAlias = (
    Const | Ref | ListOf | DictOf | Index | Slice | Unary | Binary | Cond | Format | Builtin | Comprehension | Check
)

TRUE, FALSE, NOTHING = Const(True), Const(False), Const(None)


def literal(value: Any) -> Expr:
    """The constant expression of a plan value.

    >>> literal([1, {"a": None}]) == ListOf((Const(1), DictOf((("a", Const(None)),))))
    True
    """
    if isinstance(value, list | tuple):
        return ListOf(tuple(literal(v) for v in value))
    if isinstance(value, dict):
        return DictOf(tuple((k, literal(v)) for k, v in value.items()))
    return Const(value)


def children(expr: Expr) -> tuple[Expr, ...]:
    """The direct parts of an expression, in the order in which they are evaluated."""
    return _PARTS[type(expr)](expr)


def _slice_parts(expr: Slice) -> tuple[Expr, ...]:
    return (expr.base, *(x for x in (expr.start, expr.stop) if x is not None))


def _comprehension_parts(expr: Comprehension) -> tuple[Expr, ...]:
    if expr.condition is None:
        return expr.source, expr.element
    return expr.source, expr.condition, expr.element


# By type: every pass looks at every expression, and a `match` would try one class after the other.
_PARTS: dict[type, Callable[[Any], tuple[Expr, ...]]] = {
    Const: lambda _: (),
    Ref: lambda _: (),
    ListOf: attrgetter("items"),
    DictOf: lambda expr: tuple([part for _, part in expr.entries]),
    Index: attrgetter("base", "index"),
    Slice: _slice_parts,
    Unary: lambda expr: (expr.operand,),
    Binary: attrgetter("left", "right"),
    Cond: attrgetter("test", "then", "other"),
    Format: attrgetter("parts"),
    Builtin: attrgetter("args"),
    Comprehension: _comprehension_parts,
    Check: lambda expr: (expr.operand,),
}


def rebuild(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """`expr` with `change` applied to each direct part; the same object if no part changed."""
    old = children(expr)
    new = tuple(map(change, old))
    if all(map(is_, old, new)):
        return expr
    match expr:
        case ListOf():
            return ListOf(new)
        case Format():
            return Format(new)
        case Builtin(name, _):
            return Builtin(name, new)
        case DictOf(entries):
            return DictOf(tuple((k, v) for (k, _), v in zip(entries, new, strict=True)))
        case Index():
            return Index(*new)
        case Slice(_, start, stop):
            rest = iter(new[1:])
            return Slice(new[0], None if start is None else next(rest), None if stop is None else next(rest))
        case Unary(op, _):
            return Unary(op, new[0])
        case Check(_, type_):
            return Check(new[0], type_)
        case Binary(op, _, _):
            return Binary(op, *new)
        case Cond():
            return Cond(*new)
        case Comprehension(_, name, _, _):
            return Comprehension(new[-1], name, new[0], new[1] if len(new) == 3 else None)
    return expr


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and all its parts, outermost first."""
    stack: list[Expr] = [expr]
    while stack:
        node = stack.pop()
        yield node
        stack += children(node)[::-1]


def refs(expr: Expr) -> list[str]:
    """The names that the expression needs from outside, in order of first use, each once.

    >>> refs(Comprehension(Binary("+", Ref("c"), Ref("a")), "c", Ref("xs")))
    ['xs', 'a']
    """
    if type(expr) is Ref:
        return [expr.name]
    if type(expr) is Const:
        return []
    used: dict[str, None] = {}
    if type(expr) is not Comprehension:  # most have no parts of parts
        for part in children(expr):
            if type(part) is Ref:
                used[part.name] = None
            elif type(part) is not Const:
                break
        else:
            return list(used)
        used.clear()
    bound = set()
    stack: list[Expr] = [expr]
    while stack:
        node = stack.pop()
        if type(node) is Ref:
            used[node.name] = None
        elif type(node) is not Const:
            stack += children(node)[::-1]
            if type(node) is Comprehension:
                bound.add(node.name)
    return [name for name in used if name not in bound] if bound else list(used)


def substitute(expr: Expr, replacement: Callable[[str], Expr | None]) -> Expr:
    """`expr` with references replaced where `replacement` gives something for their name."""
    if type(expr) is Ref:
        return replacement(expr.name) or expr
    return rebuild(expr, lambda part: substitute(part, replacement))


def is_literal(expr: Expr) -> bool:
    """Whether the expression is a constant value, written out."""
    if isinstance(expr, ListOf | DictOf):
        return all(map(is_literal, children(expr)))
    return isinstance(expr, Const)
