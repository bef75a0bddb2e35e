"""What the reference implementation of the paper drops, swallows or guesses when it reads a plan. Nothing here may be
lost: each is read as it was meant, or is a diagnostic."""

from __future__ import annotations

from typing import Any

import pytest

from llmcc.frontend.front import FrontEnd, FrontResult, compile_front
from llmcc.ir.effects import READ
from llmcc.ir.expr import Const, DictOf, Expr, Format, ListOf, Ref
from llmcc.ir.ops import Call
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import ANY, ANY_LIST, STR
from llmcc.testing.work import growth, work_of

TOOLS = {
    "search": Signature(name="search", parameters=(Parameter("query", STR),), returns=STR, effect=READ),
    "math": Signature(
        name="math",
        parameters=(Parameter("question", STR), Parameter("context", ANY_LIST, required=False)),
        returns=STR,
        effect=READ,
    ),
    "any": Signature(name="any", parameters=(Parameter("value", ANY),), returns=ANY, effect=READ),
}
DIALECTS = pytest.mark.parametrize("dialect", ["native", "llmcompiler"])


def read(text: str, dialect: str = "llmcompiler") -> FrontResult:
    return compile_front(text, TOOLS, dialect=dialect)


def errors(text: str, dialect: str = "llmcompiler") -> list[tuple[str, int]]:
    return [(d.code, d.span.line) for d in read(text, dialect).diagnostics if d.severity == "error"]


def arguments(text: str, dialect: str = "llmcompiler") -> dict[str, Expr]:
    """Those of the last call of a plan without diagnostics."""
    result = read(f"{text}\njoin()", dialect)
    assert result.diagnostics == () and result.module is not None
    return dict([op for op in result.module.ops if isinstance(op, Call)][-1].args)


@DIALECTS
@pytest.mark.parametrize(
    "call", ["search()", 'search("a", "b")', 'search("a", limit=3)', 'search(query="a", query="b")']
)
def test_a_wrong_number_of_arguments_is_said_before_anything_runs(call: str, dialect: str) -> None:
    [(code, line)] = errors(f"1. {call}\njoin()", dialect)
    assert code in ("E0313", "E0314", "E0311", "E0312") and line == 1


@DIALECTS
def test_an_unknown_tool(dialect: str) -> None:
    assert errors('1. nosuch("a")\n2. search($1)\njoin()', dialect) == [("E0301", 1)]


@DIALECTS
@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('1. search("a"', "E0202"),
        ('1) search("a")', "E0205"),
        ('1. search("a") 2. search("b")', "E0204"),
        ('1. search("a"); search("b")', "E0204"),
    ],
)
def test_a_malformed_line_is_neither_dropped_nor_swallowed(line: str, code: str, dialect: str) -> None:
    text = f'{line}\n7. search("next")\n8. search("$7", "too many")\njoin($1)'
    assert errors(text, dialect) == [(code, 1), ("E0314", 3)]


@DIALECTS
def test_a_newline_inside_a_string(dialect: str) -> None:
    result = read('1. search("first\nsecond")\n2. search("next")\njoin($1)', dialect)
    assert result.module is None
    assert (result.diagnostics[0].code, result.diagnostics[0].span.line) == ("E0119", 1)
    assert len(result.diagnostics) == 1


@DIALECTS
def test_a_named_call(dialect: str) -> None:
    assert arguments('x = search("a")\nsearch(x)', dialect) == {"query": Ref("x")}


@DIALECTS
def test_keyword_arguments(dialect: str) -> None:
    given = arguments('1. math(context=[1], question="a, b=(c)")', dialect)
    assert given == {"question": Const("a, b=(c)"), "context": ListOf((Const(1),))}


@DIALECTS
def test_a_list_that_holds_a_reference(dialect: str) -> None:
    assert arguments('1. search("a")\nmath("q", [$1])', dialect)["context"] == ListOf((Ref("1"),))


@DIALECTS
@pytest.mark.parametrize(
    ("written", "value"), [("true", True), ("false", False), ("null", None), ("True", True), ("None", None), ("1", 1)]
)
def test_literals_of_json_and_python(written: str, value: Any, dialect: str) -> None:
    assert arguments(f"1. any({written})", dialect) == {"value": Const(value)}


@DIALECTS
def test_an_object_as_an_argument(dialect: str) -> None:
    given = arguments('1. any({"a": [true, {"b": "c)"}]})', dialect)["value"]
    assert isinstance(given, DictOf) and [key for key, _ in given.entries] == ["a"]


@DIALECTS
def test_nested_calls(dialect: str) -> None:
    result = read('1. search(search("a, b"))\njoin($1)', dialect)
    assert result.module is not None
    [inner, outer] = [op for op in result.module.ops if isinstance(op, Call)]
    assert inner.args == (("query", Const("a, b")),) and outer.args == (("query", Ref(inner.name)),)


@DIALECTS
def test_one_list_argument_is_one_argument(dialect: str) -> None:
    assert arguments('1. any(["a", "b"])', dialect) == {"value": ListOf((Const("a"), Const("b")))}


def test_a_price_is_text_where_no_step_has_its_number() -> None:
    for text in ("price under $1 today", "$1 costs $100", "$100"):
        result = read(f'1. search("{text}")\njoin()')
        assert result.module is not None
        call = result.module.ops[0]
        assert isinstance(call, Call) and call.args == (("query", Const(text)),)


def test_a_price_beside_a_reference_stays_text() -> None:
    assert arguments('1. search("a")\nsearch("$1 costs $100")') == {"query": Format((Ref("1"), Const(" costs $100")))}


def test_a_plain_string_of_the_native_language_is_always_text() -> None:
    result = read('1. search("a")\n2. search("price under $1 today")\njoin()', "native")
    assert [d.code for d in result.diagnostics] == ["W0401"] and result.module is not None
    call = result.module.ops[1]
    assert isinstance(call, Call) and call.args == (("query", Const("price under $1 today")),)


@DIALECTS
def test_a_forward_reference(dialect: str) -> None:
    assert errors('1. search($2)\n2. search("a")\njoin()', dialect) == [("E0303", 1)]


@DIALECTS
def test_a_duplicate_number(dialect: str) -> None:
    assert errors('1. search("a")\n1. search("b")\njoin()', dialect) == [("E0304", 2)]


@DIALECTS
def test_a_plan_without_join(dialect: str) -> None:
    assert [d.code for d in read('1. search("a")', dialect).diagnostics] == ["W0290"]


@DIALECTS
def test_prose_instead_of_a_plan(dialect: str) -> None:
    assert errors("Certainly. The higher one is Mount Everest, by far.", dialect) == [("E0120", 1)]


@DIALECTS
@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_chunks_lose_nothing(size: int, dialect: str) -> None:
    text = '1. search("a")\r\n2. search("$1")\r\nThought: b\r\n3. math("q", ["$1", $2])\r\n4. join()<END_OF_PLAN>'
    front = FrontEnd(TOOLS, dialect=dialect)
    lowered = [one for i in range(0, len(text), size) for one in front.feed(text[i : i + size])]
    ops = [op for one in [*lowered, *front.close()] for op in one.ops]
    whole = read(text, dialect)
    assert whole.module is not None and tuple(ops) == whole.module.ops


def test_a_replan_goes_on_with_numbers_and_values() -> None:
    first = FrontEnd(TOOLS, dialect="llmcompiler")
    first.feed('1. search("a")\n2. join()\n')
    for text in ('2. search("$1")\n3. join()\n', 'search("${1}")\njoin()\n'):
        second = FrontEnd(TOOLS, dialect="llmcompiler", scope=first.scope.copy())
        [lowered, _] = second.feed(text)
        assert second.diagnostics == []
        [call] = lowered.ops
        assert isinstance(call, Call) and (call.name, call.args) == ("2", (("query", Ref("1")),))


@pytest.mark.slow
@DIALECTS
def test_reading_takes_linear_work(dialect: str) -> None:
    def work(count: int) -> int:
        text = "\n".join([f'{i}. search("x ${i - 1}")' for i in range(1, count)] + ["join()"])
        return work_of(lambda: read(text, dialect))

    work(4)  # the parser is made once
    assert growth(work, 100) < 1.05
