"""Names and ops: what the statements of a plan become."""

from __future__ import annotations

import re

import pytest

from llmcc.frontend.front import compile_front
from llmcc.ir.diagnostics import Diagnostic
from llmcc.ir.effects import PURE, READ, Effect
from llmcc.ir.errors import ToolError
from llmcc.ir.expr import Check, Const, Format, Ref
from llmcc.ir.interpret import Result, interpret
from llmcc.ir.ops import Call, Compute, Map, Module
from llmcc.ir.printer import print_module
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import ANY, BOOL, FLOAT, INT, NULL, STR, EnumType, Field, ListType, RecordType
from llmcc.ir.verify import verify

PLACE = RecordType((Field("name", STR), Field("height", FLOAT)))
TOOLS = {
    s.name: s
    for s in (
        Signature(
            name="search",
            parameters=(Parameter("query", STR), Parameter("limit", INT, False)),
            returns=STR,
            effect=READ,
        ),
        Signature(name="rain", parameters=(Parameter("city", STR),), returns=BOOL, effect=Effect("read")),
        Signature(name="peaks", parameters=(), returns=ListType(PLACE), effect=PURE),
        Signature(name="ask", parameters=(Parameter("data", ANY),), returns=ANY, effect=READ),
        Signature(
            name="hotel.book",
            parameters=(Parameter("class", EnumType(("low", "high")), False), Parameter("name", STR)),
            returns=NULL,
            effect=Effect("write", ("hotel:{name}",)),
        ),
    )
}


def lowered(text: str, dialect: str = "native") -> Module:
    result = compile_front(text, TOOLS, dialect=dialect)
    assert [d for d in result.diagnostics if d.code != "W0290"] == []
    assert result.module is not None
    verify(result.module, TOOLS)
    return result.module


def printed(text: str, dialect: str = "native") -> list[str]:
    """The ops as the IR prints them, without places."""
    lines = print_module(lowered(text, dialect)).splitlines()[1:-1]
    return [re.sub(r"(, )?at = [\d:-]+", "", line)[2:].replace(" {}", "") for line in lines]


def found(text: str, dialect: str = "native") -> list[Diagnostic]:
    return [d for d in compile_front(text, TOOLS, dialect=dialect).diagnostics if d.code != "W0290"]


def run(text: str, *, raining: bool = True, failing: str | None = None) -> tuple[Result, list[str]]:
    """What becomes of the plan with tools that return simple things, and the calls in order."""
    calls: list[str] = []

    def call(tool: str, args: dict[str, object]) -> object:
        calls.append(f"{tool}({', '.join(map(str, args.values()))})")
        if failing in args.values():
            raise ToolError("out of order")
        results: dict[str, object] = {"rain": raining, "hotel.book": None, "peaks": [{"name": "K2", "height": 8611.0}]}
        return results.get(tool, f"<{args.get('query')}>")

    return interpret(lowered(text), call), calls  # type: ignore[arg-type]


def test_a_call_takes_arguments_in_the_order_of_the_signature() -> None:
    [call, _] = lowered('x = search(limit=3, query="a")\nreturn x').ops
    assert isinstance(call, Call)
    assert (call.name, call.args) == ("x", (("query", Const("a")), ("limit", Const(3))))
    assert (call.type, str(call.span)) == (STR, "1:5-31")


def test_bare_calls_take_the_next_number() -> None:
    assert [op.name for op in lowered('5. search("a")\nsearch("b")\nx = 1\nsearch($6)').values] == ["5", "6", "x", "7"]


def test_calls_in_expressions_get_ops_in_the_order_of_the_text() -> None:
    assert printed('x = search(search("a")) + search("b")\nreturn x') == [
        '%x.1 = call search(query = "a") : str {effect = read("*")}',
        '%x.2 = call search(query = %x.1) : str {effect = read("*")}',
        '%x.3 = call search(query = "b") : str {effect = read("*")}',
        "%x = expr %x.2 + %x.3 : str",
        "return %x",
    ]


def test_only_the_chosen_branch_calls() -> None:
    text = 'x = search("wet") if rain("Rome") else search(search("dry"))\nreturn x'
    assert run(text)[1] == ["rain(Rome)", "search(wet)"]
    assert run(text, raining=False)[1] == ["rain(Rome)", "search(dry)", "search(<dry>)"]
    assert run(text, raining=False)[0].answer == "<<dry>>"


def test_and_and_or_call_only_what_counts() -> None:
    text = 'x = rain("a") and rain("b") or rain("c")\nreturn x'
    assert run(text)[1] == ["rain(a)", "rain(b)"]
    assert run(text, raining=False)[1] == ["rain(a)", "rain(c)"]


def test_nested_branches_take_both_conditions() -> None:
    text = 'x = 1 if rain("a") else 2 if rain("b") and rain("c") else 3\nreturn x'
    assert run(text, raining=False)[1] == ["rain(a)", "rain(b)"]
    assert run(text, raining=False)[0].answer == 3
    assert run(text)[1] == ["rain(a)"]


def test_a_guard_stands_on_every_op_but_not_on_its_own_calls() -> None:
    text = 'x = search(search("a")) when rain("Rome")'
    assert [op.guard for op in lowered(text).values] == [None, Ref("x.1"), Ref("x.1")]
    assert run(text, raining=False)[1] == ["rain(Rome)"]


def test_a_large_guard_is_computed_once() -> None:
    text = 'n = 3\nx = search(search("a")) when n > 1 and n < 5 and n != 4 and n != 2'
    guard, *calls = lowered(text).values[1:]
    assert isinstance(guard, Compute)
    assert [op.guard for op in calls] == [Ref(guard.name)] * 2


def test_after_stands_on_every_call_and_catch_on_the_last_op() -> None:
    text = 'a = rain("Rome")\nx = search(search("b")) after a, a catch "none"\nreturn x'
    first, last = lowered(text).values[1:]
    assert (first.after, first.catch) == (("a",), None)
    assert (last.after, last.catch) == (("a",), Const("none"))
    assert run(text, failing="b")[0].answer == "none"


def test_a_comprehension_without_calls_is_an_expression() -> None:
    assert printed("ps = peaks()\nreturn [p.name for p in ps if p.height > 8000.0]")[1:] == [
        "return [%p.name for %p in %ps if %p.height > 8000.0]"
    ]


def test_a_comprehension_with_calls_is_a_map() -> None:
    [_, op, *_] = lowered("ps = peaks()\nx = [search(p.name) for p in ps if p.height > 8000.0]").values
    assert isinstance(op, Map)
    [call] = op.body
    assert (op.name, call.name, call.guard, op.type) == ("x", "x.1", op.keep, ListType(STR))
    assert op.var_type == PLACE


def test_a_map_calls_for_its_condition_first() -> None:
    text = 'x = [search(c) for c in ["a", "b"] if rain(c)]\nreturn x'
    assert run(text)[1] == ["rain(a)", "search(a)", "rain(b)", "search(b)"]
    assert run(text, raining=False)[1] == ["rain(a)", "rain(b)"]
    assert run(text, raining=False)[0].answer == []


def test_maps_nest_and_stand_in_expressions() -> None:
    text = 'x = len([search(a) for a in [search(b) for b in ["1", "2"]]])\n'
    text += 'y = [[search(f"{a}{b}") for b in ["1"]] for a in ["2"]]'
    result, calls = run(text)
    assert result.values["x"] == 2 and result.values["y"] == [["<21>"]]
    assert calls == ["search(1)", "search(2)", "search(<1>)", "search(<2>)", "search(21)"]


def test_a_variable_used_again_is_renamed() -> None:
    first, second = (op for op in lowered('x = [search(c) for c in ["a"]]\ny = [search(c) for c in ["b"]]').values)
    assert isinstance(first, Map) and isinstance(second, Map)
    assert (first.var, second.var) == ("c", "c.2")


def test_an_inner_variable_hides_the_outer_one() -> None:
    assert run('x = [[c + c for c in [c + "!"]] for c in ["a"]]\nreturn x')[0].answer == [["a!a!"]]


def test_join_names_its_values() -> None:
    assert printed('search("a")\nb = 1\njoin($1, b, b, b + 2, total=b + 1)')[-1] == (
        "join(1 = %1, b = %b, arg4 = %b + 2, total = %b + 1)"
    )


def test_an_empty_join_takes_what_the_plan_defines() -> None:
    assert printed('x = search(search("a"))\nsearch("b")\njoin()')[-1] == "join(x = %x, 1 = %1)"


def test_calls_in_return_and_join_get_ops() -> None:
    assert [op.name for op in lowered('return search("a") + search("b")').values] == ["return.1", "return.2"]
    assert run('join(a=search("x"))')[0].answer == {"a": "<x>"}


def test_an_fstring_is_a_format_and_its_text_only_text() -> None:
    [_, op] = lowered('a = search("x")\nb = search(f"{a} {{a}} $a")').values
    assert isinstance(op, Call)
    assert op.args[0][1] == Format((Ref("a"), Const(" {a} $a")))


def test_what_is_not_proven_is_checked() -> None:
    [_, *calls] = lowered("a = ask(1)\nb = search(a)\nc = search(str(a))\nd = ask(a)").values
    args = [call.args[0][1] for call in calls if isinstance(call, Call)]
    assert args[0] == Check(Ref("a"), STR)
    assert not any(isinstance(arg, Check) for arg in args[1:])


def test_a_negative_number_is_a_constant() -> None:
    [op] = lowered('a = search("x", -3)').values
    assert isinstance(op, Call) and op.args[1] == ("limit", Const(-3))


def test_an_effect_without_resource_is_on_everything() -> None:
    [op] = lowered('a = rain("x")').values
    assert isinstance(op, Call) and op.effect == READ


def test_a_map_runs_in_order_until_something_shows_that_it_need_not() -> None:
    [op] = lowered('a = [hotel.book(name=n) for n in ["x"]]').values
    assert isinstance(op, Map) and op.ordered


# The dialect `llmcompiler`.


def test_references_in_strings_interpolate_in_the_dialect() -> None:
    assert printed(
        '1. search("a")\n2. search("$1")\n3. search("${1} and $1, $7")\n4. ask(["$1", 1])\n5. join()', "llmcompiler"
    )[1:4] == [
        '%2 = call search(query = %1) : str {effect = read("*")}',
        '%3 = call search(query = format(%1, " and ", %1, ", $7")) : str {effect = read("*")}',
        '%4 = call ask(data = [%1, 1]) : any {effect = read("*")}',
    ]


def test_a_whole_reference_becomes_text_where_only_text_fits() -> None:
    text = '1. peaks()\n2. search("$1")\n3. ask("$1")\n4. join()<END_OF_PLAN>'
    assert [line.split(" : ")[0] for line in printed(text, "llmcompiler")[1:3]] == [
        "%2 = call search(query = format(%1))",
        "%3 = call ask(data = %1)",
    ]


def test_prices_stay_text_in_the_dialect() -> None:
    [op, *_] = lowered('1. search("under $1 today, $100-$200")\n2. join()', "llmcompiler").values
    assert isinstance(op, Call) and op.args[0][1] == Const("under $1 today, $100-$200")


def test_plain_strings_are_text_in_the_native_language() -> None:
    [warning] = found('1. search("a")\n2. search("$1 {{ and ${1}")')
    assert warning.code == "W0401"
    assert warning.fixes[0].edits[0].replacement == 'f"{$1} {{{{ and {$1}"'
    assert found('1. search("costs $5")') == []


# Names.


@pytest.mark.parametrize(
    ("text", "code", "place", "help"),
    [
        ('a = serch("x")', "E0301", "1:5-10", "did you mean `search`?"),
        ('a = hotel.bock(name="x")', "E0301", "1:5-15", "did you mean `hotel.book`?"),
        ('everest = search("x")\nb = search(evrest)', "E0302", "2:12-18", "did you mean `everest`?"),
        ("a = search(Everest)", "E0305", "1:12-19", 'if it is text, quote it: `"Everest"`'),
        ("a = search($3)", "E0302", "1:12-14", None),
        ("a = search(a)", "E0303", "1:12-13", None),
        ("a = search(search)", "E0306", "1:12-18", "call it: `search(...)`"),
        ("a = 1\na = 2", "E0304", "2:1-2", "choose another name"),
        ('1. search("x")\n1. search("y")', "E0304", "2:1-2", "number it 2"),
        ('x = [search(c) for c in ["a"]]\nc = 1', "E0304", "2:1-2", "choose another name"),
        ('c = 1\nx = [search(c) for c in ["a"]]', "E0308", "2:20-21", "choose another name for the variable"),
        ('c = [c for c in ["a"]]', "E0308", "1:12-13", "choose another name for the variable"),
        ('a = search("x")\nb = a.upper()', "E0307", "2:5-12", "write `upper(a)`"),
        ('a = search("x") catch search("y")', "E0309", "1:23-34", "call it in a statement of its own"),
        ('a = search("x") after b', "E0302", "1:23-24", None),
        ('a = search(qery="x")', "E0311", "1:12-16", "did you mean `query`?"),
        ('a = search("x", query="y")', "E0312", "1:17-22", None),
        ("a = search(limit=1)", "E0313", "1:5-11", None),
        ('a = search("x", 1, 2, 3)', "E0314", "1:20-24", None),
        ("a = round(1.5, digit=1)", "E0311", "1:16-21", "did you mean `digits`?"),
        ("a = len()", "E0313", "1:5-8", None),
        ("a = len([1], 2)", "E0314", "1:14-15", None),
        ("join(a=1, a=2)", "E0312", "1:11-12", None),
    ],
)
def test_the_error_about(text: str, code: str, place: str, help: str | None) -> None:
    [diagnostic] = found(text)
    assert (diagnostic.code, str(diagnostic.span), diagnostic.help) == (code, place, help)


def test_fixes_mend() -> None:
    text = 'a = serch("x")'
    [diagnostic] = found(text)
    [edit] = diagnostic.fixes[0].edits
    assert found(text[: edit.span.column - 1] + edit.replacement + text[edit.span.end_column - 1 :]) == []


def test_several_near_names_are_no_fix() -> None:
    [diagnostic] = found("peak1 = 1\npeak2 = 2\nreturn peak3")
    assert diagnostic.help == "did you mean `peak1` or `peak2`?" and diagnostic.fixes == ()


def test_hidden_characters_are_escaped_in_messages() -> None:
    [diagnostic] = found('a = hotel.book(class="h\u202eigh", name="x")')
    assert "\u202e" not in diagnostic.message and "202e" in diagnostic.message


def test_several_errors_of_a_statement_are_told_at_once() -> None:
    assert [d.code for d in found('a = search(limit="x", qury=1.5) when 5')] == ["E0401", "E0311", "E0406"]


def test_a_tool_goes_before_a_builtin_and_backticks_mean_the_tool() -> None:
    tools = {"len": Signature(name="len", parameters=(Parameter("x", STR),), returns=INT, effect=PURE)}
    result = compile_front('a = len("x")\nb = len("y")\nc = `len`("z")\njoin()', tools)
    assert [(d.code, d.span.line) for d in result.diagnostics] == [("W0301", 1)]
    assert result.module is not None and all(isinstance(op, Call) for op in result.module.values)
