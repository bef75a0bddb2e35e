"""What `simplify` and the analysis behind it may say, and what not."""

from __future__ import annotations

import pytest
from hypothesis import given

from llmcc.ir.expr import Ref
from llmcc.ir.ops import Module, Return
from llmcc.ir.parser import parse
from llmcc.ir.printer import print_expr, print_module
from llmcc.optimizer.certainty import Certainty
from llmcc.optimizer.facts import all_of, conjuncts, facts
from llmcc.optimizer.manager import optimize
from llmcc.testing.modules import expressions

CALLS = """%a = call search(query = "x") : str {effect = read(web)}
%b = call ask() : bool {effect = read(web), catch = true}
%c = call ask() : any {effect = read(web)}
%d = call ask() : bool {effect = read(web)}
"""


def simplified(expr: str) -> str:
    module = parse(f"plan {{dialect = 1, ordered = false}} {{\n{CALLS}return {expr}\n}}\n")
    end = optimize(module, passes="simplify").end
    assert isinstance(end, Return)
    return print_expr(end.expr)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("not not %d", "%d"),
        ("%d and true", "%d"),
        ("%d and not not %d", "%d"),
        ("1 if %b else 1", "1"),  # %b cannot fail
        ("%b == %b", "true"),
        ("%b and false", "false"),
        ("[%b, %a][1]", "%a"),
        ("[%a, 1, 2][1:]", "[%a, 1, 2][1:]"),
        ("[%b, 1][1:]", "[1]"),
        ("first([%a, %b])", "%a"),
        ('len({"x": %b})', "1"),
        ("[%x for %x in [%b] if true and true]", "[%x for %x in [%b]]"),
        ("[%x for %x in [] if %x]", "[]"),
    ],
)
def test_rules(before: str, after: str) -> None:
    assert simplified(before) == after


@pytest.mark.parametrize(
    "expr",
    [
        "%c and true",  # it fails if %c is no bool, and %c alone does not
        "not not %c",
        "1 if %d else 1",  # %d may have failed
        "1 if %c else 1",
        "%a == %a",
        "1 // 0 == 1 // 0",
        "[%b, 1 // 0][0]",
        "[%b][5]",
        '{"x": %a, "y": %b}.y',
        "check(%c, str)",
        "false or %c",
    ],
)
def test_what_could_fail_stays(expr: str) -> None:
    assert simplified(expr) == expr


@given(expressions(("a", "b"), depth=4))
def test_a_condition_is_the_conjunction_of_its_conjuncts(expr: object) -> None:
    parts = conjuncts(expr)  # type: ignore[arg-type]  # an expression
    again = all_of(parts)
    assert again is not None
    assert conjuncts(again) == parts
    assert set(facts(again, True)) == set(facts(expr, True))  # type: ignore[arg-type]


def test_a_use_that_held_two_calls_apart_leaves_an_edge() -> None:
    text = """plan {dialect = 1, ordered = true} {
  %w = call put(key = "a") : bool {effect = write(store), catch = true}
  %r = call get(key = 1 if %w else 1) : str {effect = read(store)}
  return %r
}
"""
    assert "get(key = 1) : str {effect = read(store), after = [%w]}" in print_module(
        optimize(parse(text), passes="simplify")
    )


def test_what_folds_in_an_ordered_plan_keeps_its_order() -> None:
    text = """plan {dialect = 1, ordered = true} {
  %w = call put(key = "a") : null {effect = write(store)}
  %n = call get(key = "b") : str {effect = read(web), when = 1 > 2, after = [%w]}
  %r = call get(key = %n) : str {effect = read(store)}
  return %r
}
"""
    assert "get(key = null) : str {effect = read(store), after = [%n]}" in print_module(
        optimize(parse(text), passes="fold-constants")
    )


def test_a_value_fails_as_what_is_behind_it() -> None:
    certainty = Certainty()
    text = CALLS + "%l = expr [%a, %b, 1] : list[any]\n%m = expr %l : list[any]\n%n = expr len(%l) : int\n"
    for op in parse(f"plan {{dialect = 1, ordered = false}} {{\n{text}}}\n").values:
        certainty.learn(op)
    assert certainty.uncertain(["m", "b", "n"]) == ["a", "n"]
    assert str(certainty.type_of(Ref("m"))) == "list[any]"
    assert Module() == optimize(Module(), passes="simplify")
