"""What is printed parses back to an equal module, as text and as JSON; what is no module is refused with its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir import expr as e
from llmcc.ir.ops import Compute, Module, Return
from llmcc.ir.parser import IRSyntaxError, from_json, parse, parse_expr, parse_op
from llmcc.ir.printer import print_expr, print_module, print_name, print_op, to_json
from llmcc.ir.types import ANY, INT, NULL, EnumType, Type, union
from llmcc.ir.verify import verify
from llmcc.testing.modules import TOOLS, expressions, modules, scalars, types

HEAD = "plan {dialect = 1, ordered = false} {\n"


@pytest.mark.slow
@given(modules())
def test_a_drawn_module_is_well_formed(module: Module) -> None:
    verify(module, TOOLS)


@pytest.mark.slow
@given(modules())
def test_text_reads_back_equal(module: Module) -> None:
    text = print_module(module)
    assert parse(text) == module
    assert print_module(parse(text)) == text


@pytest.mark.slow
@given(modules())
def test_json_reads_back_equal(module: Module) -> None:
    assert from_json(to_json(module)) == module


@pytest.mark.slow
@given(modules())
def test_each_op_reads_back_alone(module: Module) -> None:
    assert tuple(parse_op(print_op(op)) for op in module.ops) == module.ops


@pytest.mark.slow
@given(expressions(names=("a", "1", "d.2", "an odd \u202e name"), depth=5))
def test_expressions_read_back_equal(expr: e.Expr) -> None:
    assert parse_expr(print_expr(expr)) == expr


@given(types())
def test_types_read_back_equal(type_: Type) -> None:
    check = e.Check(e.NOTHING, type_)
    assert parse_expr(print_expr(check)) == check


@given(scalars())
def test_constants_keep_their_type_and_sign(value: e.Scalar) -> None:
    read = parse_expr(print_expr(e.Const(value)))
    assert isinstance(read, e.Const) and repr(read.value) == repr(value)


@given(st.text())
def test_names_read_back_equal(name: str) -> None:
    assert parse_expr(print_name(name)) == e.Ref(name)


@given(st.text())
def test_what_is_printed_is_visible(text: str) -> None:
    module = Module((Compute(name=text, type=EnumType((text,)), expr=e.DictOf(((text, e.Const(text)),))),))
    lines = print_module(module).splitlines()
    assert len(lines) == 3 and all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("text", "expr"),
    [
        ("-1", e.Const(-1)),
        ("-(1)", e.Unary("-", e.Const(1))),
        ("--1", e.Unary("-", e.Const(-1))),
        ("-(-1)", e.Unary("-", e.Const(-1))),
        ("-0.0", e.Const(-0.0)),
        ("1 -1", e.Binary("-", e.Const(1), e.Const(1))),
        ("(1)[0]", e.Index(e.Const(1), e.Const(0))),
        ("-inf", e.Const(float("-inf"))),
        ("%a %1", e.Binary("%", e.Ref("a"), e.Const(1))),
        ("%a % %1", e.Binary("%", e.Ref("a"), e.Ref("1"))),
        ("%d.1.size", e.Index(e.Ref("d.1"), e.Const("size"))),
        ("%d.if.null", e.Index(e.Index(e.Ref("d"), e.Const("if")), e.Const("null"))),
        ('%d["1"]', e.Index(e.Ref("d"), e.Const("1"))),
        ("not %a == %b", e.Unary("not", e.Binary("==", e.Ref("a"), e.Ref("b")))),
        ("(not %a) == %b", e.Binary("==", e.Unary("not", e.Ref("a")), e.Ref("b"))),
        ("1 - (2 - 3)", e.Binary("-", e.Const(1), e.Binary("-", e.Const(2), e.Const(3)))),
        ("(1 < 2) < 3", e.Binary("<", e.Binary("<", e.Const(1), e.Const(2)), e.Const(3))),
        ("%a if %b else %c if %d else %e", None),
        ("(%a if %b else %c) if %d else %e", None),
        ("[%x for %x in (%a if %b else %c) if (%d if %b else %e)]", None),
        ("[[%x, %y] for %x in %a or %b]", None),
        ("%a[:][1:][:2][%b if %c else 1:2]", None),
        ('check(%a, {"a b"?: list[int | "x" | null], ...: never})', None),
        ("format()", e.Format(())),
        ("info(1)", e.Builtin("info", (e.Const(1),))),
        ('"\\u202e\\u200b\\ud83d\\ude00"', e.Const("\u202e\u200b😀")),
    ],
)
def test_forms_of_expressions(text: str, expr: e.Expr | None) -> None:
    read = parse_expr(text)
    assert parse_expr(print_expr(read)) == read
    assert print_expr(read) == text if expr is None else read == expr


def test_a_nan_reads_back_though_it_is_not_well_formed() -> None:
    assert parse_expr(print_expr(e.Const(float("nan")))) == e.Const(float("nan"))


@pytest.mark.parametrize(("sign", "bits"), [(1, 4095), (1, 4096), (-1, 20_000)])
def test_ints_of_any_size_print_and_read_back(sign: int, bits: int) -> None:
    value = sign * 2**bits
    assert parse_expr(print_expr(e.Const(value))) == e.Const(value)


def test_spaces_comments_and_line_ends_do_not_matter() -> None:
    text = '# head\n\nplan{dialect=1,ordered=false}{# a\r\n%a=expr"#":any # b\n\n   # c\nreturn %a\n}\n# end\n'
    assert parse(text) == Module((Compute(name="a", type=ANY, expr=e.Const("#")), Return(expr=e.Ref("a"))))


def test_types_are_read_into_their_one_form() -> None:
    assert parse_expr('check(null, null | "a" | int | "a")') == e.Check(e.NOTHING, union(INT, EnumType(("a",)), NULL))


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "expected `plan` or a new line, not the end"),
        ("plan", 1, 5, "expected `{`, not the end"),
        (HEAD + "  %a = foo 1 : any\n}", 2, 8, "expected `call` or `expr` or `map`, not `foo`"),
        (HEAD + "  %a = call f() : any\n}", 2, 3, "a call needs its `effect`"),
        (HEAD + "  %a = call f() : any {effect = pure, effect = pure}\n}", 2, 39, "`effect` stands here twice"),
        (HEAD + "  return 1 {step = 2}\n}", 2, 13, "this op has no attribute `step`"),
        (HEAD + '  return "\\q"\n}', 2, 10, "the string has a wrong escape"),
        (HEAD + '  return "\\u12"\n}', 2, 10, "the string has a wrong escape"),
        (HEAD + "  return ü\n}", 2, 10, '"\\u00fc" cannot stand here'),
        (HEAD + "  return 1 2\n}", 2, 12, "`2` cannot stand here"),
        (HEAD + "  return 1 }", 2, 12, "expected `{` or a new line, not `}`"),
        (HEAD + "  return 1 < 2 < 3\n}", 2, 16, "`<` cannot stand here"),
        (HEAD + "  %a = expr 1 : any {step = 0.5}\n}", 2, 29, "expected a whole number, not `0.5`"),
        (HEAD + "  return " + "9" * 5000 + "\n}", 2, 10, "a number that long is written in base 16"),
        (HEAD + "}\n'", 3, 1, 'expected the end, not "\'"'),
        (HEAD + "}\n}", 3, 1, "expected the end, not `}`"),
        (HEAD + "  return 1\n", 3, 1, "expected `join` or `return` or `}` or a value (`%name`), not the end"),
    ],
)
def test_what_is_no_module_is_refused_with_its_place(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(IRSyntaxError) as caught:
        parse(text)
    found = caught.value
    assert (found.line, found.column, found.message) == (line, column, message)
    assert found.__cause__ is None and (found.__suppress_context__ or found.__context__ is None)


@given(st.text() | st.lists(st.sampled_from([*'%ab1.{}[]()=:,\n"', " expr ", "plan", " map ", HEAD])).map("".join))
def test_any_text_is_a_module_or_refused(text: str) -> None:
    try:
        module = parse(text)
    except IRSyntaxError as error:
        assert error.line >= 1 and error.column >= 1
    else:
        assert parse(print_module(module)) == module


@pytest.mark.slow
@given(st.data())
def test_a_damaged_text_is_a_module_or_refused(data: st.DataObject) -> None:
    text = print_module(data.draw(modules(max_ops=3)))
    start = data.draw(st.integers(0, len(text)))
    damaged = text[:start] + data.draw(st.text(max_size=2)) + text[start + data.draw(st.integers(0, 3)) :]
    try:
        assert parse(print_module(parse(damaged))) == parse(damaged)
    except IRSyntaxError as error:
        assert 1 <= error.line <= damaged.count("\n") + 1


@pytest.mark.parametrize("data", ["", "[]", '{"ops": [{"op": "what"}]}', '{"ops": 1}', b"\xff"])
def test_what_is_no_json_of_a_module_is_refused(data: str | bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        from_json(data)


@pytest.mark.slow
def test_ten_thousand_ops_are_printed_checked_and_read_back() -> None:
    ops = [Compute(name="v0", type=ANY, expr=e.Const(0))]
    for n in range(1, 10_000):
        last = e.Ref(f"v{n - 1}")
        ops.append(Compute(name=f"v{n}", type=ANY, expr=e.Binary("+", last, e.Const("x")), after=("v0",), step=0))
    module = Module(tuple(ops))
    verify(module)
    assert from_json(to_json(module)) == parse(print_module(module)) == module
