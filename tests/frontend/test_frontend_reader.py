"""The statement reader: lines come out whole, the same for any chunking; text around a plan is cut off and told."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.frontend.limits import SourceLimits
from llmcc.frontend.parse import parse_line, parse_plan
from llmcc.frontend.reader import Line, StatementReader
from llmcc.testing.work import growth, work_of

PIECES = st.sampled_from(
    [
        'a = search("x")',
        "join(a)",
        "```plan",
        "```",
        "Sure! Here is the plan:",
        "Thought: hm",
        "# c",
        "",
        "1. f(",
        "\ufeff",
        "é😀",
    ]
)
TEXTS = st.lists(st.tuples(PIECES, st.sampled_from(["\n", "\r\n", "\r", " ", ""]))).map(
    lambda parts: "".join(piece + end for piece, end in parts)
) | st.text(alphabet=st.sampled_from('ab1.=()"\\\r\n `#{}$'), max_size=60)


def read(chunks: list[str], limits: SourceLimits | None = None) -> list[Line]:
    reader = StatementReader(limits or SourceLimits())
    lines = [line for chunk in chunks for line in reader.feed(chunk)]
    return lines + reader.close()


def codes(text: str) -> list[str]:
    return [found.code for found in parse_plan(text)[1]]


def cut(text: str, places: list[int]) -> list[str]:
    ends = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return [text[start:end] for start, end in itertools.pairwise(ends)]


@pytest.mark.slow
@given(TEXTS, st.lists(st.integers(0, 200)), st.integers(1, 40), st.integers(1, 12))
def test_any_chunking_gives_the_same_lines(text: str, places: list[int], plan: int, line: int) -> None:
    for limits in (SourceLimits(), SourceLimits(plan=plan, line=line, statements=3)):
        whole = read([text], limits)
        assert read(cut(text, places), limits) == whole
        assert read(list(text), limits) == whole


@pytest.mark.slow
@given(TEXTS, st.lists(st.integers(0, 200)))
def test_any_chunking_gives_the_same_statements(text: str, places: list[int]) -> None:
    parsed = [parse_line(line) for line in read(cut(text, places))]
    statements, diagnostics = parse_plan(text)
    assert tuple(statement for statement, _ in parsed if statement is not None) == statements
    assert tuple(found for _, all_found in parsed for found in all_found) == diagnostics


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_ends_a_line(end: str) -> None:
    lines = read([f"a = f(){end}{end}b = g(){end}"])
    assert [(line.number, line.text, line.ended) for line in lines] == [
        (1, "a = f()", True),
        (2, "", True),
        (3, "b = g()", True),
    ]


def test_a_line_comes_out_as_soon_as_it_ends() -> None:
    reader = StatementReader()
    assert reader.feed("a = f()") == []
    assert [line.text for line in reader.feed("\r")] == ["a = f()"]
    assert reader.feed("\nb") == []
    assert [(line.number, line.text, line.ended) for line in reader.close()] == [(2, "b", False)]
    assert reader.close() == []
    with pytest.raises(ValueError, match="closed"):
        reader.feed("c")


def test_a_byte_order_mark_is_dropped_at_the_start_only() -> None:
    assert codes("\ufeffa = f()\n") == []
    assert codes("a = f()\n\ufeffb = g()\n") == ["E0102"]


def test_a_chat_answer_is_cut_down_to_its_plan() -> None:
    text = 'Sure! Here is the plan:\n\n```plan\n1. f("x")\n2. join($1)\n```\nIt has two steps:\n1. the first\n'
    lines = read([text])
    assert [line.text for line in lines if not line.outside and line.text] == ['1. f("x")', "2. join($1)"]
    assert codes(text) == ["W0101", "W0102", "W0103"]


def test_prose_is_told_once() -> None:
    assert codes("Well.\nLet me think.\na = f()\nThat is all.\nReally.\n") == ["W0101", "W0103"]


def test_only_prose_is_an_error() -> None:
    assert codes("I cannot help with that.") == ["W0101", "E0120"]
    assert codes("```\n```\n") == ["W0102", "E0120"]
    assert codes("") == codes("\n\n") == codes("# only a comment\n") == []


def test_a_plan_that_goes_on_after_text_is_never_half_run() -> None:
    assert codes("a = f()\nNow the second step\nb = g()\nAnd the third\nc = g()\n") == ["W0103", "E0230", "E0230"]
    assert codes("a = f()\n```\nb = g()\n```\n") == ["W0102", "E0230"]


@pytest.mark.parametrize(
    "line",
    ['1. search("x"', 'serch "x"', "a = ", "search (", 'a: = f("x")', 'Step 1: f("x")', '- f("x")', "return", "join",
     "１. f(x)", '\u200bf("x")', "x[0] = 1", "a, b = f()", '{"name": "f"}', ")", "import os", '`a b`("x"',
     '$1 = f("x")', '@f("x")',
     "1) f(x)", "Here is x = 3: f(x) = 2"[12:], 'let x = f("a")', 'search(“x”)', "x.y = 3", "\x00a = f("],
)  # fmt: skip
def test_a_malformed_statement_is_not_taken_for_prose(line: str) -> None:
    found = codes(line + "\n")
    assert len(found) == 1
    assert found[0].startswith("E")


@pytest.mark.parametrize(
    "line",
    ["Sure! Here is the plan:", "Of course.", "It's simple.", "Here (as asked) is the plan", "✅ Done", "**Plan**",
     "Step one", "I will search for K2", "Let me think: is it so?", "---", "</s>", "Note that x is y",
     "for each mountain, look it up"],
)  # fmt: skip
def test_prose_is_taken_for_prose(line: str) -> None:
    assert codes(f"{line}\na = f()\n") == ["W0101"]


def test_limits_are_diagnostics() -> None:
    few = SourceLimits(plan=40, statements=2, line=12)
    assert [d.code for d in parse_plan("a=f()\nb=f()\nc=f()\nd=f()\n", limits=few)[1]] == ["E0112"]
    assert [d.code for d in parse_plan("a=f()\n" + "# aaaaaaaaaaaaaaaa\nb=f()\n", limits=few)[1]] == ["E0113"]
    assert [d.code for d in parse_plan("a=f()\n" * 2 + "\n" * 50, limits=few)[1]] == ["E0111"]
    statements, _ = parse_plan("a=f()\nb=f()\n" + " " * 11 + "\n" + "c=f()\n", limits=SourceLimits(plan=26))
    assert len(statements) == 3


def test_a_long_line_in_small_chunks_takes_linear_work() -> None:
    def read(size: int) -> None:
        reader = StatementReader()
        for _ in range(size):
            reader.feed("xxxx")
        reader.close()

    assert growth(lambda size: work_of(lambda: read(size)), 500) < 1.05
