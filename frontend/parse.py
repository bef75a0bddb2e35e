"""From a line of a plan to its statement, or to what is wrong with it: one diagnostic a bad line."""

from __future__ import annotations

from typing import Any

from lark import UnexpectedInput, UnexpectedToken

from llmcc.frontend.limits import DEFAULT_LIMITS, SourceLimits
from llmcc.frontend.literals import LiteralError
from llmcc.frontend.plan_parser import plan_parser
from llmcc.frontend.reader import Line, StatementReader
from llmcc.frontend.syntax import Node, Remark, Statement
from llmcc.frontend.syntax_errors import explain_failure, explain_literal, too_deep
from llmcc.frontend.unseen import find_unseen
from llmcc.ir.diagnostics import Diagnostic
from llmcc.ir.span import Span

DIALECTS = ("native", "llmcompiler")


def parse_line(
    line: Line, dialect: str = "native", limits: SourceLimits = DEFAULT_LIMITS
) -> tuple[Statement | None, tuple[Diagnostic, ...]]:
    """The statement on a line (None if it is outside of the plan or malformed), and the diagnostics about the line.

    Both dialects have the same lines; they differ in what strings mean, which is decided after parsing.

    Raises:
        ValueError: there is no such dialect.
    """
    if dialect not in DIALECTS:
        raise ValueError(f"no dialect is called {dialect!r}: there are {', '.join(DIALECTS)}")
    if line.outside:
        return None, line.diagnostics
    result = _parse(line, limits)
    if isinstance(result, Diagnostic):
        return None, (*line.diagnostics, result)
    return result, line.diagnostics


def parse_plan(
    text: str, dialect: str = "native", limits: SourceLimits = DEFAULT_LIMITS
) -> tuple[tuple[Statement, ...], tuple[Diagnostic, ...]]:
    """The statements of a whole text, and all its diagnostics, both in the order of the text.

    >>> statements, diagnostics = parse_plan('a = search(query="K2")\\nreturn a')
    >>> [type(statement).__name__ for statement in statements], diagnostics
    (['Define', 'ReturnStatement'], ())
    """
    reader = StatementReader(limits)
    statements: list[Statement] = []
    diagnostics: list[Diagnostic] = []
    for line in [*reader.feed(text), *reader.close()]:
        statement, found = parse_line(line, dialect, limits)
        diagnostics.extend(found)
        if statement is not None:
            statements.append(statement)
    return tuple(statements), tuple(diagnostics)


def _parse(line: Line, limits: SourceLimits) -> Statement | Diagnostic:
    text = line.text
    unseen = find_unseen(text, line.number)
    if unseen is not None:
        return unseen
    stripped = text.strip(" \t")
    if not stripped or stripped.startswith(("#", "Thought:")):
        start = len(text) - len(text.lstrip(" \t")) + 1
        return Remark(Span(line.number, start, line.number, start + len(stripped)), stripped)
    deep = too_deep(text, line.number, limits.depth)
    if deep is not None:
        return deep
    try:
        statement = run_parser(text, line.number)
    except LiteralError as error:
        return explain_literal(text, error, line.ended, parses)
    except Malformed as error:
        return explain_failure(text, line.number, error.at, error.expected, line.ended, parses)
    # No level is shorter than a character, so most lines need no look.
    if len(stripped) > limits.depth and _depth_passes(statement, limits.depth):
        return Diagnostic("E0114", statement.span, f"the expression is nested more than {limits.depth} deep")
    return statement


class Malformed(Exception):
    """No statement goes on like this at the character `at`, where one of the terminals `expected` could stand."""

    def __init__(self, at: int, expected: frozenset[str]) -> None:
        super().__init__(f"malformed at {at}")
        self.at = at
        self.expected = expected


def run_parser(text: str, number: int) -> Statement:
    """The statement that `text` is, as line `number` of a plan.

    Raises:
        LiteralError: a literal or name in it means nothing.
        Malformed: it is no statement.
    """
    parser: Any = plan_parser().parse_interactive(text)
    parser.lexer_thread.state.line_ctr.line = number
    try:
        for token in parser.lexer_thread.lex(parser.parser_state):
            parser.feed_token(token)
        return parser.feed_eof()  # type: ignore[no-any-return]
    except UnexpectedInput as error:
        ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        place: int | None = getattr(error, "pos_in_stream", None)
        at = len(text) if ended or place is None else place
        raise Malformed(at, frozenset(parser.accepts())) from None


def parses(text: str) -> bool:
    """Whether `text` is a whole line of a plan."""
    try:
        run_parser(text, 1)
    except (LiteralError, Malformed):
        return False
    return find_unseen(text, 1) is None


def _depth_passes(statement: Statement, limit: int) -> bool:
    level: list[object] = [statement]
    for _ in range(limit + 2):
        level = [part for node in level for part in _parts(node)]
        if not level:
            return False
    return True


def _parts(node: object) -> list[object]:
    if isinstance(node, Node):
        fields = (getattr(node, name) for name in node.__struct_fields__ if name not in ("span", "name_span"))
        return [part for part in _flat(fields) if isinstance(part, Node)]
    return []


def _flat(parts: object) -> list[object]:
    flat: list[object] = []
    for part in parts:  # type: ignore[attr-defined]
        flat.extend(_flat(part) if isinstance(part, tuple) else (part,))
    return flat
