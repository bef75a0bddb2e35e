"""What could be written at a place of a plan."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec

from llmcc.driver.lsp import describe
from llmcc.driver.lsp.analysis import Analysis
from llmcc.driver.lsp.cursor import (
    VALUES,
    at,
    call_around,
    callee_before,
    code_before,
    ends_value,
    hole_before,
    is_op,
    open_brackets,
)
from llmcc.driver.lsp.meaning import Line, choices, field_names, field_type
from llmcc.frontend.format import format_scalar
from llmcc.frontend.quote import callee
from llmcc.frontend.tokens import Piece, tokens_of
from llmcc.ir.builtins import BUILTINS
from llmcc.ir.signature import Signature
from llmcc.ir.types import without_null

_CLAUSES = ("when", "after", "catch")
_OPERATORS = ("and", "or", "not", "in", "if", "else")
_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Item(msgspec.Struct, frozen=True):
    """One proposal: replace the line's characters from `start` to `end` (counted from 0) by `text`.

    `kind` is tool, value, variable, parameter, field, choice, builtin or keyword; `rank` orders the kinds.
    """

    label: str
    kind: str
    text: str
    start: int
    end: int
    detail: str = ""
    documentation: str = ""
    rank: int = 5


def complete(analysis: Analysis, line: str, number: int, column: int) -> list[Item]:
    """Proposals for the index `column` of `line`, the plan's line of that number (from 1).

    >>> [item.label for item in complete(Analysis("", {}), "a = joi", 1, 7) if item.label.startswith("join")]
    ['join_text']
    """
    pieces = code_before(line, column)
    if pieces is None:
        return []
    last = at(pieces, len(pieces) - 1)
    if last is not None and last.kind == "unclosed" and last.text[0] in "fF":
        return _hole(analysis, number, last, column)
    if last is not None and last.kind == "unclosed":
        return _text(_line(analysis, line, number, pieces[:-1]), len(pieces) - 1, last, line, column)
    typing = last is not None and last.end == column and (last.kind in ("name", "reference") or last.text == "$")
    index = len(pieces) - 1 if typing else len(pieces)
    start = last.start if last is not None and typing else column
    known = _line(analysis, line, number, pieces)
    return [*_proposals(known, index, start, column)]


def _line(analysis: Analysis, line: str, number: int, before: list[Piece]) -> Line:
    """The pieces before the cursor, with the variables and the arguments that the rest of the line names."""
    known = Line(analysis, number, tokens_of(line))
    return known if known.pieces[: len(before)] == before else Line(analysis, number, before)


def _proposals(known: Line, index: int, start: int, end: int) -> Iterator[Item]:
    pieces = known.pieces
    previous = at(pieces, index - 1)
    if index == 0 or (index == 2 and pieces[0].kind == "number" and is_op(previous, ".")):
        yield from _statement(known, start, end)
    elif is_op(previous, "."):
        yield from _members(known, index, start, end)
    elif ends_value(previous):
        inside = bool(open_brackets(pieces[:index]))
        words = (*_OPERATORS, "for") if inside else (*_OPERATORS, *_CLAUSES)
        yield from _words(words if index > 1 else (), start, end)
    elif previous is not None and previous.text == "after":
        yield from _values(known, start, end)
    else:
        yield from _expression(known, index, start, end)


def _statement(known: Line, start: int, end: int) -> Iterator[Item]:
    yield from _tools(known.analysis.signatures.values(), start, end)
    yield from _words(("join", "return"), start, end)


def _expression(known: Line, index: int, start: int, end: int) -> Iterator[Item]:
    wanted = known.wanted(index)
    yield from (
        Item(format_scalar(text), "choice", format_scalar(text), start, end, rank=0) for text in choices(wanted)
    )
    if is_op(at(known.pieces, index - 1), "(", ","):
        yield from _parameters(known, index, start, end)
    yield from _values(known, start, end)
    yield from _tools(known.analysis.signatures.values(), start, end)
    for name, function in BUILTINS.items():
        detail = describe.builtin_signature(name, function)
        yield Item(name, "builtin", name, start, end, detail, function.summary, rank=4)
    yield from _words(("not", "true", "false", "null"), start, end)


def _parameters(known: Line, index: int, start: int, end: int) -> Iterator[Item]:
    """The parameters of the call around that have no argument yet."""
    site = call_around(known.pieces, index)
    if site is None or open_brackets(known.pieces[:index])[-1] != site.opener:
        return
    signature = known.analysis.signatures.get(site.callee)
    for position, parameter in enumerate(() if signature is None else signature.parameters):
        if position >= site.index and parameter.name not in site.named:
            detail = f"{parameter.name}{'' if parameter.required else '?'}: {parameter.type}"
            text = f"{parameter.name}="
            yield Item(text, "parameter", text, start, end, detail, parameter.description, rank=1)


def _values(known: Line, start: int, end: int) -> Iterator[Item]:
    for name, kind in known.variables.items():
        yield Item(name, "variable", name, start, end, str(kind), "the item at hand", rank=1)
    for name, kind in known.types.items():
        text = f"${name}" if name.isdigit() else name
        yield Item(text, "value", text, start, end, str(kind), rank=2)


def _tools(signatures: Iterable[Signature], start: int, end: int) -> Iterator[Item]:
    for signature in signatures:
        text = callee(signature.name)
        yield Item(
            signature.name, "tool", text, start, end, str(signature), describe.tool(signature), rank=3
        )  # fmt: skip


def _words(words: Iterable[str], start: int, end: int) -> Iterator[Item]:
    for word in words:
        yield Item(word, "value" if word in VALUES else "keyword", word, start, end)


def _members(known: Line, index: int, start: int, end: int) -> Iterator[Item]:
    """What can follow a dot: a field of the value before it, or the rest of a tool's name."""
    kind = without_null(known.type_before(index - 1))
    for name in field_names(kind):
        plain = _FIELD.fullmatch(name) is not None
        # Behind a dot stand names only; other fields are in brackets, which replace the dot.
        text, first = (name, start) if plain else (f"[{format_scalar(name)}]", known.pieces[index - 1].start)
        yield Item(name, "field", text, first, end, str(field_type(kind, name)), rank=0)
    found = callee_before(known.pieces, index - 1)
    prefix = "" if found is None else f"{found[0]}."
    for signature in known.analysis.signatures.values():
        if prefix and signature.name.startswith(prefix):
            rest = signature.name.removeprefix(prefix)
            yield Item(rest, "tool", rest, start, end, str(signature), describe.tool(signature), rank=3)


def _text(known: Line, index: int, opened: Piece, line: str, column: int) -> list[Item]:
    """The texts that the type at the place of a string names."""
    quote = opened.text[0]
    whole = next((p for p in tokens_of(line) if p.start == opened.start and p.kind == "string"), None)
    end, close = (column, quote) if whole is None else (whole.end - 1, "")
    found = choices(known.wanted(index))
    return [
        Item(text, "choice", _escaped(text, quote) + close, opened.start + 1, end, str(known.wanted(index)), rank=0)
        for text in found
    ]


def _escaped(text: str, quote: str) -> str:
    inside = format_scalar(text)[1:-1]
    return inside if quote == '"' else inside.replace('\\"', '"').replace("'", "\\'")


def _hole(analysis: Analysis, number: int, opened: Piece, column: int) -> list[Item]:
    """Values and fields within the braces of an f-string."""
    begin = hole_before(opened.text)
    if begin is None:
        return []
    known = Line(analysis, number, tokens_of(opened.text[begin:]))
    last = at(known.pieces, len(known.pieces) - 1)
    typing = last is not None and (last.kind in ("name", "reference") or last.text == "$")
    index = len(known.pieces) - typing
    start = column - len(last.text) if last is not None and typing else column
    if is_op(at(known.pieces, index - 1), "."):
        return [item for item in _members(known, index, start, column) if item.kind == "field" and item.start == start]
    return [*_values(known, start, column)] if index == 0 else []
