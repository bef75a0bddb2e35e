"""The canonical text of a plan: what `llmcc fmt` writes.

One statement a line, one space around operators, double quotes, `true false null`, parentheses only where needed.
Comments, `Thought:` lines and empty lines stay. Formatting what was formatted changes nothing, and the text means what
the statements mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

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
    SliceOf,
    Statement,
    Subscript,
    UnaryOp,
)
from llmcc.frontend.unseen import escaped
from llmcc.ir.expr import Scalar

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_SPECIAL = re.compile(r'["\\\n\r\t\b\f]')
#: How tightly each form holds its parts; a part that holds less tightly needs parentheses.
_CONDITIONAL, _OR, _AND, _NOT, _COMPARE, _SUM, _TERM, _UNARY, _ATOM = range(9)
_BINARY = {"or": _OR, "and": _AND, "+": _SUM, "-": _SUM, "*": _TERM, "/": _TERM, "//": _TERM, "%": _TERM}


def format_plan(statements: Iterable[Statement]) -> str:
    """The canonical text of `statements`, each line with its end.

    >>> from llmcc.frontend.parse import parse_plan
    >>> format_plan(parse_plan("x=(f( 'a' ,n=-1))  #why\\n join( )")[0])
    'x = f("a", n=-1)  # why\\njoin()\\n'
    """
    return "".join(format_statement(statement) + "\n" for statement in statements)


def format_statement(statement: Statement) -> str:
    """The canonical line of a statement, without a line end."""
    if isinstance(statement, Remark):
        return statement.text
    comment = statement.comment
    if comment is None:
        return _statement(statement)
    return f"{_statement(statement)}  # {comment}" if comment else f"{_statement(statement)}  #"


def format_expression(node: Expression) -> str:
    """The canonical text of an expression."""
    return _at(node, _CONDITIONAL)


def format_scalar(value: Scalar) -> str:
    r"""How a constant is written.

    >>> print(format_scalar('a "b"\n'), format_scalar(None), format_scalar(1e21))
    "a \"b\"\n" null 1e+21
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return '"' + _text(value) + '"' if isinstance(value, str) else repr(value)


def _text(text: str) -> str:
    return escaped(_SPECIAL.sub(lambda found: _ESCAPES[found[0]], text))


def _statement(statement: Statement) -> str:
    if isinstance(statement, JoinStatement):
        number = "" if statement.number is None else f"{statement.number}. "
        return f"{number}join({_arguments(statement.arguments)})"
    if not isinstance(statement, Define):
        return f"return {format_expression(statement.value)}"  # type: ignore[union-attr]
    name = statement.name
    head = "" if name is None else f"{name}. " if name.isdecimal() else f"{name} = "
    clauses = [] if statement.when is None else [f" when {format_expression(statement.when)}"]
    if statement.after:
        clauses.append(" after " + ", ".join(_reference(reference) for reference in statement.after))
    if statement.catch is not None:
        clauses.append(f" catch {format_expression(statement.catch)}")
    return head + format_expression(statement.value) + "".join(clauses)


def _reference(node: Reference) -> str:
    return f"${node.name}" if node.name.isdecimal() else node.name


def _arguments(arguments: tuple[Argument, ...]) -> str:
    return ", ".join(
        (f"{argument.name}=" if argument.name is not None else "") + format_expression(argument.value)
        for argument in arguments
    )


def _at(node: Expression, holds: int) -> str:
    """The text of a part of a form that holds as tightly as `holds`."""
    text, own = _form(node)
    return text if own >= holds else f"({text})"


def _form(node: Expression) -> tuple[str, int]:
    match node:
        case Conditional(_, test, then, other):
            return f"{_at(then, _OR)} if {_at(test, _OR)} else {_at(other, _CONDITIONAL)}", _CONDITIONAL
        case BinaryOperation(_, op, left, right):
            own = _BINARY.get(op, _COMPARE)
            # Operators group from the left; comparisons do not group at all.
            return f"{_at(left, own + (own == _COMPARE))} {op} {_at(right, own + 1)}", own
        case UnaryOp(_, "not", operand):
            return f"not {_at(operand, _NOT)}", _NOT
        case UnaryOp(_, op, operand):
            return f"{op}{_at(operand, _UNARY)}", _UNARY
        case _:
            return _atom(node), _ATOM


def _atom(node: Expression) -> str:
    match node:
        case Literal(_, value):
            return format_scalar(value)
        case Reference():
            return _reference(node)
        case ListLiteral(_, items):
            return "[" + ", ".join(format_expression(item) for item in items) + "]"
        case DictLiteral(_, entries):
            return "{" + ", ".join(f"{_atom(key)}: {format_expression(value)}" for key, value in entries) + "}"
        case FString(_, parts):
            return 'f"' + "".join(_part(part) for part in parts) + '"'
        case CallExpression(_, tool, _, arguments, quoted):
            return (f"`{tool}`" if quoted else tool) + f"({_arguments(arguments)})"
        case ListComprehension(_, element, var, _, source, condition):
            kept = "" if condition is None else f" if {_at(condition, _OR)}"
            return f"[{format_expression(element)} for {var} in {_at(source, _OR)}{kept}]"
        case _:
            return _path(node)


def _path(node: Expression) -> str:
    steps: list[str] = []
    while True:
        match node:
            case Attribute(_, base, name):
                steps.append(f".{name}")
            case Subscript(_, base, index):
                steps.append(f"[{format_expression(index)}]")
            case SliceOf(_, base, start, stop):
                bounds = [format_expression(bound) if bound is not None else "" for bound in (start, stop)]
                steps.append(f"[{':'.join(bounds)}]")
            case _:
                return _at(node, _ATOM) + "".join(reversed(steps))
        node = base


def _part(part: Expression) -> str:
    if isinstance(part, Literal):
        return _text(str(part.value)).replace("{", "{{").replace("}", "}}")
    return "{" + _path(part) + "}"
