"""Lowers a statement: from what was written to typed ops, with every name resolved and every type checked."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from llmcc.frontend import lower_call, lower_expr, lower_map, syntax
from llmcc.frontend.calls import has_call, is_builtin
from llmcc.frontend.context import Context, Rule, Typed, broken
from llmcc.frontend.lower_expr import condition
from llmcc.frontend.names import resolve
from llmcc.frontend.quote import shown
from llmcc.frontend.scope import Binding, Scope
from llmcc.ir.diagnostics import has_errors
from llmcc.ir.expr import Expr
from llmcc.ir.ops import Compute, Join, Op, Return
from llmcc.ir.span import Span
from llmcc.ir.types import NULL, union

RULES: Mapping[type[syntax.Node], Rule] = {**lower_expr.RULES, **lower_call.RULES, **lower_map.RULES}


def lower_define(cx: Context, node: syntax.Define) -> tuple[Op, ...]:
    """The ops of a statement that defines a value; none, and a poisoned value, if it has errors."""
    name = _name(cx, node)
    cx.base, cx.own = name, name
    test = None if node.when is None else condition(cx, node.when)
    cx.after = _after(cx, node.after)
    guard = None if test is None or test.broken else test.expr
    if guard is not None and has_call(node.value, cx):
        assert node.when is not None
        guard = cx.shared(guard, node.when.span)
    facts = cx.facts if test is None or test.broken else cx.facts.assume(test.expr)
    with cx.branch(guard, facts):
        value = _value(cx, node.value, name)
        catch = _catch(cx, node.catch)
    wrong = value.broken or (test is not None and test.broken) or (catch is not None and catch.broken)
    if wrong or cx.poisoned or has_errors(cx.diagnostics):
        _poison(cx.scope, name, node)
        return ()
    if catch is not None:
        cx.ops[-1] = msgspec.structs.replace(cx.ops[-1], catch=catch.expr)
        cx.scope.trust.learn(cx.ops[-1])
    plain = value.type if catch is None else union(value.type, catch.type)
    kind = plain if test is None else union(plain, NULL)
    cx.scope.define(
        Binding(name=name, type=kind, plain=plain, span=_place(node), guard=None if test is None else test.expr)
    )
    return tuple(cx.ops)


def _place(node: syntax.Define) -> Span:
    return node.name_span or node.span


def _poison(scope: Scope, name: str, node: syntax.Define) -> None:
    if name not in scope:
        scope.define(Binding(name=name, poisoned=True, span=_place(node)))


def _name(cx: Context, node: syntax.Define) -> str:
    """The statement's name or number; reports one that is taken, and numbers that do not rise."""
    if node.name is None:
        return str(cx.scope.highest + 1)
    name = node.name
    if name.isdigit():
        name = str(int(name))
    first = cx.scope.find(name)
    if first is not None:
        where = f" in line {first.span.line}" if first.span is not None else " by an earlier plan"
        what = f"step {name}" if name.isdigit() else shown(name)
        help = f"number it {cx.scope.highest + 1}" if name.isdigit() else "choose another name"
        cx.report("E0304", _place(node), f"{what} is defined already", f"the first definition stands{where}", help=help)
    elif name in cx.scope.variables:
        variable = cx.scope.variables[name]
        where = f" in line {variable.line}" if variable is not None else ""
        message = f"{shown(name)} is the name of a list's variable already"
        cx.report("E0304", _place(node), message, f"it stands{where}", help="choose another name")
    elif name.isdigit() and int(name) < cx.scope.highest:
        cx.report("W0302", _place(node), f"step {name} comes after step {cx.scope.highest}")
    return name


def _after(cx: Context, refs: tuple[syntax.Reference, ...]) -> tuple[str, ...]:
    found = [resolve(cx, ref) for ref in refs]
    return tuple(dict.fromkeys(ref.name for ref, value in zip(refs, found, strict=True) if not value.broken))


def _value(cx: Context, node: syntax.Expression, name: str) -> Typed:
    """The statement's own op, which carries its name; it is the last one."""
    if isinstance(node, syntax.CallExpression) and not is_builtin(node, cx):
        return lower_call.lower_tool(cx, node, name)
    if isinstance(node, syntax.ListComprehension) and lower_map.is_map(node, cx):
        return lower_map.lower_comprehension(cx, node, name)
    value = cx.lower(node)
    if value.broken:
        return value
    op = Compute(name=name, type=value.type, expr=value.expr, guard=cx.guard, span=node.span)
    return Typed(expr=cx.emit(op), type=value.type, span=node.span)


def _catch(cx: Context, node: syntax.Expression | None) -> Typed | None:
    if node is None:
        return None
    if has_call(node, cx):
        cx.report(
            "E0309", node.span, "`catch` gives a value and calls no tool", help="call it in a statement of its own"
        )
        return broken(node.span)
    return cx.lower(node)


def lower_return(cx: Context, node: syntax.ReturnStatement) -> tuple[Op, ...]:
    """The ops of `return value`."""
    cx.base = "return"
    value = cx.lower(node.value)
    if value.broken or cx.poisoned or has_errors(cx.diagnostics):
        return ()
    return (*cx.ops, Return(expr=value.expr, span=node.span))


def lower_join(cx: Context, node: syntax.JoinStatement) -> tuple[Op, ...]:
    """The ops of `join(...)`; without arguments it takes every value of the plan."""
    cx.base = "join"
    args: dict[str, Expr] = {}
    if not node.arguments:
        for binding in cx.scope:
            args[binding.name] = resolve(cx, syntax.Reference(node.span, binding.name)).expr
    for place, argument in enumerate(node.arguments, 1):
        value = cx.lower(argument.value)
        cx.poisoned = cx.poisoned or value.broken
        name = argument.name or _reference_name(argument.value) or f"arg{place}"
        if name in args and args[name] == value.expr and argument.name is None:
            continue
        if name in args and argument.name is not None:
            cx.report("E0312", argument.name_span or argument.span, f"{shown(name)} is given to join twice")
            continue
        args[name if name not in args else f"arg{place}"] = value.expr
    if cx.poisoned or has_errors(cx.diagnostics):
        return ()
    return (*cx.ops, Join(args=tuple(args.items()), span=node.span))


def _reference_name(node: syntax.Expression) -> str | None:
    return node.name if isinstance(node, syntax.Reference) else None


def poison(scope: Scope, name: str | None, span: Span) -> None:
    """Defines the value of a statement that could not even be read, so that its uses are no further errors."""
    name = str(scope.highest + 1) if name is None else name
    if name not in scope:
        scope.define(Binding(name=name, poisoned=True, span=span))
