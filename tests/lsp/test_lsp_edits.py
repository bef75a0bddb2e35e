"""Fixes and the canonical form, as changes of the editor's text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.driver.lsp.analysis import Analysis
from llmcc.driver.lsp.edits import Change, actions, formatting
from llmcc.driver.lsp.text import ENCODINGS, Text
from llmcc.frontend.format import format_plan
from llmcc.frontend.parse import parse_plan
from llmcc.ir.signature import Signature
from llmcc.testing.plan_texts import plans, toolboxes


def applied(text: Text, changes: Iterable[Change]) -> str:
    """The text after changes that do not overlap, the last one first, so that no place moves."""
    for change in sorted(changes, key=lambda change: change.start, reverse=True):
        text = text.replace(change.start, change.end, change.new)
    return text.source


@pytest.mark.slow
@given(st.data(), st.sampled_from(ENCODINGS), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
def test_formatting_gives_the_canonical_form(data: st.DataObject, encoding: str, end: str, ended: bool) -> None:
    lines = data.draw(plans(data.draw(toolboxes()))).rstrip("\n").split("\n")
    spaced = [
        data.draw(st.sampled_from(["", " ", "\t"])) + line + data.draw(st.sampled_from(["", "  "])) for line in lines
    ]
    text = Text(end.join(spaced) + end * ended, encoding)
    changes = formatting(text)
    assert changes is not None
    wanted = format_plan(parse_plan(text.source)[0]).replace("\n", text.line_end)
    assert applied(text, changes) == wanted
    assert formatting(Text(wanted, encoding)) == ()


def test_lines_that_are_well_formed_are_not_touched() -> None:
    changes = formatting(Text('a = f("😋")\nb=g( a )  # 😋\n\nreturn b\n'))
    assert changes == (Change((1, 0), (1, 14), "b = g(a)  # 😋"),)


def test_a_plan_that_cannot_be_read_stays() -> None:
    assert formatting(Text("a = f(\n")) is None


FAULTS = ['left = fnd("😋")', 'left = find("😋", ordre="by name")', 'a = find("x"', "a = find('x') && true"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fix_mends_the_line(tools: Mapping[str, Signature], fault: str, encoding: str) -> None:
    text = Text(f'x = find("𝒳")\n\t{fault}\nreturn x\n', encoding)
    [found] = Analysis(text.source, tools).diagnostics
    place = text.position(2, 2)
    offered = [action for action in actions(text, (found,), place, text.position(2, 99))]
    assert offered, found
    mended = applied(text, offered[0].changes)
    assert [d.code for d in Analysis(mended, tools).diagnostics if d.code == found.code] == []
    assert mended.startswith('x = find("𝒳")\n\t')
    assert mended.endswith("\nreturn x\n")


def test_only_what_the_range_touches_is_offered(tools: Mapping[str, Signature]) -> None:
    text = Text("a = fnd(1)\nb = fnd(2)\n")
    found = Analysis(text.source, tools).diagnostics
    titles = [(a.title, a.sure) for a in actions(text, found, (1, 4), (1, 4))]
    assert titles == [("replace it: `find`", True)]
    assert actions(text, found, (1, 0), (1, 2)) == []
