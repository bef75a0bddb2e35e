"""What a name refers to, and what to say when it refers to nothing."""

from __future__ import annotations

from itertools import chain, islice

from llmcc.frontend import syntax
from llmcc.frontend.context import Context, Typed, broken, replacing
from llmcc.frontend.quote import shown, string
from llmcc.frontend.scope import Binding
from llmcc.ir.expr import Ref
from llmcc.ir.types import ANY, Type, nullable, without_null


def resolve(cx: Context, node: syntax.Reference, *, may_be_text: bool = False) -> Typed:
    """The value or variable that a name means. `may_be_text`: where a text fits, perhaps its quotes are missing."""
    local = cx.locals.get(node.name)
    if local is not None:
        return Typed(expr=Ref(local.name), type=_present(cx, Ref(local.name), local.type), span=node.span)
    binding = cx.scope.find(node.name)
    if binding is None:
        _unknown(cx, node, may_be_text)
        return broken(node.span)
    if binding.poisoned:
        cx.poisoned = True
        return broken(node.span)
    return Typed(expr=Ref(node.name), type=known_type(cx, binding), span=node.span)


def known_type(cx: Context, binding: Binding) -> Type:
    """The type of a value here: without null where its guard is known to hold, or a condition rules null out."""
    if binding.guard is not None and cx.facts.hold(binding.guard):
        return _present(cx, Ref(binding.name), binding.plain)
    return _present(cx, Ref(binding.name), binding.type)


def _present(cx: Context, ref: Ref, kind: Type) -> Type:
    return without_null(kind) if kind != ANY and nullable(kind) and ref in cx.facts.present else kind


def _unknown(cx: Context, node: syntax.Reference, may_be_text: bool) -> None:
    name = node.name
    if name == cx.own:
        cx.report("E0303", node.span, f"{shown(name)} is used in its own definition")
        return
    if name.isdigit():
        _unknown_step(cx, node)
        return
    if cx.tools.find(name) is not None:
        help = f"call it: `{name}(...)`"
        cx.report("E0306", node.span, f"{shown(name)} is a tool, not a value", str(cx.tools.find(name)), help=help)
        return
    near = cx.suggester.closest(name, chain(cx.locals, reversed(cx.scope.bindings)))
    sign = _sign(node)
    if may_be_text and not near.words and not sign:
        quoted = string(name)
        found = cx.report(
            "E0305",
            node.span,
            f"{shown(name)} is no value of the plan",
            help=f"if it is text, quote it: `{quoted}`",
            fix=replacing(node.span, quoted, "quote it"),
        )
    else:
        fix = replacing(node.span, sign + near.only) if near.only and not near.only.isdigit() else None
        found = cx.report(
            "E0302",
            node.span,
            f"no value is called {shown(name)}",
            *_what_there_is(cx),
            help=near.help,
            fix=fix,
        )
    cx.unknown.append((name, found))


def _sign(node: syntax.Reference) -> str:
    """The `$` in front of a name, if the place in the text is one longer than the name."""
    return "$" if node.span.end_column - node.span.column == len(node.name) + 1 else ""


def _unknown_step(cx: Context, node: syntax.Reference) -> None:
    message = f"there is no step {node.name} before this"
    found = cx.report("E0302", node.span, message, *_what_there_is(cx))
    cx.unknown.append((node.name, found))


def _what_there_is(cx: Context) -> tuple[str, ...]:
    latest = [*islice(reversed(cx.scope.bindings), 8)][::-1]
    names = [f"${name}" if name.isdigit() else name for name in latest]
    if not names:
        return ("no value is defined before this",)
    return (f"values so far: {'..., ' if len(cx.scope.bindings) > 8 else ''}{', '.join(names)}",)
