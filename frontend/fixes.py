"""Applies the fix-its of diagnostics to the text they are about; what no edit touches stays as it is, byte by byte.

Only what is beyond choice is applied: a diagnostic with exactly one fix, and only an error's. A warning is about a plan
that compiles, and mending it would change what the plan means; its fix is shown, and left to the reader.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from llmcc.frontend.front import compile_front
from llmcc.frontend.limits import DEFAULT_LIMITS, SourceLimits
from llmcc.ir.diagnostics import Diagnostic, Edit, Fix
from llmcc.ir.signature import Signature

#: A fix can uncover the next mistake of its line, so texts are compiled again; no line needs this many rounds.
MAX_ROUNDS = 20

_END = re.compile(r"\r\n|\r|\n")
_MARK = "\ufeff"


class Fixed(msgspec.Struct, frozen=True):
    """A text after its fixes: how many diagnostics `fixed` counts, and the diagnostics that the text still has."""

    text: str
    fixed: int
    diagnostics: tuple[Diagnostic, ...]


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    r"""`text` with edits made that do not overlap. A line's end within an edit becomes the one that the text uses.

    >>> from llmcc.ir.span import Span
    >>> apply_edits("a = f(b\r\n", [Edit(Span(1, 8, 1, 8), ")"), Edit(Span(1, 1, 1, 2), "x")])
    'x = f(b)\r\n'
    """
    starts = _line_starts(text)
    newline = _END.search(text)
    pieces: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda edit: edit.span):
        start = _offset(starts, text, edit.span.line, edit.span.column)
        pieces += [text[done:start], edit.replacement.replace("\n", newline[0] if newline else "\n")]
        done = _offset(starts, text, edit.span.end_line, edit.span.end_column)
    return "".join([*pieces, text[done:]])


def choose_fixes(diagnostics: Sequence[Diagnostic]) -> list[Fix]:
    """The fixes that can be made together: the only ones of their errors, none touching what another one touches."""
    chosen: list[Fix] = []
    taken = _Taken()
    for found in diagnostics:
        if found.severity == "error" and len(found.fixes) == 1 and taken.add(found.fixes[0]):
            chosen.append(found.fixes[0])
    return chosen


def fix_plan(
    text: str,
    signatures: Mapping[str, Signature] | None,
    *,
    dialect: str = "native",
    limits: SourceLimits = DEFAULT_LIMITS,
) -> Fixed:
    """The text with its fixes applied, again and again until there is nothing left to apply.

    >>> from llmcc.ir.signature import Signature
    >>> fix_plan("1) g()\\njoin($1", {"f": Signature(name="f")}).text
    '1. g()\\njoin($1)'

    Raises:
        ValueError: there is no such dialect.
    """

    def check(text: str) -> tuple[Diagnostic, ...]:
        return compile_front(text, signatures, dialect=dialect, limits=limits).diagnostics

    return fix_text(text, check)


def fix_text(text: str, check: Callable[[str], tuple[Diagnostic, ...]]) -> Fixed:
    """`fix_plan` for whatever finds the diagnostics of a text."""
    fixed = 0
    found = check(text)
    for _ in range(MAX_ROUNDS):
        fixes = choose_fixes(found)
        mended = apply_edits(text, (edit for fix in fixes for edit in fix.edits))
        if mended == text:
            break
        text, fixed, found = mended, fixed + len(fixes), check(mended)
    return Fixed(text, fixed, found)


class _Taken:
    """The places that edits have been promised, in order."""

    def __init__(self) -> None:
        self._places: list[tuple[tuple[int, int], tuple[int, int]]] = []

    def add(self, fix: Fix) -> bool:
        """Takes the places of all the fix's edits, if none of them is taken."""
        places = [
            ((edit.span.line, edit.span.column), (edit.span.end_line, edit.span.end_column)) for edit in fix.edits
        ]
        if not all(self._free(place) for place in places):
            return False
        for place in places:
            self._places.insert(bisect_right(self._places, place), place)
        return True

    def _free(self, place: tuple[tuple[int, int], tuple[int, int]]) -> bool:
        """Places that touch count as taken: who could say which of two insertions comes first?"""
        at = bisect_right(self._places, place)
        before, after = self._places[max(at - 1, 0) : at], self._places[at : at + 1]
        return not (before and before[0][1] >= place[0]) and not (after and after[0][0] <= place[1])


def _line_starts(text: str) -> list[int]:
    """Where each line starts. A byte order mark at the start is no part of the first line."""
    return [int(text.startswith(_MARK)), *(end.end() for end in _END.finditer(text))]


def _offset(starts: Sequence[int], text: str, line: int, column: int) -> int:
    return min(starts[line - 1] + column - 1, len(text)) if line <= len(starts) else len(text)
