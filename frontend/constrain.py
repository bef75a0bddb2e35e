"""Holds a decoder to valid plans, statement by statement."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from llmcc.frontend.derive import next_name, statement_grammar
from llmcc.frontend.doubt import Doubts
from llmcc.frontend.front import FrontEnd
from llmcc.frontend.scope import Scope
from llmcc.ir.ops import Join, Op, Return
from llmcc.ir.signature import Signature


class PlanConstraint:
    """Hands out the grammar of the next statement, given those that were written.

    It is a `Choosy` of `llmcc.runtime.models`. It compiles each statement as it is completed, so that the next
    grammar knows the new value and its type.

    Args:
        signatures: the tools.
        scope: the values of an earlier plan that this one continues.
        copy_from: see `statement_grammar`.
        max_statements: after that many, the plan must end.
        styled: see `statement_rules`.
        question: what a plan for it leaves out is doubted (see `Doubts`); only for plans from their first line on.
    """

    def __init__(
        self,
        signatures: Mapping[str, Signature],
        *,
        scope: Scope | None = None,
        copy_from: str | None = None,
        max_statements: int = 16,
        styled: bool = False,
        question: str | None = None,
    ) -> None:
        self._signatures = {name: s for name, s in signatures.items() if s.effect is not None}
        self._all = signatures
        self._front = FrontEnd(signatures, scope=None if scope is None else scope.copy())
        self._copy_from = copy_from
        self._left, self._styled = max_statements, styled
        self._ended = False
        self._doubts = Doubts(self._signatures, question)

    def next_grammar(self) -> str | None:
        """The grammar of the next line; None after `return` or `join`."""
        if self._ended:
            return None
        values = self._front.scope.types
        return statement_grammar(
            self._signatures,
            values,
            target=next_name(values),
            calls=self._left > 1,
            copy_from=self._copy_from,
            styled=self._styled,
        )

    def doubt(self, segment: str) -> float:
        """How much speaks against a line that nobody means to write (see `Doubts`): 0 against most."""
        return self._doubts.of(segment, _ops(self._front_copy(), segment))

    def accept(self, segment: str) -> None:
        """Takes the line that was written."""
        self._left -= 1
        ops = _ops(self._front, segment)
        self._ended = self._ended or any(isinstance(op, Join | Return) for op in ops)
        self._doubts.accept(segment, ops)

    def copy(self) -> PlanConstraint:
        """One that stands behind the same lines and goes on by itself."""
        twin = copy.copy(self)
        twin._front, twin._doubts = self._front_copy(), self._doubts.copy()
        return twin

    def _front_copy(self) -> FrontEnd:
        return FrontEnd(self._all, scope=self._front.scope.copy())


def _ops(front: FrontEnd, line: str) -> list[Op]:
    return [op for lowered in front.feed(line) for op in lowered.ops]
