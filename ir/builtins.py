"""The built-in functions of the language: pure, total (they end, or fail with a reason) and bounded in what they build.

One table, `BUILTINS`, holds for each its parameters, its result's type and its implementation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from llmcc.ir.errors import EvaluationError
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
    ListType,
    RecordType,
    Type,
    assignable,
    options,
    union,
)
from llmcc.ir.values import MAX_TEXT, Value, canonical, equal, kind, to_text

#: No list that an expression builds is longer; no text than `MAX_TEXT`.
MAX_ITEMS = 1_000_000

NUMBER = union(INT, FLOAT)


class BuiltinFunction(msgspec.Struct, frozen=True):
    """One built-in. `parameters` are (name, type) pairs, the last `optional` of them may be absent; a `variadic` one
    may instead be given two or more arguments of type `variadic`, as in `max(a, b, c)`. `result` maps the arguments'
    types to the result's.
    """

    parameters: tuple[tuple[str, Type], ...]
    result: Callable[[Sequence[Type]], Type]
    call: Callable[..., Value]
    optional: int = 0
    variadic: Type | None = None
    summary: str = ""

    def accepts_count(self, count: int) -> bool:
        """Whether the built-in can be called with that many arguments."""
        most = len(self.parameters)
        return most - self.optional <= count <= most or (self.variadic is not None and count >= 2)


def _always(t: Type) -> Callable[[Sequence[Type]], Type]:
    return lambda _args: t


def element(t: Type) -> Type:
    """The type of the items of a value of type `t` (`any` where that is not known)."""
    found = [o.element if isinstance(o, ListType) else STR if o == STR else ANY for o in options(t)]
    return union(*found) if found else NEVER


def _same(args: Sequence[Type]) -> Type:
    return args[0]


def _item(args: Sequence[Type]) -> Type:
    return element(args[0])


def _pick(args: Sequence[Type]) -> Type:
    """The result of min and max: an item of the one list, or one of the arguments."""
    if len(args) == 1 or (isinstance(args[0], ListType) and len(args) == 2 and assignable(args[1], STR)):
        return element(args[0])
    return union(*args)


def _number(args: Sequence[Type]) -> Type:
    found = [element(a) if isinstance(a, ListType) else a for a in args[:1]]
    return found[0] if found and found[0] in (INT, FLOAT) else NUMBER if found and found[0] != ANY else ANY


def _zipped(args: Sequence[Type]) -> Type:
    return ListType(ListType(union(*map(element, args))))


def _values(args: Sequence[Type]) -> Type:
    t = args[0]
    if not isinstance(t, RecordType) or (t.rest is None and not t.fields):
        return ANY_LIST
    return ListType(union(*(f.type for f in t.fields), *([t.rest] if t.rest is not None else [ANY])))


def bounded(items: list[Any]) -> list[Any]:
    """`items`, unless there are too many."""
    if len(items) > MAX_ITEMS:
        raise EvaluationError(f"a list of {len(items):,} items is longer than {MAX_ITEMS:,}")
    return items


def is_number(value: Value) -> bool:
    """Whether the value is an int or a float (a bool is neither)."""
    return type(value) in (int, float)


def sort_key(value: Value) -> tuple[int, Any]:
    """What `sorted`, `min`, `max` and `<` order by: numbers among numbers, texts among texts, nothing else."""
    if is_number(value):
        return (0, value)
    if isinstance(value, str):
        return (1, value)
    raise EvaluationError(f"a {kind(value)} has no order")


def _keys_for(items: list[Value], by: str | None) -> list[tuple[int, Any]]:
    if by is None:
        keys = [sort_key(v) for v in items]
    else:
        keys = [sort_key(_field(v, by)) for v in items]
    if len({k[0] for k in keys}) > 1:
        raise EvaluationError("numbers and texts have no common order")
    return keys


def _field(value: Value, name: str) -> Value:
    if isinstance(value, dict) and name in value:
        return value[name]  # type: ignore[no-any-return]
    raise EvaluationError(f"an item has no field {name!r}")


def _sorted(items: list[Value], by: str | None = None, descending: bool = False) -> Value:
    keys = _keys_for(items, by)
    order = sorted(range(len(items)), key=keys.__getitem__, reverse=descending)
    return [items[i] for i in order]


def _extreme(choose: Callable[..., int]) -> Callable[..., Value]:
    def extreme(*args: Any) -> Value:
        by = args[1] if len(args) == 2 and isinstance(args[0], list) and isinstance(args[1], str) else None
        items = args[0] if len(args) == 1 or by is not None else list(args)
        if not items:
            raise EvaluationError("an empty list has no smallest or largest item")
        keys = _keys_for(items, by)
        best: Value = items[choose(range(len(items)), key=keys.__getitem__)]
        return best

    return extreme


def _sum(items: list[Value]) -> Value:
    wrong = next((v for v in items if not is_number(v)), None)
    if wrong is not None or None in items:
        raise EvaluationError(f"sum needs numbers, and an item is a {kind(wrong)}")
    if all(isinstance(v, int) for v in items):
        return sum(items)  # type: ignore[arg-type]
    try:
        return finite(math.fsum(items))  # type: ignore[arg-type]
    except OverflowError:
        raise EvaluationError("the result is too large for a float") from None


def finite(value: float) -> float:
    """`value`, unless it is infinite or no number."""
    if not math.isfinite(value):
        raise EvaluationError("the result is too large for a float")
    return value


def _round(value: Value, digits: int = 0) -> Value:
    if not -300 <= digits <= 300:
        raise EvaluationError("round keeps between -300 and 300 digits")
    try:
        if isinstance(value, int) or digits:
            return round(value, digits)  # type: ignore[arg-type]
    except OverflowError:
        raise EvaluationError("the result is too large for a float") from None
    return round(value)  # type: ignore[arg-type]


def _unique(items: list[Value]) -> Value:
    first: dict[str, Value] = {}
    for value in items:
        first.setdefault(canonical(_integral(value)), value)
    return [*first.values()]


def _integral(value: Value) -> Value:
    """The value with every float that is a whole number as an int: values that are equal become the same."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_integral(item) for item in value]
    if isinstance(value, dict):
        return {key: _integral(item) for key, item in value.items()}
    return value


def _first(items: Any) -> Value:
    if not items:
        raise EvaluationError("an empty list has no first item")
    return items[0]  # type: ignore[no-any-return]


def _last(items: Any) -> Value:
    if not items:
        raise EvaluationError("an empty list has no last item")
    return items[-1]  # type: ignore[no-any-return]


def _range(start: int, stop: int | None = None, step: int = 1) -> Value:
    if step == 0:
        raise EvaluationError("the step of a range is not 0")
    numbers = range(start) if stop is None else range(start, stop, step)
    # Not len(), which cannot count past the largest index.
    if numbers and (numbers[-1] - numbers.start) // step >= MAX_ITEMS:
        raise EvaluationError(f"a range is longer than {MAX_ITEMS:,} numbers")
    return list(numbers)


def _zip(*lists: list[Value]) -> Value:
    return [list(group) for group in zip(*lists, strict=False)]


def _int(value: Value) -> Value:
    if isinstance(value, bool | float | int):
        return int(value)
    try:
        return int(_digits(value))
    except ValueError:
        raise EvaluationError(f"no int can be read from {to_text(value)[:60]!r}") from None


def _float(value: Value) -> Value:
    try:
        return finite(float(value if isinstance(value, bool | float | int) else _digits(value)))
    except (ValueError, OverflowError):
        raise EvaluationError(f"no float can be read from {to_text(value)[:60]!r}") from None


def _digits(value: Value) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text.isascii() or "_" in text or len(text) > 1000:
        raise ValueError(text)
    return text


def _contains(whole: Any, part: Value) -> Value:
    if isinstance(whole, str):
        if not isinstance(part, str):
            raise EvaluationError(f"a text can contain only a text, not a {kind(part)}")
        return part in whole
    if isinstance(whole, dict):
        if not isinstance(part, str):
            raise EvaluationError(f"a record can contain only a text, the name of a field, not a {kind(part)}")
        return part in whole
    if isinstance(whole, list):
        return any(equal(v, part) for v in whole)
    raise EvaluationError(f"a {kind(whole)} contains nothing")


def _join_text(items: list[Value], separator: str = ", ") -> Value:
    texts = [to_text(v) for v in items]
    if sum(map(len, texts)) + len(separator) * len(texts) > MAX_TEXT:
        raise EvaluationError(f"a text is longer than {MAX_TEXT:,}")
    return separator.join(texts)


def _split(text: str, separator: str | None = None) -> Value:
    if separator == "":
        raise EvaluationError("an empty separator splits nothing")
    return bounded([*text.split(separator)])


_ITEMS = union(ANY_LIST, STR)
_SIZED = union(ANY_LIST, ANY_RECORD, STR)
_ORDERED = union(INT, FLOAT, STR)

BUILTINS: dict[str, BuiltinFunction] = {
    "len": BuiltinFunction((("value", _SIZED),), _always(INT), len, summary="number of items, fields or characters"),
    "sum": BuiltinFunction((("numbers", ListType(NUMBER)),), _number, _sum, summary="sum of a list of numbers"),
    "min": BuiltinFunction(
        (("items", ANY_LIST), ("by", STR)),
        _pick,
        _extreme(min),
        1,
        _ORDERED,
        "smallest item, or the one with the smallest field",
    ),
    "max": BuiltinFunction(
        (("items", ANY_LIST), ("by", STR)),
        _pick,
        _extreme(max),
        1,
        _ORDERED,
        "largest item, or the one with the largest field",
    ),
    "abs": BuiltinFunction((("number", NUMBER),), _number, abs, summary="the number without its sign"),
    "round": BuiltinFunction(
        (("number", NUMBER), ("digits", INT)),
        lambda a: INT if len(a) == 1 else _number(a),
        _round,
        1,
        summary="rounded, half to even",
    ),
    "sorted": BuiltinFunction(
        (("items", ANY_LIST), ("by", union(STR, NULL)), ("descending", BOOL)),
        _same,
        _sorted,
        2,
        summary="in order, or by a field",
    ),
    "unique": BuiltinFunction(
        (("items", ANY_LIST),), _same, _unique, summary="each item once, in order of first appearance"
    ),
    "first": BuiltinFunction((("items", _ITEMS),), _item, _first, summary="the first item"),
    "last": BuiltinFunction((("items", _ITEMS),), _item, _last, summary="the last item"),
    "range": BuiltinFunction(
        (("start", INT), ("stop", INT), ("step", INT)),
        _always(ListType(INT)),
        _range,
        2,
        summary="whole numbers, the end left out",
    ),
    "zip": BuiltinFunction(
        (("a", ANY_LIST), ("b", ANY_LIST)),
        _zipped,
        _zip,
        0,
        ANY_LIST,
        "lists of the items that stand at the same place",
    ),
    "keys": BuiltinFunction(
        (("record", ANY_RECORD),), _always(ListType(STR)), lambda r: list(r), summary="names of the fields"
    ),
    "values": BuiltinFunction(
        (("record", ANY_RECORD),), _values, lambda r: list(r.values()), summary="values of the fields"
    ),
    "str": BuiltinFunction((("value", ANY),), _always(STR), to_text, summary="the value as text"),
    "int": BuiltinFunction(
        (("value", union(BOOL, INT, FLOAT, STR)),), _always(INT), _int, summary="a whole number, read or cut"
    ),
    "float": BuiltinFunction(
        (("value", union(BOOL, INT, FLOAT, STR)),), _always(FLOAT), _float, summary="a number, read from text"
    ),
    "contains": BuiltinFunction(
        (("whole", _SIZED), ("part", ANY)), _always(BOOL), _contains, summary="whether a text, list or record has it"
    ),
    "join_text": BuiltinFunction(
        (("items", ANY_LIST), ("separator", STR)),
        _always(STR),
        _join_text,
        1,
        summary="the items' texts, with a separator between",
    ),
    "split": BuiltinFunction(
        (("text", STR), ("separator", STR)), _always(ListType(STR)), _split, 1, summary="the pieces of a text"
    ),
    "lower": BuiltinFunction((("text", STR),), _always(STR), str.lower, summary="in small letters"),
    "upper": BuiltinFunction((("text", STR),), _always(STR), str.upper, summary="in capital letters"),
}
