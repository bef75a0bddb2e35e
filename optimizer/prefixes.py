"""With which text, known before the plan runs, a value begins."""

from __future__ import annotations

import msgspec

from llmcc.ir.expr import Binary, Check, Const, Expr, Format, Ref
from llmcc.ir.ops import Compute, ValueOp
from llmcc.ir.values import to_text

#: No more than this many characters of a text are looked at.
LONGEST = 4096


class Prefix(msgspec.Struct, frozen=True):
    """The text with which a value begins; `whole` if it is a text and that is all of it."""

    text: str
    whole: bool = False


_UNKNOWN = Prefix("")


class Prefixes:
    """What is known of the values so far, op by op."""

    def __init__(self) -> None:
        self._known: dict[str, Prefix] = {}

    def learn(self, op: ValueOp) -> None:
        """Takes in an op that stands before those to be asked about."""
        if not isinstance(op, Compute) or op.guard is not None or op.catch is not None:
            return
        found = self.of(op.expr)
        if found != _UNKNOWN:
            self._known[op.name] = found

    def of(self, expr: Expr) -> Prefix:
        """The beginning of the text that an expression gives; an empty one if it gives no text, or none is known."""
        match expr:
            case Const(str(value)):
                return _cut(value, whole=True)
            case Ref(name):
                return self._known.get(name, _UNKNOWN)
            case Check(operand, _):
                return self.of(operand)
            case Format(parts):
                return self._joined(parts)
            case Binary("+", left, right):
                first = self.of(left)
                if not first.whole:
                    return first
                second = self.of(right)
                return _cut(first.text + second.text, whole=second.whole)
        return _UNKNOWN

    def _joined(self, parts: tuple[Expr, ...]) -> Prefix:
        found: list[str] = []
        for part in parts:
            one = _cut(to_text(part.value), whole=True) if isinstance(part, Const) else self.of(part)
            found.append(one.text)
            if not one.whole:
                return _cut("".join(found), whole=False)
        return _cut("".join(found), whole=True)


def _cut(text: str, *, whole: bool) -> Prefix:
    return Prefix(text, whole) if len(text) <= LONGEST else Prefix(text[:LONGEST])
