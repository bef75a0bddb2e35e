"""From the dialect `llmcompiler` to the native language: what its strings mean is written as f-strings and references.

Lowering decides what a string means and notes how the native language writes it, so both texts lower to the same ops.
Names, numbers, `Thought:` lines and comments stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from llmcc.frontend.front import FrontEnd
from llmcc.frontend.limits import DEFAULT_LIMITS, SourceLimits
from llmcc.frontend.syntax import Expression, Literal, Node, Statement
from llmcc.ir.diagnostics import Diagnostic
from llmcc.ir.signature import Signature
from llmcc.ir.span import Span

_Part = TypeVar("_Part")


def to_native(
    text: str, signatures: Mapping[str, Signature] | None = None, *, limits: SourceLimits = DEFAULT_LIMITS
) -> tuple[tuple[Statement, ...], tuple[Diagnostic, ...]]:
    """The statements of a plan of the dialect `llmcompiler`, as native ones, and the diagnostics about the plan.

    The statements mean the same if none of the diagnostics is an error. A string `"$1"` is the value itself, and its
    text where only text fits: where that is, the tools' `signatures` tell.

    >>> from llmcc.frontend.format import format_plan
    >>> print(format_plan(to_native('1. search("K2")\\n2. math("$1 / 2", ["$1", "$3"])')[0]), end="")
    1. search("K2")
    2. math(f"{$1} / 2", [$1, "$3"])
    """
    front = FrontEnd(signatures, dialect="llmcompiler", limits=limits)
    native: list[Statement] = []
    for lowered in [*front.feed(text), *front.close()]:
        if lowered.statement is not None:
            native.append(_written(lowered.statement, lowered.strings))
    return tuple(native), tuple(front.diagnostics)


def _written(part: _Part, strings: Mapping[Span, Expression]) -> _Part:
    """A part of a statement with the strings replaced that hold references; depth is limited by the parser."""
    if not strings:
        return part
    if isinstance(part, Literal):
        return strings.get(part.span, part)  # type: ignore[return-value]  # an expression for an expression
    if isinstance(part, tuple):
        return tuple(_written(one, strings) for one in part)  # type: ignore[return-value]
    if not isinstance(part, Node):
        return part
    fields = {name: getattr(part, name) for name in part.__struct_fields__ if name != "span"}
    return msgspec.structs.replace(part, **{name: _written(value, strings) for name, value in fields.items()})
