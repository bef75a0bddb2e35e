"""Reads the printed form of a module (`llmcc.grammar`, `ir.lark`), or its JSON, back.

It checks the form only; `llmcc.ir.verify` checks the rest.
"""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import Any

import msgspec
from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from llmcc.ir import expr as e
from llmcc.ir import types as t
from llmcc.ir.effects import PURE, Effect
from llmcc.ir.errors import LlmccError
from llmcc.ir.ops import Call, Compute, Join, Map, Module, Op, Return
from llmcc.ir.span import Span

_WORDS = {
    "VALUE": "a value (`%name`)",
    "NAME": "a name",
    "TOOL": "a tool's name",
    "STRING": "a string",
    "NUMBER": "a number",
    "DIGITS": "a number",
    "SPAN": "a place (`line:column-end`)",
    "PRIM": "a type",
    "COMPARE": "a comparison",
    "TIMES": "`*`",
    "READ_OR_WRITE": "`read`, `write`",
    "_NL": "a new line",
    "$END": "the end",
    "<END-OF-FILE>": "the end",
}
_MOST_EXPECTED = 6
_ATTRIBUTES: dict[type, set[str]] = {
    Compute: {"when", "after", "catch", "at", "step", "priority"},
    Call: {"effect", "batch", "untrusted", "when", "after", "catch", "at", "step", "priority"},
    Map: {"ordered", "when", "after", "catch", "at", "step", "priority"},
    Join: {"at"},
    Return: {"at"},
}
_FIELD_OF = {"when": "guard", "at": "span"}


class IRSyntaxError(LlmccError):
    """A text is not in the printed form of the IR; `line` and `column` (from 1) say where, `message` why."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(f"{line}:{column}: {message}")
        self.line, self.column, self.message = line, column, message


def parse(text: str) -> Module:
    """The module that `text` shows.

    >>> parse('plan {dialect = 1, ordered = true} {\\n  return 1 + 2\\n}\\n').end
    Return(expr=Binary(op='+', left=Const(value=1), right=Const(value=2)), span=None)

    Raises:
        IRSyntaxError: `text` shows none.
    """
    return _parse(text, "module")  # type: ignore[no-any-return]


def parse_op(text: str) -> Op:
    """The op that `text` shows. Raises like `parse`."""
    return _parse(text, "single")  # type: ignore[no-any-return]


def parse_expr(text: str) -> e.Expr:
    """The expression that `text` shows. Raises like `parse`."""
    return _parse(text, "formula")  # type: ignore[no-any-return]


def from_json(data: bytes | str) -> Module:
    """The module that `llmcc.ir.printer.to_json` wrote.

    >>> from_json('{"ordered": true}')
    Module(ops=(), dialect=1, ordered=True)

    Raises:
        ValueError: `data` is no JSON of a module; the text says where.
    """
    return msgspec.json.decode(data, type=Module)


def _parse(text: str, start: str) -> Any:
    try:
        return _parser().parse(text, start=start)
    except UnexpectedInput as error:
        raise _syntax_error(error, text) from None


def _syntax_error(error: UnexpectedInput, text: str) -> IRSyntaxError:
    expected: set[str] = set()
    found = "the end"
    line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
    if isinstance(error, UnexpectedToken):
        expected = set(error.accepts or error.expected)
        if error.token.type != "$END":
            found = "a new line" if error.token.type == "_NL" else f"`{error.token}`"
            line, column = error.line, error.column
    elif isinstance(error, UnexpectedCharacters):
        expected, found = set(error.allowed or ()), f"{json.dumps(error.char)}"
        line, column = error.line, error.column
    words = sorted({_word(name) for name in expected})
    if len(words) > _MOST_EXPECTED:
        return IRSyntaxError(line, column, f"{found} cannot stand here")
    return IRSyntaxError(line, column, f"expected {' or '.join(words)}, not {found}")


def _word(terminal: str) -> str:
    if terminal in _WORDS:
        return _WORDS[terminal]
    pattern = next(d.pattern.value for d in _parser().terminals if d.name == terminal)
    return f"`{pattern}`"


@functools.cache
def _parser() -> Lark:
    grammar = resources.files("llmcc.grammar").joinpath("ir.lark").read_text(encoding="utf-8")
    starts = ["module", "single", "formula"]
    return Lark(grammar, parser="lalr", lexer="contextual", start=starts, transformer=_Builder())


def _number(token: Token) -> int | float:
    try:
        if "0x" in token:
            return int(token, 16)
        return int(token) if token.lstrip("-").isdigit() else float(token)
    except ValueError:
        raise IRSyntaxError(token.line or 0, token.column or 0, "a number that long is written in base 16") from None


def _int(token: Token) -> int:
    value = _number(token)
    if isinstance(value, float):
        raise IRSyntaxError(token.line or 0, token.column or 0, f"expected a whole number, not `{token}`")
    return value


def _string(token: Token) -> str:
    try:
        return str(json.loads(token[token.index('"') :]))
    except ValueError:
        raise IRSyntaxError(token.line or 0, token.column or 0, "the string has a wrong escape") from None


def _name(token: Token) -> str:
    """The name that a VALUE shows."""
    return _string(token) if token[1] == '"' else str(token[1:])


def _word_or_string(token: Token) -> str:
    return _string(token) if token.type == "STRING" else str(token)


def _fields(kind: type, place: Token, attributes: list[tuple[Token, Any]]) -> dict[str, Any]:
    """The attributes of an op, by the names of its fields."""
    found: dict[str, Any] = {}
    for key, value in attributes:
        if key not in _ATTRIBUTES[kind]:
            raise IRSyntaxError(key.line or 0, key.column or 0, f"this op has no attribute `{key}`")
        field = _FIELD_OF.get(key, str(key))
        if field in found:
            raise IRSyntaxError(key.line or 0, key.column or 0, f"`{key}` stands here twice")
        found[field] = value
    if kind is Call and "effect" not in found:
        raise IRSyntaxError(place.line or 0, place.column or 0, "a call needs its `effect`")
    return found


@v_args(inline=True)
class _Builder(Transformer[Token, Any]):
    """Builds the IR while the text is read. One method a rule, or alias of a rule, of the grammar."""

    def module(self, dialect: Token, ordered: bool | None, *ops: Op) -> Module:
        return Module(ops, _int(dialect), bool(ordered))

    def single(self, op: Op) -> Op:
        return op

    def formula(self, expr: e.Expr) -> e.Expr:
        return expr

    def compute(self, name: Token, expr: e.Expr, type_: t.Type, attributes: list[Any]) -> Op:
        return Compute(name=_name(name), expr=expr, type=type_, **_fields(Compute, name, attributes))

    def call(self, name: Token, tool: str, args: Any, type_: t.Type, attributes: list[Any]) -> Op:
        return Call(name=_name(name), tool=tool, args=args, type=type_, **_fields(Call, name, attributes))

    def map(
        self,
        name: Token,
        var: Token,
        var_type: t.Type,
        source: e.Expr,
        type_: t.Type,
        attributes: list[Any],
        body: tuple[Any, ...],
        keep: e.Expr | None,
        result: e.Expr,
    ) -> Op:
        return Map(
            name=_name(name),
            var=_name(var),
            var_type=var_type,
            source=source,
            type=type_,
            body=body,
            keep=keep,
            result=result,
            **_fields(Map, name, attributes),
        )

    def join(self, args: Any, attributes: list[Any]) -> Op:
        return Join(args=args, **_fields(Join, Token("JOIN", "join"), attributes))

    def return_(self, expr: e.Expr, attributes: list[Any]) -> Op:
        return Return(expr=expr, **_fields(Return, Token("RETURN", "return"), attributes))

    def body(self, *ops: Op) -> tuple[Op, ...]:
        return ops

    def keep(self, expr: e.Expr | None = None) -> e.Expr | None:
        return expr

    condition = bound = keep

    def tool(self, token: Token) -> str:
        return _word_or_string(token)

    def arguments(self, *args: tuple[str, e.Expr]) -> tuple[tuple[str, e.Expr], ...]:
        return args

    def argument(self, name: Token, expr: e.Expr) -> tuple[str, e.Expr]:
        return _word_or_string(name), expr

    def attributes(self, *attributes: tuple[Token, Any]) -> list[tuple[Token, Any]]:
        return list(attributes)

    def attribute(self, key: Token, value: Any) -> tuple[Token, Any]:
        if key in ("step", "batch"):
            return key, _int(value)
        if key == "priority":
            return key, float(_number(value))
        return key, Span.parse(value) if key == "at" else value

    def names(self, *values: Token) -> tuple[str, ...]:
        return tuple(map(_name, values))

    def pure(self) -> Effect:
        return PURE

    def touching(self, kind: Token, *patterns: str) -> Effect:
        return Effect(str(kind), tuple(_string(p) if isinstance(p, Token) else p for p in patterns))  # type: ignore[arg-type]

    def word(self, token: Token) -> str:
        return str(token)

    def true(self) -> bool:
        return True

    def false(self) -> bool:
        return False

    def cond(self, then: e.Expr, test: e.Expr, other: e.Expr) -> e.Expr:
        return e.Cond(test, then, other)

    def binary(self, left: e.Expr, op: Token, right: e.Expr) -> e.Expr:
        return e.Binary(str(op), left, right)  # type: ignore[arg-type]  # the grammar knows the operators

    def not_in(self, left: e.Expr, _in: Token, right: e.Expr) -> e.Expr:
        return e.Binary("not in", left, right)

    def negation(self, operand: e.Expr) -> e.Expr:
        return e.Unary("not", operand)

    def minus(self, _sign: Token, operand: e.Expr) -> e.Expr:
        return e.Unary("-", operand)

    def field(self, base: e.Expr, name: Token) -> e.Expr:
        return e.Index(base, e.Const(str(name)))

    def index(self, base: e.Expr, index: e.Expr) -> e.Expr:
        return e.Index(base, index)

    def slice(self, base: e.Expr, start: e.Expr | None, stop: e.Expr | None) -> e.Expr:
        return e.Slice(base, start, stop)

    def constant(self, token: Token) -> e.Expr:
        return e.Const(_string(token) if token.type == "STRING" else _number(token))

    def true_constant(self) -> e.Expr:
        return e.TRUE

    def false_constant(self) -> e.Expr:
        return e.FALSE

    def null_constant(self) -> e.Expr:
        return e.NOTHING

    def ref(self, name: Token) -> e.Expr:
        return e.Ref(_name(name))

    def items(self, *items: e.Expr) -> tuple[e.Expr, ...]:
        return items

    def list_of(self, items: tuple[e.Expr, ...]) -> e.Expr:
        return e.ListOf(items)

    def comprehension(self, element: e.Expr, name: Token, source: e.Expr, condition: e.Expr | None) -> e.Expr:
        return e.Comprehension(element, _name(name), source, condition)

    def entry(self, key: Token, value: e.Expr) -> tuple[str, e.Expr]:
        return _string(key), value

    def dict_of(self, *entries: tuple[str, e.Expr]) -> e.Expr:
        return e.DictOf(entries)

    def format(self, parts: tuple[e.Expr, ...]) -> e.Expr:
        return e.Format(parts)

    def check(self, operand: e.Expr, type_: t.Type) -> e.Expr:
        return e.Check(operand, type_)

    def builtin(self, name: Token, args: tuple[e.Expr, ...]) -> e.Expr:
        return e.Builtin(str(name), args)

    def type(self, *options: t.Type) -> t.Type:
        return t.union(*options)

    def prim(self, name: Token) -> t.Type:
        return t.Prim(str(name))  # type: ignore[arg-type]  # the grammar knows the words

    def never(self) -> t.Type:
        return t.NEVER

    def enum(self, value: Token) -> t.Type:
        return t.EnumType((_string(value),))

    def list_type(self, element: t.Type) -> t.Type:
        return t.ListType(element)

    def record(self, *fields: t.Field) -> t.Type:
        return t.RecordType(fields)

    def open_record(self, *parts: Any) -> t.Type:
        return t.RecordType(parts[:-1], parts[-1])

    def member(self, name: Token, required: bool, type_: t.Type) -> t.Field:
        return t.Field(_word_or_string(name), type_, required)

    def optional(self, *marks: Token) -> bool:
        return not marks
