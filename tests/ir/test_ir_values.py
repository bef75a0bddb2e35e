"""Plan values: when two are equal, how they read, what type they have, and what becomes of a tool's own objects."""

from __future__ import annotations

import dataclasses
import enum
import json
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir.types import ANY, FLOAT, INT, STR, EnumType, Field, ListType, RecordType, Type, certain, union
from llmcc.ir.values import Value, canonical, equal, importable, mismatch, to_text
from llmcc.testing.modules import types, values
from llmcc.testing.tools import value_of


@given(values())
def test_every_value_equals_itself(value: Value) -> None:
    assert equal(value, value) and equal(value, importable(value))


@given(values(), values())
def test_equality_goes_both_ways(a: Value, b: Value) -> None:
    assert equal(a, b) == equal(b, a)


@given(values(), values())
def test_what_has_one_canonical_text_is_equal(a: Value, b: Value) -> None:
    assert canonical(a) == canonical(importable(a))
    if canonical(a) == canonical(b):
        assert equal(a, b) and repr(importable(a)).count("True") == repr(importable(b)).count("True")


@pytest.mark.parametrize(
    ("a", "b"), [(1, 1.0), (1, True), (0.0, -0.0), ("1", 1), (None, False), ([], {}), ([1], [1.0])]
)
def test_values_of_different_types_have_different_canonical_texts(a: Value, b: Value) -> None:
    assert canonical(a) != canonical(b)


@pytest.mark.parametrize(
    ("a", "b"), [(1, True), (0, False), ("", None), ([True], [1]), ({"a": 1}, {"a": True}), ([], {})]
)
def test_what_is_not_equal(a: Value, b: Value) -> None:
    assert not equal(a, b)


@given(st.dictionaries(st.text(), values(), max_size=4))
def test_the_order_of_fields_does_not_matter(record: dict[str, Value]) -> None:
    turned: Value = dict(reversed(record.items()))
    assert equal(record, turned) and canonical(record) == canonical(turned)


@given(values())
def test_a_value_as_text_is_json_or_the_text_itself(value: Value) -> None:
    text = to_text(value)
    assert text == value if isinstance(value, str) else equal(json.loads(text), value)


@given(values(), types())
def test_a_mismatch_is_told_in_words(value: Value, wanted: Type) -> None:
    found = mismatch(value, wanted)
    assert found is None or found.isprintable() or not str(value).isprintable() or not str(wanted).isprintable()
    assert mismatch(value, union(wanted, ANY)) is None


# Of `never` there is no value.
TYPES = types().filter(lambda kind: "never" not in str(kind))
FIELDS = st.lists(
    st.builds(Field, st.sampled_from("abc"), TYPES, st.booleans()), max_size=3, unique_by=lambda one: one.name
)
RECORDS = st.builds(RecordType, FIELDS.map(tuple), st.sampled_from((None, INT)))


def near(draw: st.DrawFn, kind: Type) -> Type:
    """A type that differs from this one in a place or two."""
    if isinstance(kind, ListType):
        return ListType(near(draw, kind.element))
    if isinstance(kind, RecordType):
        return near_record(draw, kind)
    way = draw(st.sampled_from(["same", "same", "other", "wider"]))
    if way == "same":
        return kind
    return draw(TYPES) if way == "other" else union(kind, draw(TYPES))


def near_record(draw: st.DrawFn, kind: RecordType) -> RecordType:
    way = draw(st.sampled_from(["rest", "without", "turned", "type"]))
    if way == "rest" or not kind.fields:
        return RecordType(kind.fields, draw(st.sampled_from((None, INT, ANY))))
    one = draw(st.sampled_from(kind.fields))
    new = {
        "without": (),
        "turned": (Field(one.name, one.type, not one.required),),
        "type": (Field(one.name, near(draw, one.type), one.required),),
    }[way]
    return RecordType((*(field for field in kind.fields if field is not one), *new), kind.rest)


def least(value: Value, kind: Type) -> Value:
    """The value without the fields that it need not have."""
    if isinstance(kind, ListType) and isinstance(value, list):
        return [least(one, kind.element) for one in value]
    if isinstance(kind, RecordType) and isinstance(value, dict):
        return {f.name: least(value[f.name], f.type) for f in kind.fields if f.required}
    return value


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Type, Type]:
    kind = draw(RECORDS | TYPES | RECORDS.map(ListType))
    return kind, near(draw, kind)


@given(pairs(), st.integers(0, 10**6))
def test_what_certainly_fits_does_fit(pair: tuple[Type, Type], seed: int) -> None:
    source, target = pair
    value = value_of(source, seed)
    for one in (value, least(value, source)):
        assert mismatch(one, source) is None
        assert not certain(source, target) or mismatch(one, target) is None


@given(values(), types())
def test_a_type_that_is_certain_of_a_union_holds_for_its_option(value: Value, option: Type) -> None:
    if mismatch(value, option) is None:
        assert mismatch(value, union(option, INT)) is None


RECORD = RecordType((Field("a", INT), Field("b", ListType(STR), False)), FLOAT)


@pytest.mark.parametrize(
    ("value", "wanted", "reason"),
    [
        (True, INT, "the value is a bool, not int"),
        (1, STR, "the value is an int, not str"),
        (None, INT, "the value is null, not int"),
        (1.0, INT, "the value is a float, not int"),
        (2**53 + 1, FLOAT, "the value is an int that no float holds exactly"),
        (10**400, FLOAT, "the value is an int that no float holds exactly"),
        ("c", EnumType(("a", "b")), 'the value is none of "a" | "b"'),
        (1, EnumType(("a",)), 'the value is an int, not "a"'),
        ({}, RECORD, "the value lacks the field 'a'"),
        ({"a": 1, "b": ["x", 2]}, RECORD, "field 'b' item 1 is an int, not str"),
        ({"a": 1, "c": "x"}, RECORD, "field 'c' is a str, not float"),
        ([], RECORD, "the value is a list, not {a: int, b?: list[str], ...: float}"),
        (1, union(STR, RECORD), "the value is an int, not str | {a: int, b?: list[str], ...: float}"),
    ],
)
def test_reasons_of_a_mismatch(value: Value, wanted: Type, reason: str) -> None:
    assert mismatch(value, wanted) == reason


@pytest.mark.parametrize(
    ("value", "wanted"), [(1, FLOAT), ({"a": 1, "x": 2}, RECORD), ({"a": 1, "b": []}, RECORD), ("a", EnumType(("a",)))]
)
def test_what_has_the_type(value: Value, wanted: Type) -> None:
    assert mismatch(value, wanted) is None


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Peak:
    name: str
    at: Point


class Row(msgspec.Struct):
    id: int


class Model:
    def model_dump(self) -> dict[str, Any]:
        return {"a": (1, 2)}


class LyingText(str):
    def __str__(self) -> str:
        return "\ud800"


class LyingInt(int):
    def __int__(self) -> int:
        raise RuntimeError


class Hostile:
    def model_dump(self) -> object:
        raise RuntimeError("no")


class HostileDict(dict[str, int]):
    def items(self) -> Any:
        raise KeyError("no")


class HostileRepr:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "imported"),
    [
        ((1, 2), [1, 2]),
        ({3, 1, 2}, [1, 2, 3]),
        (Color.RED, "red"),
        (Level.HIGH, 3),
        (Point(1, 2), {"x": 1, "y": 2}),
        (Peak("K2", Point(1, 2)), {"name": "K2", "at": {"x": 1, "y": 2}}),
        ([Row(1)], [{"id": 1}]),
        (Model(), {"a": [1, 2]}),
        (LyingText("a"), "a"),
        (LyingInt(3), 3),
    ],
)
def test_objects_with_fields_become_plan_values(value: object, imported: Value) -> None:
    found = importable(value)
    assert repr(found) == repr(imported) and type(found) is type(imported)


def cyclic() -> object:
    items: list[object] = []
    items.append(items)
    return items


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (object(), "the value is a object, which is no plan value"),
        ([1, {"a": b"x"}], "item 1 field 'a' is a bytes, which is no plan value"),
        (float("nan"), "the value is nan, and numbers are finite"),
        ([float("inf")], "item 0 is inf, and numbers are finite"),
        ("\ud800", "the value has a text with a lone surrogate"),
        ({"\udfff": 1}, "the value has a text with a lone surrogate"),
        ({1: 2}, "the value has the key 1, and keys are strings"),
        (cyclic(), "the value is nested too deeply"),
        (1 << 4096, "the value is an int of more than 4096 bits"),
        (Hostile(), "the value cannot be read (RuntimeError)"),
        (HostileDict(a=1), "the value cannot be read (KeyError)"),
        ({HostileRepr(), 1}, "the value cannot be read (RuntimeError)"),
        (len, "the value is a builtin_function_or_method, which is no plan value"),
        (Color, "the value is a EnumType, which is no plan value"),
        ((n for n in [1]), "the value is a generator, which is no plan value"),
    ],
    ids=lambda v: v if isinstance(v, str) and v.isascii() else "value",
)
def test_junk_is_refused_with_its_place(value: object, reason: str) -> None:
    with pytest.raises(ValueError) as caught:
        importable(value)
    assert str(caught.value) == reason


ODD = [Color.RED, Color, Peak, Hostile(), Model(), Row(1), Point(1, 2), LyingInt(3), LyingText("a"), len, type, json]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.sampled_from(ODD)
JUNK = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner)
        | st.builds(Peak, inner, inner)
    ),
    max_leaves=8,
)


@pytest.mark.parametrize(("value", "size"), [([0] * 10, 10), ({"a": [1, 2]}, 3)])
def test_a_value_has_no_more_parts_than_allowed(value: Value, size: int) -> None:
    assert importable(value, size=size + 1) == value
    with pytest.raises(ValueError, match="too many parts"):
        importable(value, size=size)


@given(JUNK)
def test_junk_becomes_a_plan_value_or_a_value_error(value: object) -> None:
    try:
        found = importable(value)
    except ValueError as error:
        assert str(error)
        return
    assert repr(importable(found)) == repr(found)
    json.loads(json.dumps(found, allow_nan=False))


@given(values())
def test_an_imported_value_shares_nothing(value: Value) -> None:
    found = importable(value)
    assert repr(found) == repr(value)
    assert not ids(found) & ids(value)


def ids(value: Value) -> set[int]:
    """The identities of the lists and records in a value."""
    if not isinstance(value, list | dict):
        return set()
    inner = value if isinstance(value, list) else value.values()
    return {id(value)}.union(*map(ids, inner))
