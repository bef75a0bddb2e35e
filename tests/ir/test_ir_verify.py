"""Each invariant of the verifier has a module that breaks it and nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from llmcc.ir import expr as e
from llmcc.ir import verify as verifier
from llmcc.ir.effects import PURE, Effect
from llmcc.ir.ops import Call, Compute, Map, Module, Return
from llmcc.ir.parser import parse
from llmcc.ir.types import ANY, INT, EnumType, Type, UnionType
from llmcc.ir.verify import VerificationError, Violation, verify
from llmcc.testing.modules import TOOLS, modules

IN_MAP = """\
%m = map %c : any in [1] : any [
  %i = call log(text = %c) : any {effect = write(log, "*")}
] yield %i
"""

PAGE = "%page = call fetch(url = 1) : any {effect = read(web), untrusted = true}\n"

ASKED = "%a = call ask(text = %page) : any {effect = read(model)}"

# The invariant, the op in which it is broken, and the ops.
BROKEN = [
    ("I01", "a", "%a = expr 1 : any\n%a = expr 2 : any"),
    ("I01", "", '%"" = expr 1 : any'),
    ("I01", "m", "%c = expr 1 : any\n%m = map %c : any in [1] : any [\n] yield 1"),
    ("I01", "a", "%a = expr [1 for %b in []] : any\n%b = expr 1 : any"),
    ("I01", "a", "%a = expr [[1 for %b in []] for %b in []] : any"),
    ("I01", "a", '%a = expr [1 for %"" in []] : any'),
    ("I01", "i", f"{IN_MAP}%i = expr 1 : any"),
    ("I02", "a", "%a = expr %b : any\n%b = expr 1 : any"),
    ("I02", "a", "%a = expr %a : any"),
    ("I02", "a", "%a = expr 1 : any {when = %b}"),
    ("I02", "a", "%a = expr 1 : any {catch = %b}"),
    ("I02", "a", "%a = expr [%b for %c in %c] : any {catch = []}"),
    ("I02", "a", "%a = expr [1 for %b in []] : any {catch = %b}"),
    ("I02", "return", f"{IN_MAP}return %i"),
    ("I02", "join", f"{IN_MAP}join(c = %c)"),
    ("I02", "m", "%m = map %c : any in [%c] : any [\n] yield 1"),
    ("I02", "m", "%m = map %c : any in [1] : any {when = %c} [\n] yield 1"),
    ("I02", "i", "%m = map %c : any in [1] : any [\n%i = expr %m : any\n] yield 1"),
    ("I02", "m", "%m = map %c : any in [1] : any [\n] keep %b yield 1\n%b = expr 1 : any"),
    ("I03", "a", "%a = expr 1 : any {after = [%b]}\n%b = expr 1 : any"),
    ("I03", "a", "%a = expr 1 : any {after = [%a]}"),
    ("I03", "b", "%a = expr 1 : any\n%b = expr 1 : any {after = [%a, %a]}"),
    ("I03", "a", f"{IN_MAP}%a = expr 1 : any {{after = [%i]}}"),
    ("I03", "i", "%a = expr 1 : any\n%m = map %c : any in [] : any [\n%i = expr 1 : any {after = [%a]}\n] yield 1"),
    ("I04", "return", "return 1\n%a = expr 1 : any"),
    ("I04", "join", "join()\nreturn 1"),
    ("I05", "a", "%a = call calc(a = 1) : any {effect = read()}"),
    ("I05", "a", '%a = call web.search(query = 1) : any {effect = read(web, "")}'),
    ("I05", "a", "%a = call web.search(query = 1) : any {effect = read(web, web)}"),
    ("I06", "a", '%a = call look(key = 1) : any {effect = read("a:{key")}'),
    ("I06", "a", '%a = call look(key = 1) : any {effect = read("a:{{key}}")}'),
    ("I06", "a", '%a = call look(key = 1) : any {effect = read("a:{}")}'),
    ("I07", "a", "%a = call f(a = 1, a = 2) : any {effect = pure}"),
    ("I07", "a", '%a = call f("" = 1) : any {effect = pure}'),
    ("I07", "a", '%a = call ""(a = 1) : any {effect = pure}'),
    ("I07", "join", "join(a = 1, a = 2)"),
    ("I08", "a", "%a = expr 1e999 : any"),
    ("I08", "a", "%a = expr nan : any"),
    ("I08", "a", f"%a = expr {hex(2**4096)} : any"),
    ("I08", "a", '%a = expr "\\ud800" : any'),
    ("I09", "a", '%a = expr {"k": 1, "k": 2} : any'),
    ("I09", "a", '%a = expr {"\\ud800": 1} : any'),
    ("I10", "a", "%a = expr eval(1) : any"),
    ("I10", "a", "%a = expr len() : any"),
    ("I10", "a", "%a = expr len(1, 2) : any"),
    ("I11", "a", f"%a = expr {'[' * 200}1{']' * 200} : any"),
    ("I11", "m64", "".join(f"%m{i} = map %c{i} : any in [] : any [\n" for i in range(65)) + "] yield 1\n" * 65),
    ("I12", "a", "%a = expr 1 : {f: int, f: str}"),
    ("I12", "a", "%a = expr check(1, list[{f: int, f: str}]) : any"),
    ("I12", "m", "%m = map %c : {f: int, f: str} in [] : any [\n] yield 1"),
    ("I13", "a", "%a = expr 1 : any {step = -1}"),
    ("I13", "b", "%a = call f() : any {effect = pure, step = 2}\n%b = expr %a : any {step = 2}"),
    ("I13", "b", "%a = expr 1 : any {step = 2}\n%b = expr %a : any {step = 1}"),
    ("I13", "b", "%a = call f() : any {effect = pure, step = 0}\n%b = expr 1 : any {after = [%a], step = 0}"),
    ("I13", "b", "%a = call f() : any {effect = pure, step = 0}\n%b = expr 1 : any {when = %a, step = 0}"),
    ("I13", "b", "%a = map %c : any in [] : any {step = 0} [\n] yield 1\n%b = expr 1 : any {catch = %a, step = 0}"),
    ("I14", "a", "%a = expr 1 : any {priority = -0.5}"),
    ("I14", "a", "%a = expr 1 : any {priority = nan}"),
    ("I14", "a", "%a = expr 1 : any {priority = inf}"),
    ("I15", "a", "%a = expr 1 : any {at = 0:1-2}"),
    ("I15", "a", "%a = expr 1 : any {at = 1:0-2}"),
    ("I15", "return", "return 1 {at = 2:5-4}"),
    ("I15", "join", "join() {at = 2:5-1:9}"),
]

WITH_TOOLS = [
    ("I17", "a", "%a = call unknown() : any {effect = pure}"),
    ("I18", "a", "%a = call calc(a = 1, c = 2) : any {effect = pure}"),
    ("I18", "a", "%a = call calc(b = 1, a = 2) : any {effect = pure}"),
    ("I19", "a", "%a = call calc(b = 1) : any {effect = pure}"),
    ("I20", "a", "%a = call calc(a = 1) : any {effect = read(web)}"),
    ("I20", "a", "%a = call web.search(query = 1) : any {effect = write(web)}"),
    ("I22", "a", "%a = call calc(a = 1) : any {effect = pure, batch = 2}"),
    ("I22", "a", '%a = call look(key = 1) : any {effect = read("store:{key}"), batch = 4}'),
    ("I23", "a", "%a = call fetch(url = 1) : any {effect = read(web)}"),
    ("I23", "a", "%a = call calc(a = 1) : any {effect = pure, untrusted = true}"),
    ("I23", "a", f"{PAGE}{ASKED}"),
    ("I23", "a", f"{PAGE}%x = expr 1 : any {{catch = %page}}\n{ASKED.replace('%page', '[%x]')}"),
    ("I23", "a", f"{PAGE}%m = map %c : any in %page : any [\n{ASKED.replace('%page', '%c')}\n] yield 1"),
]


def module(ops: str) -> Module:
    return parse(f"plan {{dialect = 1, ordered = false}} {{\n{ops}\n}}")


def violations(module: Module, *, tools: bool = False) -> set[tuple[str, str]]:
    with pytest.raises(VerificationError) as caught:
        verify(module, TOOLS if tools else None)
    assert str(caught.value)
    return {(v.invariant, v.op) for v in caught.value.violations}


@pytest.mark.parametrize(("invariant", "op", "ops"), BROKEN)
def test_a_broken_invariant_is_found(invariant: str, op: str, ops: str) -> None:
    assert violations(module(ops)) == {(invariant, op)}


@pytest.mark.parametrize(("invariant", "op", "ops"), WITH_TOOLS)
def test_a_call_that_does_not_fit_its_tool_is_found(invariant: str, op: str, ops: str) -> None:
    verify(module(ops))
    assert violations(module(ops), tools=True) == {(invariant, op)}


def test_what_a_tool_makes_of_an_untrusted_value_is_its_own_word() -> None:
    verify(module(f"{PAGE}%a = call calc(a = %page) : any {{effect = pure}}\n"), TOOLS)


def test_a_call_of_a_model_may_be_marked_though_it_no_longer_looks_at_an_untrusted_value() -> None:
    verify(module("%a = call ask(text = 1) : any {effect = read(model), untrusted = true}"), TOOLS)


def test_a_batch_of_no_call_is_found_without_the_tools_too() -> None:
    assert violations(module("%a = call calc(a = 1) : any {effect = pure, batch = 0}")) == {("I22", "a")}


def test_a_resource_that_names_no_parameter_is_found() -> None:
    wrong = Effect("read", ("store:{id}",))
    tools = {"look": replace(TOOLS["look"], effect=wrong)}
    with pytest.raises(VerificationError) as caught:
        verify(Module((Call(name="a", type=ANY, tool="look", args=(("key", e.Const(1)),), effect=wrong),)), tools)
    assert [v.invariant for v in caught.value.violations] == ["I21"]


def test_a_tool_without_resources_touches_everything() -> None:
    tools = {"look": replace(TOOLS["look"], effect=Effect("read"))}
    verify(module('%a = call look(key = 1) : any {effect = read("*")}'), tools)


def test_a_tool_whose_effect_nobody_declared_cannot_be_called() -> None:
    tools = {"calc": replace(TOOLS["calc"], effect=None)}
    with pytest.raises(VerificationError, match=r"I20 in %a: the effect of calc is not declared, not pure"):
        verify(module("%a = call calc(a = 1) : any {effect = pure}"), tools)


# What the text cannot express.
@pytest.mark.parametrize("type_", [UnionType((INT,)), UnionType((ANY, INT)), EnumType(()), EnumType(("a", "a"))])
def test_a_type_that_is_not_in_its_one_form_is_found(type_: Type) -> None:
    assert violations(Module((Compute(name="a", type=type_, expr=e.NOTHING),))) == {("I12", "a")}


def test_a_pure_effect_with_resources_is_found() -> None:
    op = Call(name="a", type=ANY, tool="f", args=(), effect=Effect("pure", ("web",)))
    assert violations(Module((op,))) == {("I05", "a")}


def test_a_constant_of_another_kind_is_found() -> None:
    wrong: object = b"bytes"
    assert violations(Module((Return(expr=e.Const(wrong)),))) == {("I08", "return")}  # type: ignore[arg-type]


def test_another_dialect_is_found() -> None:
    assert violations(Module(dialect=2)) == {("I16", "")}


def test_an_end_within_a_map_is_found() -> None:
    body = (Return(expr=e.Const(1)),)
    wrong = Map(name="m", type=ANY, var="c", var_type=ANY, source=e.NOTHING, body=body, result=e.NOTHING)  # type: ignore[arg-type]
    assert violations(Module((wrong,))) == {("I04", "return")}


def test_every_invariant_of_the_list_has_a_case() -> None:
    listed = re.findall(r"^ +(I\d\d)  ", verifier.__doc__ or "", re.MULTILINE)
    assert listed == [f"I{n:02}" for n in range(1, len(listed) + 1)]
    assert {case[0] for case in BROKEN + WITH_TOOLS} | {"I16", "I21"} == set(listed)


@pytest.mark.parametrize(
    "ops",
    [
        "",
        f"{IN_MAP}return %m",
        "%a = expr [[%x for %y in [1]] for %x in [1]] : any",
        "%a = expr 1 : any {when = [%x for %x in []] == []}\n%b = expr 1 : any {when = [%x for %x in []] == []}",
        "%a = call f() : any {effect = pure, step = 0}\n%b = expr %a : any {step = 1}\n%c = expr %b : any {step = 1}",
        "%m = map %c : any in [1] : any {step = 4} [\n%i = call f() : any {effect = pure, step = 0}\n] yield %i",
        "%a = expr 1 : any {step = 3}\n%b = expr %a : any",
        f"return {'[' * 199}1{']' * 199}",
    ],
)
def test_what_only_looks_odd_is_well_formed(ops: str) -> None:
    verify(module(ops))


def test_ten_of_many_violations_are_told() -> None:
    wrong = Module(tuple(Compute(name="a", type=ANY, expr=e.Ref("b")) for _ in range(20)))
    with pytest.raises(VerificationError) as caught:
        verify(wrong)
    assert len(caught.value.violations) == 39
    assert str(caught.value).splitlines()[0] == str(Violation("I02", "a", "%b is not defined before"))
    assert str(caught.value).splitlines()[10:] == ["and 29 more"]


@pytest.mark.slow
@given(modules(), st.data())
def test_a_use_before_the_definition_is_always_found(drawn: Module, data: st.DataObject) -> None:
    op = Compute(name="new", type=ANY, expr=e.Ref("later"))
    later = Compute(name="later", type=ANY, expr=e.NOTHING)
    place = data.draw(st.integers(0, len(drawn.values)))
    assert ("I02", "new") in violations(Module((*drawn.values[:place], op, *drawn.values[place:], later)))


@pytest.mark.slow
@given(modules(), st.data())
def test_a_second_definition_is_always_found(drawn: Module, data: st.DataObject) -> None:
    again = data.draw(st.sampled_from([*drawn.values, Compute(name="a", type=ANY, expr=e.NOTHING)]))
    twice = Call(name=again.name, type=ANY, tool="f", args=(), effect=PURE)
    assert ("I01", again.name) in violations(Module((again, *drawn.values, twice)))
