"""What is certain of a plan's values before it runs: which types they have, and which of them cannot fail.

Only what the interpreter itself enforces counts: a call's result is checked against its type, the type that an
expression claims is not. Of lists that are written out only a type that all items share is noted, and none for
constants, which are folded anyway.

A value that just arranges others (a list of them, or another name for one) fails as the first of those does; the values
*behind* it are what a failure really comes from.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmcc.ir import expr as e
from llmcc.ir import types as t
from llmcc.ir.ops import Call, Compute, Map, ValueOp

#: How many nodes deep an expression is looked into.
MAX_DEPTH = 8
#: How many values one may have behind it, and parts a shape may have, before nothing is said of it.
MAX_BEHIND, MAX_PARTS = 16, 64

_SCALAR_TYPES = {type(None): t.NULL, bool: t.BOOL, int: t.INT, float: t.FLOAT, str: t.STR}
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "not in", "and", "or"})
_BUILTIN_TYPES: dict[str, t.Type] = {
    **dict.fromkeys(("str", "lower", "upper", "join_text"), t.STR),
    **dict.fromkeys(("len", "int"), t.INT),
    **dict.fromkeys(("keys", "split"), t.ListType(t.STR)),
    **dict.fromkeys(("sorted", "unique", "values"), t.ANY_LIST),
    "contains": t.BOOL,
    "float": t.FLOAT,
    "range": t.ListType(t.INT),
}


class Certainty:
    """What is known so far; told of every op in program order, of those in a map's body too."""

    def __init__(self) -> None:
        self._types: dict[str, t.Type] = {}
        self._behind: dict[str, tuple[str, ...]] = {}
        self._shapes: dict[str, e.ListOf | e.DictOf] = {}

    def learn(self, op: ValueOp) -> None:
        """Notes an op, after those that it uses (also those in its body)."""
        found = self._value_type(op)
        found = found if op.guard is None else t.union(found, t.NULL)
        self._types[op.name] = found if op.catch is None else t.union(found, self.type_of(op.catch))
        if op.catch is not None and self.total(op.catch) and not self.uncertain(e.refs(op.catch)):
            self._behind[op.name] = ()
        if isinstance(op, Compute) and op.guard is op.catch is None and self.total(op.expr):
            behind = self.uncertain(e.refs(op.expr))
            if len(behind) <= MAX_BEHIND:
                self._behind[op.name] = tuple(behind)
            if isinstance(op.expr, e.ListOf | e.DictOf) and len(e.children(op.expr)) <= MAX_PARTS:
                self._shapes[op.name] = op.expr

    def bind(self, name: str, source: e.Expr) -> None:
        """Notes the variable of a map or comprehension over `source`: it cannot fail."""
        self._types[name] = _element(self.type_of(source))
        self._behind[name] = ()

    def uncertain(self, names: Iterable[str]) -> list[str]:
        """The values behind the named ones that could fail, each once, in the order in which they are looked at."""
        return list(dict.fromkeys(one for name in names for one in self._behind.get(name, (name,))))

    def shape(self, expr: e.Expr) -> e.Expr:
        """For the name of a list or record that the plan spells out: that; else the expression itself."""
        return self._shapes.get(expr.name, expr) if isinstance(expr, e.Ref) else expr

    def total(self, expr: e.Expr, depth: int = MAX_DEPTH) -> bool:
        """Whether the expression certainly has a value, if those that it refers to exist."""
        match expr:
            case e.Const() | e.Ref():
                return True
            case e.ListOf() | e.DictOf():
                return depth > 0 and all(self.total(part, depth - 1) for part in e.children(expr))
            case e.Unary("not", operand):
                return depth > 0 and self.is_bool(operand) and self.total(operand, depth - 1)
        return False

    def is_bool(self, expr: e.Expr) -> bool:
        """Whether the expression has no other values than bools."""
        return self.type_of(expr) == t.BOOL

    def type_of(self, expr: e.Expr, depth: int = MAX_DEPTH) -> t.Type:
        """A type that the expression's value certainly has, if it has one."""
        if depth == 0:
            return t.ANY
        match expr:
            case e.Const(value):
                return _SCALAR_TYPES[type(value)]
            case e.Ref(name):
                return self._types.get(name, t.ANY)
            case e.ListOf(items):
                kinds = {self.type_of(item, depth - 1) for item in items}
                return t.ListType(kinds.pop() if len(kinds) == 1 and not e.is_literal(expr) else t.ANY)
            case e.DictOf(entries):
                return t.RecordType(tuple(t.Field(key, self.type_of(part, depth - 1)) for key, part in entries))
            case e.Index(base, index):
                return _part(self.type_of(base, depth - 1), index)
            case e.Cond(_, then, other):
                return t.union(self.type_of(then, depth - 1), self.type_of(other, depth - 1))
            case e.Check(_, type_):
                return type_
            case e.Format():
                return t.STR
            case e.Builtin(name, _):
                return _BUILTIN_TYPES.get(name, t.ANY)
            case e.Comprehension():
                return t.ANY_LIST
        is_bool = isinstance(expr, e.Binary | e.Unary) and expr.op in (_COMPARISONS | {"not"})
        return t.BOOL if is_bool else t.ANY

    def _value_type(self, op: ValueOp) -> t.Type:
        """The type of an op's value, if it runs and does not fail."""
        if isinstance(op, Call):
            return op.type
        return t.ListType(self.type_of(op.result)) if isinstance(op, Map) else self.type_of(op.expr)


def _element(type_: t.Type) -> t.Type:
    return type_.element if isinstance(type_, t.ListType) else t.ANY


def _part(type_: t.Type, index: e.Expr) -> t.Type:
    """The type of `base[index]`, where `base` has type `type_`."""
    if not isinstance(index, e.Const):
        return t.ANY
    if isinstance(type_, t.RecordType) and isinstance(index.value, str):
        field = type_.field(index.value)
        return t.ANY if field is None else field.type
    return _element(type_)
