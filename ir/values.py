"""Plan values: null, bool, int, float, str, lists and records with string keys, as Python objects.

Numbers are finite, integers exact, strings hold Unicode scalar values, and nothing is coerced: `True` is not `1`.
"""

from __future__ import annotations

import json
import math
from typing import Any, TypeAlias

from llmcc.ir.types import (
    ANY,
    ANY_LIST,
    ANY_RECORD,
    BOOL,
    FLOAT,
    INT,
    NULL,
    STR,
    EnumType,
    ListType,
    Prim,
    RecordType,
    Type,
    UnionType,
    show,
)

Value: TypeAlias = bool | int | float | str | list[Any] | dict[str, Any] | None

#: No integer has more bits: its decimal digits can always be written.
MAX_BITS = 4096
_SMALL = 2**63
#: No text has more characters.
MAX_TEXT = 16 * 2**20

_PRIM_OF: dict[type, Type] = {
    type(None): NULL,
    bool: BOOL,
    int: INT,
    float: FLOAT,
    str: STR,
    list: ANY_LIST,
    dict: ANY_RECORD,
}


def kind(value: Value) -> str:
    """The word for a value's type in a message: `null bool int float str list record`."""
    if isinstance(value, list):
        return "list"
    return "record" if isinstance(value, dict) else str(_PRIM_OF[type(value)])


def mismatch(value: Value, wanted: Type, place: str = "") -> str | None:
    """Why `value` does not have type `wanted`, or None if it does. `place` is its path within a larger value.

    >>> mismatch([1, "2"], ListType(INT))
    'item 1 is a str, not int'
    >>> mismatch(9007199254740993, FLOAT)
    'the value is an int that no float holds exactly'
    """
    if wanted is ANY or wanted == ANY:
        return None
    where = place or "the value"
    match wanted:
        case Prim("float") if type(value) is int:
            return None if _float_holds(value) else f"{where} is an int that no float holds exactly"
        case Prim():
            return None if _PRIM_OF[type(value)] == wanted else _not(where, value, wanted)
        case EnumType(values):
            if value in values and isinstance(value, str):
                return None
            return f"{where} is none of {show(wanted)}" if isinstance(value, str) else _not(where, value, wanted)
        case UnionType(options):
            fits = any(mismatch(value, option) is None for option in options)
            return None if fits else _not(where, value, wanted)
        case ListType(element):
            if not isinstance(value, list):
                return _not(where, value, wanted)
            found = (mismatch(v, element, f"{place} item {i}".strip()) for i, v in enumerate(value))
            return None if element == ANY else next(filter(None, found), None)
    return _record_mismatch(value, wanted, place)


def _record_mismatch(value: Value, wanted: RecordType, place: str) -> str | None:
    where = place or "the value"
    if not isinstance(value, dict):
        return _not(where, value, wanted)
    for field in wanted.fields:
        if field.name not in value:
            if field.required:
                return f"{where} lacks the field {field.name!r}"
            continue
        found = mismatch(value[field.name], field.type, f"{place} field {field.name!r}".strip())
        if found:
            return found
    if wanted.rest is None or wanted.rest == ANY:
        return None
    named = {field.name for field in wanted.fields}
    rest = wanted.rest
    others = (mismatch(v, rest, f"{place} field {k!r}".strip()) for k, v in value.items() if k not in named)
    return next(filter(None, others), None)


def _float_holds(value: int) -> bool:
    try:
        return int(float(value)) == value
    except OverflowError:
        return False


def _not(where: str, value: Value, wanted: Type) -> str:
    a = "an" if kind(value) == "int" else "a"
    return (
        f"{where} is {a} {kind(value)}, not {show(wanted)}"
        if value is not None
        else f"{where} is null, not {show(wanted)}"
    )


def equal(a: Value, b: Value) -> bool:
    """The language's `==`: by structure, ints and floats by number, bools equal only to bools."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(equal, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(equal(v, b[k]) for k, v in a.items())
    return a == b


def to_text(value: Value) -> str:
    """A value as text: a string is itself, the rest is JSON; a float that is integral and small shows no fraction.

    >>> to_text("a"), to_text(8849.0), to_text(0.5), to_text([True, None, "x"])
    ('a', '8849', '0.5', '[true, null, "x"]')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_nested, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_nested(k)}: {_nested(v)}" for k, v in value.items()) + "}"
    return json.dumps(value)


def _nested(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else to_text(value)


def canonical(value: Value) -> str:
    """A text that two values share only if they are the same value with the same types (a key for calls).

    >>> canonical({"b": 1, "a": 1.0}) == canonical({"a": 1.0, "b": 1}), canonical(1) == canonical(1.0)
    (True, False)
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def importable(value: object, *, depth: int = 64, size: int = 1_000_000) -> Value:
    """A tool's result as a plan value, sharing nothing with it: tuples become lists, objects with fields records.

    Dataclasses, msgspec structs, named tuples, enums and pydantic models are taken by their fields. `size` bounds the
    number of parts (a long text counts as one for every 64 characters), `depth` their nesting (cycles end there).

    Raises:
        ValueError: something in it is no plan value; the text says what and where.
    """
    if value is None or value is True or value is False:
        return value  # most often by far, as the results of writes
    if type(value) is int and -_SMALL < value < _SMALL:
        return value
    if type(value) is str and len(value) <= 64 and value.isascii():
        return value  # one part, whatever it says
    try:
        return _import(value, "", depth, [size])
    except ValueError:
        raise
    except BaseException as error:  # whatever the object's own methods raise, SystemExit included
        raise ValueError(f"the value cannot be read ({type(error).__name__})") from error


def _import(value: object, place: str, depth: int, budget: list[int]) -> Value:
    budget[0] -= 1
    if budget[0] < 0:
        raise ValueError("the value has too many parts")
    if value is None or isinstance(value, bool):
        return value
    plain = _plain(value)
    if isinstance(plain, int):
        if int.bit_length(plain) > MAX_BITS:
            raise ValueError(f"{place or 'the value'} is an int of more than {MAX_BITS} bits")
        return int.__int__(plain)
    if isinstance(plain, float):
        if not math.isfinite(plain):
            raise ValueError(f"{place or 'the value'} is {plain}, and numbers are finite")
        return float.__float__(plain)
    if isinstance(plain, str):
        budget[0] -= len(plain) // 64
        return _import_text(plain, place)
    if depth == 0:
        raise ValueError("the value is nested too deeply")
    if isinstance(plain, dict):
        wrong = next((k for k in plain if not isinstance(k, str)), None)
        if wrong is not None:
            raise ValueError(f"{place or 'the value'} has the key {repr(wrong)[:60]}, and keys are strings")
        return {
            _import_text(k, place): _import(v, f"{place} field {k!r}".strip(), depth - 1, budget)
            for k, v in plain.items()
        }
    if isinstance(plain, list | tuple | set | frozenset):
        if len(plain) > budget[0]:
            raise ValueError("the value has too many parts")
        items = sorted(plain, key=repr) if isinstance(plain, set | frozenset) else plain
        return [_import(v, f"{place} item {i}".strip(), depth - 1, budget) for i, v in enumerate(items)]
    raise ValueError(f"{place or 'the value'} is a {type(value).__name__}, which is no plan value")


def _import_text(text: str, place: str) -> str:
    plain = str.__str__(text)  # of a subclass, whatever its own `__str__` says
    if len(plain) > MAX_TEXT:
        raise ValueError(f"{place or 'the value'} has a text of more than {MAX_TEXT:,} characters")
    if not plain.isascii() and any("\ud800" <= c <= "\udfff" for c in plain):
        raise ValueError(f"{place or 'the value'} has a text with a lone surrogate")
    return plain


def _plain(value: object) -> Any:
    """One layer of an object with fields, as a dict; anything else as it is."""
    if isinstance(value, str | int | float | dict | list):
        return getattr(value, "value", value) if hasattr(type(value), "__members__") else value
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return value._asdict()
    if hasattr(type(value), "__members__"):
        return getattr(value, "value", value)
    dump = getattr(value, "model_dump", None)
    if callable(dump) and not isinstance(value, type):
        return dump()
    names = getattr(type(value), "__struct_fields__", None) or getattr(type(value), "__dataclass_fields__", None)
    return value if names is None else {name: getattr(value, name) for name in names}
