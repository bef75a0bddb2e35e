"""Shows diagnostics: as text with the plan's line and carets under the place, or as JSON.

Nothing in a plan reaches the terminal raw: characters that are hidden, or turn others around, are shown as numbers.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from llmcc.ir.diagnostics import Diagnostic, Fix
from llmcc.ir.escape import visible
from llmcc.ir.span import Span

#: Of a line, at most that many characters are shown, about that many of them before the place.
MAX_SHOWN = 100
_BEFORE = 40
_TAB = " " * 4
_END = re.compile(r"\r\n|\r|\n")
_BOLD, _RED, _YELLOW, _BLUE, _PLAIN = "\x1b[1m", "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[0m"


def render(diagnostics: Sequence[Diagnostic], text: str, *, name: str = "plan.txt", color: bool = False) -> str:
    """The diagnostics about `text`, the content of the file `name`, as a reader wants them; "" if there are none.

    >>> found = Diagnostic("E0301", Span(1, 4, 1, 9), "no tool is called `serch`", help="is `search` meant?")
    >>> print(render([found], '1. serch("x")'))
    error[E0301]: no tool is called `serch`
     --> plan.txt:1:4
      |
    1 | 1. serch("x")
      |    ^^^^^
      = help: is `search` meant?
    <BLANKLINE>
    1 error
    """
    if not diagnostics:
        return ""
    paint = _painted if color else _unpainted
    lines = _END.split(text.removeprefix("\ufeff"))
    shown = ["\n".join(_one(d, lines, name, paint)) for d in diagnostics]
    return "\n\n".join([*shown, _summary(diagnostics)])


def render_json(diagnostics: Sequence[Diagnostic]) -> str:
    """The diagnostics as a JSON list in ASCII (the fields are those of `Diagnostic.to_json`)."""
    # JSON leaves this one control character as it is.
    return json.dumps([d.to_json() for d in diagnostics], indent=2).replace("\x7f", "\\u007f")


def _unpainted(_color: str, text: str) -> str:
    return text


def _painted(color: str, text: str) -> str:
    return f"{color}{text}{_PLAIN}"


def _one(found: Diagnostic, lines: list[str], name: str, paint: Callable[[str, str], str]) -> Iterator[str]:
    color = _RED if found.severity == "error" else _YELLOW
    span = found.span
    number = str(span.line)
    gutter = " " * len(number)
    bar = paint(_BLUE, f"{gutter} |")
    yield paint(color, f"{found.severity}[{found.code}]") + paint(_BOLD, f": {visible(found.message)}")
    yield f"{gutter}{paint(_BLUE, '-->')} {visible(name)}:{span.line}:{span.column}"
    if 1 <= span.line <= len(lines):
        shown, before, width = excerpt(lines[span.line - 1], span)
        yield bar
        yield f"{paint(_BLUE, f'{number} |')} {shown}".rstrip()
        yield f"{bar} {' ' * before}{paint(color, '^' * width)}"
    for word, text in _remarks(found):
        yield f"{gutter} {paint(_BLUE, '=')} {paint(_BOLD, word)}: {visible(text)}"


def _remarks(found: Diagnostic) -> Iterator[tuple[str, str]]:
    yield from (("note", note) for note in found.notes)
    if found.help is not None:
        yield "help", found.help
    yield from (("fix", _fix(fix)) for fix in found.fixes)


def _fix(fix: Fix) -> str:
    written = ", ".join(f"`{edit.replacement}`" for edit in fix.edits if edit.replacement)
    return f"{fix.title}: {written}" if written else fix.title


def excerpt(line: str, span: Span) -> tuple[str, int, int]:
    """The part of the first line of `span` that is worth showing, and how many columns lie before and under the carets.

    >>> excerpt("a\\u200bb = 1", Span(1, 3, 1, 4))
    ('a\\\\u{200b}b = 1', 9, 1)
    """
    start = min(max(span.column, 1) - 1, len(line))
    end = min(span.end_column - 1, len(line)) if span.end_line == span.line else len(line)
    left = 0 if len(line) <= MAX_SHOWN or start <= MAX_SHOWN // 2 else start - _BEFORE
    right = min(len(line), left + MAX_SHOWN)
    head = ("…" if left else "") + _shown(line[left:start])
    marked = _shown(line[start : min(end, right)])
    tail = _shown(line[max(start, min(end, right)) : right]) + ("…" if right < len(line) else "")
    return head + marked + tail, columns(head), max(1, columns(marked))


def _shown(text: str) -> str:
    return visible(text.replace("\t", _TAB))


def columns(text: str) -> int:
    """How many columns of a terminal a text without hidden characters takes.

    >>> columns("añb"), columns("高さ"), columns("e\\u0301")
    (3, 4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(_width(c) for c in text)


def _width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _summary(diagnostics: Sequence[Diagnostic]) -> str:
    errors = sum(d.severity == "error" for d in diagnostics)
    counts = [(errors, "error"), (len(diagnostics) - errors, "warning")]
    return ", ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in counts if count)
