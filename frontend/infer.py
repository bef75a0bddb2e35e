"""The types of expressions, as far as they follow from the types of their parts.

A rule looks at every alternative of a union by itself. What can go right for at least one alternative is allowed,
because the check at run time decides; only null is different: where it is the one alternative that cannot go right, the
plan should say what happens then, and `Result.null` tells so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product

import msgspec

from llmcc.ir.types import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    NEVER,
    NULL,
    STR,
    EnumType,
    ListType,
    Prim,
    RecordType,
    Type,
    UnionType,
    options,
    union,
)


class Result(msgspec.Struct, frozen=True):
    """The type of an expression, None if it cannot have a value; `null`: it has one unless a part is null."""

    type: Type | None
    null: bool = False


def over(rule: Callable[..., Type | None], *types: Type) -> Result:
    """Applies a rule for single types to every combination of the alternatives of `types`."""
    valid: list[Type] = []
    null = False
    for combination in product(*map(_alternatives, types)):
        found = rule(*combination)
        if found is not None:
            valid.append(found)
        elif NULL in combination:
            null = True
    return Result(union(*valid) if valid else None, null)


def _alternatives(t: Type) -> Iterable[Type]:
    """The options of a type; of many (a wide union) the first ones, which is enough to find a possible one."""
    return options(t)[:16] or (ANY,)


def may_be(t: Type, *wanted: Type) -> bool:
    """Whether a value of type `t` may have one of the types.

    >>> may_be(union(INT, NULL), INT), may_be(STR, INT), may_be(ANY, INT)
    (True, False, True)
    """
    return any(may_fit(t, w) for w in wanted)


def may_fit(source: Type, target: Type) -> bool:
    """Whether some value of type `source` also has type `target`: if not, the one can never stand for the other."""
    if source == target or ANY in (source, target) or source == NEVER:
        return True
    if isinstance(source, UnionType):
        return any(may_fit(o, target) for o in source.options)
    if isinstance(target, UnionType):
        return any(may_fit(source, o) for o in target.options)
    if isinstance(source, EnumType):
        return target == STR or (isinstance(target, EnumType) and not set(source.values).isdisjoint(target.values))
    if isinstance(target, EnumType):
        return source == STR
    if isinstance(source, ListType) and isinstance(target, ListType):
        return may_fit(source.element, target.element)
    if isinstance(source, RecordType) and isinstance(target, RecordType):
        return all(_field_may_fit(source, want.name, want.type, want.required) for want in target.fields)
    return source == INT and target == FLOAT


def _field_may_fit(source: RecordType, name: str, wanted: Type, required: bool) -> bool:
    got = source.field(name)
    if got is None:
        return not required
    return may_fit(got.type, wanted) or not (required or got.required)


def may_equal(a: Type, b: Type) -> bool:
    """Whether values of the two types can be equal: numbers compare by value, and null with everything."""
    number = NULL in (a, b) or (may_be(a, INT, FLOAT) and may_be(b, INT, FLOAT))
    return number or may_fit(a, b) or may_fit(b, a)


def _word(t: Type) -> Type:
    return STR if isinstance(t, EnumType) else t


def _arithmetic(op: str, a: Type, b: Type) -> Type | None:
    if not {a, b} <= {INT, FLOAT, ANY}:
        return None
    if op == "/" or FLOAT in (a, b):
        return FLOAT
    return INT if a == b == INT else ANY


def _sum(a: Type, b: Type) -> Type | None:
    if isinstance(a, ListType) and isinstance(b, ListType):
        return ListType(union(a.element, b.element))
    pair = {_word(a), _word(b)}
    if pair == {STR}:
        return STR
    if ANY in pair:
        other = next(iter(pair - {ANY}), ANY)
        return ANY if other in (ANY, STR, INT, FLOAT) or isinstance(other, ListType) else None
    return _arithmetic("+", a, b)


def _order(a: Type, b: Type) -> Type | None:
    pair = {_word(a), _word(b)} - {ANY}
    return BOOL if pair <= {INT, FLOAT} or pair <= {STR} else None


def _membership(part: Type, whole: Type) -> Type | None:
    if whole == ANY:
        return BOOL
    if _word(whole) == STR:
        return BOOL if _word(part) in (STR, ANY) else None
    if isinstance(whole, RecordType):
        return BOOL if _word(part) in (STR, ANY) else None
    return BOOL if isinstance(whole, ListType) and may_equal(part, whole.element) else None


def _truth(a: Type) -> Type | None:
    return BOOL if a in (BOOL, ANY) else None


def binary(op: str, left: Type, right: Type) -> Result:
    """The type of `left op right`.

    >>> str(binary("+", INT, FLOAT).type), binary("+", INT, STR).type, binary("*", union(INT, NULL), INT).null
    ('float', None, True)
    """
    if op in ("and", "or"):
        return over(lambda a, b: _truth(a) and _truth(b), left, right)
    if op in ("==", "!="):
        return Result(BOOL if may_equal(left, right) else None)
    if op in ("in", "not in"):
        return over(_membership, left, right)
    if op in ("<", "<=", ">", ">="):
        return over(_order, left, right)
    if op == "+":
        return over(_sum, left, right)
    return over(lambda a, b: _arithmetic(op, a, b), left, right)


def unary(op: str, operand: Type) -> Result:
    """The type of `not x` or `-x`."""
    if op == "not":
        return over(_truth, operand)
    return over(lambda a: a if a in (INT, FLOAT, ANY) else None, operand)


def field(base: Type, name: str) -> Result:
    """The type of `base.name`, or of `base["name"]`."""
    return over(lambda b: _field(b, name), base)


def _field(base: Type, name: str) -> Type | None:
    if base == ANY:
        return ANY
    found = base.field(name) if isinstance(base, RecordType) else None
    return found.type if found is not None else None


def item(base: Type, index: Type) -> Result:
    """The type of `base[index]` where the index is no constant string."""
    return over(_item, base, index)


def _item(base: Type, index: Type) -> Type | None:
    if base == ANY:
        return ANY if _word(index) in (INT, STR, ANY) else None
    if isinstance(base, RecordType):
        return _some_field(base) if _word(index) in (STR, ANY) else None
    if index not in (INT, ANY):
        return None
    if isinstance(base, ListType):
        return base.element
    return STR if _word(base) == STR else None


def _some_field(base: RecordType) -> Type:
    rest = [ANY] if base.rest is None and not base.fields else [base.rest] if base.rest is not None else []
    return union(*(f.type for f in base.fields), *rest)


def part(base: Type) -> Result:
    """The type of `base[a:b]`."""
    return over(lambda b: b if b == ANY or isinstance(b, ListType) else STR if _word(b) == STR else None, base)


def elements(source: Type) -> Result:
    """The type of what a comprehension goes through."""
    return over(lambda s: s.element if isinstance(s, ListType) else ANY if s == ANY else None, source)


def condition(t: Type) -> Result:
    """Whether a value of this type can be a condition."""
    return over(_truth, t)


def has_order(t: Type) -> bool:
    """Whether values of the type can be sorted."""
    return any(_word(o) in (INT, FLOAT, STR, ANY) for o in _alternatives(t))


def is_scalar(t: Type) -> bool:
    """Whether the type has no parts."""
    return isinstance(t, Prim | EnumType)


def of_constant(value: object) -> Type:
    """The type of a scalar constant."""
    if isinstance(value, bool):
        return BOOL
    return {int: INT, float: FLOAT, str: STR}.get(type(value), NULL)
