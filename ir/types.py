"""The types of plan values. They are gradual: `any` fits everything, and moves the check to run time.

Types are immutable, compare by structure and print as the language writes them: `list[{name: str, height?: float}]`.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Literal, TypeAlias

import msgspec


class _Type(msgspec.Struct, frozen=True, gc=False, tag=True, tag_field="t"):
    def __str__(self) -> str:
        return show(self)  # type: ignore[arg-type]  # no other subclasses than those of `Type`


class Prim(_Type, frozen=True, tag="prim"):
    """A type without parts."""

    name: Literal["any", "null", "bool", "int", "float", "str"]


class ListType(_Type, frozen=True, tag="list"):
    """Lists whose elements all have type `element`."""

    element: Type


class Field(msgspec.Struct, frozen=True, gc=False):
    """One named field of a record; one that is not `required` may be absent."""

    name: str
    type: Type
    required: bool = True


class RecordType(_Type, frozen=True, tag="record"):
    """Records. Fields beyond `fields` have type `rest`; if that is None, there are none.

    `dict[str, T]` of Python is a record without named fields and `rest` T.
    """

    fields: tuple[Field, ...] = ()
    rest: Type | None = None

    def field(self, name: str) -> Field | None:
        """The field called `name`, also one that only `rest` allows."""
        for field in self.fields:
            if field.name == name:
                return field
        return Field(name, self.rest, False) if self.rest is not None else None


class EnumType(_Type, frozen=True, tag="enum"):
    """One of some strings."""

    values: tuple[str, ...]


class UnionType(_Type, frozen=True, tag="union"):
    """One of some types; build it with `union`, which keeps it canonical. Without options it is `never`."""

    options: tuple[Type, ...]


Type: TypeAlias = Prim | ListType | RecordType | EnumType | UnionType

ANY = Prim("any")
NULL = Prim("null")
BOOL = Prim("bool")
INT = Prim("int")
FLOAT = Prim("float")
STR = Prim("str")
NEVER = UnionType(())
ANY_LIST = ListType(ANY)
ANY_RECORD = RecordType((), ANY)
PRIMS = {t.name: t for t in (ANY, NULL, BOOL, INT, FLOAT, STR)}


# A plan asks for the same few unions in line after line, and keeps what it gets.
@lru_cache(maxsize=1024)
def union(*types: Type) -> Type:
    """The type of a value that has one of `types`: flat, without repeats, `null` last, `any` swallows all.

    >>> str(union(INT, NULL, union(STR, INT)))
    'int | str | null'
    """
    options: dict[Type, None] = {}
    values: dict[str, None] = {}
    for t in types:
        for option in t.options if isinstance(t, UnionType) else (t,):
            if option == ANY:
                return ANY
            if isinstance(option, EnumType):
                values.update(dict.fromkeys(option.values))
                continue
            options[option] = None
    if values and STR not in options:
        options[EnumType(tuple(values))] = None
    if NULL in options:
        del options[NULL]
        options[NULL] = None
    return next(iter(options)) if len(options) == 1 else UnionType(tuple(options))


def options(t: Type) -> tuple[Type, ...]:
    """The alternatives of a type: those of a union, else the type itself."""
    return t.options if isinstance(t, UnionType) else (t,)


def nullable(t: Type) -> bool:
    """Whether `null` may have type `t`."""
    return t == ANY or NULL in options(t)


def without_null(t: Type) -> Type:
    """`t` less `null`."""
    return union(*(o for o in options(t) if o != NULL))


def assignable(source: Type, target: Type) -> bool:
    """Whether every value of `source` may stand where `target` is wanted, `any` on either side counting as a yes.

    `bool` is no `int`; an `int` may stand for a `float` (that a float holds it exactly is checked with the value).

    >>> assignable(INT, FLOAT), assignable(BOOL, INT), assignable(union(INT, NULL), INT)
    (True, False, False)
    """
    if source == target or ANY in (source, target):
        return True
    if isinstance(source, UnionType):
        return all(assignable(o, target) for o in source.options)
    if isinstance(target, UnionType):
        return any(assignable(source, o) for o in target.options)
    if isinstance(source, EnumType):
        return target == STR or (isinstance(target, EnumType) and set(source.values) <= set(target.values))
    if isinstance(source, ListType):
        return isinstance(target, ListType) and assignable(source.element, target.element)
    if isinstance(source, RecordType):
        return isinstance(target, RecordType) and _record_assignable(source, target)
    return source == INT and target == FLOAT


def certain(source: Type, target: Type) -> bool:
    """Whether `source` fits `target` for sure, so that no check is needed at run time (`any` proves nothing)."""
    if target == ANY or (source == target and not _has_any(source)):
        return True
    if source == ANY:
        return False
    if isinstance(source, UnionType):
        return all(certain(o, target) for o in source.options)
    if isinstance(target, UnionType):
        return any(certain(source, o) for o in target.options)
    if isinstance(source, ListType) and isinstance(target, ListType):
        return certain(source.element, target.element)
    if isinstance(source, RecordType) and isinstance(target, RecordType):
        return _record_certain(source, target)
    return source != INT and assignable(source, target)


def _has_any(t: Type) -> bool:
    if isinstance(t, ListType):
        return _has_any(t.element)
    if isinstance(t, RecordType):
        return any(_has_any(f.type) for f in t.fields)
    if isinstance(t, UnionType):
        return any(_has_any(o) for o in t.options)
    return False


def _record_assignable(source: RecordType, target: RecordType) -> bool:
    for want in target.fields:
        got = source.field(want.name)
        if got is None:
            if want.required:
                return False
            continue
        if (want.required and not got.required) or not assignable(got.type, want.type):
            return False
    named = {want.name for want in target.fields}
    extra = [f.type for f in source.fields if f.name not in named]
    if target.rest is None:
        return True  # a record may know more than is asked for
    return all(assignable(t, target.rest) for t in extra)


def _record_certain(source: RecordType, target: RecordType) -> bool:
    # A record may have fields that its type does not name: of those, only `rest` says anything.
    for want in target.fields:
        got = source.field(want.name)
        if got is None and (want.required or want.type != ANY):
            return False
        if got is not None and ((want.required and not got.required) or not certain(got.type, want.type)):
            return False
    if target.rest is None or target.rest == ANY:
        return True
    named = {want.name for want in target.fields}
    extra = [f.type for f in source.fields if f.name not in named]
    return source.rest is not None and all(certain(t, target.rest) for t in [*extra, source.rest])


def show(t: Type) -> str:
    """The type as the language writes it."""
    match t:
        case Prim(name):
            return name
        case ListType(element):
            return f"list[{show(element)}]"
        case EnumType(values):
            return " | ".join(json.dumps(v) for v in values)
        case UnionType(options):
            return " | ".join(map(show, options)) if options else "never"
    fields = [f"{_field_name(f.name)}{'' if f.required else '?'}: {show(f.type)}" for f in t.fields]
    if t.rest is not None:
        fields.append(f"...: {show(t.rest)}")
    return "{" + ", ".join(fields) + "}"


def _field_name(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else json.dumps(name)
