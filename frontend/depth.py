"""How deep a line is nested: what comes after the parser is recursive and must not be led too deep."""

from __future__ import annotations

from llmcc.frontend.syntax import Argument, Node, Statement
from llmcc.frontend.tokens import OPENERS, read_tokens
from llmcc.ir.diagnostics import Diagnostic
from llmcc.ir.span import Span


def too_deep(text: str, number: int, limit: int) -> Diagnostic | None:
    """A diagnostic if brackets are nested deeper than `limit`, told before anything is parsed."""
    if sum(text.count(bracket) for bracket in OPENERS) <= limit:
        return None
    depth = 0
    for piece in read_tokens(text):
        if piece.kind == "op":
            depth += (piece.text in OPENERS) - (piece.text in ")]}")
        if depth > limit:
            place = Span(number, piece.start + 1, number, piece.end + 1)
            return Diagnostic("E0114", place, f"brackets are nested more than {limit} deep")
    return None


def tree_too_deep(statement: Statement, limit: int, length: int) -> Diagnostic | None:
    """A diagnostic if a statement of `length` characters is nested deeper than `limit`, be it without brackets."""
    # No level is shorter than a character, so most lines need no look.
    if length <= limit or not _passes(statement, limit):
        return None
    return Diagnostic("E0114", statement.span, f"the expression is nested more than {limit} deep")


def _passes(statement: Statement, limit: int) -> bool:
    level: list[object] = [statement]
    for _ in range(limit + 2):
        level = [part for node in level for part in _parts(node)]
        if not level:
            return False
    return True


def _parts(node: object) -> list[object]:
    if isinstance(node, Node):
        fields = (getattr(node, name) for name in node.__struct_fields__ if name != "span")
        parts = [part for part in _flat(fields) if isinstance(part, Node)]
        # An argument is its value: a call is one level, with a name for what it gets or without.
        return [part.value if isinstance(part, Argument) else part for part in parts]
    return []


def _flat(parts: object) -> list[object]:
    flat: list[object] = []
    for part in parts:  # type: ignore[attr-defined]
        flat.extend(_flat(part) if isinstance(part, tuple) else (part,))
    return flat
