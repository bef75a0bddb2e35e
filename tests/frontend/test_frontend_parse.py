"""Lines to statements: trees, spans, and one diagnostic for a bad line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llmcc.frontend.mistake_cases import CASES
from llmcc.frontend.parse import parse_line, parse_plan
from llmcc.frontend.reader import Line
from llmcc.frontend.syntax import (
    BinaryOperation,
    CallExpression,
    Define,
    FString,
    JoinStatement,
    ListComprehension,
    Literal,
    Node,
    Reference,
    Remark,
    ReturnStatement,
    Statement,
)
from llmcc.ir.diagnostics import Diagnostic, Edit
from llmcc.ir.span import Span
from llmcc.testing.work import work_of


def one(text: str, number: int = 1) -> Statement:
    statement, found = parse_line(Line(number, text))
    assert found == ()
    assert statement is not None
    return statement


def value(text: str) -> object:
    statement = one(f"x = {text}")
    assert isinstance(statement, Define)
    assert isinstance(statement.value, Literal)
    return statement.value.value


def nodes(node: object) -> Iterator[Node]:
    if isinstance(node, Node):
        yield node
        parts = [getattr(node, name) for name in node.__struct_fields__]
    else:
        parts = list(node) if isinstance(node, tuple) else []
    for part in parts:
        yield from nodes(part)


def mended(text: str, edits: tuple[Edit, ...]) -> str:
    for edit in sorted(edits, key=lambda edit: edit.span.column, reverse=True):
        text = text[: edit.span.column - 1] + edit.replacement + text[edit.span.end_column - 1 :]
    return text


def test_a_call() -> None:
    statement = one('3. hotel.search("Rome", class=$1.a)  # why', number=7)
    assert isinstance(statement, Define)
    assert (statement.name, statement.comment, statement.span) == ("3", "why", Span(7, 1, 7, 36))
    call = statement.value
    assert isinstance(call, CallExpression)
    assert (call.tool, call.tool_span, call.span) == ("hotel.search", Span(7, 4, 7, 16), Span(7, 4, 7, 36))
    assert [(argument.name, argument.span) for argument in call.arguments] == [
        (None, Span(7, 17, 7, 23)),
        ("class", Span(7, 25, 7, 35)),
    ]


def test_clauses() -> None:
    statement = one("f() when a after b, $2 catch null")
    assert isinstance(statement, Define)
    assert statement.name is None
    assert isinstance(statement.when, Reference)
    assert [reference.name for reference in statement.after] == ["b", "2"]
    assert isinstance(statement.catch, Literal)
    assert statement.span == Span(1, 1, 1, 34)


def test_the_other_statements() -> None:
    assert one("4. join(a, b=$2)<END_OF_PLAN> # end") == one("4. join(a, b=$2) # end")
    joined = one("join()")
    assert isinstance(joined, JoinStatement)
    assert (joined.number, joined.arguments) == (None, ())
    assert isinstance(one("return a if b else c"), ReturnStatement)
    for text in ("Thought: x = (", "# x = (", "<END_OF_PLAN>"):
        assert one(f"  {text} ") == Remark(Span(1, 3, 1, 3 + len(text)), text)


def test_a_comprehension() -> None:
    statement = one("[f(c) for c in xs if c.ok]")
    assert isinstance(statement, Define)
    assert isinstance(statement.value, ListComprehension)
    assert (statement.value.var, statement.value.var_span) == ("c", Span(1, 11, 1, 12))


def test_the_parts_of_an_f_string_have_their_places() -> None:
    statement = one("x = f\"é {a.b['k\\n'][-1]}{{ {$2}\"")
    assert isinstance(statement, Define)
    parts = statement.value
    assert isinstance(parts, FString)
    assert [str(part.span) for part in parts.parts] == ["1:7-9", "1:10-24", "1:25-28", "1:29-31"]
    assert [part.value for part in parts.parts if isinstance(part, Literal)] == ["é ", "{ "]


def test_a_parenthesised_expression_spans_its_parentheses() -> None:
    statement = one("x = (a + b) * c")
    assert isinstance(statement, Define)
    assert isinstance(statement.value, BinaryOperation)
    assert (statement.value.span, statement.value.left.span) == (Span(1, 5, 1, 16), Span(1, 5, 1, 12))


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("1", 1),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ("1.5e3", 1500.0),
        ("1e-400", 0.0),
        ("None", None),
        ("False", False),
        (r"'a\'b'", "a'b"),
        (r'"\ud83d\ude00\U0001F600\x41\u00e9\/\0\a\v\b\f\t\r\n\\"', "😀😀Aé/\0\a\v\b\f\t\r\n\\"),
        (r'"\\u0041 \\\\"', "\\u0041 \\\\"),
        ('"# $1 {x}"', "# $1 {x}"),
        ('"\u202e\u200b\x80\u2028"', "\u202e\u200b\x80\u2028"),
    ],
)
def test_literals(text: str, means: object) -> None:
    found = value(text)
    assert found == means
    assert type(found) is type(means)


PLANNER = """\
Thought: I need both heights.
1. search("Mount Everest height")
2. search("K2 height")
3. math("max($1, $2)", ["$1", "$2"])
Thought: I can answer now.
4. join()<END_OF_PLAN>
"""


def test_what_the_papers_planner_writes() -> None:
    statements, found = parse_plan(PLANNER, dialect="llmcompiler")
    assert found == ()
    assert [type(statement).__name__ for statement in statements] == [
        "Remark",
        "Define",
        "Define",
        "Define",
        "Remark",
        "JoinStatement",
    ]


def test_there_is_no_third_dialect() -> None:
    with pytest.raises(ValueError, match="klingon"):
        parse_plan("a = f()", dialect="klingon")


@pytest.mark.parametrize(("case", "line"), [(case, line) for case in CASES for line in case.examples])
def test_syntax_errors_by_example(case: object, line: str) -> None:
    _, found = parse_plan(line + "\n")
    assert [diagnostic.code for diagnostic in found] == [case.code]  # type: ignore[attr-defined]
    assert found[0].message.isascii() or not line.isascii()
    assert found[0].span.end_column <= len(line) + 1
    for fix in found[0].fixes:
        assert parse_plan(mended(line, fix.edits) + "\n")[1] == ()


FIXED = {
    '1. search("x"': '1. search("x")',
    '1) search("x")': '1. search("x")',
    "a = f() b = g()": "a = f()\nb = g()",
    "x = a < b < c": "x = a < b and b < c",
    "a = f() when x = 1": "a = f() when x == 1",
    'serch "x"': 'serch("x")',
    'a = search(query: "x", limit: 3)': 'a = search(query="x", limit=3)',
    "search(“x”)": 'search("x")',
    '{"name": "search", "arguments": {"query": "x"}}': 'search(query="x")',
    "3. x = f()": "x = f()",
    "f() after 1": "f() after $1",
    "a\u200b = f()": "a = f()",
}


@pytest.mark.parametrize("line", FIXED)
def test_fixes(line: str) -> None:
    _, (found,) = parse_plan(line + "\n")
    assert [mended(line, fix.edits) for fix in found.fixes] == [FIXED[line]]


@pytest.mark.parametrize(
    ("line", "code", "span", "message"),
    [
        ("x = a ==", "E0214", "1:7-9", "the statement stops after `==`, expected a value or `[` or `{`"),
        ("x = f(a b", "E0221", "1:7-10", "a comma is missing here"),
        ("x = 1e999", "E0108", "1:5-10", "the number is too large to be finite"),
        ("x = f(NaN)", "E0108", "1:7-10", "`NaN` is no number: numbers are finite"),
        ("x = " + "9" * 5000, "E0110", "1:5-5005", None),
        ("f(a=1, 2)", "E0206", "1:8-9", None),
        ("x = in + 1", "E0209", "1:5-7", "`in` is a word of the language and cannot be a name"),
        ("a\u202e = f()", "E0121", "1:2-3", None),
        ("a = f()\x07", "E0101", "1:8-9", "a control character (U+0007) stands in the plan"),
        ("a = '\ud800'", "E0105", "1:6-7", None),
        ("# \u202e", "E0121", "1:3-4", None),
        ("a = f()\x85", "E0102", "1:8-9", None),
    ],
)
def test_messages(line: str, code: str, span: str, message: str | None) -> None:
    _, (found,) = parse_plan(line + "\n")
    assert (found.code, str(found.span)) == (code, span)
    if message is not None and not message.startswith("the statement stops"):
        assert found.message == message
    assert found.message.isprintable()


def test_a_text_that_is_cut_off_says_so() -> None:
    for text in ('a = search("x', "a = search(", "a = ", "a = 1 +"):
        assert [found.code for found in parse_plan(text)[1]] == ["E0213"]
        assert [found.code for found in parse_plan(text + "\n")[1]] != ["E0213"]
    assert parse_plan("a = f()\nreturn a")[1] == ()
    assert [found.code for found in parse_plan("a = f(]")[1]] == ["E0203"]


@pytest.mark.slow
def test_depth_is_bounded() -> None:
    def codes(text: str) -> list[str]:
        return [found.code for found in parse_plan(f"x = {text}\n")[1]]

    assert codes("(" * 60 + "1" + ")" * 60) == []
    deep = ["(" * 100_000, "[" * 65 + "]" * 65, "f(" * 65 + ")" * 65, "not " * 70 + "a", "-" * 70 + "1"]
    deep += ["a" + ".b" * 70, " if a else ".join(["a"] * 70), '"' + "(" * 70 + '" + ' + "(" * 70]
    for text in [*deep, "+".join(["a"] * 70)]:
        assert codes(text) == ["E0114"], text[:40]
    assert codes('"' + "(" * 1000 + '"') == []
    assert codes("[" + ", ".join(["[1]"] * 100) + "]") == []


def test_errors_do_not_spread() -> None:
    statements, found = parse_plan('a = f(\nb = g(1))\nc = h()\n1. k("x\nreturn c\n')
    assert [type(statement).__name__ for statement in statements] == ["Define", "ReturnStatement"]
    assert [(diagnostic.code, diagnostic.span.line) for diagnostic in found] == [
        ("E0232", 1),
        ("E0203", 2),
        ("E0103", 4),
    ]


LINES = st.sampled_from([line for case in CASES for line in case.examples] + PLANNER.splitlines())
NOISE = st.sampled_from(
    [*"()[]{}\"'`$#=.,:;<>!&|\\\n\t 1aé“\u200b\x00\ud800", 'f"', "if ", " in ", " when ", "{{", "0x", "1."]
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(LINES)
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(start + 3, len(text))))
        text = text[:start] + draw(NOISE | st.just("")) + text[end:]
    return text


@pytest.mark.slow
@given(mutated() | st.text(max_size=50) | st.lists(NOISE, max_size=20).map("".join))
@example('f"' + "{a" * 40)
@example("x = " + '"\\' * 40)
@example("((((" + "'" * 9)
def test_nothing_raises(text: str) -> None:
    for end in ("", "\n"):
        _, found = parse_plan(text + end)
        assert all(isinstance(diagnostic, Diagnostic) for diagnostic in found)
        for diagnostic in found:
            shown = [diagnostic.message, diagnostic.help or "", *(fix.title for fix in diagnostic.fixes)]
            assert "".join(shown).isprintable()
            assert 1 <= diagnostic.span.column <= diagnostic.span.end_column


@pytest.mark.slow
@given(mutated().filter(lambda line: "\n" not in line))
def test_every_span_lies_in_its_line_and_in_its_parent(line: str) -> None:
    for statement in parse_plan(line)[0]:
        for node in nodes(statement):
            assert 1 <= node.span.column <= node.span.end_column <= len(line) + 1
            assert statement.span.column <= node.span.column
            assert node.span.end_column <= statement.span.end_column


HOSTILE = [
    *('"' * 50_000, "'\"" * 20_000, 'f"{' * 15_000, "\\" * 50_000, '"' + "\\" * 49_999, 'x = f"' + "{{" * 20_000),
    *("a.(" * 15_000, "x = " + "[" * 40_000, "x = 1 " * 8_000, "{" * 40_000, "a = " + "b " * 20_000, "0" * 50_000),
    *("x = a" + " < a" * 10_000, "Step " * 10_000 + "1: f(", " " * 50_000 + "(", "a " * 20_000 + "= 1"),
]


@pytest.mark.slow
def test_hostile_lines_take_linear_work() -> None:
    for text in HOSTILE:
        found: list[object] = []
        work = work_of(lambda text=text, found=found: found.extend(parse_plan(text + "\n")[1]))  # type: ignore[misc]
        assert found
        assert work < 60 * len(text), text[:40]


@pytest.mark.slow
@pytest.mark.parametrize("spoiled", ["unwritable", "garbage", "fresh"])
def test_the_parser_is_made_whatever_the_cache_is(tmp_path: Path, spoiled: str) -> None:
    script = "from llmcc.frontend.parse import parse_plan; print(len(parse_plan('a = f()')[0]))"
    cache = tmp_path / "cache"
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    if spoiled == "unwritable":
        cache.write_text("a file where the folder should be")

    def run() -> str:
        return subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
        ).stdout

    assert run() == "1\n"
    files = list(cache.glob("llmcc/*")) if cache.is_dir() else []
    assert len(files) == (spoiled != "unwritable")
    if spoiled == "garbage":
        files[0].write_bytes(b"not a parser")
    assert run() == "1\n"
