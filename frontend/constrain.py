"""Holds a decoder to valid plans, statement by statement."""

from __future__ import annotations

from collections.abc import Mapping

from llmcc.frontend.derive import next_name, statement_grammar
from llmcc.frontend.front import FrontEnd
from llmcc.frontend.quote import callee
from llmcc.frontend.scope import Scope
from llmcc.frontend.worth import says_nothing
from llmcc.ir.expr import Expr
from llmcc.ir.ops import Call, Join, Map, Return, calls_in, uses
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
    """

    def __init__(
        self,
        signatures: Mapping[str, Signature],
        *,
        scope: Scope | None = None,
        copy_from: str | None = None,
        max_statements: int = 16,
        styled: bool = False,
    ) -> None:
        self._signatures = {name: s for name, s in signatures.items() if s.effect is not None}
        self._all = signatures
        self._front = FrontEnd(signatures, scope=None if scope is None else scope.copy())
        self._copy_from = copy_from
        self._left, self._styled = max_statements, styled
        self._ended = False
        self._asked: set[str] = set()
        #: What was ordered: the tools of calls that write, with their arguments.
        self._ordered: set[tuple[str, tuple[tuple[str, Expr], ...]]] = set()
        #: The values that nothing uses yet, but for those of calls that write.
        self._unused: set[str] = set()

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

    def worth(self, segment: str) -> bool:
        """Whether a line is one that somebody may mean to write. What is not: a pure call or a read that was made
        before, with no write since; a write that was ordered before, even if only one of the two is made (what is done
        if the pump is on, and if it is off, needs no condition); what is the same whatever the values are (`a - a`); an
        end that leaves something that was read unused.
        """
        if self._called(segment) in self._asked:
            return False
        front = FrontEnd(self._all, scope=self._front.scope.copy())
        ops = [op for lowered in front.feed(segment) for op in lowered.ops]
        if any(map(says_nothing, ops)) or any(
            (op.tool, op.args) in self._ordered for op in ops if isinstance(op, Call)
        ):
            return False
        used = {name for op in ops for name in uses(op)}
        return used >= self._unused or not any(isinstance(op, Join | Return) for op in ops)

    def _called(self, segment: str) -> str:
        """What a line calls, with its arguments and clauses; empty if it calls nothing."""
        called = segment.partition(" = ")[2].strip()
        return called if any(called.startswith(f"{callee(name)}(") for name in self._signatures) else ""

    def accept(self, segment: str) -> None:
        """Takes the line that was written."""
        self._left -= 1
        for op in (op for lowered in self._front.feed(segment) for op in lowered.ops):
            self._ended = self._ended or isinstance(op, Join | Return)
            if isinstance(op, Call) and not op.effect.writes:
                self._asked.add(self._called(segment))
            elif isinstance(op, Call | Map):
                self._asked.clear()  # it writes, or may
            if isinstance(op, Call) and op.effect.writes:
                self._ordered.add((op.tool, op.args))
            self._unused.difference_update(uses(op))
            if not isinstance(op, Join | Return) and not any(call.effect.writes for call in calls_in([op])):
                self._unused.add(op.name)
