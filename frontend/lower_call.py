"""Lowers calls of tools: finds the signature, matches arguments to parameters, and makes the op."""

from __future__ import annotations

from itertools import chain

from llmcc.frontend import syntax
from llmcc.frontend.arguments import match_arguments
from llmcc.frontend.calls import is_builtin
from llmcc.frontend.confusable import confused
from llmcc.frontend.context import Context, Rule, Typed, broken, replacing
from llmcc.frontend.fit import fit
from llmcc.frontend.lower_builtin import lower_builtin
from llmcc.frontend.names import resolve
from llmcc.frontend.quote import callee, shown
from llmcc.ir.builtins import BUILTINS
from llmcc.ir.diagnostics import has_errors
from llmcc.ir.effects import READ
from llmcc.ir.expr import Const, Expr, ListOf
from llmcc.ir.ops import Call
from llmcc.ir.signature import Signature
from llmcc.ir.type_text import read_type
from llmcc.ir.types import ANY, STR, ListType, Type, options


def call(cx: Context, node: syntax.CallExpression) -> Typed:
    """A call inside an expression; a tool's gets an op of its own."""
    return lower_builtin(cx, node) if is_builtin(node, cx) else lower_tool(cx, node)


def lower_tool(cx: Context, node: syntax.CallExpression, name: str | None = None) -> Typed:
    """The call of a tool as an op called `name` (None: a derived name), and a reference to it."""
    if cx.tools.signatures is None:
        return _without_signature(cx, node, name)
    signature = cx.tools.find(node.tool)
    if signature is None:
        unknown_tool(cx, node)
        for argument in node.arguments:
            cx.lower(argument.value)
        return broken(node.span)
    _warn_of_shadowing(cx, node)
    effect = cx.tools.effect(signature)
    if effect is None:
        cx.report(
            "E0501",
            node.tool_span,
            f"nobody has declared the effect of {shown(node.tool)}",
            "only a call with a known effect can be put in order with others",
            help='declare effect="pure", "read" or "write" for it, where the tool is defined or in the catalogue',
        )
    before, wrong = len(cx.diagnostics), False
    found: dict[str, Expr] = {}
    names = tuple(p.name for p in signature.parameters)
    required = [p.name for p in signature.parameters if p.required]
    matched = match_arguments(cx, node, names, required, signature, signature.variadic)
    gathered: list[Expr] = []
    kind: Type | None = signature.returns
    for argument, parameter in matched:
        wanted = signature.parameter(parameter) if parameter is not None else None
        one_of = wanted is not None and wanted.name == signature.variadic and argument.name is None
        want = ANY if wanted is None else _element(wanted.type) if one_of else wanted.type
        value = lower_argument(cx, argument.value, want)
        if wanted is not None:
            seen = len(cx.diagnostics)
            ready = fit(cx, value, want, f"{shown(wanted.name)} of {shown(node.tool)}", signature)
            gathered += [ready] if one_of else []
            found[wanted.name] = ListOf(tuple(gathered)) if one_of else ready
            if wanted.name == signature.typed_by and len(cx.diagnostics) == seen:
                kind = _named_type(cx, value, signature)
        wrong = wrong or value.broken
    if wrong or effect is None or kind is None or has_errors(cx.diagnostics[before:]):
        return broken(node.span)
    args = tuple((p.name, found[p.name]) for p in signature.parameters if p.name in found)
    op = Call(
        name=name or cx.fresh(),
        type=kind,
        tool=node.tool,
        args=args,
        effect=effect,
        untrusted=cx.scope.trust.marks(signature, args),
        guard=cx.guard,
        after=cx.after,
        span=node.span,
    )
    return Typed(expr=cx.emit(op), type=op.type, span=node.span)


def _element(t: Type) -> Type:
    return t.element if isinstance(t, ListType) else ANY


def _named_type(cx: Context, value: Typed, signature: Signature) -> Type | None:
    """The type that an argument names; None, with a diagnostic, if it names none."""
    if value.broken:
        return None
    what = f"{shown(signature.typed_by or '')} of {shown(signature.name)}"
    help = 'name it like `"int"`, `"list[str]"` or `"{name: str, year?: int}"`'
    if not (isinstance(value.expr, Const) and isinstance(value.expr.value, str)):
        cx.report("E0411", value.span, f"{what} is no constant text", "it names the type of the result", help=help)
        return None
    try:
        return read_type(value.expr.value)
    except ValueError as error:
        cx.report("E0411", value.span, f"{what} names no type: {error}", help=help)
        return None


def lower_argument(cx: Context, node: syntax.Expression, wanted: Type) -> Typed:
    """An argument's value; a bare word where text is wanted has probably lost its quotes."""
    if isinstance(node, syntax.Reference):
        takes_text = any(o in (STR, ANY) for o in options(wanted))
        return resolve(cx, node, may_be_text=takes_text)
    return cx.lower(node)


def _without_signature(cx: Context, node: syntax.CallExpression, name: str | None) -> Typed:
    """Without a toolbox a tool is taken as a read of anything, with any parameters."""
    if _is_method(cx, node):
        return broken(node.span)
    cx.tools.assumed.setdefault(node.tool, node.tool_span)
    args: dict[str, Expr] = {}
    wrong = False
    for place, argument in enumerate(node.arguments):
        value = lower_argument(cx, argument.value, ANY)
        wrong = wrong or value.broken
        key = argument.name if argument.name is not None else str(place)
        if key in args:
            cx.report("E0312", argument.name_span or argument.span, f"{shown(key)} is given twice")
            wrong = True
        args[key] = value.expr
    if wrong:
        return broken(node.span)
    op = Call(
        name=name or cx.fresh(),
        type=ANY,
        tool=node.tool,
        args=tuple(args.items()),
        effect=READ,
        guard=cx.guard,
        after=cx.after,
        span=node.span,
    )
    return Typed(expr=cx.emit(op), type=ANY, span=node.span)


def _is_method(cx: Context, node: syntax.CallExpression) -> bool:
    """Reports `value.method()` and `value()`."""
    value, _, method = node.tool.partition(".")
    if node.quoted or (value not in cx.scope and value not in cx.locals):
        return False
    if not method and cx.tools.signatures is None:
        return False
    help = None
    last = method.rpartition(".")[2]
    if last in BUILTINS:
        help = f"write `{last}({value})`"
    message = f"{shown(value)} is a value, and values have no functions" if method else f"{shown(value)} is no tool"
    cx.report("E0307", node.tool_span, message, help=help)
    return True


def unknown_tool(cx: Context, node: syntax.CallExpression) -> None:
    """Reports a call of what is no tool."""
    if _is_method(cx, node):
        return
    assert cx.tools.signatures is not None
    builtins = [] if node.quoted else BUILTINS
    near = cx.suggester.closest(node.tool, chain(cx.tools.signatures, builtins))
    plain = near.only is not None and callee(near.only) == near.only
    fix = replacing(node.tool_span, near.only) if near.only and plain and not node.quoted else None
    strange = confused(node.tool)
    notes = (strange,) if strange else () if near.words else (_listed([*cx.tools.signatures]),)
    cx.report("E0301", node.tool_span, f"no tool is called {shown(node.tool)}", *notes, help=near.help, fix=fix)


def _listed(names: list[str]) -> str:
    if not names:
        return "the toolbox is empty"
    return f"there is {', '.join(map(shown, names[:12]))}" + (", ..." if len(names) > 12 else "")


def _warn_of_shadowing(cx: Context, node: syntax.CallExpression) -> None:
    if node.tool not in BUILTINS or node.quoted or node.tool in cx.tools.shadowing:
        return
    cx.tools.shadowing.add(node.tool)
    cx.report(
        "W0301",
        node.tool_span,
        f"{shown(node.tool)} is the toolbox's tool here, not the built-in function",
        help="rename the tool, or quote its name with backticks to say that it is meant",
    )


RULES: dict[type[syntax.Node], Rule] = {syntax.CallExpression: call}
