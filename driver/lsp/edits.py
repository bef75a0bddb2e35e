"""Changes that an editor makes for us: the fixes of diagnostics, and the canonical form."""

from __future__ import annotations

import msgspec

from llmcc.driver.lsp.text import Text
from llmcc.frontend.format import format_plan
from llmcc.frontend.parse import parse_plan
from llmcc.ir.diagnostics import Diagnostic, Fix, has_errors

Place = tuple[int, int]


class Change(msgspec.Struct, frozen=True):
    """Put `new` between two of the editor's places."""

    start: Place
    end: Place
    new: str


class Action(msgspec.Struct, frozen=True):
    """A fix of a diagnostic; `sure` if it is the only one."""

    title: str
    diagnostic: Diagnostic
    changes: tuple[Change, ...]
    sure: bool


def actions(text: Text, diagnostics: tuple[Diagnostic, ...], start: Place, end: Place) -> list[Action]:
    """The fixes of the diagnostics that touch what lies between two of the editor's places."""
    found = []
    for diagnostic in diagnostics:
        first, last = places(text, diagnostic)
        if first <= end and start <= last:
            sure = len(diagnostic.fixes) == 1
            found += [Action(_title(fix), diagnostic, _changes(text, fix), sure) for fix in diagnostic.fixes]
    return found


def places(text: Text, diagnostic: Diagnostic) -> tuple[Place, Place]:
    """Where a diagnostic begins and ends, as the editor counts."""
    span = diagnostic.span
    return text.position(span.line, span.column), text.position(span.end_line, span.end_column)


def _title(fix: Fix) -> str:
    """What the fix does, with what it writes where that is a word."""
    new = fix.edits[0].replacement if len(fix.edits) == 1 else ""
    return f"{fix.title}: `{new}`" if new.strip() and len(new) <= 60 and new not in fix.title else fix.title


def _changes(text: Text, fix: Fix) -> tuple[Change, ...]:
    return tuple(
        Change(
            text.position(edit.span.line, edit.span.column),
            text.position(edit.span.end_line, edit.span.end_column),
            edit.replacement,
        )
        for edit in fix.edits
    )


def formatting(text: Text, dialect: str = "native") -> tuple[Change, ...] | None:
    """What brings the plan into its canonical form, in few changes; None if it cannot be read.

    >>> formatting(Text("a=f( )\\nreturn a\\n"))
    (Change(start=(0, 0), end=(0, 6), new='a = f()'),)
    """
    statements, found = parse_plan(text.source, dialect)
    if has_errors(found):
        return None
    wanted = format_plan(statements).replace("\n", text.line_end)
    if wanted == text.source:
        return ()
    new = Text(wanted, text.encoding)
    if new.ends != text.ends:
        return (Change((0, 0), text.end, wanted),)
    # A line for a line: the cursor and what it marks elsewhere stay where they are.
    pairs = enumerate(zip(text.lines, new.lines, strict=True), 1)
    return tuple(
        Change(text.position(number, 1), text.position(number, len(old) + 1), line)
        for number, (old, line) in pairs
        if old != line
    )
