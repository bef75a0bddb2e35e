"""Plans whose literals are those of the question: which one stands where, and the same plan for other literals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from llmcc.frontend import syntax
from llmcc.frontend.format import format_plan
from llmcc.frontend.parse import parse_plan

Literals = Sequence[int | float | str]
Change = Callable[[syntax.Literal], syntax.Literal]
_WORD = re.compile(r"[^\W_]+")


def plain(text: str) -> str:
    """The plan without what means nothing: comments, blank lines, thoughts, layout.

    >>> plain('# the peak\\nx = search( "K2" ) # high\\nreturn x')
    'x = search("K2")\\nreturn x\\n'
    """
    return format_plan(_statements(text))


def slots_of(plan: str, literals: Literals) -> tuple[int, ...] | None:
    """For each literal of a plain plan, in order, the place of the question's literal that it is.

    None if the plan is not to be used for other literals: one of its own is not exactly one of the question's, one of
    the question's is not in it, or a name in it speaks of one.
    """
    statements = _statements(plan)
    found: list[int] = []
    for literal in _literals(statements):
        same = [place for place, one in enumerate(literals) if _is(literal.value, one)]
        if len(same) != 1:
            return None
        found += same
    if set(found) != set(range(len(literals))) or any(_speaks(name, literals) for name in _names(statements)):
        return None
    return tuple(found)


def filled(plan: str, slots: Sequence[int], literals: Literals) -> str:
    """A plain plan with the literals of another question.

    >>> plan = plain('a = search("K2", 3)\\nreturn a[:3]')
    >>> print(filled(plan, slots_of(plan, ["K2", 3]), ["Denali", 5]), end="")
    a = search("Denali", 5)
    return a[:5]

    Raises:
        ValueError: the slots are not those of this plan.
    """
    left = iter(slots)

    def fill(literal: syntax.Literal) -> syntax.Literal:
        place = next(left, None)
        if place is None or not 0 <= place < len(literals):
            raise ValueError("a literal of the plan has no slot")
        new = literals[place]
        # A number of the question may stand in the plan as a text.
        return msgspec.structs.replace(literal, value=str(new) if isinstance(literal.value, str) else new)

    made = tuple(_mapped(one, fill) for one in _statements(plan))
    if next(left, None) is not None:
        raise ValueError("the plan has fewer literals than slots")
    return format_plan(made)


def _statements(text: str) -> tuple[syntax.Statement, ...]:
    statements, _ = parse_plan(text)
    kept = [one for one in statements if not isinstance(one, syntax.Remark)]
    return tuple(msgspec.structs.replace(one, comment=None) for one in kept)


def _is(literal: object, given: int | float | str) -> bool:
    if isinstance(literal, str):
        return literal == str(given)
    return type(literal) is type(given) and literal == given


def _mapped(node: Any, change: Change) -> Any:
    """The tree with each literal changed, in the order of the text."""
    if isinstance(node, syntax.Literal):
        return change(node)
    if isinstance(node, tuple):
        return tuple(_mapped(one, change) for one in node)
    if not isinstance(node, syntax.Node):
        return node
    parts = {name: getattr(node, name) for name in node.__struct_fields__}
    new = {name: _mapped(part, change) for name, part in parts.items() if isinstance(part, syntax.Node | tuple)}
    return msgspec.structs.replace(node, **new)


def _nodes(node: Any) -> Iterator[syntax.Node]:
    if isinstance(node, syntax.Node):
        yield node
        for name in node.__struct_fields__:
            yield from _nodes(getattr(node, name))
    elif isinstance(node, tuple):
        for one in node:
            yield from _nodes(one)


def _literals(statements: tuple[syntax.Statement, ...]) -> list[syntax.Literal]:
    return [node for node in _nodes(statements) if isinstance(node, syntax.Literal)]


def _names(statements: tuple[syntax.Statement, ...]) -> Iterator[str]:
    """What the plan's author called things: a joiner reads the names of values."""
    for node in _nodes(statements):
        if isinstance(node, syntax.Define) and node.name is not None and not node.name.isdigit():
            yield node.name
        if isinstance(node, syntax.JoinStatement):
            yield from (one.name for one in node.arguments if one.name is not None)


def _speaks(name: str, literals: Literals) -> bool:
    """Whether a name holds a word or the number of a literal: `porto_hotels` is no name for hotels in Rome."""
    plain_name = "".join(_WORD.findall(name)).casefold()
    words = [word.casefold() for one in literals for word in _WORD.findall(str(one))]
    return any(word in plain_name for word in words if len(word) > 1 or word.isdigit())
