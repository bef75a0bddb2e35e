"""The dialect of the paper, converted into the native language: both texts lower to the same ops."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from llmcc.frontend.convert import to_native
from llmcc.frontend.fixes import apply_edits, fix_plan
from llmcc.frontend.format import format_plan
from llmcc.frontend.front import compile_front
from llmcc.ir.digest import digest, without_places
from llmcc.ir.ops import Module
from llmcc.ir.signature import Signature
from llmcc.runtime.toolbox import load_toolbox

PAPER = Path(__file__).parent / "data" / "paper"
TOOLS = load_toolbox(PAPER / "tools.json").signatures
PLANS = sorted(path.name for path in PAPER.glob("*.txt"))
LACKING = [name for name in PLANS if name.startswith("lacks_")]


def module(text: str, dialect: str, signatures: dict[str, Signature] | None) -> Module | None:
    return compile_front(text, signatures, dialect=dialect).module


FRAGMENTS = st.sampled_from(
    ["$1", "$2", "${1}", "${3}", "${name}", "${c}", "$9", "$100", "under ", "{", "}", "{name}", "'", '\\"', "\\n", "é"]
)
STRINGS = st.lists(FRAGMENTS, max_size=4).map(lambda parts: f'"{"".join(parts)}"')
WRITTEN = ('"$1"', '"$2"', '"${name}"', "$1", "name", 'f"$1 {name}"', '"$1" + "a"', 'len("$1 $2")', '"$1"[0:1]')
VALUES = STRINGS | st.sampled_from(WRITTEN)
LISTS = st.lists(VALUES, max_size=2).map(lambda parts: f"[{', '.join(parts)}]")
CALLS = (
    VALUES.map(lambda value: f"search({value})")
    | VALUES.map(lambda value: f"rate({{'of': {value}}})")
    | st.tuples(VALUES, LISTS).map(lambda pair: f"math({pair[0]}, {pair[1]})")
    | st.tuples(VALUES, VALUES).map(lambda pair: f'search(query={pair[0]}) when "$1" == {pair[1]} catch {pair[1]}')
    | VALUES.map(lambda value: f'[search({value}) for c in ["x", "$1"] if c != {value}]')
)
LINES = CALLS | st.just("Thought: $1 is not enough") | CALLS.map(lambda call: f"{call}  # $1")
HEAD = ('1. search("x")', '2. math("1")', 'name = search("$1")')


@pytest.mark.slow
@given(st.lists(LINES, min_size=1, max_size=4), st.booleans())
def test_the_native_text_means_the_same(lines: list[str], typed: bool) -> None:
    signatures = TOOLS if typed else None
    text = "\n".join([*HEAD, *lines, "join($1)"])
    meant = module(text, "llmcompiler", signatures)
    assume(meant is not None)
    assert meant is not None
    native = format_plan(to_native(text, signatures)[0])
    again = module(native, "native", signatures)
    assert again is not None, native
    assert without_places(again) == without_places(meant)
    assert digest(again) == digest(meant)


@pytest.mark.parametrize("name", [name for name in PLANS if name not in LACKING])
@pytest.mark.parametrize("typed", [True, False])
def test_the_papers_plans_compile_and_convert(name: str, typed: bool) -> None:
    signatures = TOOLS if typed else None
    text = (PAPER / name).read_text()
    meant = compile_front(text, signatures, dialect="llmcompiler")
    assert [d.code for d in meant.diagnostics if d.code != "W0501"] == []
    native = format_plan(to_native(text, signatures)[0])
    again = compile_front(native, signatures)
    assert meant.module is not None and again.module is not None
    assert without_places(again.module) == without_places(meant.module)
    assert [d.code for d in again.diagnostics] == [d.code for d in meant.diagnostics]
    assert [line for line in native.splitlines() if line.startswith("Thought")] == [
        line for line in text.splitlines() if line.startswith("Thought")
    ]


@pytest.mark.parametrize("name", LACKING)
def test_a_line_that_lacks_its_parenthesis_is_mended_by_one_fix(name: str) -> None:
    text = (PAPER / name).read_text()
    [found] = compile_front(text, TOOLS, dialect="llmcompiler").diagnostics
    assert found.code == "E0202"
    [fix] = found.fixes
    mended = apply_edits(text, fix.edits)
    assert [(old, new) for old, new in zip(text.splitlines(), mended.splitlines(), strict=True) if old != new] == [
        (text.splitlines()[found.span.line - 1], text.splitlines()[found.span.line - 1] + ")")
    ]
    assert compile_front(mended, TOOLS, dialect="llmcompiler").diagnostics == ()
    assert fix_plan(text, TOOLS, dialect="llmcompiler").text == mended


def test_three_of_the_plans_lack_one() -> None:
    assert len(LACKING) == 3 and len(PLANS) > 8


@pytest.mark.parametrize(
    ("dialect", "native"),
    [
        ('search("$1")', "search($1)"),
        ('search("${1}")', "search($1)"),
        ('search("${name} of $1")', 'search(f"{name} of {$1}")'),
        ('search("$1 costs $100")', 'search(f"{$1} costs $100")'),
        ('search("{$1}")', 'search(f"{{{$1}}}")'),
        ('search("$7")', 'search("$7")'),
        ("math('q', ['$1', \"$2\"])", 'math("q", [$1, f"{$2}"])'),
        ("search(f'$1 {$1}')", 'search(f"$1 {$1}")'),
        ('[search("${c} $1") for c in ["a"]]', '[search(f"{c} {$1}") for c in ["a"]]'),
        ('search(query="$2" if true else "$1")', 'search(query=f"{$2}" if true else $1)'),
    ],
)
def test_how_strings_are_written(dialect: str, native: str) -> None:
    statements, found = to_native("\n".join([*HEAD, dialect, "join()"]), TOOLS)
    assert [d for d in found if d.severity == "error"] == []
    assert format_plan(statements).splitlines()[3] == native
