"""What is no plan, or only nearly: each kind has a diagnostic of its own, takes little work, and is shown escaped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.frontend.fixes import apply_edits, fix_plan
from llmcc.frontend.front import FrontEnd, FrontResult, compile_front
from llmcc.frontend.limits import SourceLimits
from llmcc.frontend.source import decode_plan
from llmcc.ir.diagnostics import Diagnostic
from llmcc.ir.effects import READ
from llmcc.ir.escape import hidden
from llmcc.ir.render import render, render_json
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import STR
from llmcc.testing.work import work_of

SEARCH = Signature(name="search", parameters=(Parameter("query", STR),), returns=STR, effect=READ)
TOOLS = {"search": SEARCH}


def checked(text: str) -> FrontResult:
    """The result, whose diagnostics can be shown without a character that a terminal would obey."""
    result = compile_front(text, TOOLS)
    shown = render(result.diagnostics, text, name="plan\u202e")
    assert not any(hidden(char) for char in shown if char != "\n")
    assert render_json(result.diagnostics).isascii()
    return result


def one(text: str, code: str, place: str) -> Diagnostic:
    """The only diagnostic of a text, which has to be an error with this code at this place."""
    result = checked(text)
    assert [(d.code, str(d.span)) for d in result.diagnostics] == [(code, place)]
    assert result.module is None
    return result.diagnostics[0]


@pytest.mark.parametrize("opening", ["(", "[", "search(", "-(", '{"a": ', "not ("])
@pytest.mark.parametrize("closed", [True, False])
def test_100_000_nested_brackets(opening: str, closed: bool) -> None:
    compile_front("return 1", TOOLS)  # the parser is made once
    closing = {"(": ")", "[": "]", "{": "}"}[next(char for char in opening if char in "([{")]
    text = f"a = {opening * 100_000}{'1' + closing * 100_000 if closed else ''}\nreturn a"
    found: list[Diagnostic] = []
    assert work_of(lambda: found.extend(compile_front(text, TOOLS).diagnostics)) < 20_000
    assert [d.code for d in found] == ["E0114"]


@pytest.mark.slow
@pytest.mark.parametrize("text", ["not " * 100_000 + "true", "-" * 100_000 + "1", "$1" + ".a" * 100_000])
def test_100_000_levels_without_brackets(text: str) -> None:
    assert {d.code for d in checked(f'search("x")\nb = {text}\nreturn b').diagnostics} == {"E0114"}


def test_bytes_that_are_not_utf_8() -> None:
    text, found = decode_plan(b'a = search("x")\r\nb = search("\xc3\xa9\xff")\n')
    assert found is not None and (found.code, str(found.span)) == ("E0122", "2:14-15")
    assert "\udcff" not in render([found], text)


def test_a_half_of_a_character_at_the_end() -> None:
    _, found = decode_plan('a = search("é'.encode()[:-1])
    assert found is not None and (found.code, str(found.span)) == ("E0122", "1:13-14")


def test_utf_16() -> None:
    _, found = decode_plan('return "x"'.encode("utf-16"))
    assert found is not None and found.code == "E0122"


def test_good_bytes() -> None:
    assert decode_plan('return "é"\r\n'.encode()) == ('return "é"\r\n', None)


def test_nul() -> None:
    assert "U+0000" in one('a = search("x")\x00\nreturn 1', "E0101", "1:16-17").message


def test_nul_in_a_string() -> None:
    one('a = search("x\x00y")\nreturn 1', "E0101", "1:14-15")


def test_an_escape_sequence_of_a_terminal() -> None:
    one('a = search("\x1b[2J")\nreturn 1', "E0101", "1:13-14")


def test_a_byte_order_mark_at_the_start_is_none_of_the_plan() -> None:
    assert checked('\ufeffa = search("x")\nreturn a').diagnostics == ()
    [found] = checked("\ufeffa = serch()\nreturn 1").diagnostics
    assert str(found.span) == "1:5-10"


def test_a_byte_order_mark_inside() -> None:
    assert "U+FEFF" in one('a = search("x")\n\ufeffreturn a', "E0102", "2:1-2").message


def test_a_character_that_turns_the_text() -> None:
    assert "U+202E" in one('a = search(\u202e"x")\nreturn 1', "E0121", "1:12-13").message


def test_a_comment_that_turns_the_text() -> None:
    one('a = search("x") # \u2066\nreturn a', "E0121", "1:19-20")


def test_a_zero_width_character() -> None:
    [fix] = one('a = se\u200bar\u200bch("x")\nreturn 1', "E0102", "1:7-8").fixes
    assert len(fix.edits) == 2


def test_characters_that_cannot_be_seen_are_text_in_strings() -> None:
    assert checked('a = search("x\u200b\u202e\ufeff")\nreturn a').diagnostics == ()


def test_typographic_quotes() -> None:
    one("a = search(“x”)\nreturn 1", "E0106", "1:12-13")


def test_full_width_digits() -> None:
    one('１. search("x")\nreturn 1', "E0107", "1:1-2")
    one("a = 1 + １２\nreturn a", "E0107", "1:9-11")


def test_letters_of_another_alphabet() -> None:
    found = one('a = se\u0430rch("x")\nreturn 1', "E0116", "1:5-11")
    assert found.notes == ("`\u0430` (U+0430, Cyrillic) looks like `a`",)
    assert [edit.replacement for edit in found.fixes[0].edits] == ["search"]


def test_a_line_that_begins_with_another_alphabet_is_no_text_around_the_plan() -> None:
    one('\u0430bc = search("x")\nreturn 1', "E0116", "1:1-4")


def test_a_quoted_tool_in_another_alphabet() -> None:
    found = one('a = `s\u0435arch`("x")\nreturn 1', "E0301", "1:5-13")
    assert found.notes == ("`\u0435` (U+0435, Cyrillic) looks like `e`",)
    assert found.help == "did you mean `search`?"


def test_half_a_surrogate_pair() -> None:
    one('a = search("\ud800")\nreturn 1', "E0105", "1:13-14")
    one('a = search("\\ud800")\nreturn 1', "E0105", "1:13-19")


@pytest.mark.parametrize("word", ["NaN", "Infinity"])
def test_not_a_number(word: str) -> None:
    assert one(f"a = {word}\nreturn a", "E0108", f"1:5-{5 + len(word)}").message.startswith(f"`{word}` is no number")


def test_a_number_that_is_too_large() -> None:
    assert "too large" in one("a = 1e999\nreturn a", "E0108", "1:5-10").message


def test_a_number_of_too_many_digits() -> None:
    one(f"a = {'9' * 5000}\nreturn a", "E0110", "1:5-5005")


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_a_line_end_in_a_string(end: str) -> None:
    found = one(f'a = search("x{end}y")\nb = search(a)\nreturn b', "E0119", "1:12-14")
    [fix] = found.fixes
    assert apply_edits(f'a = search("x{end}y")', fix.edits) == 'a = search("x\\ny")'


def test_a_text_of_several_lines_in_a_string() -> None:
    text = 'a = search("Dear Bob,\n\nhere is the report (of May).\n# Regards\n  Al")  # so\nreturn a\nI hope this helps'
    result = checked(text)
    assert (result.diagnostics[0].code, result.diagnostics[0].span.line) == ("E0119", 1)
    assert {d.severity for d in result.diagnostics[1:]} <= {"warning"}
    fixed = fix_plan(text, TOOLS)
    assert fixed.text.startswith(
        'a = search("Dear Bob,\\n\\nhere is the report (of May).\\n# Regards\\n  Al")  # so\nreturn a\n'
    )


def test_a_string_that_is_not_closed_on_each_of_two_lines() -> None:
    result = checked('a = search("x)\nb = search("y)\nreturn 1')
    assert [(d.code, d.span.line) for d in result.diagnostics] == [("E0103", 1), ("E0103", 2)]


def test_prose() -> None:
    result = checked("I am sorry, but I cannot do that.\nAsk me something else.\n")
    assert [d.code for d in result.diagnostics] == ["E0120", "W0101"]
    assert result.module is None


def test_prose_around_a_plan() -> None:
    result = checked('Sure! Here it is:\n\na = search("x")\nreturn a\n\nI hope it helps.')
    assert [(d.code, d.span.line) for d in result.diagnostics] == [("W0101", 1), ("W0103", 6)]
    assert result.module is not None and len(result.module.ops) == 2


def test_prose_within_a_plan_is_never_half_run() -> None:
    result = checked('a = search("x")\nNow the other one.\nb = search("y")\nreturn a')
    assert [(d.code, d.span.line) for d in result.diagnostics] == [("W0103", 2), ("E0230", 3)]
    assert result.module is None


def test_a_markdown_fence() -> None:
    result = checked('```python\na = search("x")\nreturn a\n```\n')
    assert [(d.code, d.span.line) for d in result.diagnostics] == [("W0102", 1)]
    assert result.module is not None


def test_a_tool_call_as_json() -> None:
    [fix] = one('{"name": "search", "arguments": {"query": "x\u202e"}}\nreturn 1', "E0212", "1:1-49").fixes
    assert fix.edits[0].replacement == 'search(query="x\u202e")'


def test_a_list_of_tool_calls_as_json() -> None:
    call = '{"id": 1, "type": "function", "function": {"name": "search", "arguments": "{\\"query\\": \\"x\\"}"}}'
    [fix] = one(f"[{call}]\nreturn 1", "E0212", f"1:1-{len(call) + 3}").fixes
    assert fix.edits[0].replacement == 'search(query="x")'


@pytest.mark.parametrize("line", ["import os", "for x in xs:", "def f(x):", "if x > 1:", "with open(x) as y:", "else:"])
def test_a_statement_of_python(line: str) -> None:
    word = line.split(" ")[0].rstrip(":")
    one(f"{line}\nreturn 1", "E0211", f"1:1-{len(word) + 1}")


def test_two_calls_on_a_line() -> None:
    one('search("x") search("y")\nreturn 1', "E0204", "1:13-24")
    one('search("x"); search("y")\nreturn 1', "E0204", "1:14-25")


def test_a_text_that_is_cut_off_in_a_string() -> None:
    one('a = search("x")\nb = search("y', "E0213", "2:1-14")


def test_a_text_that_is_cut_off_in_a_call() -> None:
    [fix] = one('a = search("x")\nb = search("y"', "E0213", "2:1-15").fixes
    assert fix.edits[0].replacement == ")"


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (SourceLimits(plan=20), "E0111"),
        (SourceLimits(statements=1), "E0112"),
        (SourceLimits(line=10), "E0113"),
        (SourceLimits(depth=2), "E0114"),
    ],
)
def test_limits(limits: SourceLimits, code: str) -> None:
    text = 'a = search(((("x"))))\nreturn a'
    assert compile_front(text, TOOLS).diagnostics == ()
    assert code in [d.code for d in compile_front(text, TOOLS, limits=limits).diagnostics]


WORST = st.text(st.sampled_from("\"'`$()[]{}\\f#=.,;:\n\r \u202e\u200b\ud800\x00\ufeff“１аé1a"), max_size=40)


@pytest.mark.slow
@given(WORST)
def test_whatever_is_said_is_escaped(text: str) -> None:
    checked(text)
    checked("a = search(" + text)


@pytest.mark.slow
@given(st.binary(max_size=30))
def test_all_bytes_are_text_or_not_utf_8(data: bytes) -> None:
    text, found = decode_plan(data)
    if found is None:
        assert text.encode() == data
    else:
        assert text.encode("utf-8", "surrogateescape") == data
        FrontEnd(TOOLS).feed(text)
