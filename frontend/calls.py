"""Which calls are calls of tools, and where an expression has one."""

from __future__ import annotations

from collections.abc import Iterator

from llmcc.frontend import syntax
from llmcc.frontend.context import Context
from llmcc.ir.builtins import BUILTINS


def is_builtin(node: syntax.CallExpression, cx: Context) -> bool:
    """Whether a call means a built-in function: a tool of that name goes first, and backticks mean a tool."""
    return node.tool in BUILTINS and not node.quoted and cx.tools.find(node.tool) is None


def has_call(node: syntax.Expression, cx: Context) -> bool:
    """Whether a tool is called somewhere in the expression."""
    stack: list[syntax.Expression] = [node]
    while stack:
        here = stack.pop()
        if isinstance(here, syntax.CallExpression) and not is_builtin(here, cx):
            return True
        stack.extend(children(here))
    return False


def children(node: syntax.Expression) -> Iterator[syntax.Expression]:
    """The direct parts of an expression."""
    match node:
        case syntax.ListLiteral():
            yield from node.items
        case syntax.DictLiteral():
            yield from (value for _, value in node.entries)
        case syntax.Attribute():
            yield node.base
        case syntax.Subscript():
            yield from (node.base, node.index)
        case syntax.SliceOf():
            yield from (part for part in (node.base, node.start, node.stop) if part is not None)
        case syntax.UnaryOp():
            yield node.operand
        case syntax.BinaryOperation():
            yield from (node.left, node.right)
        case syntax.Conditional():
            yield from (node.test, node.then, node.other)
        case syntax.FString():
            yield from node.parts
        case syntax.CallExpression():
            yield from (argument.value for argument in node.arguments)
        case syntax.ListComprehension():
            yield from (part for part in (node.source, node.condition, node.element) if part is not None)
