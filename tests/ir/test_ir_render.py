"""Diagnostics as text: the place is marked exactly, and nothing that is hidden reaches the terminal."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir.diagnostics import Diagnostic, Edit, Fix
from llmcc.ir.escape import visible
from llmcc.ir.render import MAX_SHOWN, columns, excerpt, render, render_json
from llmcc.ir.span import Span

PLACE = Span(1, 4, 1, 9)


def test_everything_that_a_diagnostic_can_have_is_shown() -> None:
    found = [
        Diagnostic(
            "E0301",
            Span(10, 4, 10, 9),
            "no tool is called `serch`",
            ("the toolbox has 4 tools", "`search` takes a text"),
            "is `search` meant?",
            (Fix("call `search`", (Edit(Span(10, 4, 10, 9), "search"),)), Fix("remove the line", ())),
        ),
        Diagnostic("W0501", Span(11, 1, 11, 2), "odd"),
        Diagnostic("E0201", Span(11, 1, 11, 1), "odd"),
    ]
    text = "\n" * 9 + '1. serch("x")\nab'
    assert render(found, text, name="a\u202eb.plan") == (
        "error[E0301]: no tool is called `serch`\n"
        "  --> a\\u{202e}b.plan:10:4\n"
        "   |\n"
        '10 | 1. serch("x")\n'
        "   |    ^^^^^\n"
        "   = note: the toolbox has 4 tools\n"
        "   = note: `search` takes a text\n"
        "   = help: is `search` meant?\n"
        "   = fix: call `search`: `search`\n"
        "   = fix: remove the line\n"
        "\n"
        "warning[W0501]: odd\n"
        "  --> a\\u{202e}b.plan:11:1\n"
        "   |\n"
        "11 | ab\n"
        "   | ^\n"
        "\n"
        "error[E0201]: odd\n"
        "  --> a\\u{202e}b.plan:11:1\n"
        "   |\n"
        "11 | ab\n"
        "   | ^\n"
        "\n"
        "2 errors, 1 warning"
    )


def test_nothing_is_said_about_a_good_plan() -> None:
    assert render([], "return 1") == ""


@pytest.mark.parametrize(
    ("line", "span", "shown"),
    [
        ("abc", Span(1, 2, 1, 3), ("abc", 1, 1)),
        ("abc", Span(1, 4, 1, 4), ("abc", 3, 1)),
        ("abc", Span(1, 9, 1, 12), ("abc", 3, 1)),
        ("abc", Span(1, 2, 2, 1), ("abc", 1, 2)),
        ("\tx", Span(1, 2, 1, 3), ("    x", 4, 1)),
        ("高さ = 1", Span(1, 2, 1, 3), ("高さ = 1", 2, 2)),
        ("e\u0301x", Span(1, 3, 1, 4), ("e\u0301x", 1, 1)),
        ("a\u202eb", Span(1, 2, 1, 3), ("a\\u{202e}b", 1, 8)),
        ("x" * 100 + "!", Span(1, 1, 1, 2), ("x" * 100 + "…", 0, 1)),
        ("x" * 500 + "!" + "y" * 500, Span(1, 501, 1, 502), ("…" + "x" * 40 + "!" + "y" * 59 + "…", 41, 1)),
        ("x" * 500 + "!", Span(1, 501, 1, 502), ("…" + "x" * 40 + "!", 41, 1)),
        ("x" * 500, Span(1, 101, 1, 501), ("…" + "x" * 100 + "…", 41, 60)),
    ],
)
def test_the_carets_stand_under_the_place(line: str, span: Span, shown: tuple[str, int, int]) -> None:
    assert excerpt(line, span) == shown


@given(st.text(max_size=300), st.integers(1, 300), st.integers(0, 300))
def test_the_carets_stay_within_what_is_shown(line: str, column: int, length: int) -> None:
    shown, before, width = excerpt(line, Span(1, column, 1, column + length))
    assert width >= 1 and before + width <= columns(shown) + 1
    if len(line) <= MAX_SHOWN:
        assert shown == visible(line.replace("\t", "    "))


@given(st.text(), st.text(), st.integers(1, 5), st.integers(1, 50))
def test_nothing_hidden_is_shown(text: str, message: str, line: int, column: int) -> None:
    found = Diagnostic("E0201", Span(line, column, line, column + 1), message, (message,), message)
    assert all(row.isprintable() for row in render([found], text, name=message).split("\n"))
    assert render_json([found]).isascii()


def test_color_changes_nothing_but_the_color() -> None:
    found = [Diagnostic("W0501", PLACE, "odd", ("a note",), "help")]
    colored = render(found, '1. serch("x")', color=True)
    assert colored != render(found, '1. serch("x")')
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render(found, '1. serch("x")')


def test_json_holds_what_the_diagnostics_hold() -> None:
    found = [Diagnostic("E0301", PLACE, "no such tool \x7f", fixes=(Fix("call it", (Edit(PLACE, "search"),)),))]
    assert json.loads(render_json(found)) == [d.to_json() for d in found]


def test_a_line_of_a_megabyte_is_cut_at_once() -> None:
    shown, _, _ = excerpt("\u202e" * 1_000_000, Span(1, 500_000, 1, 900_000))
    assert len(shown) < 10 * MAX_SHOWN
