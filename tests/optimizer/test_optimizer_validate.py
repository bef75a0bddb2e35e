"""The validator lets right passes pass: no false alarm on golden cases, on laws, and on drawn plans and pipelines.

    LLMCC_PLANS=10000 pytest tests/optimizer/test_optimizer_validate.py -q -k pipeline

tries as many plans. That it catches what is wrong is shown by `test_mutations.py`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmcc.ir import expr as e
from llmcc.ir.effects import Effect
from llmcc.ir.ops import Call, Module, Return
from llmcc.ir.parser import parse
from llmcc.ir.types import STR
from llmcc.optimizer.manager import PassRun, optimize
from llmcc.optimizer.passes.remove_dead import RemoveDead
from llmcc.optimizer.registry import LEVELS, PASSES
from llmcc.optimizer.validate import ValidationError, Validator, validate
from llmcc.optimizer.validation.resources import ALL, Sums, meets
from llmcc.optimizer.validation.summary import Shared
from llmcc.optimizer.validation.values import summarize
from llmcc.testing.modules import TOOLS, modules
from llmcc.testing.opportunities import opportunities
from llmcc.testing.work import work_of
from llmcc.testing.worlds import differ

GOLDEN = sorted((Path(__file__).parent / "golden").rglob("*.txt"))
PLANS = int(os.environ.get("LLMCC_PLANS", "300"))
#: The tools, some of which cost money, so that there is something to save.
PRICED = {
    name: msgspec.structs.replace(one, cost_usd=0.01 if one.effect and not one.effect.writes else None)
    for name, one in TOOLS.items()
}
VARIANTS = [*PASSES, *LEVELS.values(), "order-effects{fan=1}", "remove-dead{fan=1}", "fold-constants{inline_parts=1}"]
PIPELINES = st.lists(st.sampled_from(VARIANTS), min_size=1, max_size=4).map(",".join)


@pytest.mark.slow
@settings(max_examples=PLANS)
@given(opportunities() | modules(max_ops=9, depth=1), PIPELINES)
def test_no_false_alarm_for_any_pipeline(module: Module, pipeline: str) -> None:
    optimize(module, passes=pipeline, signatures=PRICED)


@given(modules(max_ops=5))
def test_a_module_means_what_it_means(module: Module) -> None:
    validate(module, msgspec.structs.replace(module, ops=parse_again(module).ops))


def parse_again(module: Module) -> Module:
    """An equal module that shares nothing with it."""
    return msgspec.json.decode(msgspec.json.encode(module), type=Module)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_cases_are_right(path: Path) -> None:
    before, after = path.read_text("utf-8").split("==== before\n")[1].split("==== after\n")
    validate(parse(before), parse(after))


A = '%a = call look(key = "x") : any {effect = read("store:{key}")}'
B = '%b = call look(key = "y") : any {effect = read("store:{key}")}'
XS = '%xs = call look(key = "l") : list[any] {effect = read("store:{key}")}'

#: Pairs of ops that mean the same: after these before them, with the value of the last one returned.
LAWS: dict[str, tuple[str, str, str]] = {
    "another name": (A, "%r = expr %a : any", "%r = expr %a : any"),
    "computed": ("", "%r = expr [2 + 3, len([1, 2])] : any", "%r = expr [5, 2] : any"),
    "a double negation": (A, '%r = expr not not %a == "x" : bool', '%r = expr %a == "x" : bool'),
    "a known branch": (A, "%r = expr %a if true else 1 : any", "%r = expr %a : any"),
    "a known condition": (
        A,
        '%r = expr [1 if %a == "x" else 2] : any {when = %a == "x"}',
        '%r = expr [1] : any {when = %a == "x"}',
    ),
    "a negation that holds": (
        A,
        "%n = expr not %a : bool\n%r = expr [%n] : any {when = %n}",
        "%n = expr not %a : bool\n%r = expr [true] : any {when = %n}",
    ),
    "a condition that never has a value": (
        "",
        "%n = expr not null : any\n%r = expr [%n] : any {when = %n}",
        "%n = expr not null : any\n%r = expr [true] : any {when = %n}",
    ),
    "an item": (
        f"{A} {B}",
        "%r = expr [%b, %a][1] : any {when = [%a, %b] != 1}",
        "%r = expr %a : any {when = [%a, %b] != 1}",
    ),
    "texts in texts": (A, '%r = expr format("a", format("b", %a)) : str', '%r = expr format("ab", %a) : str'),
    "a check that holds": ("", '%r = expr check("x", str) : str', '%r = expr "x" : str'),
    "a check of a checked result": (
        '%s = call look(key = "x") : str {effect = read("store:{key}")}',
        "%r = expr check(%s, str) : str",
        "%r = expr %s : str",
    ),
    "a catch that cannot count": ("", "%r = expr 1 : int {catch = 2}", "%r = expr 1 : int"),
    "a comprehension's variable": (XS, "%r = expr [%x for %x in %xs] : any", "%r = expr [%y for %y in %xs] : any"),
    "a map over nothing": (
        "",
        "%r = map %p : any in [] : any {ordered = true} [\n%q = call calc(a = %p) : any {effect = pure}\n] yield %q",
        "%r = expr [] : any",
    ),
}


@pytest.mark.parametrize("name", LAWS)
def test_what_is_equal_by_law(name: str) -> None:
    common, one, other = LAWS[name]
    plans = [
        parse("\n".join(["plan {dialect = 1, ordered = false} {", *common.replace(" %b = ", "\n%b = ").splitlines(), op,
                         "return %r", "}", ""]))
        for op in (one, other)
    ]  # fmt: skip
    validate(*plans)


def test_what_an_inner_map_has_no_use_for_does_not_count() -> None:
    inner = '%n = map %d : any in ["a", "b"] : list[any] {ordered = true} [\n'
    dead = '%n1 = call look(key = %c) : any {effect = read("store:{key}")}\n'
    read = '%n2 = call look(key = %d) : any {effect = read("store:{key}")}\n%n3 = expr check(format(%n2), str) : str\n'
    before, after = (
        parse(
            'plan {dialect = 1, ordered = false} {\n%m = map %c : any in ["a", "b"] : list[any] {ordered = true} [\n'
            f"{inner}{body}] yield %n3\n] yield %n\nreturn %m\n}}\n"
        )
        for body in (dead + read, read)
    )
    validate(before, after)


CHECKED = '%x = call look(key = "x") : any {effect = read("store:{key}")}\n%a = expr check(%x, str) : any\n'
LIST = '%a = call look(key = "x") : list[any] {effect = read("store:{key}")}\n'

#: Passes and plans that they were refused for although they are right.
RIGHT: dict[str, tuple[str, str]] = {
    "what is compared with itself was looked at": (
        "simplify",
        CHECKED + '%c = expr [%a] == [%a] : any {when = %a == "a"}\n%d = expr %c == "a" : bool {catch = false}',
    ),
    "what is compared with itself was looked at before": (
        "simplify",
        CHECKED + '%c = expr %a == "a" and [%a] == [%a] : any',
    ),
    "what a length does not depend on was looked at": (
        "simplify",
        CHECKED + '%c = expr [len([%a, "b"]), %a] : any {when = %a != "b"}',
    ),
    "the item that is not picked was looked at": (
        "simplify",
        CHECKED + '%c = expr [[%x, %a][0], {"k": %a, "l": 1}.l, %a] : any {when = %a != "b"}',
    ),
    "what a comprehension goes through was looked at": (
        "simplify",
        CHECKED + '%c = expr [%e for %e in [%a] if false] == [%a] : any {when = %a != "b"}',
    ),
    "a map comes out of one that needs the same value": (
        "hoist-invariant",
        LIST
        + """%m = map %c : any in ["a", %a] : list[any] {ordered = true} [
%n = map %d : any in "a" : list[any] {ordered = true} [\n%n1 = expr %a == "a" : bool\n] yield %n1
] keep %n yield "a"
return %m""",
    ),
    "a map of a list comes out of one that needs the same value": (
        "hoist-invariant",
        LIST
        + """%m = map %c : any in ["a", %a] : list[any] {ordered = true} [
%n = map %d : any in ["a", "b"] : list[any] {ordered = true} [\n%n1 = expr %a == %d : bool\n] yield %n1
] keep %n yield "a"
return %m""",
    ),
    "a call comes out of a map, and uses what needs more under a condition": (
        "hoist-invariant",
        LIST
        + """%g = call calc(a = "g") : list[any] {effect = pure, catch = "g"}
%b = map %c : any in %a : list[any] {ordered = true, when = %g} [\n] yield true
%m = map %d : any in ["a", "a"] : list[any] {ordered = true} [
%m1 = call calc(a = %b) : list[any] {effect = pure}
] yield %m1""",
    ),
    "a condition that a caught value makes is known where the map's list is": (
        "simplify",
        LIST
        + """%c = expr %a == "a" : bool {catch = false}
%m = map %b : any in %a : list[any] {ordered = true, when = %c} [
%n = call put(key = "a", value = "a") : any {effect = write("store:{key}"), when = %c}
] yield %n""",
    ),
    "a map comes out of one that is in another": (
        "hoist-invariant",
        LIST
        + """%k = map %b : any in ["x", "y"] : any {ordered = true} [
%m = map %c : any in ["a", %a, %b] : list[any] {ordered = true} [
%n = map %d : any in ["a"] : list[any] {ordered = true} [\n%n1 = expr %a == %b : bool\n] yield %n1
] keep %n yield "a"
] yield [%m, %a]
return %k""",
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_was_refused_once_is_right(name: str) -> None:
    passes, text = RIGHT[name]
    before = parse(f"plan {{dialect = 1, ordered = false}} {{\n{text}\n}}\n")
    after = optimize(before, passes=passes, signatures=PRICED)
    assert after != before
    assert not differ(before, after, seeds=100)


def test_what_is_known_of_an_element_tells_of_other_maps() -> None:
    text = """plan {dialect = 1, ordered = false} {
%m = map %c : any in ["a", "b"] : list[any] {ordered = true} [
%n = map %d : any in ["a", "b"] : any {ordered = true} [\n%n1 = expr %c == "a" or %d : any\n] yield %n1
%o = expr %n : any {when = %c == "a"}
] yield %o
}
"""
    validate(parse(text), parse(text.replace('%c == "a" or %d', "true")))


@given(
    st.lists(st.tuples(st.sampled_from([("a:1",), ("a:2",), ("a:", ""), ("b",), ALL]), st.integers(0, 9)), max_size=8)
)
def test_a_sum_is_that_over_all_that_may_be_the_same(added: list[tuple[tuple[str, ...], int]]) -> None:
    sums = Sums()
    for i, (name, amount) in enumerate(added):
        sums.add(name, amount)
        for asked in (("a:1",), ("a:", ""), ALL):
            assert sums.of(asked) == sum(n for one, n in added[: i + 1] if meets(one, asked))


BOOLS = [f"%b{i}" for i in range(3)]
PARTS = st.lists(
    st.sampled_from([*BOOLS, *(f"not {one}" for one in BOOLS), "%b0 and %b1", "%b1 or %b2", "true", "false", "%x"]),
    min_size=3,
    max_size=6,
)


@pytest.mark.slow
@given(st.sampled_from(["and", "or"]), PARTS)
def test_many_parts_are_gathered_as_one_after_the_other(op: str, texts: list[str]) -> None:
    defined = [f"{name} = call calc(a = {name[2:]}) : bool {{effect = pure}}" for name in BOOLS]
    defined += ['%x = call calc(a = "x") : any {effect = pure}']
    parts = [f"%p{i} = expr {text} : any" for i, text in enumerate(texts)]
    shared = Shared()
    module = parse("\n".join(["plan {dialect = 1, ordered = false} {", *defined, *parts, "}", ""]))
    found = summarize(module, shared)
    terms = [shared.terms.term(found.outcomes[f"p{i}"]) for i in range(len(texts))]
    one = e.Binary("and" if op == "and" else "or", e.NOTHING, e.NOTHING)
    whole = reduce(lambda a, b: shared.laws.make(one, [a, b]), terms)
    assert shared.laws.gathered(op, terms) in (None, whole)


class Broken(RemoveDead, frozen=True):
    """A pass that drops every write."""

    def __call__(self, module: Module, signatures: Mapping[str, Any]) -> Module:
        ops = tuple(op for op in module.ops if not (isinstance(op, Call) and op.effect.writes))
        return msgspec.structs.replace(module, ops=ops)


def test_optimize_names_the_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    module = parse('plan {dialect = 1, ordered = false} {\n%a = call log(text = "x") : any {effect = write(log)}\n}\n')
    monkeypatch.setattr(RemoveDead, "__call__", Broken.__call__)
    with pytest.raises(ValidationError, match="write, %a: the write is lost") as caught:
        optimize(module, passes="fold-constants,remove-dead")
    assert caught.value.__notes__ == ["found after the pass remove-dead"]
    assert (caught.value.law, caught.value.op) == ("write", "a")
    assert optimize(module, passes="remove-dead", validate=False).ops == ()


def test_a_validator_goes_on_from_pass_to_pass() -> None:
    module = parse(
        "plan {dialect = 1, ordered = false} {\n%a = call log(text = 1 + 1) : any {effect = write(log)}\n}\n"
    )
    runs: list[PassRun] = []
    optimize(module, observe=runs.append)
    validator = Validator(module)
    for run in runs:
        validator.check(run.after)
    with pytest.raises(ValidationError):
        validator.check(msgspec.structs.replace(runs[-1].after, ops=()))


def chain(length: int) -> Module:
    read = Effect("read", ("web",))
    first = Call(name="v0", type=STR, tool="s", args=(("q", e.Const("x")),), effect=read)
    rest = [
        Call(
            name=f"v{i}",
            type=STR,
            tool="s",
            args=(("q", e.Format((e.Ref(f"v{i - 1}"),))),),
            effect=read,
            catch=e.Const(i),
        )
        for i in range(1, length)
    ]
    return Module((first, *rest, Return(expr=e.ListOf((e.Ref(f"v{length - 1}"),)))))


@pytest.mark.slow
def test_long_chains_are_no_deep_ones() -> None:
    module = chain(5000)
    validate(module, parse_again(module))


def conditions(length: int) -> Module:
    """Each call has a condition that gathers all those before."""
    ops = ['%v0 = call look(key = "x") : bool {effect = read("store:{key}")}']
    for i in range(1, length, 2):
        ops += [
            f'%v{i} = call look(key = "k{i}") : bool {{effect = read("store:{{key}}"), when = %v{i - 1}}}',
            f"%v{i + 1} = expr %v{i - 1} and %v{i} : bool",
        ]
    return parse("\n".join(["plan {dialect = 1, ordered = false} {", *ops, f"return %v{length - 1}", "}", ""]))


def steps(length: int) -> int:
    module = conditions(length)
    after = parse_again(module)
    return work_of(lambda: validate(module, after))


@pytest.mark.slow
def test_many_conditions_cost_no_more_each_than_a_few() -> None:
    # About 6,000 function calls an op, and hardly more for twice as many; where every fact may look at all others,
    # 45,000 for a third as many.
    assert steps(301) < 301 * 12_000


def test_what_is_left_as_it_was_costs_less() -> None:
    module = chain(200)
    end = Return(expr=e.ListOf((e.Ref("v199"),)))
    new = work_of(lambda: validate(module, parse_again(module)))
    assert work_of(lambda: validate(module, Module((*module.ops[:-1], end)))) < new
    same = msgspec.structs.replace(module, ops=tuple(msgspec.structs.replace(op) for op in module.ops))
    assert work_of(lambda: validate(module, same)) < new / 4


def test_it_imports_nothing_of_the_passes() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, llmcc.optimizer.validate; print(*sorted(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    ours = {name for name in loaded if name.startswith("llmcc.optimizer.")}
    assert {name for name in ours if not name.startswith("llmcc.optimizer.valid")} == set()


def test_of_equal_calls_the_one_counts_that_a_duplicate_has_become_a_name_for() -> None:
    same = 'call calc(a = "x") : any {effect = pure'
    edges = f"%d = {same}, after = [%c]}}\nreturn [%a, %b, %c, %d]\n"
    first = f"plan {{dialect = 1, ordered = false}} {{\n%a = {same}, catch = false}}\n%b = {same}}}\n"
    before = parse(f"{first}%c = {same}}}\n{edges}}}\n")
    validate(before, parse(f"{first}%c = expr %b : any\n{edges}}}\n"))
    assert optimize(before, passes="merge-duplicates,remove-dead").ops
    with pytest.raises(ValidationError, match="%d: it may start before %b is over"):
        validate(before, parse(f"{first}%c = expr %b : any\n{edges.replace('[%c]', '[%a]')}}}\n"))


def test_what_only_a_catch_uses_is_no_order() -> None:
    write = 'call put(key = "x", value = 1) : any {effect = write("store:{key}")'
    ops = f"%a = {write}}}\n%b = {write}, catch = %a}}\n"
    before, after = (parse(f"plan {{dialect = 1, ordered = {word}}} {{\n{ops}}}\n") for word in ("false", "true"))
    with pytest.raises(ValidationError, match="%b: it may start before %a is over"):
        validate(before, after)
    validate(before, optimize(before, passes="order-effects"))


def test_a_condition_tells_of_what_is_in_a_map_inside_of_another() -> None:
    text = """plan {dialect = 1, ordered = true} {
  %a = call web.search(query = "a") : any {effect = read(web)}
  %m = map %c : any in ["a"] : list[any] {ordered = false} [
    %m1 = call calc(a = %a) : list[any] {effect = pure}
  ] yield %m1
  %n = map %d : any in ["a"] : list[any] {ordered = false} [
    %n1 = call look(key = "n") : any {effect = read("store:{key}"), when = %m}
  ] yield %d
  %o = call web.search(query = %n) : any {effect = read(web), when = %a}
  return [%m, %o]
}
"""
    before = parse(text)
    after = optimize(before, passes="sink-guards", signatures=PRICED)
    assert after != before
    validate(before, after)


@pytest.mark.parametrize("guard", ["null", "%c", "not %c", "false", '%c or "x"'])
@pytest.mark.parametrize("condition", ["%m", "%ok"])
def test_a_condition_of_constants_is_none_to_wait_for(guard: str, condition: str) -> None:
    text = f"""plan {{dialect = 1, ordered = false}} {{
  %ok = call calc(a = "ok") : any {{effect = pure}}
  %m = expr not %ok : bool
  %c = expr null : any
  %a = call web.search(query = "a") : any {{effect = read(web), when = {guard}}}
  %b = call calc(a = %a) : any {{effect = pure, when = {condition}}}
  return %b
}}
"""
    before = parse(text)
    assert optimize(before, passes="sink-guards", signatures=PRICED) == before
