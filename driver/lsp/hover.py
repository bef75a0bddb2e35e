"""What stands at a place of a plan, explained."""

from __future__ import annotations

import msgspec

from llmcc.driver.lsp import describe
from llmcc.driver.lsp.analysis import Analysis
from llmcc.driver.lsp.cursor import at, call_around, callee_before, hole_before, is_op
from llmcc.driver.lsp.meaning import Line, reference_name
from llmcc.frontend.tokens import Piece, tokens_of
from llmcc.grammar import KEYWORDS
from llmcc.ir.builtins import BUILTINS


class Hover(msgspec.Struct, frozen=True):
    """An explanation (Markdown) of the line's characters from `start` to `end`, counted from 0."""

    text: str
    start: int
    end: int


def hover(analysis: Analysis, line: str, number: int, column: int) -> Hover | None:
    """What stands at the index `column` of `line`, the plan's line of that number; None if there is nothing to say.

    >>> found = hover(Analysis("a = len([1])", {}), "a = len([1])", 1, 5)
    >>> found.text.splitlines()[1]
    'len(value: list[any] | {...: any} | str)'
    """
    pieces = tokens_of(line)
    index = next((i for i, piece in enumerate(pieces) if piece.start <= column < piece.end), None)
    if index is None:
        # Behind the last character of a word the cursor is still at the word.
        index = next((i for i, piece in enumerate(pieces) if piece.end == column), None)
    if index is None or line.lstrip(" \t").startswith("Thought:"):
        return None
    piece = pieces[index]
    if piece.kind == "fstring":
        return _in_hole(analysis, number, piece, column)
    text = _explain(Line(analysis, number, pieces), number, index)
    return None if text is None else Hover(text, piece.start, piece.end)


def _in_hole(analysis: Analysis, number: int, piece: Piece, column: int) -> Hover | None:
    inside = column - piece.start
    begin = hole_before(piece.text[: inside + 1])
    end = piece.text.find("}", inside)
    if begin is None or end < 0:
        return None
    known = Line(analysis, number, tokens_of(piece.text[begin:end]))
    shift = piece.start + begin
    for index, part in enumerate(known.pieces):
        text = _explain(known, number, index) if part.start <= column - shift < part.end else None
        if text is not None:
            return Hover(text, shift + part.start, shift + part.end)
    return None


def _explain(known: Line, number: int, index: int) -> str | None:
    piece, following = known.pieces[index], at(known.pieces, index + 1)
    if piece.kind == "number":
        return _value(known, number, piece.text) if index == 0 and is_op(following, ".", ")", ":") else None
    if piece.kind == "quoted":
        return _callee(known, piece.text[1:-1])
    if piece.kind == "reference":
        return _value(known, number, reference_name(piece))
    if piece.kind != "name":
        return None
    called = _called(known, index)
    if called is not None:
        return _callee(known, called)
    if is_op(at(known.pieces, index - 1), "."):
        return describe.typed(piece.text, known.type_before(index + 1), "a field")
    if is_op(at(known.pieces, index - 1), "(", ",") and is_op(following, "="):
        return _parameter(known, index)
    return None if piece.text in KEYWORDS else _value(known, number, piece.text)


def _called(known: Line, index: int) -> str | None:
    """The name of the tool of which the piece is a part, if it is called."""
    end = index + 1
    while is_op(at(known.pieces, end), ".") and getattr(at(known.pieces, end + 1), "kind", "") == "name":
        end += 2
    found = callee_before(known.pieces, end) if is_op(at(known.pieces, end), "(") else None
    return None if found is None else found[0]


def _callee(known: Line, name: str) -> str | None:
    signature = known.analysis.signatures.get(name)
    if signature is not None:
        return describe.tool(signature)
    return describe.builtin(name) if name in BUILTINS else None


def _parameter(known: Line, index: int) -> str | None:
    site = call_around(known.pieces, index)
    signature = None if site is None else known.analysis.signatures.get(site.callee)
    found = None if signature is None else signature.parameter(known.pieces[index].text)
    return None if signature is None or found is None else describe.parameter(found, signature)


def _value(known: Line, number: int, name: str) -> str | None:
    if name in known.variables:
        return describe.typed(name, known.variables[name], "the item at hand, within this list only")
    binding = known.analysis.bindings.get(name)
    if binding is None or (binding.span is not None and binding.span.line > number):
        return None
    return describe.value(binding, known.analysis)
