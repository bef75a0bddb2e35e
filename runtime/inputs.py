"""Plan values as the Python objects that a tool's hints ask for: dataclasses, enums, tuples, sets, structs, models."""

from __future__ import annotations

import collections.abc
import typing
from collections.abc import Callable
from typing import Any, TypeAlias

from llmcc.ir.values import Value

Conversion: TypeAlias = Callable[[Value], Any]

_TRANSPARENT = (
    list,
    dict,
    collections.abc.Sequence,
    collections.abc.Mapping,
    typing.Union,
    type(int | str),
    typing.Annotated,
    typing.Required,
    typing.NotRequired,
)


def conversion(hint: Any) -> Conversion | None:
    """What makes an argument of a plan value; None if plan values will do as they are."""
    if not _needs(hint, ()):
        return None

    def convert(value: Value) -> Any:
        import msgspec

        return msgspec.convert(value, hint, dec_hook=_model)

    return convert


def _needs(hint: Any, outer: tuple[Any, ...]) -> bool:
    if any(hint is one for one in outer):
        return False
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return False
    if origin is not None:
        inner = [arg for arg in typing.get_args(hint) if arg is not Ellipsis]
        if origin not in _TRANSPARENT:
            return origin in (tuple, set, frozenset) or _is_class(origin)
        if origin is typing.Annotated:
            inner = inner[:1]
        return any(_needs(arg, (*outer, hint)) for arg in inner)
    if typing.is_typeddict(hint):
        return any(_needs(one, (*outer, hint)) for one in hint.__annotations__.values())
    return hint in (tuple, set, frozenset) or _is_class(hint)


def _is_class(hint: Any) -> bool:
    """Whether the hint is a class whose objects can be made of plan values."""
    return isinstance(hint, type) and any(
        hasattr(hint, mark)
        for mark in ("__members__", "__dataclass_fields__", "__struct_fields__", "_fields", "model_validate")
    )


def _model(hint: type, value: Any) -> Any:
    """Makes objects of classes that msgspec does not know: pydantic models."""
    validate = getattr(hint, "model_validate", None)
    if not callable(validate):
        raise TypeError(f"no {hint.__name__} can be made of a plan value")
    return validate(value)
