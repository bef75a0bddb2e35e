"""Types: what is inferred, what is refused, and what is left to the run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.frontend import infer
from llmcc.frontend.facts import Facts
from llmcc.frontend.front import FrontEnd, compile_front
from llmcc.ir import expr as e
from llmcc.ir.diagnostics import Diagnostic
from llmcc.ir.effects import PURE, READ
from llmcc.ir.errors import EvaluationError
from llmcc.ir.evaluate import evaluate
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    NULL,
    STR,
    EnumType,
    Field,
    ListType,
    RecordType,
    Type,
    certain,
    union,
)
from llmcc.ir.values import Value, mismatch
from llmcc.testing.modules import types, values

PLACE = RecordType((Field("name", STR), Field("height", FLOAT), Field("tags", ListType(STR)), Field("odd key", INT)))
UNIT = EnumType(("metre", "foot"))


def tool(name: str, returns: Type, **parameters: Type) -> Signature:
    listed = tuple(Parameter(name.removesuffix("_opt"), t, not name.endswith("_opt")) for name, t in parameters.items())
    return Signature(name=name, parameters=listed, returns=returns, effect=READ)


TOOLS = {
    s.name: s
    for s in (
        tool("place", PLACE),
        tool("places", ListType(PLACE)),
        tool("maybe", union(PLACE, NULL)),
        tool("either", union(INT, STR)),
        tool("ask", ANY, data_opt=ANY),
        tool("text", STR, s=STR),
        tool("whole", INT, i=INT),
        tool("number", FLOAT, f=FLOAT, unit_opt=UNIT),
        tool("flag", BOOL, b=BOOL),
        tool("nullable", STR, s=union(STR, NULL)),
        tool("texts", INT, xs=ListType(STR)),
        tool("numbers", FLOAT, xs=ListType(FLOAT)),
        tool("put", NULL, place=RecordType((Field("name", STR), Field("height", FLOAT, False)))),
        Signature(name="make", returns=ListType(INT), effect=PURE),
    )
}
BEFORE = """\
p = place()
ps = places()
m = maybe()
ei = either()
any = ask()
t = text("x")
i = whole(1)
f = number(1)
b = flag(true)
u = number(1.5) when b
"""


def errors(line: str) -> list[Diagnostic]:
    return [d for d in compile_front(BEFORE + line, TOOLS).diagnostics if d.code != "W0290"]


def type_of(expression: str) -> str:
    front = FrontEnd(TOOLS)
    front.feed(f"{BEFORE}x = {expression}\n")
    assert front.diagnostics == []
    return str(front.scope.types["x"])


@pytest.mark.parametrize(
    ("expression", "type_"),
    [
        ("1", "int"),
        ("-1.5", "float"),
        ("[]", "list[any]"),
        ("[1, 2.5]", "list[int | float]"),
        ('{"a": 1, "b c": null}', '{a: int, "b c": null}'),
        ("p.name", "str"),
        ('p["odd key"]', "int"),
        ("p.tags[0]", "str"),
        ("p.tags[1:]", "list[str]"),
        ("t[0]", "str"),
        ("ps[0].tags", "list[str]"),
        ("any.what.ever[0]", "any"),
        ("i + 1", "int"),
        ("i / 2", "float"),
        ("i // 2", "int"),
        ("i + f", "float"),
        ("t + t", "str"),
        ("[1] + [t]", "list[int | str]"),
        ("any + 1", "any"),
        ("i < f and not b", "bool"),
        ("t in p.tags", "bool"),
        ("i if b else t", "int | str"),
        ("[y.height for y in ps if y.height > 1]", "list[float]"),
        ("len(ps)", "int"),
        ('sorted(ps, by="height", descending=true)[0].name', "str"),
        ("sorted([3, 1], descending=true)", "list[int]"),
        ('max(ps, by="name").height', "float"),
        ("max(1, 2, 3)", "int"),
        ("max(1, 2)", "int"),
        ("zip([1], [2])", "list[list[int]]"),
        ("first([t])", "str"),
        ("number(1) when b", "float | null"),
        ('number(1) catch "none"', "float | str"),
        ("text(t) when b", "str | null"),
        ("[text(y.name) for y in ps]", "list[str]"),
        ("m.name if m != null else t", "str"),
        ("u if u != null and u > 1 else 0.0", "float"),
        ("0.0 if u == null or u < 1 else u", "float"),
        ("[y for y in [u, 1.5] if y != null]", "list[float]"),
    ],
)
def test_the_type_of(expression: str, type_: str) -> None:
    assert type_of(expression) == type_


@pytest.mark.parametrize(
    ("line", "code", "culprit", "help"),
    [
        ("x = text(1)", "E0401", "1", 'quote it: `"1"`'),
        ("x = text(i)", "E0401", "i", "write `str(i)`"),
        ('x = whole("3")', "E0401", '"3"', "write the number without quotes: `3`"),
        ("x = whole(t)", "E0401", "t", "write `int(t)`"),
        ("x = whole(f)", "E0401", "f", "write `int(f)`"),
        ("x = whole(1.5)", "E0401", "1.5", None),
        ("x = whole(true)", "E0401", "true", None),
        ("x = flag(1)", "E0401", "1", None),
        ("x = number(9007199254740993)", "E0401", "9007199254740993", None),
        ("x = text(null)", "E0401", "null", "leave the argument out"),
        ("x = text(p)", "E0401", "p", "take one of its fields: `p.name`"),
        (
            "x = text(p.tags)",
            "E0401",
            "p.tags",
            "take one item, `p.tags[0]`, or call once for each: `[... for item in p.tags]`",
        ),
        ("x = texts(t)", "E0401", "t", "write a list: `[t]`"),
        ('x = texts(["a", 2])', "E0401", "2", 'quote it: `"2"`'),
        ('x = texts(["a", i])', "E0401", "i", "write `str(i)`"),
        ('x = numbers([1, 2, "3"])', "E0401", '"3"', "write the number without quotes: `3`"),
        ('x = put({"nam": "K2"})', "E0401", '{"nam": "K2"}', "did you mean it by `nam`?"),
        ('x = put({"name": "K2", "height": "high"})', "E0401", '"high"', None),
        ("x = text(t if b else 2)", "E0401", "2", 'quote it: `"2"`'),
        ('x = number(1, "meter")', "E0409", '"meter"', "did you mean `metre`?"),
        ('x = "t" + 1', "E0404", '"t" + 1', 'to build a text, write f"...{value}..." or `str(...)`'),
        ("x = t * 2", "E0404", "t * 2", "`float(...)` or `int(...)` reads a number from text"),
        ("x = -t", "E0404", "-t", "`float(...)` or `int(...)` reads a number from text"),
        ("x = i < t", "E0404", "i < t", "`float(...)` or `int(...)` reads a number from text"),
        ("x = 1 in t", "E0404", "1 in t", "`str(...)` makes a text of a value"),
        ("x = 1 in p.tags", "E0404", "1 in p.tags", None),
        ('x = i == "1"', "E0405", 'i == "1"', None),
        ("x = p.nam", "E0402", "nam", "did you mean `name`?"),
        ('x = p["odd kye"]', "E0402", '"odd kye"', "did you mean `odd key`?"),
        ('x = sorted(ps, by="hight")', "E0402", '"hight"', "did you mean `height`?"),
        (
            "x = ps.name",
            "E0403",
            "name",
            "an item of it may have that field: `ps[0].name`, or `[item.name for item in ps]`",
        ),
        ("x = i.name", "E0403", "name", None),
        ("x = i[0]", "E0403", "i", None),
        ("x = p[0]", "E0403", "0", None),
        ("x = ps[t]", "E0403", "t", None),
        ("x = i[1:]", "E0403", "i", None),
        ("x = ps[t:]", "E0403", "t", None),
        ("x = text(t) when ps", "E0406", "ps", "write `len(ps) > 0`"),
        ("x = text(t) when i", "E0406", "i", "compare it: `i != 0`"),
        ("x = 1 if t else 2", "E0406", "t", "write `len(t) > 0`"),
        ("x = not i", "E0406", "i", "compare it: `i != 0`"),
        ("x = [y for y in ps if y.name]", "E0406", "y.name", "write `len(y.name) > 0`"),
        ("x = m.name", "E0407", "m", "add `when m != null` to the statement, or write `m if m != null else ...`"),
        ("x = u + 1", "E0407", "u", "add `when u != null` to the statement, or write `u if u != null else ...`"),
        ("x = whole(u)", "E0401", "u", "write `int(u)`"),
        ("x = number(u)", "E0407", "u", "add `when u != null` to the statement, or write `u if u != null else ...`"),
        ("x = len(m)", "E0407", "m", "add `when m != null` to the statement, or write `m if m != null else ...`"),
        ("x = [y for y in t]", "E0408", "t", "split the text first: `split(t)`"),
        ("x = [y for y in p]", "E0408", "p", "go through one of its lists: `p.tags`"),
        ("x = [y for y in i]", "E0408", "i", None),
        ("x = max(ps)", "E0410", "ps", 'name the field to order by: `max(..., by="name")`'),
        ("x = len(3.5)", "E0401", "3.5", 'quote it: `"3.5"`'),
        ("x = upper(i)", "E0401", "i", "write `str(i)`"),
        ("x = [text(t) for n in range(2000)]", "E0801", "range(2000)", "take a part: `[...][:1000]`"),
    ],
)
def test_the_error_about_types(line: str, code: str, culprit: str, help: str | None) -> None:
    [diagnostic] = errors(line)
    assert diagnostic.code == code
    assert line[diagnostic.span.column - 1 : diagnostic.span.end_column - 1] == culprit
    assert diagnostic.help == help


@pytest.mark.parametrize(
    "line",
    [
        "x = number(1)",
        "x = number(i)",
        "x = text(any)",
        "x = text(ei)",
        "x = whole(ei)",
        "x = number(1, t)",
        "x = nullable(null)",
        "x = nullable(t)",
        "x = texts([])",
        "x = texts(any)",
        'x = put({"name": "K2", "more": 1})',
        "x = put(p)",
        "x = flag(b) when any",
        "x = u == null",
        "x = ei == 1",
        "x = 1 == 1.0",
        'x = f"{u}"',
        "x = number(u) when b",
        "x = number(u) when u != null",
        "x = number(u if u != null else 0)",
        "x = text(m.name) when m != null and m.height > 8000",
        "x = text(m.name) when not (m == null)",
        "x = [text(y.name) for y in [m, p] if y != null]",
        "x = ei + ei",
        "x = max(any)",
        "x = sorted(ps, by=t)",
        "join(u, m, any)",
    ],
)
def test_what_may_be_right_is_allowed(line: str) -> None:
    assert errors(line) == []


def test_the_same_condition_twice_proves_that_a_value_exists() -> None:
    assert errors("x = u + 1 when b and i > 0") == []
    assert [d.code for d in errors("x = u + 1 when i > 0")] == ["E0407"]


def test_the_message_about_null_names_the_condition() -> None:
    [diagnostic] = errors("x = u + 1")
    assert diagnostic.notes[-1] == "it is null if the condition in line 10 is false"


# Rules by themselves.


@pytest.mark.slow
@given(types(), values())
def test_what_a_value_has_may_fit(wanted: Type, value: Value) -> None:
    if mismatch(value, wanted) is None:
        assert infer.may_fit(infer_type(value), wanted)


@pytest.mark.slow
@given(types(), types())
def test_what_is_certain_may_fit(source: Type, target: Type) -> None:
    assert infer.may_fit(source, target) or not certain(source, target)


OPERATORS = ["+", "-", "*", "/", "//", "%", "<", "<=", ">", ">=", "==", "!=", "in", "not in", "and", "or"]


@pytest.mark.slow
@given(st.sampled_from(OPERATORS), values(), values())
def test_the_rules_for_operators_agree_with_evaluation(op: str, a: Value, b: Value) -> None:
    result = infer.binary(op, infer_type(a), infer_type(b))
    try:
        value = evaluate(e.Binary(op, e.literal(a), e.literal(b)), {})  # type: ignore[arg-type]
    except EvaluationError:
        return
    if result.type is None:
        assert op in ("==", "!=", "in", "not in", "and", "or")  # a constant answer, or a side that does not count
        assert value in (True, False)
    else:
        assert mismatch(value, result.type) is None


def infer_type(value: Value) -> Type:
    """The type of a value as the front end infers it from the literal."""
    if isinstance(value, list):
        return ListType(union(*map(infer_type, value))) if value else ListType(ANY)
    if isinstance(value, dict):
        return RecordType(tuple(Field(k, infer_type(v)) for k, v in value.items()))
    return infer.of_constant(value)


def test_facts_of_both_sides() -> None:
    a, b, null = e.Ref("a"), e.Ref("b"), e.NOTHING
    assert Facts().assume(e.Binary("!=", a, null)).present >= {a}
    assert a not in Facts().assume(e.Binary("!=", a, null), False).present
    assert Facts().assume(e.Binary("==", null, a), False).present >= {a}
    assert Facts().assume(e.Binary("==", a, e.Const(1))).present >= {a}
    assert a not in Facts().assume(e.Binary("!=", a, e.Const(1))).present
    either = e.Binary("or", e.Binary("==", a, null), e.Binary("==", b, null))
    assert Facts().assume(either, False).present >= {a, b}
    assert Facts().assume(e.Unary("not", either)).present >= {a, b}
