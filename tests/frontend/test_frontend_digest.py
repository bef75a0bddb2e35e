"""The digest of a plan is about what it means; layout, comments and quotes are not part of that."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.frontend.format import format_plan
from llmcc.frontend.front import compile_front
from llmcc.frontend.parse import parse_plan
from llmcc.frontend.tokens import tokens_of
from llmcc.ir.digest import digest, without_places
from llmcc.ir.effects import PURE, READ
from llmcc.ir.ops import Module
from llmcc.ir.signature import Signature
from llmcc.testing.plan_texts import plans, toolboxes

PLAN = '1. f("a", [1, 2])\nx = [g(c) for c in $1]\njoin(x)'
SPACES = st.sampled_from(["", " ", "\t", "   "])


def module(text: str, tools: dict[str, Signature] | None = None) -> Module:
    result = compile_front(text, tools)
    assert result.module is not None, result.diagnostics
    return result.module


@st.composite
def laid_out(draw: st.DrawFn, text: str) -> str:
    """The plan with other spaces, comments and line ends; where two words meet, a space stays."""
    lines: list[str] = []
    for line in text.split("\n"):
        if draw(st.booleans()):
            lines.append(draw(st.sampled_from(["", "# a remark", "  ", "Thought: so"])))
        if not line or line.startswith(("#", "Thought:")):
            lines.append(line)
            continue
        written = draw(SPACES)
        for piece in tokens_of(line):
            parted = bool(re.match(r"[\w$.\"'`]", piece.text)) and bool(re.search(r"[\w.]$", written))
            written += (" " if parted and line[piece.start - 1] == " " else "") + piece.text
            written += draw(SPACES) if piece.text in ("(", ")", "[", "]", "{", "}", ",", "==", "+") else ""
        lines.append(written + draw(SPACES) + draw(st.sampled_from(["", "# why", " #"])))
    return draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines)


@pytest.mark.slow
@given(st.data())
def test_layout_and_comments_do_not_count(data: st.DataObject) -> None:
    tools = data.draw(toolboxes())
    text = data.draw(plans(tools))
    other = data.draw(laid_out(text))
    assert digest(module(other, tools)) == digest(module(text, tools))


@pytest.mark.slow
@given(st.data())
def test_the_canonical_form_keeps_meaning_and_comments(data: st.DataObject) -> None:
    tools = data.draw(toolboxes())
    text = data.draw(laid_out(data.draw(plans(tools))))
    statements, _ = parse_plan(text)
    canonical = format_plan(statements)
    assert without_places(module(canonical, tools)) == without_places(module(text, tools))
    again, _ = parse_plan(canonical)
    assert format_plan(again) == canonical
    assert [getattr(one, "comment", one) for one in statements if hasattr(one, "comment")] == [
        getattr(one, "comment", one) for one in again if hasattr(one, "comment")
    ]
    assert canonical.count("# a remark") == text.count("# a remark")
    assert canonical.count("Thought: so") == text.count("Thought: so")


@pytest.mark.parametrize(
    "same",
    [
        "1. f('a', [1, 2])\nx = [g(c) for c in $1]\njoin(x)",
        '# first\n1 . f( "\\u0061" , [1,2,] ) # why\r\n\r\nx=[g(c)for c in ${1}]\r\njoin(x)<END_OF_PLAN>\r\n',
        'Thought: so\nf("a", ([1, (2)]))\nx = [g(c) for c in $1]\njoin(x)',
    ],
)
def test_the_same_plan_in_other_words(same: str) -> None:
    assert digest(module(same)) == digest(module(PLAN))


@pytest.mark.parametrize(
    "other",
    [
        PLAN.replace('"a"', '"b"'),
        PLAN.replace("[1, 2]", "[2, 1]"),
        PLAN.replace("[1, 2]", "[1.0, 2]"),
        PLAN.replace("x", "y"),
        PLAN.replace("join(x)", "join()"),
        PLAN.replace("join(x)", "return x"),
        PLAN.replace("g(c)", "g(c) + 0"),
        PLAN.replace("join", "y = f()\njoin"),
    ],
)
def test_another_plan_has_another_digest(other: str) -> None:
    assert digest(module(other)) != digest(module(PLAN))


def test_what_is_known_of_the_tools_counts() -> None:
    pure, read = (module("return f()", {"f": Signature(name="f", effect=effect)}) for effect in (PURE, READ))
    assert digest(pure) != digest(read)


def test_it_names_its_version() -> None:
    assert re.fullmatch(r"plan1:[0-9a-f]{64}", digest(module(PLAN)))
