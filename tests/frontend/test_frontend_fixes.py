"""Fixes: each removes what it is about, touches nothing else, and applying them all again changes nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from llmcc.frontend.fixes import apply_edits, choose_fixes, fix_plan, fix_text
from llmcc.frontend.front import compile_front
from llmcc.frontend.mistake_cases import CASES
from llmcc.ir.diagnostics import Diagnostic, Edit, Fix, has_errors
from llmcc.ir.effects import READ
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.span import Span
from llmcc.ir.types import INT, STR
from llmcc.testing.plan_texts import plans, toolboxes
from llmcc.testing.work import growth, work_of

SEARCH = Signature(
    name="search",
    parameters=(Parameter("query", STR), Parameter("limit", INT, required=False)),
    returns=STR,
    effect=READ,
)
TOOLS = {"search": SEARCH}
EXAMPLES = sorted({example for case in CASES for example in case.examples})
#: What hides what: characters a line's form, its form the names, an unknown tool its parameters, and names the types.
STAGES = (("E0101", "E0102", "E0121"), ("E01", "E02"), ("E0301",), ("E03",), ("E04", "E05", "E08"))


def check(text: str) -> tuple[Diagnostic, ...]:
    return compile_front(text, TOOLS).diagnostics


def stage(found: Diagnostic) -> int:
    return next(place for place, prefixes in enumerate(STAGES) if found.code.startswith(prefixes))


def errors_in(found: tuple[Diagnostic, ...], line: int) -> list[Diagnostic]:
    return [d for d in found if d.span.line == line and d.severity == "error"]


def assert_each_fix_mends(text: str, tools: dict[str, Signature]) -> int:
    """Applies each fix alone; what then is wrong with its line was so before, or was hidden behind what was mended."""
    found = compile_front(text, tools).diagnostics
    fixed = [d for d in found if d.severity == "error" and len(d.fixes) == 1]
    for diagnostic in fixed:
        mended = apply_edits(text, diagnostic.fixes[0].edits)
        rest = compile_front(mended, tools).diagnostics
        before = [(d.code, d.message) for d in errors_in(found, diagnostic.span.line)]
        new = [d for d in errors_in(rest, diagnostic.span.line) if (d.code, d.message) not in before]
        assert all(stage(d) > stage(diagnostic) for d in new), (text, mended, new)
        assert (diagnostic.code, diagnostic.span) not in [(d.code, d.span) for d in rest]
    return len(fixed)


@pytest.mark.parametrize("example", EXAMPLES)
def test_fixes_of_malformed_lines_make_statements_of_them(example: str) -> None:
    text = f'x = search("x")\n{example}\n'
    assert_each_fix_mends(text, TOOLS)
    fixed = fix_plan(text, TOOLS)
    assert fix_plan(fixed.text, TOOLS).text == fixed.text
    [*lines] = fixed.text.split("\n")
    assert lines[0] == 'x = search("x")' and lines[-1] == ""


BREAKS = (
    lambda line, draw: re.sub(r"[)\]]$", "", line),
    lambda line, draw: line.replace("(", "", 1),
    lambda line, draw: line.replace('"', "“", 1).replace('"', "”", 1),
    lambda line, draw: re.sub(r"^(\d+)\.", r"\1)", line),
    lambda line, draw: line.replace(" = ", " := ", 1),
    lambda line, draw: re.sub(
        r"\b(search|lookup|convert|weather|query|place|limit)\b", lambda m: m[0][:-1], line, count=1
    ),
    lambda line, draw: line + " " + line,
    lambda line, draw: "- " + line,
    lambda line, draw: line.replace(", ", " ", 1),
    lambda line, draw: line[: len(line) // 2] + "\u200b" + line[len(line) // 2 :],
    lambda line, draw: line.replace("e", "\u0435", 1),
    lambda line, draw: line.replace("(", "\uff08", 1),
    lambda line, draw: line + ";",
)


@pytest.mark.slow
@given(st.data())
def test_a_fix_mends_what_it_is_about_and_nothing_else(data: st.DataObject) -> None:
    tools = data.draw(toolboxes())
    lines = data.draw(plans(tools)).split("\n")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        lines[at] = data.draw(st.sampled_from(BREAKS))(lines[at], data.draw)
    text = data.draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines)
    assume(has_errors(compile_front(text, tools).diagnostics))
    assert_each_fix_mends(text, tools)
    fixed = fix_plan(text, tools)
    assert fix_plan(fixed.text, tools).text == fixed.text
    before = compile_front(text, tools).diagnostics
    assert (fixed.text == text) == (choose_fixes(before) == [])


SPANS = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(sorted)


@pytest.mark.slow
@given(
    st.lists(st.sampled_from(["a", "é", "\u200b", "\n", "\r\n", "\r", "😀"]), max_size=40), st.lists(SPANS, max_size=5)
)
def test_what_no_edit_touches_stays(parts: list[str], places: list[list[int]]) -> None:
    text = "".join(parts)
    offsets = [sum(map(len, parts[:i])) for i in range(len(parts) + 1)]
    spots: list[tuple[int, int]] = []
    line, start = 1, 0
    for part, offset in zip([*parts, ""], offsets, strict=True):
        # `\r` and `\n` that were drawn one after the other are one end of a line.
        if part == "\n" and text[offset - 1 : offset] == "\r":
            start = offset + 1
            spots.append((line, 1))
            continue
        spots.append((line, offset - start + 1))
        if part in ("\n", "\r\n", "\r"):
            line, start = line + 1, offset + len(part)
    edits, expected, done = [], "", 0
    for first, last in sorted(places):
        first, last = min(first, len(parts)), min(last, len(parts))
        if (
            offsets[first] < done
            or (done and offsets[first] == done)
            or text[offsets[first] - 1 : offsets[first] + 1] == "\r\n"
        ):
            continue
        if text[offsets[last] - 1 : offsets[last] + 1] == "\r\n":
            continue
        edits.append(Edit(Span(*spots[first], *spots[last]), "<new>"))
        expected += text[done : offsets[first]] + "<new>"
        done = offsets[last]
    assert apply_edits(text, edits) == expected + text[done:]


@pytest.mark.parametrize(
    ("text", "mended", "fixed", "left"),
    [
        ('1) serch("x")\n2. serch("y"\njoin($1)', '1. search("x")\n2. search("y")\njoin($1)', 4, []),
        ('a = search(“x”)\r\njoin(a)', 'a = search("x")\r\njoin(a)', 1, []),
        ('\ufeff1) search("é")\r\njoin($1)\r\n', '\ufeff1. search("é")\r\njoin($1)\r\n', 1, []),
        ('search("x") search("y")\r\njoin()', 'search("x")\r\nsearch("y")\r\njoin()', 1, []),
        ('a\u200b = \u200bsearch("\u200b")\njoin(a)', 'a = search("\u200b")\njoin(a)', 1, []),
        ('a = search("x")\njoin(a)\nb = search("y")', 'a = search("x")\njoin(a)\nb = search("y")', 0, ["E0290"]),
        ('search("x")\nb = search("$1")\njoin(b)', 'search("x")\nb = search("$1")\njoin(b)', 0, ["W0401"]),
        ("join()", "join()", 0, []),
        ("", "", 0, ["W0290"]),
    ],
)  # fmt: skip
def test_what_is_fixed_and_what_is_left(text: str, mended: str, fixed: int, left: list[str]) -> None:
    done = fix_plan(text, TOOLS)
    assert (done.text, done.fixed) == (mended, fixed)
    assert [d.code for d in done.diagnostics] == left


def test_a_choice_is_left_to_the_reader() -> None:
    tools = {name: Signature(name=name, effect=READ) for name in ("send_a", "send_b")}
    done = fix_plan("a = send_x()\njoin(a)", tools)
    assert done.fixed == 0 and "`send_a` or `send_b`" in (done.diagnostics[0].help or "")
    here = Span(1, 1, 1, 2)
    two = Diagnostic("E0301", here, "which", fixes=(Fix("a", (Edit(here, "a"),)), Fix("b", (Edit(here, "b"),))))
    assert choose_fixes([two]) == []


def test_fixes_that_touch_take_turns() -> None:
    def at(start: int, end: int, text: str) -> Diagnostic:
        place = Span(1, start, 1, end)
        return Diagnostic("E0101", place, "bad", fixes=(Fix("mend it", (Edit(place, text),)),))

    overlapping = [at(1, 3, "x"), at(2, 4, "y"), at(3, 3, "z"), at(5, 6, "w")]
    assert choose_fixes(overlapping) == [overlapping[0].fixes[0], overlapping[3].fixes[0]]


def test_fixes_that_undo_each_other_end() -> None:
    place = Span(1, 1, 1, 2)

    def restless(text: str) -> tuple[Diagnostic, ...]:
        return (Diagnostic("E0101", place, "no", fixes=(Fix("turn", (Edit(place, "ab"["ba".index(text)]),)),)),)

    assert fix_text("a", lambda text: restless(text)).text in ("a", "b")


@pytest.mark.slow
def test_fixing_many_lines_takes_linear_work() -> None:
    def work(count: int) -> int:
        return work_of(lambda: fix_plan("\n".join(f'{i}) search("x"' for i in range(1, count)), TOOLS))

    work(4)  # the parser is made once
    assert growth(work, 20) < 1.1
