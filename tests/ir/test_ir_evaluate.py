"""Expressions have a value or say why not, always end, and stay within the bounds of texts, lists and integers."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from llmcc.ir import expr as e
from llmcc.ir.builtins import BUILTINS, MAX_ITEMS
from llmcc.ir.errors import EvaluationError
from llmcc.ir.evaluate import evaluate, evaluate_guard
from llmcc.ir.parser import parse_expr
from llmcc.ir.types import STR
from llmcc.ir.values import MAX_BITS, MAX_TEXT, Value, equal, mismatch
from llmcc.testing.modules import expressions, values

ENV: dict[str, Value] = {
    "n": 3,
    "f": 0.5,
    "s": "héllo",
    "xs": [3, 1, 2],
    "r": {"name": "K2", "height": 8611, "a b": None},
    "rs": [{"h": 2, "n": "a"}, {"h": 1, "n": "b"}, {"h": 2, "n": "c"}],
    "big": 2 ** (MAX_BITS - 1),
    "long": "x" * (MAX_TEXT // 2 + 1),
    "many": list(range(20_000)),
}


def run(text: str) -> Value:
    return evaluate(parse_expr(text), ENV)


def parts(value: Value) -> Iterator[Value]:
    yield value
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else []
    for part in inner:
        yield from parts(part)


@given(expressions(names=("a", "b"), depth=4), values(), values())
def test_an_expression_has_a_plan_value_or_fails_with_a_reason(expr: e.Expr, a: Value, b: Value) -> None:
    try:
        value = evaluate(expr, {"a": a, "b": b}, max_steps=20_000)
    except EvaluationError as error:
        assert str(error)
        return
    for part in parts(value):
        assert type(part) in (type(None), bool, int, float, str, list, dict)
        assert not isinstance(part, float) or math.isfinite(part)


@given(expressions(names=("a",), depth=3), values())
def test_an_expression_has_the_same_value_every_time_and_changes_nothing(expr: e.Expr, a: Value) -> None:
    before = repr(a)
    outcomes = []
    for _ in range(2):
        try:
            outcomes.append(repr(evaluate(expr, {"a": a}, max_steps=20_000)))
        except EvaluationError as error:
            outcomes.append(f"EvaluationError: {error}")
    assert outcomes[0] == outcomes[1] and repr(a) == before


@pytest.mark.slow
@given(expressions(names=("a",), depth=3), expressions(depth=2))
def test_a_reference_can_be_replaced_by_what_it_refers_to(expr: e.Expr, inner: e.Expr) -> None:
    try:
        bound = evaluate(inner, {}, max_steps=10_000)
        wanted = evaluate(expr, {"a": bound}, max_steps=10_000)
    except EvaluationError:
        assume(False)
    replaced = e.substitute(expr, lambda name: e.literal(bound) if name == "a" else None)
    assert repr(evaluate(replaced, {})) == repr(wanted)


@given(values())
def test_a_literal_has_its_own_value(value: Value) -> None:
    literal = e.literal(value)
    assert repr(evaluate(literal, {})) == repr(value) and e.is_literal(literal)


@given(st.integers(-1000, 1000), st.integers(-1000, 1000), st.sampled_from(["+", "-", "*", "//", "%", "/", "<", ">="]))
def test_arithmetic_is_that_of_python(a: int, b: int, op: str) -> None:
    assume(b != 0 or op not in ("//", "%", "/"))
    wanted = eval(f"{a} {op} {b}" if b >= 0 else f"{a} {op} ({b})")
    found = run(f"({a}) {op} ({b})")
    assert repr(found) == repr(wanted)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("%r.name", "K2"),
        ('%r["a b"]', None),
        ("%xs[-1]", 2),
        ("%s[1]", "é"),
        ("%s[1:3]", "él"),
        ("%xs[:-1]", [3, 1]),
        ("-%f", -0.5),
        ("not %n in %xs", False),
        ("%n not in %xs", False),
        ('"name" in %r', True),
        ('"éll" in %s', True),
        ("false and %xs.nothing", False),
        ("true or 1 / 0 == 1", True),
        ("1 if %n == 3 else 1 / 0", 1),
        ("1 == 1.0", True),
        ("1 == true", False),
        ("[1, {}] == [1.0, {}]", True),
        ('"a" < "b"', True),
        ("[%x * 2 for %x in %xs if %x != 1]", [6, 4]),
        ("[[%y for %y in %xs[:%x]] for %x in [0, 1]]", [[], [3]]),
        ('format("n", %n, %f, null, [1, "a"])', 'n30.5null[1, "a"]'),
        ("check(%n, int | null)", 3),
        ("[1] + [2]", [1, 2]),
        ('"a" + "b"', "ab"),
    ],
)
def test_what_each_form_means(text: str, value: Value) -> None:
    assert repr(run(text)) == repr(value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("%r.size", "the record has no field 'size'; it has name, height, a b"),
        ("%xs[3]", "there is no item 3 among 3"),
        ("%xs.name", "a list has no str index"),
        ("%n[0]", "a int has no int index"),
        ("%xs[true]", "a list has no bool index"),
        ("%n[1:]", "a int has no slices"),
        ("%xs[0.5:]", "the bounds of a slice are ints, not a float"),
        ("-%s", "a str has no negative"),
        ("-true", "a bool has no negative"),
        ("not 1", "a condition is true or false, not a int"),
        ("1 if null else 2", "a condition is true or false, not a null"),
        ("[1 for %x in %xs if %x]", "a condition is true or false, not a int"),
        ("[1 for %x in %r]", "a record has no elements to go through"),
        ("1 + true", "`+` of a int and a bool"),
        ('1 + "a"', "`+` of a int and a str"),
        ("1 / 0", "division by zero"),
        ("0.0 // 0.0", "division by zero"),
        ("1e308 * 10", "the result is too large for a float"),
        ("%big / 0.5", "the result is too large for a float"),
        ('1 < "a"', "`<` of a int and a str"),
        ("true < false", "a bool has no order"),
        ("1 in 2", "a int contains nothing"),
        ('1 in "a"', "a text can contain only a text, not a int"),
        ("check(%s, int)", "the value is a str, not int"),
        ("%big * 2", "an integer has more than 4096 bits"),
        ("%long + %long", "a text is longer than 16,777,216"),
        ("format(%long, %long)", "a text is longer than 16,777,216"),
    ],
)
def test_what_has_no_value_says_why(text: str, reason: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        run(text)
    assert str(caught.value) == reason


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "[%x for %x in %many if %x in %many]",
        "[%x for %x in %many if %many == []]",
        "[%many + %many for %x in %many]",
        "[%many[1:] for %x in %many]",
        '[%s + %long + "x" for %x in %many] == []',
        "[format(%long) for %x in %many]",
        "[upper(%long) for %x in %many]",
        '[%x for %x in %many if "y" in %long]',
        "[check(%many, list[int]) for %x in %many]",
        "[contains([%many], 1) for %x in %many]",
    ],
)
def test_work_on_large_values_counts_as_steps(text: str) -> None:
    with pytest.raises(EvaluationError, match="the expression takes too many steps"):
        evaluate(parse_expr(text), ENV, max_steps=500_000)


BUILTIN_CASES: list[tuple[str, Value]] = [
    ("len(%xs)", 3),
    ("len(%r)", 3),
    ("len(%s)", 5),
    ("sum([1, 2])", 3),
    ("sum([])", 0),
    ("sum([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])", 1.0),
    ("min(%xs)", 1),
    ("max(1, 2.5)", 2.5),
    ('max("a", "b")', "b"),
    ('min(%rs, "h").n', "b"),
    ('max(%rs, "h").n', "a"),
    ("abs(-2)", 2),
    ("round(2.5)", 2),
    ("round(2.345, 1)", 2.3),
    ("round(1234, -2)", 1200),
    ("sorted(%xs)", [1, 2, 3]),
    ('[%x.n for %x in sorted(%rs, "h")]', ["b", "a", "c"]),
    ('[%x.n for %x in sorted(%rs, "h", true)]', ["a", "c", "b"]),
    ("unique([1, 1.0, true, 1, [1], [1]])", [1, True, [1]]),
    ("first(%xs)", 3),
    ("last(%s)", "o"),
    ("range(3)", [0, 1, 2]),
    ("range(5, 0, -2)", [5, 3, 1]),
    ("range(0, -1)", []),
    ("zip([1, 2], [3])", [[1, 3]]),
    ("zip([1], [2], [3])", [[1, 2, 3]]),
    ("keys(%r)", ["name", "height", "a b"]),
    ("values(%r)", ["K2", 8611, None]),
    ("str(8849.0)", "8849"),
    ('int(" 42 ")', 42),
    ("int(-2.9)", -2),
    ("int(true)", 1),
    ('float("1e3")', 1000.0),
    ("contains(%xs, 1.0)", True),
    ('join_text([1, "a"])', "1, a"),
    ('join_text([1, "a"], "-")', "1-a"),
    ('split(" a  b ")', ["a", "b"]),
    ('split("a,b", ",")', ["a", "b"]),
    ('lower("É")', "é"),
    ('upper("é")', "É"),
]


@pytest.mark.parametrize(("text", "value"), BUILTIN_CASES)
def test_what_each_builtin_gives(text: str, value: Value) -> None:
    assert repr(run(text)) == repr(value)


def test_each_builtin_has_a_case() -> None:
    used = {node.name for text, _ in BUILTIN_CASES for node in e.walk(parse_expr(text)) if isinstance(node, e.Builtin)}
    assert used == set(BUILTINS)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("len(1)", "len: the value is an int, not list[any] | {...: any} | str"),
        ("len()", "len takes no 0 arguments"),
        ("sum([1e308, 1e308])", "the result is too large for a float"),
        ("sum([0.5, %big * 1])", "the result is too large for a float"),
        ("sum([true])", "sum: item 0 is a bool, not int | float"),
        ("min([])", "an empty list has no smallest or largest item"),
        ('min([1, "a"])', "numbers and texts have no common order"),
        ("max(1, true)", "max: the value is a bool, not int | float | str"),
        ('sorted(%rs, "x")', "an item has no field 'x'"),
        ("sorted([[1]])", "a list has no order"),
        ("round(1.5, 301)", "round keeps between -300 and 300 digits"),
        ("first([])", "an empty list has no first item"),
        ('last("")', "an empty list has no last item"),
        ("range(1, 2, 0)", "the step of a range is not 0"),
        ("range(1000001)", "a range is longer than 1,000,000 numbers"),
        (f"range({10**30})", "a range is longer than 1,000,000 numbers"),
        ('int("0x10")', "no int can be read from '0x10'"),
        ('int("1_0")', "no int can be read from '1_0'"),
        ('int("٣")', "no int can be read from '٣'"),
        ('float("nan")', "the result is too large for a float"),
        ("float(%big)", "no float can be read from"),
        ('split("a", "")', "an empty separator splits nothing"),
        ('zip([1], "a")', "zip: the value is a str, not list[any]"),
        ("join_text([%long, %long])", "a text is longer than 16,777,216"),
    ],
)
def test_what_a_builtin_cannot_do_says_why(text: str, reason: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        run(text)
    assert str(caught.value).startswith(reason)


def test_a_range_of_the_longest_length_is_a_list() -> None:
    found = run("range(0, -1000000, -1)")
    assert isinstance(found, list) and len(found) == MAX_ITEMS


def test_a_value_that_is_nested_too_deeply_is_an_error_and_no_crash() -> None:
    deep: Value = []
    for _ in range(20_000):
        deep = [deep]
    with pytest.raises(EvaluationError, match="nested too deeply"):
        evaluate(parse_expr("str(%deep)"), {"deep": deep})


@given(values())
def test_a_guard_is_a_bool(value: Value) -> None:
    if isinstance(value, bool):
        assert evaluate_guard(e.Ref("a"), {"a": value}) is value
        return
    with pytest.raises(EvaluationError, match="a condition is true or false"):
        evaluate_guard(e.Ref("a"), {"a": value})


@given(st.lists(st.integers() | st.floats(allow_nan=False, allow_infinity=False)))
def test_sorted_lists_are_in_order_and_keep_their_items(numbers: list[int | float]) -> None:
    assert repr(evaluate(parse_expr("sorted(%a)"), {"a": numbers})) == repr(sorted(numbers))


@given(st.lists(values(), max_size=5))
def test_unique_items_are_all_of_the_items_once(items: list[Value]) -> None:
    found = evaluate(parse_expr("unique(%a + %a)"), {"a": items})
    assert isinstance(found, list) and len(found) <= len(items)
    assert all(any(equal(a, b) for b in found) for a in items)


@given(st.text(), st.text(min_size=1))
def test_what_is_split_joins_again(text: str, separator: str) -> None:
    found = evaluate(parse_expr("join_text(split(%a, %b), %b)"), {"a": text, "b": separator})
    assert found == text and mismatch(found, STR) is None
