"""The front end as a whole: well-typed plans compile and run, and chunks make no difference."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.frontend.front import FrontEnd, Lowered, compile_front
from llmcc.frontend.scope import Scope
from llmcc.ir.diagnostics import Diagnostic, has_errors
from llmcc.ir.effects import READ
from llmcc.ir.interpret import interpret
from llmcc.ir.ops import Call, Join, Module
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import STR
from llmcc.ir.values import mismatch
from llmcc.ir.verify import verify
from llmcc.testing.plan_texts import fake_calls, plans, toolboxes
from llmcc.testing.work import growth, work_of

TOOLS = {"search": Signature(name="search", parameters=(Parameter("query", STR),), returns=STR, effect=READ)}
WRONG = st.sampled_from(
    [
        'a = search(query="K2")',
        "a = serch(query=b)",
        "b = search(query=a)",
        "search(Everest)",
        "3. search($1)",
        "1. search(query=1)",
        'c = [search(x) for x in ["a", "b"]]',
        "d = c[0].name + 1",
        'e = search("x") when a == null after b catch 3',
        'f = search("$1 {a}"',
        "join(a, b)",
        "return a",
        "Thought: now",
        "",
        "Here is the plan:",
        "```",
        "x = a = b",
    ]
)


def ends(text: str, cuts: list[int], **options: str) -> tuple[list[Lowered], list[Diagnostic]]:
    front = FrontEnd(TOOLS, **options)  # type: ignore[arg-type]
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    lowered = [one for start, end in pairwise(places) for one in front.feed(text[start:end])]
    return [*lowered, *front.close()], front.diagnostics


@pytest.mark.slow
@given(st.data())
def test_well_typed_plans_compile_and_run(data: st.DataObject) -> None:
    tools = data.draw(toolboxes())
    text = data.draw(plans(tools))
    result = compile_front(text, tools)
    assert result.diagnostics == ()
    assert result.module is not None
    verify(result.module, tools)
    done = interpret(result.module, fake_calls(tools))
    assert done.failures == {} and done.failed is None


@pytest.mark.slow
@given(st.data())
def test_the_values_have_the_types_in_scope(data: st.DataObject) -> None:
    tools = data.draw(toolboxes())
    front = FrontEnd(tools)
    lowered = [*front.feed(data.draw(plans(tools))), *front.close()]
    done = interpret(Module(tuple(op for one in lowered for op in one.ops)), fake_calls(tools))
    for name, type_ in front.scope.types.items():
        assert mismatch(done.values[name], type_) is None


@pytest.mark.slow
@given(st.lists(WRONG, max_size=8).map("\n".join), st.lists(st.integers(0, 400), max_size=12), st.booleans())
def test_any_chunking_gives_the_same(text: str, cuts: list[int], native: bool) -> None:
    dialect = "native" if native else "llmcompiler"
    assert ends(text, cuts, dialect=dialect) == ends(text, [], dialect=dialect)


@pytest.mark.slow
@given(st.lists(WRONG, max_size=8).map("\n".join))
def test_what_compiles_is_well_formed_and_what_does_not_says_why(text: str) -> None:
    result = compile_front(text, TOOLS)
    assert (result.module is None) == has_errors(result.diagnostics)
    if result.module is not None:
        verify(result.module, TOOLS)


@pytest.mark.slow
@given(st.text(max_size=60))
def test_no_text_breaks_it(text: str) -> None:
    compile_front(text, None)
    compile_front("a = " + text, TOOLS, dialect="llmcompiler")


PIECES = st.sampled_from(
    [
        *"()[]{}",
        "v0",
        "v1",
        "$1",
        "1",
        '"a"',
        "null",
        ".name",
        "[0]",
        "[1:]",
        "search",
        "len(",
        "query",
        ", ",
        "=",
        "\n",
        " when ",
        " if ",
        " else ",
        " + ",
        " == ",
        " and ",
        "not ",
        " for each1 in ",
        " catch ",
        ' f"{v0}"',
    ]
)


@pytest.mark.slow
@given(st.data())
def test_mutated_plans_compile_or_say_why(data: st.DataObject) -> None:
    tools = data.draw(toolboxes())
    text = data.draw(plans(tools))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        text = text[:start] + data.draw(PIECES) + text[start + data.draw(st.integers(0, 6)) :]
    for dialect in ("native", "llmcompiler"):
        result = compile_front(text, tools, dialect=dialect)
        assert (result.module is None) == has_errors(result.diagnostics)
        if result.module is not None:
            verify(result.module, tools)
            interpret(result.module, fake_calls(tools))


def test_each_statement_comes_when_its_line_ends() -> None:
    front = FrontEnd(TOOLS)
    assert front.feed('a = search("x") ') == []
    [first] = front.feed("\n")
    assert [op.name for op in first.ops if isinstance(op, Call)] == ["a"]
    assert front.feed("return a") == []
    [last] = front.close()
    assert len(last.ops) == 1 and front.ended


def test_errors_do_not_follow_from_errors() -> None:
    result = compile_front('a = serch("x")\nb = search(a)\nc = b.name + 1\njoin()', TOOLS)
    assert [d.code for d in result.diagnostics] == ["E0301"]


def test_what_uses_a_wrong_value_is_not_lowered() -> None:
    front = FrontEnd(TOOLS)
    lowered = front.feed('a = serch("x")\nb = search(a)\nc = search("y")\n')
    assert [len(one.ops) for one in lowered] == [0, 0, 1]


@pytest.mark.parametrize("line", ['a = search("x"', 'a = search("x")) ', "a = search x"])
def test_an_unreadable_line_defines_its_name(line: str) -> None:
    codes = [d.code for d in compile_front(f"{line}\nb = search(a)\njoin(b)", TOOLS).diagnostics]
    assert len(codes) == 1 and codes[0].startswith("E0")


def test_an_unreadable_step_keeps_its_number() -> None:
    result = compile_front('1. search("x"\nsearch("y")\nsearch($1)\njoin($3)', TOOLS)
    assert len(result.diagnostics) == 1


def test_a_later_definition_turns_unknown_into_too_early() -> None:
    front = FrontEnd(TOOLS)
    [lowered] = front.feed("a = search(nowhere)\n")
    assert [d.code for d in lowered.diagnostics] == ["E0305"]
    front.feed('nowhere = search("x")\n')
    assert [d.code for d in front.diagnostics] == ["E0303"]


def test_only_the_first_statement_after_the_end_is_reported() -> None:
    result = compile_front('a = search("x")\njoin(a)\nb = search("y")\nc = search(b)\nreturn c', TOOLS)
    assert [(d.code, d.span.line) for d in result.diagnostics] == [("E0290", 3)]


def test_a_replan_goes_on_with_names_and_numbers() -> None:
    first = FrontEnd(TOOLS)
    first.feed('search("x")\na = search("y")\njoin()\n')
    first.close()
    second = FrontEnd(TOOLS, scope=first.scope.copy())
    lowered = second.feed("search($1)\nb = search(search(a))\njoin()\n")
    assert second.diagnostics == []
    end = lowered[-1].ops[-1]
    assert isinstance(end, Join) and [name for name, _ in end.args] == ["1", "a", "2", "b"]
    assert [op.name for op in lowered[1].ops if isinstance(op, Call)] == ["b.1", "b"]
    assert "b" not in first.scope


def test_a_replan_cannot_define_a_name_again() -> None:
    scope = Scope()
    FrontEnd(TOOLS, scope=scope).feed('a = search("y")\n')
    front = FrontEnd(TOOLS, scope=scope)
    front.feed('a = search("z")\n')
    assert [d.code for d in front.diagnostics] == ["E0304"]


def test_there_is_one_warning_without_a_toolbox() -> None:
    result = compile_front('a = f("x")\nb = g(1, k=a)\nc = f(b)\njoin()', None)
    [warning] = result.diagnostics
    assert warning.code == "W0501" and "`f`, `g`" in warning.notes[0]
    assert result.module is not None
    [_, call, *_] = result.module.values
    assert isinstance(call, Call) and [name for name, _ in call.args] == ["0", "k"] and call.effect == READ


def test_an_unknown_dialect_is_refused() -> None:
    with pytest.raises(ValueError, match="no dialect is called 'python'"):
        compile_front("return 1", {}, dialect="python")


@pytest.mark.slow
def test_the_work_grows_with_the_size() -> None:
    def work(count: int) -> int:
        lines = ['v0 = search("x")'] + [f"v{i} = search(v{i - 1})" for i in range(1, count)]
        text = "\n".join([*lines, "join()"])
        return work_of(lambda: compile_front(text, TOOLS))

    work(10)  # the parser is made once
    assert growth(work, 50) < 1.05


@pytest.mark.slow
def test_many_errors_take_linear_work() -> None:
    def work(count: int) -> int:
        text = "\n".join(f"x{i} = serch{i}(nowhere{i})" for i in range(count))
        return work_of(lambda: compile_front(text, TOOLS))

    assert len(compile_front("\n".join(f"x{i} = serch{i}(nowhere{i})" for i in range(3000)), TOOLS).diagnostics) == 6001
    assert growth(work, 250) < 1.1  # did-you-mean is asked for the first ones only
