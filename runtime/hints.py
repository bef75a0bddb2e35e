"""Python type hints as types of plan values. What has no counterpart is `any`, checked when a value comes."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import types
import typing
from collections.abc import Callable
from typing import Any

from llmcc.ir.types import (
    ANY,
    ANY_LIST,
    ANY_RECORD,
    BOOL,
    FLOAT,
    INT,
    NEVER,
    NULL,
    STR,
    EnumType,
    Field,
    ListType,
    RecordType,
    Type,
    union,
)
from llmcc.runtime.schema import SchemaError, type_of_schema

_PLAIN: dict[Any, Type] = {
    None: NULL,
    type(None): NULL,
    bool: BOOL,
    int: INT,
    float: FLOAT,
    str: STR,
    list: ANY_LIST,
    tuple: ANY_LIST,
    set: ANY_LIST,
    frozenset: ANY_LIST,
    dict: ANY_RECORD,
    typing.Never: NEVER,
    typing.NoReturn: NEVER,
}
_LISTS = (list, set, frozenset, collections.abc.Sequence, collections.abc.MutableSequence, collections.abc.Set)
_RECORDS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_WRAPPERS = (typing.Annotated, typing.Required, typing.NotRequired, typing.Final, typing.ClassVar)


def type_of_hint(hint: Any) -> Type:
    """The type of the plan values that a Python type hint describes.

    >>> str(type_of_hint(dict[str, list[int] | None])), str(type_of_hint(typing.Literal["asc", "desc"]))
    ('{...: list[int] | null}', '"asc" | "desc"')
    """
    return _type(hint, ())


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """The resolved annotations of a function; one that cannot be resolved is left out."""
    try:
        return typing.get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError):
        pass  # one of them names something that does not exist yet: look at each alone
    scope = getattr(function, "__globals__", {})
    found: dict[str, Any] = {}
    for name, hint in getattr(function, "__annotations__", {}).items():
        try:
            found[name] = typing.get_type_hints(types.SimpleNamespace(__annotations__={"it": hint}), scope)["it"]
        except (NameError, TypeError, AttributeError, SyntaxError):
            continue
    return found


def _type(hint: Any, outer: tuple[Any, ...]) -> Type:
    if isinstance(hint, typing.TypeVar):
        return _type(hint.__bound__, outer) if hint.__bound__ is not None else ANY
    if isinstance(hint, typing.NewType):
        return _type(hint.__supertype__, outer)
    try:
        if hint in _PLAIN:
            return _PLAIN[hint]
    except TypeError:
        return ANY  # what cannot be hashed is no hint that we know
    if any(hint is one for one in outer):
        return ANY  # a type that contains itself
    origin = typing.get_origin(hint)
    if origin is None:
        return _class(hint, (*outer, hint))
    return _generic(origin, typing.get_args(hint), (*outer, hint))


def _generic(origin: Any, args: tuple[Any, ...], outer: tuple[Any, ...]) -> Type:
    if origin in _WRAPPERS:
        return _type(args[0], outer)
    if origin in (typing.Union, types.UnionType):
        return union(*(_type(arg, outer) for arg in args))
    if origin is typing.Literal:
        return union(*map(_literal, args))
    if not args and origin in (*_LISTS, *_RECORDS):
        return ANY_LIST if origin in _LISTS else ANY_RECORD  # `typing.List` and the like, which say no more
    if origin in _LISTS:
        return ListType(_type(args[0], outer))
    if origin is tuple:
        return ListType(union(*(_type(arg, outer) for arg in args if arg is not Ellipsis)) if args else ANY)
    if origin in _RECORDS:
        return RecordType((), _type(args[1], outer)) if args[0] is str else ANY
    return _class(origin, outer)


def _literal(value: Any) -> Type:
    if isinstance(value, enum.Enum):
        value = value.value
    return EnumType((value,)) if isinstance(value, str) else _PLAIN.get(type(value), ANY)


def _class(hint: Any, outer: tuple[Any, ...]) -> Type:
    if not isinstance(hint, type):
        return ANY
    if issubclass(hint, enum.Enum):
        return union(*(_literal(member) for member in hint)) if len(hint) else NEVER
    if typing.is_typeddict(hint):
        return _typed_dict(hint, outer)
    names = _field_names(hint)
    if names is not None:
        # A field with a default is there nevertheless in every value that a tool returns.
        hints = _hints(hint)
        return RecordType(tuple(Field(name, _type(hints.get(name, Any), outer)) for name in names))
    if callable(getattr(hint, "model_json_schema", None)):
        return _model(hint)
    return ANY


def _field_names(hint: Any) -> list[str] | None:
    if dataclasses.is_dataclass(hint):
        return [field.name for field in dataclasses.fields(hint)]
    names = getattr(hint, "__struct_fields__", getattr(hint, "_fields", None))
    return list(names) if isinstance(names, tuple) else None


def _typed_dict(hint: Any, outer: tuple[Any, ...]) -> Type:
    fields = []
    for name, one in _hints(hint).items():
        # The class itself knows nothing of the wrapper where annotations are texts.
        wrapper = typing.get_origin(one)
        required = wrapper is typing.Required or (name in hint.__required_keys__ and wrapper is not typing.NotRequired)
        fields.append(Field(name, _type(one, outer), required))
    return RecordType(tuple(fields))


def _hints(hint: type) -> dict[str, Any]:
    try:
        return typing.get_type_hints(hint, include_extras=True)
    except (NameError, TypeError, AttributeError):
        return dict.fromkeys(getattr(hint, "__annotations__", {}), Any)


def _model(hint: Any) -> Type:
    """A pydantic model says itself what its values look like."""
    try:
        return type_of_schema(hint.model_json_schema(mode="serialization"))
    except (SchemaError, TypeError, ValueError):
        return ANY_RECORD
