"""Lowers calls of built-in functions, which are pure expressions."""

from __future__ import annotations

from functools import cache

from llmcc.frontend import infer, syntax
from llmcc.frontend.arguments import match_arguments
from llmcc.frontend.context import Context, Typed, broken, replacing
from llmcc.frontend.fit import fit
from llmcc.frontend.quote import shown
from llmcc.ir.builtins import BUILTINS, BuiltinFunction
from llmcc.ir.diagnostics import has_errors
from llmcc.ir.expr import NOTHING, Builtin, Const
from llmcc.ir.types import ANY_LIST, STR, ListType, RecordType, Type, nullable, options, without_null

_BY_ORDER = ("sorted", "min", "max")


def lower_builtin(cx: Context, node: syntax.CallExpression) -> Typed:
    """The call of a built-in. The function itself judges its arguments when it runs, so no `Check` is written."""
    function = BUILTINS[node.tool]
    before = len(cx.diagnostics)
    names = _parameter_names(function, node)
    required = names if names != _own_names(function) else names[: len(names) - function.optional]
    matched = match_arguments(cx, node, names, required, _signature(node.tool))
    values = {name: cx.lower(argument.value) for argument, name in matched if name is not None}
    if has_errors(cx.diagnostics[before:]) or any(v.broken for v in values.values()):
        return broken(node.span)
    ordered = _in_order(cx, node, function, names, values)
    if ordered is None:
        return broken(node.span)
    return _typed(cx, node, function, ordered)


def _own_names(function: BuiltinFunction) -> tuple[str, ...]:
    return tuple(name for name, _ in function.parameters)


def _parameter_names(function: BuiltinFunction, node: syntax.CallExpression) -> tuple[str, ...]:
    """The function's parameters, or for `max(a, b, c)` as many as there are arguments."""
    count = len(node.arguments)
    if function.variadic is None or count <= len(function.parameters) or any(a.name for a in node.arguments):
        return _own_names(function)
    return tuple(f"argument {i + 1}" for i in range(count))


@cache
def _signature(name: str) -> str:
    function = BUILTINS[name]
    least = len(function.parameters) - function.optional
    shown_ones = [f"{n}{'?' if i >= least else ''}: {t}" for i, (n, t) in enumerate(function.parameters)]
    text = f"{name}({', '.join(shown_ones)}): {function.summary}"
    return text if function.variadic is None else f"{text}; or of two or more arguments"


def _in_order(
    cx: Context,
    node: syntax.CallExpression,
    function: BuiltinFunction,
    names: tuple[str, ...],
    values: dict[str, Typed],
) -> list[Typed] | None:
    """The arguments by place; one that is left out before another is null, where null is allowed."""
    last = max((names.index(name) for name in values), default=-1)
    types = dict(function.parameters)
    found: list[Typed] = []
    for name in names[: last + 1]:
        if name in values:
            found.append(values[name])
            continue
        if not nullable(types[name]):
            cx.report("E0313", node.tool_span, f"{shown(node.tool)} lacks the argument {shown(name)}")
            return None
        found.append(Typed(expr=NOTHING, type=infer.of_constant(None), span=node.span))
    return found


def _typed(cx: Context, node: syntax.CallExpression, function: BuiltinFunction, values: list[Typed]) -> Typed:
    before = len(cx.diagnostics)
    if function.variadic is not None and len(values) >= 2:
        field = infer.may_be(values[0].type, ANY_LIST) and infer.may_be(values[1].type, STR) and len(values) == 2
        wanted = [t for _, t in function.parameters] if field else [function.variadic] * len(values)
    else:
        wanted = [t for _, t in function.parameters[: len(values)]]
    signature = _signature(node.tool)
    for place, (value, want) in enumerate(zip(values, wanted, strict=True)):
        what = shown(function.parameters[place][0]) if wanted[-1] is not function.variadic else "an argument"
        fit(cx, value, want, f"{what} of {shown(node.tool)}", signature, check=False)
    if len(cx.diagnostics) == before and node.tool in _BY_ORDER:
        _check_order(cx, node, values)
    if len(cx.diagnostics) > before:
        return broken(node.span)
    result = function.result([without_null(v.type) if v.expr != NOTHING else v.type for v in values])
    return Typed(expr=Builtin(node.tool, tuple(v.expr for v in values)), type=result, span=node.span)


def _check_order(cx: Context, node: syntax.CallExpression, values: list[Typed]) -> None:
    """Reports items that have no order, and a `by` that is no field of theirs."""
    lists = [o for o in options(values[0].type) if isinstance(o, ListType)]
    if len(lists) != 1:
        return
    item: Type = lists[0].element
    by = values[1] if len(values) > 1 and values[1].expr != NOTHING else None
    if by is None:
        if not infer.has_order(item):
            fields = [f.name for f in item.fields] if isinstance(item, RecordType) else []
            help = f'name the field to order by: `{node.tool}(..., by="{fields[0]}")`' if fields else None
            cx.report("E0410", values[0].span, f"items of type {item} have no order", help=help)
        return
    name = by.expr.value if isinstance(by.expr, Const) else None
    if not isinstance(name, str):
        return
    if infer.field(item, name).type is not None:
        return
    fields = [f.name for o in options(item) if isinstance(o, RecordType) for f in o.fields]
    near = cx.suggester.closest(name, fields)
    fix = replacing(by.span, f'"{near.only}"') if near.only is not None else None
    cx.report("E0402", by.span, f"the items have no field {shown(name)}", f"they are {item}", help=near.help, fix=fix)
