"""What of a question goes into a journal, and comes out of it again: plans, wishes for more, the answer.

A further process says the accepted plans again, word for word and in their order, so that each call has the name that
it had; what the models decided is not asked again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import TypeVar

from llmcc.driver.plan import Plan
from llmcc.driver.planning import Planning
from llmcc.ir.errors import Cancelled
from llmcc.ir.ops import Module, Return
from llmcc.ir.signature import Signature
from llmcc.runtime.executor import Execution
from llmcc.runtime.journal.book import Book
from llmcc.runtime.journal.errors import JournalDamaged, JournalError
from llmcc.runtime.journal.records import Accepted, Answered, Round, Spent, Wanted
from llmcc.runtime.journal.secrets import holds_secrets
from llmcc.runtime.journal.session import plan_digest, signatures_digest

R = TypeVar("R", Accepted, Wanted)


class Rounds:
    """The rounds of one question: those that are known, and those to come. Without a `book` nothing is written down.

    `ended` is how the question ended, if an earlier process came that far; `spent` what models had used by then.
    """

    def __init__(self, signatures: Mapping[str, Signature], book: Book | None) -> None:
        self._signatures = signatures
        self._book = book
        known = [] if book is None else book.history.rounds
        last = known[-1] if known else None
        self.spent = Spent() if book is None else book.history.spent
        self.ended = last if isinstance(last, Answered) else None
        self._known = deque(one for one in known if not isinstance(one, Answered))

    def next(self, kind: type[R]) -> R | None:
        """What is known to come next, which is of this kind; None if nothing further is known.

        Raises:
            JournalDamaged: it is of another kind.
        """
        if not self._known:
            return None
        found = self._known.popleft()
        if not isinstance(found, kind):
            raise JournalDamaged(f"a {type(found).__name__} of the question comes where it cannot")
        return found

    def put(self, execution: Execution, record: Round) -> None:
        """Writes a round down.

        Raises:
            Cancelled: the journal has failed, and the run is stopped.
        """
        if self._book is None:
            return
        try:
            self._book.note(record)
        except JournalError as error:
            execution.cancel(str(error))
            raise Cancelled(str(error)) from error

    def spend(self, spent: Spent) -> None:
        """Writes down what models have used, behind an answer of one. A journal that has failed says so at the next
        round, and before any write: this may be on the way out of an answer that was broken off.
        """
        if self._book is not None:
            with suppress(JournalError):
                self._book.note(spent)

    def accept(self, execution: Execution, planning: Planning, plan: Plan, spent: Spent) -> None:
        """Writes down a plan that is about to be accepted, and so before all that it writes. Raises like `put`."""
        planning.conclude(execution)
        if self._book is None:
            return
        hidden = holds_secrets(planning.program, self._signatures)
        accepted = Accepted(
            text=None if hidden else plan.text,
            ops=_digest(execution, planning, plan),
            signatures=signatures_digest(planning.module, self._signatures),
            withdrawn=planning.withdrawn,
            given_up=tuple(execution.given_up),
            final=isinstance(plan.end, Return),
            spent=spent,
        )
        self.put(execution, accepted)

    def repeat(self, execution: Execution, planning: Planning, known: Accepted, number: int) -> Plan:
        """Says a plan again that an earlier process had accepted; `number` counts them from 1.

        Raises:
            JournalError: the plan is not in the journal, or means something else now.
        """
        which = f"plan {number} of the question"
        if known.text is None:
            raise JournalError(f"{which} holds a secret and is not in the journal: the question has to be asked again")
        execution.take(known.given_up)
        plan = planning.repeat(execution, known.text, known.withdrawn)
        if signatures_digest(planning.module, self._signatures) != known.signatures:
            raise JournalError(f"{which}: the tools have changed: what they take, return or do is different")
        if plan.refused is not None or _digest(execution, planning, plan) != known.ops:
            raise JournalError(f"{which} compiles to other calls now: another version of llmcc accepted it")
        return plan

    def give_names_up(self, execution: Execution) -> None:
        """Keeps the keys of calls whose plan was not accepted from those of the plan that is written in its place."""
        if self._book is not None:
            execution.take({key.partition("[")[0] for key in self._book.history.keys} - execution.machine.nodes.keys())


def _digest(execution: Execution, planning: Planning, plan: Plan) -> str:
    # In any order: what was said twice, and differently, may have come late.
    values = sorted(planning.module.values, key=lambda op: op.name)
    ends = () if plan.end is None else (plan.end,)
    return plan_digest(Module((*values, *ends)), execution.keys(op.name for op in values))
