"""From a line of a plan to its statement, or to what is wrong with it: one diagnostic a bad line."""

from __future__ import annotations

from llmcc.frontend.depth import too_deep, tree_too_deep
from llmcc.frontend.lalr import Malformed
from llmcc.frontend.limits import DEFAULT_LIMITS, SourceLimits
from llmcc.frontend.literals import LiteralError
from llmcc.frontend.mistakes import Halt
from llmcc.frontend.plan_parser import plan_parser
from llmcc.frontend.reader import Line, StatementReader
from llmcc.frontend.syntax import Remark, Statement
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
    except (LiteralError, Malformed) as error:
        return _explain(line, error)
    return tree_too_deep(statement, limits.depth, len(stripped)) or statement


def _explain(line: Line, error: LiteralError | Malformed) -> Diagnostic:
    # Most plans have no mistakes, and their users need not wait for all that is known about mistakes.
    from llmcc.frontend.syntax_errors import explain_failure, explain_literal

    if isinstance(error, LiteralError):
        return explain_literal(line.text, error, line.ended, halts)
    return explain_failure(line.text, line.number, error.at, error.expected, line.ended, halts)


def run_parser(text: str, number: int) -> Statement:
    """The statement that `text` is, as line `number` of a plan.

    Raises:
        LiteralError: a literal or name in it means nothing.
        Malformed: it is no statement.
    """
    return plan_parser().parse(text, number)  # type: ignore[no-any-return]


def halts(text: str) -> Halt | None:
    """Where the parser halts in `text`; None if it is a whole line of a plan."""
    try:
        run_parser(text, 1)
    except LiteralError as error:
        return Halt(error.span.column - 1, frozenset())
    except Malformed as error:
        return Halt(error.at, error.expected)
    return None if find_unseen(text, 1) is None else Halt(0, frozenset())
