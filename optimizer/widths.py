"""How long lists may be, as far as a plan shows it: the number of elements of each map, at least and at most."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeAlias

from llmcc.ir import expr as e
from llmcc.ir.ops import Compute, Map, ValueOp

#: A length at least and at most; the latter is infinite where nothing is known.
Length: TypeAlias = tuple[int, float]
UNKNOWN: Length = (0, math.inf)


class Widths:
    """The lengths of lists, told op by op in program order. No map has more than `max_fanout` elements."""

    def __init__(self, max_fanout: int) -> None:
        self._max_fanout = max_fanout
        #: The lengths of the lists that values are.
        self._lists: dict[str, Length] = {}
        #: The elements of maps, by the maps' names.
        self._maps: dict[str, tuple[int, int]] = {}

    def learn(self, ops: Iterable[ValueOp]) -> None:
        """Takes in the ops of one level, and what is inside them."""
        for op in ops:
            length = UNKNOWN
            if isinstance(op, Map):
                least, most = self._maps[op.name] = self._elements(op)
                length = (least if op.keep is None else 0, most)
                self.learn(op.body)
            elif isinstance(op, Compute):
                length = self.of(op.expr)
            if not isinstance(op, Map | Compute) or op.guard is not None or op.catch is not None:
                continue  # it may also be what a tool, or a catch, makes of it
            self._lists[op.name] = length

    def most(self, op: Map) -> int:
        """How many elements the map has at most."""
        return self._maps[op.name][1]

    def least(self, op: Map) -> int:
        """How many elements the map has at least, if it runs."""
        return self._maps[op.name][0]

    def _elements(self, op: Map) -> tuple[int, int]:
        least, most = self.of(op.source)
        # A map over more elements than are allowed fails as a whole.
        return (least if least <= self._max_fanout else 0, int(min(most, self._max_fanout)))

    def of(self, expr: e.Expr) -> Length:
        """The length of the list that `expr` gives, at least and at most.

        >>> items = e.ListOf((e.Const(1), e.Const(2), e.Const(3)))
        >>> Widths(1000).of(e.Slice(items, None, e.Const(2))), Widths(1000).of(e.Ref("x"))
        ((2, 2), (0, inf))
        """
        match expr:
            case e.ListOf(items):
                return len(items), len(items)
            case e.Ref(name):
                return self._lists.get(name, UNKNOWN)
            case e.Check(operand) | e.Builtin("sorted", (operand, *_)):
                return self.of(operand)
            case e.Builtin("unique", (operand, *_)):
                least, most = self.of(operand)
                return min(least, 1), most
            case e.Slice(base, start, stop):
                return _slice(self.of(base), start, stop)
            case e.Comprehension(source=source, condition=condition):
                least, most = self.of(source)
                return least if condition is None else 0, most
            case e.Binary("+", left, right):
                (a, b), (c, d) = self.of(left), self.of(right)
                return a + c, b + d
            case e.Cond(_, then, other):
                (a, b), (c, d) = self.of(then), self.of(other)
                return min(a, c), max(b, d)
        return UNKNOWN


def _slice(length: Length, start: e.Expr | None, stop: e.Expr | None) -> Length:
    (least, most), first, end = length, _place(start), _place(stop)
    if end is not None:
        least, most = min(least, end), min(most, end)
    elif stop is not None:
        least = 0
    if first is not None:
        return max(0, least - first), max(0, most - first)
    return (least, most) if start is None else (0, most)


def _place(expr: e.Expr | None) -> int | None:
    """The number at one end of a slice; None if it is not known, or counts from the end."""
    if isinstance(expr, e.Const) and type(expr.value) is int and expr.value >= 0:
        return expr.value
    return None
