"""What is known to hold at a place of a plan because of the conditions around it: flow typing without flow."""

from __future__ import annotations

import msgspec

from llmcc.ir.expr import NOTHING, Binary, Const, Expr, Unary


class Facts(msgspec.Struct, frozen=True):
    """Expressions that are true here, and expressions that are not null here."""

    true: frozenset[Expr] = frozenset()
    present: frozenset[Expr] = frozenset()

    def hold(self, guard: Expr) -> bool:
        """Whether a condition is known to be true, all its parts taken together.

        >>> from llmcc.ir.expr import Ref
        >>> Facts().assume(Binary("and", Ref("a"), Ref("b"))).hold(Ref("b"))
        True
        """
        return all(part in self.true for part in _conjuncts(guard))

    def assume(self, test: Expr, value: bool = True) -> Facts:
        """The facts where `test` has also turned out to be `value`."""
        if isinstance(test, Unary) and test.op == "not":
            return self._with(test if value else None).assume(test.operand, not value)
        if isinstance(test, Binary) and test.op == ("and" if value else "or"):
            return self.assume(test.left, value).assume(test.right, value)
        facts = self._with(test if value else Unary("not", test), test)
        if not isinstance(test, Binary):
            return facts
        known = _present(test, value)
        return facts if known is None else facts._with(None, known)

    def _with(self, true: Expr | None, present: Expr | None = None) -> Facts:
        return Facts(
            self.true if true is None else self.true | {true},
            self.present if present is None else self.present | {present},
        )


def _present(test: Binary, value: bool) -> Expr | None:
    """What is not null if this comparison gave `value`."""
    if test.op not in ("==", "!="):
        return None
    equal = (test.op == "==") == value
    for one, other in ((test.left, test.right), (test.right, test.left)):
        if isinstance(other, Const) and equal == (other != NOTHING):
            return one
    return None


def _conjuncts(test: Expr) -> list[Expr]:
    if isinstance(test, Binary) and test.op == "and":
        return _conjuncts(test.left) + _conjuncts(test.right)
    return [test]
