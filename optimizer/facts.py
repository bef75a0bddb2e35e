"""What holds at some place of a plan: conditions whose value is known there, and values that cannot have failed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from llmcc.ir import expr as e

#: Comparisons that say the opposite of each other, whatever they compare.
OPPOSITES: dict[str, e.BinaryOp] = {"==": "!=", "!=": "==", "in": "not in", "not in": "in"}


class Context(msgspec.Struct, frozen=True):
    """`facts` are conditions that were evaluated before, with what they gave; `seen` are values that were looked at
    before, so that nothing is evaluated here if one of them failed.
    """

    facts: Mapping[e.Expr, bool] = {}
    seen: frozenset[str] = frozenset()

    def plus(self, facts: Mapping[e.Expr, bool], seen: list[str]) -> Context:
        """The same with more."""
        return Context({**self.facts, **facts}, self.seen.union(seen)) if facts or seen else self


NO_CONTEXT = Context()


def facts(expr: e.Expr, holds: bool) -> dict[e.Expr, bool]:
    """The conditions that are known if `expr` is `holds`.

    >>> a, b = e.Ref("a"), e.Ref("b")
    >>> [(part.name, known) for part, known in facts(e.Binary("and", a, b), True).items()]
    [('a', True), ('b', True)]
    """
    found: dict[e.Expr, bool] = {}
    stack = [(expr, holds)]
    while stack:
        node, value = stack.pop()
        if isinstance(node, e.Unary) and node.op == "not":
            stack.append((node.operand, not value))
        elif isinstance(node, e.Binary) and node.op == ("and" if value else "or"):
            stack += [(node.right, value), (node.left, value)]
        elif not e.is_literal(node):
            found[node] = value
            if isinstance(node, e.Binary) and node.op in OPPOSITES:
                found[e.Binary(OPPOSITES[node.op], node.left, node.right)] = not value
    return found


def conjuncts(expr: e.Expr | None) -> list[e.Expr]:
    """The conditions that must all be true for `expr` to be true, in the order in which they are looked at."""
    found: list[e.Expr] = []
    stack = [] if expr is None else [expr]
    while stack:
        node = stack.pop()
        if isinstance(node, e.Binary) and node.op == "and":
            stack += [node.right, node.left]
        else:
            found.append(node)
    return found


def all_of(conditions: list[e.Expr]) -> e.Expr | None:
    """The condition that all of these are true; None for none."""
    whole: e.Expr | None = None
    for one in conditions:
        whole = one if whole is None else e.Binary("and", whole, one)
    return whole
