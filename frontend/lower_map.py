"""Lowers comprehensions: a pure expression if no tool is called in them, else a map with a region of its own."""

from __future__ import annotations

from llmcc.frontend import infer, syntax
from llmcc.frontend.calls import has_call
from llmcc.frontend.context import Context, Local, Rule, Typed, broken, describe
from llmcc.frontend.fit import null
from llmcc.frontend.lower_expr import condition
from llmcc.frontend.quote import shown
from llmcc.ir.expr import Builtin, Comprehension, Const, Expr, ListOf
from llmcc.ir.frame import MAX_FANOUT
from llmcc.ir.ops import Map
from llmcc.ir.types import ANY, ListType, RecordType, Type


def comprehension(cx: Context, node: syntax.ListComprehension) -> Typed:
    """A comprehension inside an expression."""
    return lower_comprehension(cx, node)


def is_map(node: syntax.Expression, cx: Context) -> bool:
    """Whether the expression is a comprehension that calls a tool for each element."""
    if not isinstance(node, syntax.ListComprehension):
        return False
    return has_call(node.element, cx) or (node.condition is not None and has_call(node.condition, cx))


def lower_comprehension(cx: Context, node: syntax.ListComprehension, name: str | None = None) -> Typed:
    """The comprehension; if it is a map, as an op called `name` (None: a derived name)."""
    source = cx.lower(node.source)
    variable = _variable(cx, node)
    kind = ANY if source.broken else _element_type(cx, source)
    local = Local(variable or node.var, kind or ANY)
    wrong = source.broken or kind is None or variable is None
    if not is_map(node, cx):
        return _pure(cx, node, source, local, wrong)
    wrong = _too_wide(cx, source) or wrong
    cx.scope.trust.enter(local.name, source.expr)
    with cx.region(node.var, local) as body:
        test, element = _keep_and_element(cx, node)
    if wrong or element.broken or (test is not None and test.broken):
        return broken(node.span)
    op = Map(
        name=name or cx.fresh(),
        type=ListType(element.type),
        var=local.name,
        var_type=local.type,
        source=source.expr,
        body=tuple(body),
        keep=None if test is None else test.expr,
        result=element.expr,
        guard=cx.guard,
        after=cx.after,
        span=node.span,
    )
    return Typed(expr=cx.emit(op), type=op.type, span=node.span)


def _keep_and_element(cx: Context, node: syntax.ListComprehension) -> tuple[Typed | None, Typed]:
    if node.condition is None:
        return None, cx.lower(node.element)
    test = condition(cx, node.condition)
    if test.broken:
        return test, cx.lower(node.element)
    shared = cx.shared(test.expr, test.span) if has_call(node.element, cx) else test.expr
    with cx.branch(shared, cx.facts.assume(test.expr)):
        element = cx.lower(node.element)
    return Typed(expr=shared, type=test.type, span=test.span), element


def _pure(cx: Context, node: syntax.ListComprehension, source: Typed, local: Local, wrong: bool) -> Typed:
    outer = cx.locals
    cx.locals = {**outer, node.var: local}
    test = None if node.condition is None else condition(cx, node.condition)
    facts = cx.facts if test is None or test.broken else cx.facts.assume(test.expr)
    with cx.branch(None, facts):
        element = cx.lower(node.element)
    cx.locals = outer
    if wrong or element.broken or (test is not None and test.broken):
        return broken(node.span)
    expr = Comprehension(element.expr, local.name, source.expr, None if test is None else test.expr)
    return Typed(expr=expr, type=ListType(element.type), span=node.span)


def _variable(cx: Context, node: syntax.ListComprehension) -> str | None:
    """The variable's name in the IR; None, with a diagnostic, if a value of the plan has it already."""
    if node.var not in cx.scope and node.var != cx.own:
        return cx.scope.variable(node.var, node.var_span)
    cx.report(
        "E0308",
        node.var_span,
        f"{shown(node.var)} is a value of the plan already",
        help="choose another name for the variable",
    )
    return None


def _element_type(cx: Context, source: Typed) -> Type | None:
    found = infer.elements(source.type)
    if found.type is not None and not found.null:
        return found.type
    if found.null:
        null(cx, source, "null has no elements")
        return None
    who = describe(source.expr)
    fields = isinstance(source.expr, ListOf)
    help = None if fields else _list_help(source, who)
    cx.report("E0408", source.span, f"{who} is {source.type}, not a list to go through", help=help)
    return None


def _list_help(source: Typed, who: str) -> str | None:
    shape = who.strip("`") if who.startswith("`") else "..."
    if infer.part(source.type).type is not None:
        return f"split the text first: `split({shape})`"
    if isinstance(source.type, RecordType):
        lists = [f.name for f in source.type.fields if isinstance(f.type, ListType)]
        if lists:
            return f"go through one of its lists: {', '.join(f'`{shape}.{name}`' for name in lists[:4])}"
        return f"go through `keys({shape})` or `values({shape})`"
    return None


def _too_wide(cx: Context, source: Typed) -> bool:
    """Reports a map whose width is known, and past the limit."""
    width = _width(source.expr)
    if width is None or width <= MAX_FANOUT:
        return False
    cx.report(
        "E0801",
        source.span,
        f"this would make {width:,} calls at once, and {MAX_FANOUT:,} is the limit",
        help=f"take a part: `[...][:{MAX_FANOUT}]`",
    )
    return True


def _width(expr: Expr) -> int | None:
    if isinstance(expr, ListOf):
        return len(expr.items)
    if not (isinstance(expr, Builtin) and expr.name == "range"):
        return None
    bounds = [arg.value for arg in expr.args if isinstance(arg, Const) and type(arg.value) is int]
    if len(bounds) != len(expr.args) or (len(bounds) == 3 and bounds[2] == 0):
        return None
    numbers = range(*bounds)
    low, high = (numbers[0], numbers[-1]) if numbers else (0, -1)
    return abs(high - low) // abs(numbers.step) + 1 if numbers else 0


RULES: dict[type[syntax.Node], Rule] = {syntax.ListComprehension: comprehension}
