"""The front end: text in chunks in, typed ops and diagnostics out, statement by statement.

How the text is cut into chunks makes no difference, neither to the ops nor to the diagnostics.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import msgspec

from llmcc.frontend import syntax
from llmcc.frontend.broken_strings import BrokenStrings
from llmcc.frontend.context import Context, Dialect, Tools
from llmcc.frontend.limits import DEFAULT_LIMITS, SourceLimits
from llmcc.frontend.lower import RULES, lower_define, lower_join, lower_return, poison
from llmcc.frontend.parse import parse_line
from llmcc.frontend.quote import shown
from llmcc.frontend.reader import Line, StatementReader
from llmcc.frontend.scope import Scope
from llmcc.frontend.suggest import Suggester
from llmcc.frontend.syntax import Expression, Statement
from llmcc.ir.collector import paused
from llmcc.ir.diagnostics import Diagnostic, has_errors
from llmcc.ir.ops import Module, Op
from llmcc.ir.signature import Signature
from llmcc.ir.span import Span

#: A text of this many characters is worth a pause of the collector, and is read in pieces.
_LARGE = 20_000
# What an unreadable line would have defined: its number, or its name.
_NUMBER = re.compile(r"\s*(\d{1,9})\s*[.):]")
_NAME = re.compile(r"\s*\$?([A-Za-z_][A-Za-z0-9_]*)\s*[:+*/%-]?=(?!=)", re.ASCII)
_END = re.compile(r"\s*(?:\d+\s*[.):]\s*)?(?:join|return)\b")
_LOWER: Mapping[type[Statement], Callable[[Context, Any], tuple[Op, ...]]] = {
    syntax.Define: lower_define,
    syntax.JoinStatement: lower_join,
    syntax.ReturnStatement: lower_return,
}


class Lowered(msgspec.Struct, frozen=True):
    """What became of one line: its statement (None if it could not be read), the statement's ops and its diagnostics.

    There are no ops if the statement has errors, uses a value that has, or does nothing.
    """

    statement: Statement | None
    ops: tuple[Op, ...]
    diagnostics: tuple[Diagnostic, ...]
    #: Strings of the dialect `llmcompiler` that hold references, by their place: how the native language writes them.
    strings: Mapping[Span, Expression] = {}


class FrontResult(msgspec.Struct, frozen=True):
    """A whole text: its module (None if there are errors), all diagnostics in the order of the text, all statements."""

    module: Module | None
    diagnostics: tuple[Diagnostic, ...]
    statements: tuple[Statement, ...]


class FrontEnd:
    """Reads a plan as it is written.

    `signatures` are the tools (None: there is no toolbox, and every call is taken as a read). `scope` is the scope of
    the plan that this one goes on from; it is added to. `statements` are those read so far.

    >>> front = FrontEnd(None)
    >>> front.feed("a = search(query=")
    []
    >>> [lowered] = front.feed("'K2')\\n")
    >>> [op.name for op in lowered.ops], list(front.scope.types)
    (['a'], ['a'])

    Raises:
        ValueError: there is no such dialect.
    """

    def __init__(
        self,
        signatures: Mapping[str, Signature] | None,
        *,
        dialect: str = "native",
        limits: SourceLimits = DEFAULT_LIMITS,
        scope: Scope | None = None,
    ) -> None:
        if dialect not in ("native", "llmcompiler"):
            raise ValueError(f"no dialect is called {dialect!r}: there are native and llmcompiler")
        self.scope = Scope() if scope is None else scope
        self.statements: list[Statement] = []
        self._dialect = cast(Dialect, dialect)
        self._limits = limits
        self._reader = StatementReader(limits)
        self._tools = Tools(signatures)
        self._suggester = Suggester()
        self._found: list[Diagnostic] = []
        #: Where in `_found` each unknown name was reported: if it is defined later, it only came too early.
        self._unknown: dict[str, list[int]] = {}
        self._end: Span | None = None
        self._told_of_end = False
        self._unread = False
        self._closed = False
        self._strings = BrokenStrings()
        self._joined = False

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """All diagnostics so far, in the order of the text."""
        return sorted(self._found, key=lambda d: d.span)

    @property
    def ended(self) -> bool:
        """Whether `join` or `return` was seen."""
        return self._end is not None

    @property
    def within_string(self) -> bool:
        """Whether the last line may have been cut in a string, so that what is wrong with it is known only later."""
        return self._strings.open

    def feed(self, chunk: str) -> list[Lowered]:
        """What the statements that `chunk` completes have become, in order.

        Raises:
            ValueError: the front end is closed.
        """
        return self._lines(self._reader.feed(chunk))

    def glance(self, text: str) -> tuple[Op, ...]:
        """The ops that the line `text` would have if it came next; none if anything is wrong with it or with what came
        before. Nothing is changed by that, so that a line can be looked at that is still being written.
        """
        if self.ended or self._closed or self.within_string or has_errors(self._found):
            return ()
        line = self._reader.glance(text)
        statement, diagnostics = parse_line(line, self._dialect, self._limits)
        if statement is None or has_errors(diagnostics):
            return ()
        lower = _LOWER.get(type(statement))
        cx = Context(self.scope.copy(), Tools(self._tools.signatures), self._suggester, RULES, self._dialect)
        ops = () if lower is None else lower(cx, statement)
        return () if has_errors(cx.diagnostics) else ops

    def close(self) -> list[Lowered]:
        """What the last line has become, if it had no end, and what can be said only of a whole plan."""
        if self._closed:
            return []
        self._closed = True
        lowered = self._lines(self._reader.close())
        found = tuple(self._at_the_end())
        self._found.extend(found)
        return [*lowered, Lowered(None, (), found)] if found else lowered

    def _lines(self, lines: Iterable[Line]) -> list[Lowered]:
        lowered = (self._line(line) for line in lines)
        return [found for found in lowered if found is not None]

    def _line(self, line: Line) -> Lowered | None:
        statement, diagnostics = parse_line(line, self._dialect, self._limits)
        if statement is not None and not isinstance(statement, syntax.Remark):
            self.statements.append(statement)
            self._strings.forget()
            if self._joined:
                # What looked like text around the plan was a string's.
                diagnostics = tuple(d for d in diagnostics if d.code != "E0230")
                self._joined = False
            return self._statement(statement, diagnostics)
        before = len(self._found)
        self._found.extend(diagnostics)
        whole = self._strings.look(line, self._found, before)
        if whole is not None:
            self._joined = True
            return Lowered(None, (), (whole,))
        if statement is not None:
            self.statements.append(statement)
            return Lowered(statement, (), diagnostics)
        if not diagnostics:
            return None
        self._note_unread(line, diagnostics)
        return Lowered(None, (), (*diagnostics, *self._unknown_tool(line, diagnostics)))

    def _unknown_tool(self, line: Line, diagnostics: tuple[Diagnostic, ...]) -> list[Diagnostic]:
        """Has a malformed line a tool that there is not? That is told at once, not after the line was mended."""
        if line.outside or not has_errors(diagnostics):
            return []
        from llmcc.frontend.heads import report_unknown_tool

        cx = self._context()
        report_unknown_tool(cx, line)
        self._found.extend(cx.diagnostics)
        return cx.diagnostics

    def _context(self) -> Context:
        return Context(self.scope, self._tools, self._suggester, RULES, self._dialect)

    def _note_unread(self, line: Line, diagnostics: tuple[Diagnostic, ...]) -> None:
        if line.outside or not has_errors(diagnostics):
            self._unread = self._unread or has_errors(diagnostics)
            return
        self._unread = True
        if _END.match(line.text):
            return
        found = _NUMBER.match(line.text)
        if found is not None:
            poison(self.scope, str(int(found[1])), diagnostics[-1].span)
            return
        found = _NAME.match(line.text)
        if found is not None or "(" in line.text:
            poison(self.scope, None if found is None else found[1], diagnostics[-1].span)

    def _statement(self, statement: Statement, before: tuple[Diagnostic, ...]) -> Lowered:
        cx = self._context()
        cx.diagnostics.extend(before)
        known = len(self.scope.bindings)
        ops: tuple[Op, ...] = ()
        if self._end is not None:
            self._after_the_end(cx, statement)
        elif type(statement) in _LOWER:
            ops = _LOWER[type(statement)](cx, statement)
            if not isinstance(statement, syntax.Define):
                self._end = statement.span
        self._add(cx, statement, defines=len(self.scope.bindings) > known)
        return Lowered(statement, ops, tuple(cx.diagnostics), cx.strings)

    def _after_the_end(self, cx: Context, statement: Statement) -> None:
        """One error for all that follows the end; what it defines is poisoned."""
        if isinstance(statement, syntax.Define):
            poison(self.scope, statement.name, statement.span)
        if self._told_of_end:
            return
        self._told_of_end = True
        assert self._end is not None
        note = f"the plan ended in line {self._end.line}"
        cx.report(
            "E0290",
            statement.span,
            "nothing can follow the end of the plan",
            note,
            help="move it up, or remove it",
        )

    def _add(self, cx: Context, statement: Statement, *, defines: bool) -> None:
        if defines:
            name = next(reversed(self.scope.bindings))
            self._came_too_early(name, statement.span)
        places = {id(d): len(self._found) + i for i, d in enumerate(cx.diagnostics)}
        self._found.extend(cx.diagnostics)
        for name, diagnostic in cx.unknown:
            self._unknown.setdefault(name, []).append(places[id(diagnostic)])

    def _came_too_early(self, name: str, place: Span) -> None:
        """Rewrites what was said about an unknown name, now that its definition has come."""
        for index in self._unknown.pop(name, ()):
            what = f"step {name}" if name.isdigit() else shown(name)
            self._found[index] = Diagnostic(
                "E0303",
                self._found[index].span,
                f"{what} is used before it is defined",
                (f"it is defined in line {place.line}",),
                "a statement can use only what stands above it: move one of the two",
            )

    def _at_the_end(self) -> Iterable[Diagnostic]:
        if self._tools.assumed:
            names = ", ".join(map(shown, [*self._tools.assumed][:12])) + (
                ", ..." if len(self._tools.assumed) > 12 else ""
            )
            yield Diagnostic(
                "W0501",
                next(iter(self._tools.assumed.values())),
                "without a toolbox every call is taken as a read that returns anything",
                (f"tools of this plan: {names}",),
                "give the tools (`--tools`), so that names, types and effects can be checked",
            )
        if self._end is None and not self._unread:
            last = self.statements[-1].span if self.statements else Span(1, 1, 1, 1)
            yield Diagnostic(
                "W0290", last, "the plan has no answer: it ends without `join` or `return`",
                help="end it with `join()`, or with `return` and a value",
            )  # fmt: skip


def compile_front(
    text: str,
    signatures: Mapping[str, Signature] | None,
    *,
    dialect: str = "native",
    limits: SourceLimits = DEFAULT_LIMITS,
) -> FrontResult:
    """A whole plan at once.

    >>> result = compile_front('return 1 + 2', {})
    >>> result.module is not None, result.diagnostics
    (True, ())

    Raises:
        ValueError: there is no such dialect.
    """
    front = FrontEnd(signatures, dialect=dialect, limits=limits)
    ops: list[Op] = []
    with paused(len(text) > _LARGE):
        # Piece by piece, so that not all lines stand beside all ops.
        for start in range(0, len(text), _LARGE):
            ops.extend(op for lowered in front.feed(text[start : start + _LARGE]) for op in lowered.ops)
        ops.extend(op for lowered in front.close() for op in lowered.ops)
    diagnostics = tuple(front.diagnostics)
    module = None if has_errors(diagnostics) else Module(tuple(ops))
    return FrontResult(module, diagnostics, tuple(front.statements))
