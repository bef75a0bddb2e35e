"""Matches the arguments of a call to parameters by name and place, and reports those that do not match."""

from __future__ import annotations

from collections.abc import Sequence

from llmcc.frontend import syntax
from llmcc.frontend.context import Context, replacing
from llmcc.frontend.quote import shown
from llmcc.frontend.suggest import Meant


def match_arguments(
    cx: Context,
    node: syntax.CallExpression,
    names: Sequence[str],
    required: Sequence[str],
    signature: object,
    variadic: str | None = None,
) -> list[tuple[syntax.Argument, str | None]]:
    """Each argument, in the order of the text, with the name of its parameter (None for one that was reported).

    `variadic` takes all arguments by place from its own place on.
    """
    most = len(names) if variadic is None else names.index(variadic)
    matched: list[tuple[syntax.Argument, str | None]] = []
    given: dict[str, syntax.Argument] = {}
    wrong: list[syntax.Argument] = []
    for place, argument in enumerate(node.arguments):
        by_place = names[place] if place < most else variadic
        name = argument.name if argument.name is not None else by_place
        if name is None or name not in names:
            wrong.append(argument)
            name = None
        elif name in given and not (name == variadic and argument.name is given[name].name is None):
            span = argument.name_span or argument.span
            cx.report("E0312", span, f"{shown(name)} of {shown(node.tool)} is given twice", signature)
            name = None
        else:
            given[name] = argument
        matched.append((argument, name))
    missing = [name for name in required if name not in given]
    free = [name for name in names if name not in given]
    mistyped = _report_unknown(cx, node, wrong, free, required, signature)
    still = [name for name in missing if name not in mistyped]
    if still:
        listed = " and ".join([", ".join(map(shown, still[:-1])), shown(still[-1])] if still[1:] else [shown(still[0])])
        word = "argument" if len(still) == 1 else "arguments"
        cx.report("E0313", node.tool_span, f"{shown(node.tool)} lacks the {word} {listed}", signature)
    return matched


def _report_unknown(
    cx: Context,
    node: syntax.CallExpression,
    wrong: Sequence[syntax.Argument],
    free: Sequence[str],
    required: Sequence[str],
    signature: object,
) -> set[str]:
    """Reports arguments without a parameter; gives the parameters that they probably stand for."""
    meant: set[str] = set()
    surplus = [argument for argument in wrong if argument.name is None]
    if surplus:
        span = surplus[0].span.to(surplus[-1].span)
        most = len(node.arguments) - len(surplus)
        word = "argument" if most == 1 else "arguments"
        cx.report("E0314", span, f"{shown(node.tool)} takes only {most} {word} by place", signature)
    for argument in wrong:
        if argument.name is None:
            continue
        near = cx.suggester.closest(argument.name, free)
        if not near.words and len(free) == 1 and len(wrong) == 1:
            # It may be this one; but then only if it has to be given can it be no other.
            near = Meant(tuple(free), free[0] if free[0] in required else None)
        span = argument.name_span or argument.span
        fix = replacing(span, near.only) if near.only is not None else None
        message = f"{shown(node.tool)} has no parameter {shown(argument.name)}"
        cx.report("E0311", span, message, signature, help=near.help, fix=fix)
        meant.update(near.words)
    return meant
