"""A tool's function, made ready for many calls: what can be said once for all of them, and whether arguments fit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from math import inf
from typing import Any

from llmcc.ir.errors import ToolInputError
from llmcc.ir.signature import Signature
from llmcc.ir.types import ANY, BOOL, FLOAT, INT, NULL, STR, Type, UnionType
from llmcc.ir.values import Value, mismatch
from llmcc.runtime.tools import Tool, is_async

_SCALARS: dict[Type, type] = {STR: str, INT: int, FLOAT: float, BOOL: bool, NULL: type(None)}


class Callee:
    """A tool with a function (its own, or that for batches), made ready for many calls."""

    def __init__(self, tool: Tool, function: Callable[..., Any], timeout_s: float | None) -> None:
        signature = tool.signature
        self.tool = tool
        self.function = function
        self.is_async = is_async(function)
        self.governed = signature.rate is not None or signature.breaker is not None
        #: Whether nothing but its function and time-out matters.
        self.simple = not self.governed and tool.key is None and tool.meter is None
        limit = signature.timeout_s if signature.timeout_s is not None else timeout_s
        self.timeout_s = inf if limit is None else limit
        self._plain = {one.name: _scalars(one.type) for one in signature.parameters if tool.direct}
        self._required = frozenset(one.name for one in signature.parameters if one.required)
        #: Names and Python types of arguments that were seen to fit, and that the function can take without a change.
        self._fitting: set[tuple[object, ...]] = set()

    def bound(self, args: dict[str, Value]) -> tuple[Collection[Any], Mapping[str, Any]]:
        """The positional and keyword arguments for the function.

        Raises:
            ToolInputError: the arguments do not fit.
        """
        shape = (*args, *map(type, args.values()))
        if shape in self._fitting:
            return (), args
        if self._is_plain(args):
            self._fitting.add(shape)
            return (), args
        check_arguments(self.tool.signature, args)
        try:
            return self.tool.bind(args)
        except ValueError as error:
            raise ToolInputError(f"{self.tool.name}: {error}") from error

    def _is_plain(self, args: Mapping[str, Value]) -> bool:
        """Whether the types of the arguments' values alone tell that they fit, and the function can take them."""
        plain = self._plain
        return self._required <= args.keys() and all(type(value) in plain.get(name, ()) for name, value in args.items())


def _scalars(wanted: Type) -> frozenset[type]:
    """Python types whose values all have the type, and need no copy."""
    if wanted == ANY:
        return frozenset(_SCALARS.values())
    options = wanted.options if isinstance(wanted, UnionType) else (wanted,)
    return frozenset(_SCALARS[option] for option in options if option in _SCALARS)


def check_arguments(signature: Signature, args: Mapping[str, Value]) -> None:
    """Raises `ToolInputError` if the arguments do not fit the tool."""
    for name, value in args.items():
        parameter = signature.parameter(name)
        if parameter is None:
            raise ToolInputError(f"{signature.name} has no parameter {name!r}")
        wrong = mismatch(value, parameter.type)
        if wrong:
            raise ToolInputError(f"{signature.name}: {name}: {wrong}")
    for parameter in signature.parameters:
        if parameter.required and parameter.name not in args:
            raise ToolInputError(f"{signature.name}: the argument {parameter.name!r} is missing")
