"""From the parser's reductions straight to the syntax tree: one method a rule of `plan.lark`, no tree in between.

The builder has no state.
"""

from __future__ import annotations

from typing import Any

import msgspec

from llmcc.frontend.lalr import Token
from llmcc.frontend.literals import LiteralError, floating, fstring_parts, integer, unescape, value_name
from llmcc.frontend.syntax import (
    Argument,
    Attribute,
    BinaryOperation,
    CallExpression,
    Conditional,
    Define,
    DictLiteral,
    Expression,
    FString,
    JoinStatement,
    ListComprehension,
    ListLiteral,
    Literal,
    Reference,
    Remark,
    ReturnStatement,
    SliceOf,
    Statement,
    Subscript,
    UnaryOp,
)
from llmcc.ir.span import Span

_CONSTANTS: dict[str, bool | None] = {
    "NULL": None,
    "TRUE": True,
    "FALSE": False,
    "PY_NULL": None,
    "PY_TRUE": True,
    "PY_FALSE": False,
}


def span_of(token: Token) -> Span:
    """The place of a token; no token holds a line's end."""
    return Span(token.line, token.column, token.line, token.column + len(token.text))


def _name(token: Token) -> str:
    """The name of a value or variable, or the first part of a tool's name."""
    return value_name(token.text, span_of(token))


class _Clause(msgspec.Struct, frozen=True):
    """`when e`, `after x, y` or `catch e`; `last` is the place of its last part."""

    word: str
    value: Any
    last: Span


class _Clauses(msgspec.Struct, frozen=True):
    """What stands behind a statement's value; `last` is the place of its last part, if there is any."""

    when: Expression | None = None
    after: tuple[Reference, ...] = ()
    catch: Expression | None = None
    last: Span | None = None


_NO_CLAUSES = _Clauses()


class _Arguments(msgspec.Struct, frozen=True):
    """What stands between the parentheses of a call; `closed` is the place of the closing one."""

    items: tuple[Argument, ...]
    closed: Span


class Builder:
    """Makes syntax nodes; raises LiteralError where a token is well formed but means nothing."""

    # Statements.

    def line(self, *parts: Any) -> Statement:
        first = parts[0]
        if isinstance(first, Token):
            span = span_of(first).to(span_of(parts[-1]))
            return Remark(span, " ".join(part.text.strip(" \t") for part in parts))
        if len(parts) == 1:
            return first  # type: ignore[no-any-return]
        return msgspec.structs.replace(first, comment=parts[1].text[1:].strip(" \t"))  # type: ignore[no-any-return]

    def named(self, name: Token, value: Expression, clauses: _Clauses) -> Define:
        return self._define(span_of(name), _name(name), value, clauses)

    def numbered(self, number: Token, value: Expression, clauses: _Clauses) -> Define:
        start = span_of(number)
        integer(number.text, start)
        return self._define(start, number.text, value, clauses)

    def bare(self, value: Expression, clauses: _Clauses) -> Define:
        return self._define(value.span, None, value, clauses)

    def _define(self, start: Span, name: str | None, value: Expression, clauses: _Clauses) -> Define:
        span = start.to(clauses.last or value.span) if start is not value.span or clauses.last else start
        return Define(span, name, value, clauses.when, clauses.after, clauses.catch)

    def join(self, *parts: Any) -> JoinStatement:
        number = parts[0] if isinstance(parts[0], Token) and parts[0].type == "INT" else None
        word, listed = parts[number is not None], parts[1 + (number is not None)]
        start = span_of(word if number is None else number)
        if number is not None:
            integer(number.text, start)
        return JoinStatement(start.to(listed.closed), number.text if number is not None else None, listed.items)

    def return_(self, word: Token, value: Expression, _end: Token | None = None) -> ReturnStatement:
        return ReturnStatement(span_of(word).to(value.span), value)

    def clauses(self, *parts: _Clause) -> _Clauses:
        if not parts:
            return _NO_CLAUSES
        by_word = {part.word: part.value for part in parts}
        return _Clauses(by_word.get("when"), by_word.get("after", ()), by_word.get("catch"), parts[-1].last)

    def when(self, value: Expression) -> _Clause:
        return _Clause("when", value, value.span)

    def after(self, *references: Reference) -> _Clause:
        return _Clause("after", references, references[-1].span)

    def catch(self, value: Expression) -> _Clause:
        return _Clause("catch", value, value.span)

    # Operators.

    def conditional(self, then: Expression, test: Expression, other: Expression) -> Conditional:
        return Conditional(then.span.to(other.span), test, then, other)

    def binary(self, left: Expression, op: Token, right: Expression) -> BinaryOperation:
        return BinaryOperation(left.span.to(right.span), op.text, left, right)  # type: ignore[arg-type]

    def or_(self, left: Expression, right: Expression) -> BinaryOperation:
        return BinaryOperation(left.span.to(right.span), "or", left, right)

    def and_(self, left: Expression, right: Expression) -> BinaryOperation:
        return BinaryOperation(left.span.to(right.span), "and", left, right)

    def in_(self, left: Expression, right: Expression) -> BinaryOperation:
        return BinaryOperation(left.span.to(right.span), "in", left, right)

    def not_in(self, left: Expression, _not: Token, right: Expression) -> BinaryOperation:
        return BinaryOperation(left.span.to(right.span), "not in", left, right)

    def unary(self, op: Token, operand: Expression) -> UnaryOp:
        return UnaryOp(span_of(op).to(operand.span), op.text, operand)

    # Paths.

    def dotted(self, *words: Token) -> tuple[Token, ...]:
        _name(words[0])
        return words

    def path(self, words: tuple[Token, ...]) -> Expression:
        start = span_of(words[0])
        node: Expression = Reference(start, words[0].text)
        for word in words[1:]:
            span = span_of(word)
            node = Attribute(start.to(span), node, word.text)
        return node

    def subscript(self, base: Expression, index: Expression, end: Token) -> Subscript:
        return Subscript(base.span.to(span_of(end)), base, index)

    def slice(self, base: Expression, *rest: Any) -> SliceOf:
        colon = next(place for place, part in enumerate(rest) if isinstance(part, Token) and part.type == "COLON")
        start = rest[0] if colon else None
        stop = rest[colon + 1] if not isinstance(rest[colon + 1], Token) else None
        return SliceOf(base.span.to(span_of(rest[-1])), base, start, stop)

    def bound(self, value: Expression) -> Expression:
        return value

    def attribute(self, base: Expression, word: Token) -> Attribute:
        span = span_of(word)
        return Attribute(base.span.to(span), base, word.text)

    def word(self, token: Token) -> Token:
        return token

    # Atoms.

    def parenthesised(self, start: Token, value: Expression, end: Token) -> Expression:
        return msgspec.structs.replace(value, span=span_of(start).to(span_of(end)))

    def list(self, start: Token, *rest: Any) -> ListLiteral:
        return ListLiteral(span_of(start).to(span_of(rest[-1])), rest[:-1])

    def dict(self, start: Token, *rest: Any) -> DictLiteral:
        return DictLiteral(span_of(start).to(span_of(rest[-1])), rest[:-1])

    def entry(self, key: Token, _colon: Token, value: Expression) -> tuple[Literal, Expression]:
        return self.literal(key), value

    def literal(self, token: Token) -> Literal:
        span = span_of(token)
        if token.type == "STRING":
            return Literal(span, unescape(token.text[1:-1]))
        if token.type == "INT":
            return Literal(span, integer(token.text, span))
        if token.type == "FLOAT":
            return Literal(span, floating(token.text, span))
        return Literal(span, _CONSTANTS[token.type])

    def reference(self, token: Token) -> Reference:
        span = span_of(token)
        if token.type == "NAME":
            return Reference(span, _name(token))
        return Reference(span, value_name(token.text.strip("${}"), span))

    def fstring(self, token: Token) -> FString:
        return FString(span_of(token), fstring_parts(token.text, token.line, token.column))

    def comprehension(self, start: Token, element: Expression, var: Token, source: Expression, *rest: Any) -> Any:
        span = span_of(start).to(span_of(rest[-1]))
        return ListComprehension(span, element, _name(var), span_of(var), source, rest[0] if len(rest) > 1 else None)

    def condition(self, value: Expression) -> Expression:
        return value

    # Calls.

    def call(self, callee: Any, listed: _Arguments) -> CallExpression:
        if isinstance(callee, Token):
            span = span_of(callee)
            return CallExpression(span.to(listed.closed), callee.text[1:-1], span, listed.items, True)
        span = span_of(callee[0]).to(span_of(callee[-1]))
        return CallExpression(span.to(listed.closed), ".".join(word.text for word in callee), span, listed.items)

    def arguments(self, _start: Token, *rest: Any) -> _Arguments:
        named = False
        for argument in rest[:-1]:
            if named and argument.name is None:
                raise LiteralError("E0206", "a positional argument stands behind a named one", argument.span)
            named = named or argument.name is not None
        return _Arguments(rest[:-1], span_of(rest[-1]))

    def positional(self, value: Expression) -> Argument:
        return Argument(value.span, None, value)

    def keyword(self, word: Token, value: Expression) -> Argument:
        span = span_of(word)
        return Argument(span.to(value.span), word.text, value)
