"""The canonical text: it means the same, and formatting it again changes nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.frontend.format import format_expression, format_plan
from llmcc.frontend.parse import parse_plan
from llmcc.frontend.syntax import (
    Argument,
    Attribute,
    BinaryOperation,
    CallExpression,
    Conditional,
    Define,
    DictLiteral,
    FString,
    JoinStatement,
    ListComprehension,
    ListLiteral,
    Literal,
    Reference,
    Remark,
    ReturnStatement,
    SliceOf,
    Subscript,
    UnaryOp,
)
from llmcc.grammar import KEYWORDS
from llmcc.ir.span import Span

HERE = Span(1, 1, 1, 1)
WORDS = st.from_regex(r"[a-z_][a-zA-Z0-9_]{0,4}", fullmatch=True)
NAMES = WORDS.filter(lambda word: word not in KEYWORDS)
TEXTS = st.text(max_size=8)
INDEXES = st.integers(0, 99).map(lambda number: Literal(HERE, number))
INDEXES_SIGNED = INDEXES | INDEXES.map(lambda literal: UnaryOp(HERE, "-", literal))
REFERENCES = (NAMES | st.integers(0, 99).map(str)).map(lambda name: Reference(HERE, name))
STRINGS = TEXTS.map(lambda text: Literal(HERE, text))
SCALARS = st.none() | st.booleans() | st.integers(0) | st.floats(0, allow_nan=False, allow_infinity=False)
LITERALS = STRINGS | SCALARS.map(lambda value: Literal(HERE, value))
OPERATORS = st.sampled_from(["not in", *"and or == != < <= > >= in + - * / // %".split()])


def paths(base: st.SearchStrategy[Any], index: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    bounds = st.none() | index
    return (
        st.builds(Attribute, st.just(HERE), base, WORDS | st.sampled_from(sorted(KEYWORDS)))
        | st.builds(Subscript, st.just(HERE), base, index)
        | st.builds(SliceOf, st.just(HERE), base, bounds, bounds)
    )


HOLE_STEPS = INDEXES_SIGNED | STRINGS


def in_hole(node: Any) -> bool:
    slices = isinstance(node, SliceOf) and any(isinstance(getattr(b, "value", 0), str) for b in (node.start, node.stop))
    return isinstance(node, Reference) or (not slices and in_hole(node.base))


HOLES = st.recursive(REFERENCES, lambda base: paths(base, HOLE_STEPS), max_leaves=3).filter(in_hole)


@st.composite
def f_strings(draw: st.DrawFn) -> FString:
    parts: list[Any] = []
    for part in draw(st.lists(HOLES | TEXTS.filter(bool), max_size=4)):
        if isinstance(part, str) and parts and isinstance(parts[-1], Literal):
            continue
        parts.append(Literal(HERE, part) if isinstance(part, str) else part)
    return FString(HERE, tuple(parts))


@st.composite
def arguments(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> tuple[Argument, ...]:
    positional = [Argument(HERE, None, value) for value in draw(st.lists(inner, max_size=2))]
    words = draw(st.lists(WORDS | st.sampled_from(sorted(KEYWORDS)), max_size=2))
    return (*positional, *(Argument(HERE, word, draw(inner)) for word in words))


@st.composite
def calls(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> CallExpression:
    given_arguments = draw(arguments(inner))
    if draw(st.booleans()):
        tool = draw(
            st.text(
                st.characters(codec="ascii", exclude_characters="`", min_codepoint=32, max_codepoint=126), min_size=1
            )
        )
        return CallExpression(HERE, tool, HERE, given_arguments, True)
    return CallExpression(HERE, ".".join([draw(NAMES), *draw(st.lists(WORDS, max_size=2))]), HERE, given_arguments)


def comprehensions(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[ListComprehension]:
    return st.builds(ListComprehension, st.just(HERE), inner, NAMES, st.just(HERE), inner, st.none() | inner)


def larger(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    here = st.just(HERE)
    few = st.lists(inner, max_size=3).map(tuple)
    return (
        st.builds(ListLiteral, here, few)
        | st.builds(DictLiteral, here, st.lists(st.tuples(STRINGS, inner), max_size=2).map(tuple))
        | st.builds(UnaryOp, here, st.sampled_from(["not", "-"]), inner)
        | st.builds(BinaryOperation, here, OPERATORS, inner, inner)
        | st.builds(Conditional, here, inner, inner, inner)
        | calls(inner)
        | comprehensions(inner)
        | paths(inner, inner)
    )


EXPRESSIONS = st.recursive(LITERALS | REFERENCES | f_strings(), larger, max_leaves=10)
COMMENTS = st.none() | st.from_regex(r"([a-z#é](.{0,5}[a-z#é])?)?", fullmatch=True).filter(str.isprintable)
AFTER = st.lists(REFERENCES, max_size=2).map(tuple)
CLAUSES = (st.none() | EXPRESSIONS, AFTER, st.none() | EXPRESSIONS, COMMENTS)
ACTIONS = calls(EXPRESSIONS) | comprehensions(EXPRESSIONS)
NUMBERS = st.integers(0, 999).map(str)
STATEMENTS = (
    st.builds(Define, st.just(HERE), NAMES, EXPRESSIONS, *CLAUSES)
    | st.builds(Define, st.just(HERE), NUMBERS, ACTIONS, *CLAUSES)
    | st.builds(Define, st.just(HERE), st.none(), ACTIONS, *CLAUSES)
    | st.builds(JoinStatement, st.just(HERE), st.none() | NUMBERS, arguments(EXPRESSIONS), COMMENTS)
    | st.builds(ReturnStatement, st.just(HERE), EXPRESSIONS, COMMENTS)
    | st.sampled_from(["Thought: so", "# why", "", "<END_OF_PLAN>"]).map(lambda text: Remark(HERE, text))
)


def bare(node: Any) -> Any:
    """The same tree with every span the same."""
    if isinstance(node, Span):
        return HERE
    if isinstance(node, tuple):
        return tuple(bare(part) for part in node)
    if isinstance(node, msgspec.Struct):
        return type(node)(*(bare(getattr(node, name)) for name in node.__struct_fields__))
    # Told apart by type: 1, 1.0 and True are equal.
    return (type(node).__name__, repr(node))


@pytest.mark.slow
@given(st.lists(STATEMENTS, max_size=3))
def test_the_text_reads_back_as_the_same_statements(statements: list[Any]) -> None:
    text = format_plan(statements)
    parsed, found = parse_plan(text)
    assert found == ()
    assert bare(parsed) == bare(tuple(statements))
    assert format_plan(parsed) == text


@pytest.mark.parametrize(
    ("messy", "tidy"),
    [
        ("x=(f( 'a' ,n=- 1))  #why", 'x = f("a", n=-1)  # why'),
        (" 1 . `a b` ( )when(a)after b,$2 catch None", "1. `a b`() when a after b, $2 catch null"),
        ("x = ((a + b)) + (c - d) * 2 - (-3)", "x = a + b + (c - d) * 2 - -3"),
        (
            "x = (not a) and (b or (c == d)) if (e) else (f if g else h)",
            "x = not a and (b or c == d) if e else f if g else h",
        ),
        ("x = ${y} . z [ 0 ][ : 2 ]", "x = y.z[0][:2]"),
        ("x = '\"\\u200b\\x07\té'", 'x = "\\"\\u200b\\x07\\té"'),
        ("x = f'{ a } \" {{'", 'x = f"{a} \\" {{"'),
        ("3. join ( ) <END_OF_PLAN>   #", "3. join()  #"),
        ("  Thought: a  ", "Thought: a"),
        ("x = [a,b,]", "x = [a, b]"),
        ("x = 1E5 + True", "x = 100000.0 + true"),
    ],
)
def test_canonical_form(messy: str, tidy: str) -> None:
    statements, found = parse_plan(messy)
    assert found == ()
    assert format_plan(statements) == tidy + "\n"


def test_an_expression_alone() -> None:
    (statement,), _ = parse_plan("x = [f(c)for c in xs if c]")
    assert isinstance(statement, Define)
    assert format_expression(statement.value) == "[f(c) for c in xs if c]"
