"""The rules of the interpreter, one by one, as they are numbered there; and that any module runs to its end."""

from __future__ import annotations

import pytest
from hypothesis import given

from llmcc.ir.errors import ToolTimeout
from llmcc.ir.interpret import Result, interpret
from llmcc.ir.ops import Map, Module, ValueOp
from llmcc.ir.parser import parse
from llmcc.ir.span import Span
from llmcc.ir.values import Value
from llmcc.testing.modules import modules


class Tools:
    """`echo` gives its argument back, `fail` raises, `junk` returns no plan value; `log` has every call, in order."""

    def __init__(self) -> None:
        self.log: list[tuple[str, dict[str, Value]]] = []

    def __call__(self, tool: str, args: dict[str, Value]) -> object:
        self.log.append((tool, args))
        if tool == "fail":
            raise ToolTimeout(f"no answer to {args}")
        return object() if tool == "junk" else args.get("x")


def run(ops: str, tools: Tools | None = None, *, max_fanout: int = 1000) -> Result:
    text = f"plan {{dialect = 1, ordered = true}} {{\n{ops}\n}}".replace("{pure", "{effect = pure")
    return interpret(parse(text), tools or Tools(), max_fanout=max_fanout)


def errors(result: Result) -> dict[str, tuple[str, str]]:
    return {name: (failure.error, failure.op) for name, failure in result.failures.items()}


def test_rule_1_ops_run_in_program_order() -> None:
    tools = Tools()
    run(
        "%a = call echo(x = 1) : any {pure}\n%b = call log(x = 2) : any {pure}\n%c = call echo(x = %a) : any {pure}",
        tools,
    )
    assert tools.log == [("echo", {"x": 1}), ("log", {"x": 2}), ("echo", {"x": 1})]


def test_rule_1_a_false_guard_gives_null_and_nothing_else_is_looked_at() -> None:
    tools = Tools()
    result = run(
        "%f = call fail() : any {pure}\n"
        "%a = call echo(x = %f) : int {pure, when = false}\n"
        "%b = expr 1 / 0 : any {when = 1 == 2}\n"
        "%c = expr [%a, %b] : any",
        tools,
    )
    assert result.values == {"a": None, "b": None, "c": [None, None]}
    assert [tool for tool, _ in tools.log] == ["fail"]


def test_rule_2_a_failed_operand_or_guard_fails_the_op_for_the_same_reason() -> None:
    result = run(
        "%f = call fail() : any {pure, at = 3:4-9}\n"
        "%a = call echo(x = 1 if true else %f) : any {pure}\n"
        "%b = expr 1 : any {when = %f}\n"
        "%c = expr %a : any"
    )
    assert errors(result) == {name: ("ToolTimeout", "f") for name in "fabc"}
    assert {failure.span for failure in result.failures.values()} == {Span(3, 4, 3, 9)}


def test_rule_2_an_expression_without_a_value_fails_the_op() -> None:
    result = run(
        "%a = expr 1 / 0 : any\n"
        "%b = expr 1 : any {when = 1}\n"
        "%c = call echo(x = [][0]) : any {pure}\n"
        "%d = map %e : any in 1 : any [\n] yield %e"
    )
    assert errors(result) == {name: ("EvaluationError", name) for name in "abcd"}


def test_rule_3_what_the_tool_raises_fails_the_op() -> None:
    result = run("%a = call fail(x = 1) : any {pure}")
    assert result.failures["a"].error == "ToolTimeout" and result.failures["a"].message == "no answer to {'x': 1}"


@pytest.mark.parametrize("call", ["echo(x = 1) : str", "junk() : any", "echo(x = true) : int", "echo() : list[any]"])
def test_rule_3_a_result_of_another_type_fails_the_op(call: str) -> None:
    assert errors(run(f"%a = call {call} {{pure}}")) == {"a": ("ToolOutputError", "a")}


def test_rule_4_a_map_runs_for_each_element_in_turn() -> None:
    tools = Tools()
    result = run(
        "%m = map %c : any in [1, 2, 3] : any [\n"
        "%a = call echo(x = %c) : any {pure}\n"
        "%b = call log(x = %a * 10) : any {pure, when = %c != 2}\n"
        "] keep %c != 3 yield [%a, %b]",
        tools,
    )
    assert result.values == {"m": [[1, 10], [2, None]]}
    assert [args["x"] for _, args in tools.log] == [1, 10, 2, 3, 30]


def test_rule_4_one_failed_element_fails_the_map_after_the_others_had_their_turn() -> None:
    tools = Tools()
    result = run("%m = map %c : any in [1, 0, 2] : any [\n%a = call echo(x = 1 / %c) : any {pure}\n] yield %a", tools)
    assert errors(result) == {"m": ("EvaluationError", "a")}
    assert [args["x"] for _, args in tools.log] == [1.0, 0.5]


def test_rule_4_the_first_failed_element_gives_the_reason() -> None:
    result = run('%m = map %c : any in [1, 0, "a"] : any [\n%a = expr 1 / %c : any\n] yield %a')
    assert result.failures["m"].message == "division by zero"


def test_rule_4_a_failure_that_no_element_needs_does_no_harm() -> None:
    result = run("%m = map %c : any in [1] : any [\n%a = call fail() : any {pure}\n] yield %c")
    assert result.values == {"m": [1]} and result.failures == {}


def test_rule_4_an_element_that_is_left_out_may_have_failed() -> None:
    result = run("%m = map %c : any in [0, 1] : any [\n%a = expr 1 / %c : any\n] keep %c != 0 yield %a")
    assert result.values == {"m": [1.0]}


def test_rule_4_maps_nest_and_see_what_is_around_them() -> None:
    result = run(
        "%z = expr 100 : any\n"
        "%m = map %c : any in [1, 2] : any [\n"
        "%n = map %d : any in [10, 20] : any [\n%a = call echo(x = %c + %d + %z) : any {pure}\n] yield %a\n"
        "] yield %n"
    )
    assert result.values["m"] == [[111, 121], [112, 122]]


def test_rule_4_a_map_is_no_wider_than_allowed() -> None:
    tools = Tools()
    ops = "%m = map %c : any in [1, 2, 3] : any [\n%a = call echo(x = %c) : any {pure}\n] yield %a"
    assert errors(run(ops, tools, max_fanout=2)) == {"m": ("LimitExceeded", "m")} and tools.log == []
    assert run(ops, max_fanout=3).values == {"m": [1, 2, 3]}


def test_rule_5_a_failed_op_takes_its_catch() -> None:
    result = run(
        "%a = call fail() : any {pure, catch = 7}\n"
        "%f = call fail() : any {pure}\n"
        "%b = call echo(x = %f) : any {pure, catch = %a + 1}\n"
        "%c = expr 1 : any {when = %f, catch = 9}\n"
        "%d = expr 1 : any {catch = 1 / 0}"
    )
    assert result.values == {"a": 7, "b": 8, "c": 9, "d": 1} and set(result.failures) == {"f"}


@pytest.mark.parametrize("catch", ["1 / 0", "%f"])
def test_rule_5_an_op_whose_catch_fails_fails_as_it_did(catch: str) -> None:
    result = run(f"%f = expr [][0] : any\n%a = call fail() : any {{pure, catch = {catch}}}")
    assert errors(result)["a"] == ("ToolTimeout", "a")


def test_rule_6_a_failure_reaches_what_uses_it_and_nothing_else() -> None:
    result = run(
        "%f = call fail() : any {pure}\n"
        "%a = call echo(x = 1) : any {pure, after = [%f]}\n"
        "%b = call echo(x = %f) : any {pure}\n"
        "%m = map %c : any in [] : any [\n%i = call echo(x = %b) : any {pure}\n] yield %i\n"
        "%d = expr %a : any\n"
        "join(d = %d)"
    )
    assert result.values == {"a": 1, "d": 1} and set(result.failures) == {"f", "b", "m"}
    assert result.answer == {"d": 1} and result.failed is None


def test_rule_7_the_answer_is_what_return_says_or_join_gathers() -> None:
    assert run("%a = expr 1 : any\nreturn %a + 1").answer == 2
    assert run("%a = expr 1 : any\njoin(x = %a, y = [%a])").answer == {"x": 1, "y": [1]}
    assert run("%a = expr 1 : any").answer is None


def test_rule_7_without_a_value_there_is_no_answer() -> None:
    failed = run("%f = call fail() : any {pure}\njoin(a = 1, f = %f)")
    assert failed.answer is None and failed.failed == failed.failures["f"]
    wrong = run("return 1 / 0 {at = 1:1-9}")
    assert wrong.failed is not None
    assert (wrong.failed.error, wrong.failed.op, wrong.failed.span) == ("EvaluationError", "return", Span(1, 1, 1, 9))


@pytest.mark.slow
@given(modules())
def test_each_op_of_any_module_has_a_value_or_a_failure(module: Module) -> None:
    tools = Tools()
    result = interpret(module, tools, max_fanout=5)
    assert result.values.keys() | result.failures.keys() == {op.name for op in module.values}
    assert not result.values.keys() & result.failures.keys()
    assert result.failed is None or result.answer is None
    assert {failure.op for failure in result.failures.values()} <= names(module.values) | {"join", "return"}


@pytest.mark.slow
@given(modules())
def test_a_module_means_the_same_every_time(module: Module) -> None:
    first, second = Tools(), Tools()
    assert repr(interpret(module, first)) == repr(interpret(module, second)) and repr(first.log) == repr(second.log)


def names(ops: tuple[ValueOp, ...]) -> set[str]:
    inside = (names(op.body) for op in ops if isinstance(op, Map))
    return {op.name for op in ops}.union(*inside)
