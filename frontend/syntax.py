"""The syntax tree of a plan: what was written and where, before anything is known about names, tools or types.

Every node has the span of the text it came from. Nodes are immutable, so there are no cycles; equality is by structure,
spans included.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from llmcc.ir.expr import BinaryOp, Scalar
from llmcc.ir.span import Span


class Node(msgspec.Struct, frozen=True, gc=False, tag=True, tag_field="s"):
    """Anything that has a place."""

    span: Span


def _start(span: Span, name: str | None) -> Span | None:
    """The place of the name that a node begins with: places that can be told from others need no memory."""
    return Span(span.line, span.column, span.line, span.column + len(name)) if name is not None else None


class Literal(Node, frozen=True, tag="literal"):
    """null, a bool, a number or a plain string (whose text is only text)."""

    value: Scalar


class Reference(Node, frozen=True, tag="reference"):
    """A value of the plan: `everest`, `$everest`, `$1` or `${1}`; `name` is without signs (`1`, `everest`)."""

    name: str


class ListLiteral(Node, frozen=True, tag="list"):
    """`[a, b]`."""

    items: tuple[Expression, ...]


class DictLiteral(Node, frozen=True, tag="dict"):
    """`{"a": x}`; keys are plain strings."""

    entries: tuple[tuple[Literal, Expression], ...]


class Attribute(Node, frozen=True, tag="attribute"):
    """`base.name`."""

    base: Expression
    name: str

    @property
    def name_span(self) -> Span:
        """The name's place: it stands at the end."""
        line, column = self.span.end_line, self.span.end_column
        return Span(line, column - len(self.name), line, column)


class Subscript(Node, frozen=True, tag="subscript"):
    """`base[index]`."""

    base: Expression
    index: Expression


class SliceOf(Node, frozen=True, tag="slice"):
    """`base[start:stop]`."""

    base: Expression
    start: Expression | None
    stop: Expression | None


class UnaryOp(Node, frozen=True, tag="unary"):
    """`not x`, `-x`."""

    op: str
    operand: Expression


class BinaryOperation(Node, frozen=True, tag="binary"):
    """`left op right`. A chain `a < b < c` is not part of the language."""

    op: BinaryOp
    left: Expression
    right: Expression


class Conditional(Node, frozen=True, tag="conditional"):
    """`then if test else other`."""

    test: Expression
    then: Expression
    other: Expression


class FString(Node, frozen=True, tag="fstring"):
    """`f"text {reference.path} text"`: texts are `Literal`s, the rest references with paths."""

    parts: tuple[Expression, ...]


class Argument(Node, frozen=True, tag="argument"):
    """One argument of a call; `name` is None for a positional one."""

    name: str | None
    value: Expression

    @property
    def name_span(self) -> Span | None:
        """The name's place."""
        return _start(self.span, self.name)


class CallExpression(Node, frozen=True, tag="call"):
    """`tool(arguments)` of a tool or a built-in; `tool` may be dotted, or anything that backticks can quote."""

    tool: str
    tool_span: Span
    arguments: tuple[Argument, ...]
    quoted: bool = False


class ListComprehension(Node, frozen=True, tag="comprehension"):
    """`[element for var in source if condition]`."""

    element: Expression
    var: str
    var_span: Span
    source: Expression
    condition: Expression | None


Expression: TypeAlias = (
    Literal
    | Reference
    | ListLiteral
    | DictLiteral
    | Attribute
    | Subscript
    | SliceOf
    | UnaryOp
    | BinaryOperation
    | Conditional
    | FString
    | CallExpression
    | ListComprehension
)


class Define(Node, frozen=True, tag="define"):
    """A statement that defines a value: `name = value`, `3. call(...)`, or a bare call (`name` None: the next number).

    `name` holds the name or the number's digits. `comment` is the text after `#`, if any.
    """

    name: str | None
    value: Expression
    when: Expression | None = None
    after: tuple[Reference, ...] = ()
    catch: Expression | None = None
    comment: str | None = None

    @property
    def name_span(self) -> Span | None:
        """The place of the name or number."""
        return _start(self.span, self.name)


class JoinStatement(Node, frozen=True, tag="join"):
    """`join(...)`: a model answers from these values (from all, if there are none)."""

    number: str | None
    arguments: tuple[Argument, ...]
    comment: str | None = None


class ReturnStatement(Node, frozen=True, tag="return"):
    """`return value`."""

    value: Expression
    comment: str | None = None


class Remark(Node, frozen=True, tag="remark"):
    """A `Thought:` line, a comment line, an empty line or `<END_OF_PLAN>`: kept for the formatter, without meaning."""

    text: str


Statement: TypeAlias = Define | JoinStatement | ReturnStatement | Remark
