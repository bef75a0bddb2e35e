"""What the compiler says about a text: a code, a place, a message, and where it can, the edit that mends it.

A code tells its family and its level by itself (`E0301`: error of family REF), and each code has one page,
`ir/codes/<code>.md`, which `llmcc explain` prints. There is no other register of codes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from llmcc.ir.span import Span

#: The two digits after the level, and what they are about.
FAMILIES = {
    "01": "LEX",
    "02": "SYN",
    "03": "REF",
    "04": "TYP",
    "05": "EFF",
    "06": "POL",
    "07": "IFC",
    "08": "BUD",
    "09": "RES",
    "10": "RUN",
}


class Edit(msgspec.Struct, frozen=True):
    """Replace the text of `span` by `replacement`."""

    span: Span
    replacement: str


class Fix(msgspec.Struct, frozen=True):
    """Edits that together mend what a diagnostic is about; `title` says what they do, as an order."""

    title: str
    edits: tuple[Edit, ...]


class Diagnostic(msgspec.Struct, frozen=True):
    """One finding. `message` is lower-case without a full stop; only `help` suggests; `notes` tell facts.

    >>> d = Diagnostic("E0301", Span(1, 4, 1, 9), "no tool is called `serch`")
    >>> d.family, d.severity
    ('REF', 'error')
    """

    code: str
    span: Span
    message: str
    notes: tuple[str, ...] = ()
    help: str | None = None
    fixes: tuple[Fix, ...] = ()

    @property
    def family(self) -> str:
        """LEX, SYN, REF, TYP, EFF, POL, IFC, BUD, RES or RUN."""
        return FAMILIES[self.code[1:3]]

    @property
    def severity(self) -> str:
        """`error` (the plan does not compile) or `warning`."""
        return "error" if self.code.startswith("E") else "warning"

    def to_json(self) -> dict[str, Any]:
        """The form that `check --json` prints."""
        return {
            "code": self.code,
            "family": self.family,
            "severity": self.severity,
            "line": self.span.line,
            "column": self.span.column,
            "end_line": self.span.end_line,
            "end_column": self.span.end_column,
            "message": self.message,
            "notes": list(self.notes),
            "help": self.help,
            "fixes": [
                {
                    "title": fix.title,
                    "edits": [
                        {
                            "line": edit.span.line,
                            "column": edit.span.column,
                            "end_line": edit.span.end_line,
                            "end_column": edit.span.end_column,
                            "replacement": edit.replacement,
                        }
                        for edit in fix.edits
                    ],
                }
                for fix in self.fixes
            ],
        }


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether one of them keeps the plan from compiling."""
    return any(d.severity == "error" for d in diagnostics)


def explanation(code: str) -> str | None:
    """The page (Markdown) about a code, or None if there is no such code."""
    if not (len(code) == 5 and code[0] in "EW" and code[1:].isascii() and code[1:].isdigit()):
        return None
    from importlib import resources

    page = resources.files("llmcc.ir").joinpath("codes", f"{code}.md")
    return page.read_text(encoding="utf-8") if page.is_file() else None


def all_codes() -> list[str]:
    """Every code that has a page, in order."""
    from importlib import resources

    folder = resources.files("llmcc.ir").joinpath("codes")
    return sorted(page.name.removesuffix(".md") for page in folder.iterdir() if page.name.endswith(".md"))
