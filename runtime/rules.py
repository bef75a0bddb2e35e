"""The rules and figures of a tool, however they are declared: in Python, in a `tools.json`, in a catalogue.

One table says what each option is called, which field of the signature it becomes and what makes sense for it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import STR, ListType
from llmcc.runtime.durations import seconds

_RATE = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*/\s*(s|min|m|h)\s*")
_PERIODS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


class Rule(NamedTuple):
    """One option: the signature's `field` that it becomes, and `read`, which raises `ValueError` for nonsense."""

    option: str
    field: str
    read: Callable[[Any], object]


def per_second(rate: str | float) -> float:
    """A rate in calls a second: a number is one already, a text says a number per s, min or h.

    >>> per_second("90/min"), per_second(5)
    (1.5, 5.0)

    Raises:
        ValueError: it is no rate, or none at which anything ever runs.
    """
    if isinstance(rate, str):
        found = _RATE.fullmatch(rate)
        if found is None:
            raise ValueError(f"{rate!r} is no rate; write it like '10/s', '90/min' or '1000/h'")
        rate = float(found[1]) / _PERIODS[found[2]]
    if isinstance(rate, bool) or not 0 < rate < math.inf:
        raise ValueError(f"{rate!r} is no rate; write calls a second, or a text like '90/min'")
    return float(rate)


def _at_least(least: int, what: str) -> Callable[[Any], int]:
    def read(value: object) -> int:
        if type(value) is not int or value < least:
            raise ValueError(f"{what} {least} or more, not {value!r}")
        return value

    return read


def _dollars(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError(f"the cost is a number of dollars, not {value!r}")
    return value


def _error_names(value: object) -> tuple[str, ...]:
    """Classes of errors by name, so that a file can say them; a class stands for its name."""
    if isinstance(value, str | type) or not isinstance(value, Iterable):
        raise ValueError(f"the errors to try again after are a list of classes or their names, not {value!r}")
    names = tuple(one.__name__ if isinstance(one, type) else one for one in value)
    wrong = [one for one in names if not isinstance(one, str) or not one.isidentifier()]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no name of an error's class")
    return names


def _parameter(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"the name of a parameter is a text, not {value!r}")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"whether a result is untrusted is true or false, not {value!r}")
    return value


RULES = (
    Rule("latency", "latency_s", seconds),
    Rule("cost_usd", "cost_usd", _dollars),
    Rule("timeout", "timeout_s", seconds),
    Rule("retries", "retries", _at_least(0, "retries are")),
    Rule("retry_on", "retry_on", _error_names),
    Rule("limit", "limit", _at_least(1, "the limit is")),
    Rule("rate", "rate", per_second),
    Rule("burst", "burst", _at_least(1, "the burst is")),
    Rule("breaker", "breaker", _at_least(1, "the breaker's number of failures is")),
    Rule("cooldown", "cooldown_s", seconds),
    Rule("batch", "batch", _at_least(1, "a batch holds")),
    Rule("prompt", "prompt", _parameter),
    Rule("untrusted", "untrusted", _flag),
    Rule("variadic", "variadic", _parameter),
    Rule("typed_by", "typed_by", _parameter),
)
OPTIONS = tuple(rule.option for rule in RULES)
#: What a signature says unless it is told otherwise.
_UNSAID = Signature(name="")


class RuleError(ValueError):
    """An option makes no sense; `option` is its name."""

    def __init__(self, option: str, reason: str) -> None:
        super().__init__(reason)
        self.option = option


def fields_of(name: str, said: Mapping[str, Any], already: Signature = _UNSAID) -> dict[str, Any]:
    """The signature's fields for those options of `said` that are not None, to be laid over those it has `already`.

    `name` is the tool's, for messages.

    Raises:
        RuleError: one makes no sense.
    """
    found: dict[str, Any] = {}
    for option, field, read in RULES:
        value = said.get(option)
        if value is None:
            continue
        try:
            found[field] = read(value)
        except ValueError as error:
            raise RuleError(option, f"{name}: {error}") from None
    for option, wanted in (("burst", "rate"), ("cooldown", "breaker")):
        if said.get(option) is not None and said.get(wanted) is None and getattr(already, wanted) is None:
            raise RuleError(option, f"{name}: a {option} says nothing without a {wanted}")
    return found


def check_parameters(signature: Signature) -> None:
    """Raises `RuleError` if what the signature calls its prompt, and so on, is no parameter that can be that."""
    for option in ("prompt", "variadic", "typed_by"):
        name = getattr(signature, option)
        parameter = None if name is None else signature.parameter(name)
        if name is not None and parameter is None:
            raise RuleError(option, f"{signature.name}: `{option}` is one of the parameters, not {name!r}")
        if parameter is not None and not _can_be(option, parameter):
            raise RuleError(option, f"{signature.name}: {name}, its `{option}`, cannot be {parameter.type}")


def _can_be(option: str, parameter: Parameter) -> bool:
    if option == "variadic":
        return isinstance(parameter.type, ListType)
    return option != "typed_by" or parameter.type == STR


def declared(signature: Signature) -> dict[str, Any]:
    """The options that a signature's fields stand for, as a file would say them; only those that say something."""
    found: dict[str, Any] = {}
    for option, field, _ in RULES:
        value = getattr(signature, field)
        if value != getattr(_UNSAID, field):
            found[option] = list(value) if isinstance(value, tuple) else value
    return found
