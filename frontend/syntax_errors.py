"""What to say about a line that is no statement.

A repair becomes a fix-it only if exactly one of those proposed makes the line a statement, so every fix-it offered here
mends its line. Where no single repair does, several are looked for.
"""

from __future__ import annotations

import msgspec

from llmcc.frontend.literals import LiteralError
from llmcc.frontend.mending import Mended, mend
from llmcc.frontend.mistake_cases import CASES, Case
from llmcc.frontend.mistakes import Bad, Change, Found, Halts, bad_line
from llmcc.frontend.unseen import escaped, quoted
from llmcc.ir.diagnostics import Diagnostic, Edit, Fix
from llmcc.ir.span import Span

_PLACES = {
    "EQUAL": "`=`", "LPAR": "`(`", "RPAR": "`)`", "LSQB": "`[`", "RSQB": "`]`", "LBRACE": "`{`", "RBRACE": "`}`",
    "COLON": "`:`", "COMMA": "`,`", "DOT": "`.`", "ELSE": "`else`", "IN": "`in`", "FOR": "`for`",
}  # fmt: skip
#: Mistakes that show in the rest of a line too, whose first part was taken for a name.
_EVEN_SO = {"E0213", "E0209", "E0211", "E0223"}
_LITERAL_HELP = {
    "E0108": "write `null` for a value that is not there",
    "E0206": "write `name=value`, or move it to the front",
    "E0209": "choose another name",
}
_ONLY_IF_ALONE = {"DOT", "LPAR", "LSQB", "LBRACE", "IN", "FOR"}


def explain_failure(text: str, number: int, at: int, expected: frozenset[str], ended: bool, halts: Halts) -> Diagnostic:
    """What is wrong with a line that the parser could not take beyond the character `at`."""
    bad = bad_line(text, at, expected, ended, halts)
    for case in CASES:
        found = case.find(bad)
        if found is not None:
            return _diagnostic(case, found, bad, number)
    mended = mend(bad)
    if mended is None:
        return _unexpected(bad, number)
    first = mended.steps[0]
    return _several(_told(first.case, first.found, number), mended, number)


def explain_literal(text: str, error: LiteralError, ended: bool, halts: Halts) -> Diagnostic:
    """What is wrong with a line that goes well up to a literal or name that means nothing."""
    bad = bad_line(text, error.span.column - 1, frozenset(), ended, halts)
    for case in CASES:
        found = case.find(bad) if case.code in _EVEN_SO else None
        if found is not None:
            return _diagnostic(case, found, bad, error.span.line)
    return Diagnostic(error.code, error.span, error.message, help=_LITERAL_HELP.get(error.code))


def _diagnostic(case: Case, found: Found, bad: Bad, number: int) -> Diagnostic:
    told = _told(case, found, number)
    good = [repair for repair in found.repairs if bad.mended_by(repair)]
    if len(good) == 1:
        return _with_fix(told, good[0].title, good[0].changes, number)
    mended = mend(bad) if found.repairs and not good else None
    return told if mended is None else _several(told, mended, number)


def _told(case: Case, found: Found, number: int) -> Diagnostic:
    place = Span(number, found.start + 1, number, found.end + 1)
    notes = () if found.note is None else (found.note,)
    return Diagnostic(
        case.code,
        place,
        case.message.format(found.what),
        notes,
        case.help.format(found.what) if case.help else None,
    )


def _several(told: Diagnostic, mended: Mended, number: int) -> Diagnostic:
    """The diagnostic with a fix for all the mistakes of its line, and a note about each of the others."""
    messages = sorted((step.column, step.case.message.format(step.found.what)) for step in mended.steps)
    others = [f"column {column}: {message}" for column, message in messages if message != told.message]
    told = msgspec.structs.replace(told, notes=(*told.notes, *others))
    title = ", ".join(dict.fromkeys(step.repair.title for step in mended.steps))
    return _with_fix(told, title, mended.changes, number)


def _with_fix(told: Diagnostic, title: str, changes: tuple[Change, ...], number: int) -> Diagnostic:
    edits = tuple(Edit(Span(number, c.start + 1, number, c.end + 1), c.text) for c in changes)
    fix = Fix(escaped(title), edits)
    return msgspec.structs.replace(told, help=told.help or fix.title, fixes=(fix,))


def _unexpected(bad: Bad, number: int) -> Diagnostic:
    wanted = _wanted(bad.expected)
    tail = f", expected {wanted}" if wanted else ""
    stop = bad.stop
    if stop is not None:
        place = Span(number, stop.start + 1, number, stop.end + 1)
        return Diagnostic("E0201", place, f"unexpected {quoted(stop.text)}{tail}")
    last = bad.pieces[-1] if bad.pieces else None
    place = Span(number, last.start + 1 if last else 1, number, bad.end + 1)
    shown = quoted(last.text) if last else "nothing"
    return Diagnostic("E0214", place, f"the statement stops after {shown}{tail}")


def _wanted(expected: frozenset[str]) -> str:
    words = []
    if "STRING" in expected:
        words.append("a value" if "INT" in expected else "a string")
    elif "NAME" in expected:
        words.append("a name")
    signs = [sign for sign in _PLACES if sign in expected and not ("STRING" in expected and sign in _ONLY_IF_ALONE)]
    words += [_PLACES[sign] for sign in signs if sign not in _ONLY_IF_ALONE or "PLUS" not in expected]
    if "PLUS" in expected:
        words.append("an operator")
    if "$END" in expected:
        words.append("the end of the line")
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
