"""What a planner is asked for, and the request that asks for it: in the words of its style, or of its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from llmcc.driver.adapted import adapted_request
from llmcc.driver.draft import Draft
from llmcc.driver.hosted_grammar import HostedGrammar, hosted_grammar
from llmcc.driver.prompt import planner_request
from llmcc.driver.refused import Refused
from llmcc.driver.styles import Example, Style
from llmcc.frontend.constrain import PlanConstraint
from llmcc.ir.signature import Signature
from llmcc.ir.types import Type
from llmcc.ir.values import Value
from llmcc.runtime.models import Hosted, Model, Request


@dataclass(frozen=True, slots=True)
class Asking:
    """One plan that is asked for.

    Args:
        question: what the user asked.
        examples: (question, plan) pairs to choose from.
        max_tokens: bound of the plan's length, in tokens.
        chat: chat messages, else plain completion.
        copy: whether texts are copied from the question.
        values: for a replan: the values that exist already.
        reason: for a replan: why the values do not suffice.
        complaint: for a second attempt: what was wrong with the first.
        adapted: the planner has an adapter, and is to use it; it is told nothing but the question and the tools.
    """

    question: str
    examples: Sequence[Example]
    max_tokens: int
    chat: bool = False
    copy: bool = True
    values: Mapping[str, Value] = field(default_factory=dict)
    reason: str | None = None
    complaint: str | None = None
    adapted: bool = False


class Requests:
    """The requests for the plans of one question. `refused` has the choices that tools would not take."""

    def __init__(self, signatures: Mapping[str, Signature], taught: Style) -> None:
        self.refused = Refused(signatures)
        self._signatures = signatures
        self._taught = taught
        self._derived: HostedGrammar | None = None

    def make(
        self, planner: Model, asking: Asking, draft: Draft, types: Mapping[str, Type]
    ) -> tuple[Request, tuple[str, ...]]:
        """The request for a plan of which a draft stands, and what is to be said about it; `types` are the values'."""
        if asking.adapted:
            return adapted_request(
                asking.question,
                self.refused.signatures,
                copy=asking.copy,
                max_tokens=asking.max_tokens,
                kept=draft.kept,
                stands=None if asking.complaint is None else draft.front.scope,
            ), ()
        grammar = self._grammar(planner)
        request = planner_request(
            asking.question,
            self._signatures,
            asking.examples,
            chat=asking.chat,
            constraint=self._constraint(planner, asking, draft),
            grammar=grammar,
            values=asking.values,
            reason=asking.reason,
            complaint=asking.complaint,
            types=types,
            kept=draft.kept,
            max_tokens=asking.max_tokens,
            written_as=self._taught,
        )
        return request, grammar.notes

    def _constraint(self, planner: Model, asking: Asking, draft: Draft) -> PlanConstraint | None:
        """The grammars of the lines to come, for a planner that can be held to them."""
        if not planner.constrains:
            return None
        copy_from = asking.question if asking.copy else None
        return PlanConstraint(self._signatures, scope=draft.front.scope, copy_from=copy_from)

    def _grammar(self, planner: Model) -> HostedGrammar:
        """The grammar for a server, which is the same for all plans; none for other models."""
        if not isinstance(planner, Hosted):
            return HostedGrammar()
        if self._derived is None:
            self._derived = hosted_grammar(self._signatures)
        return self._derived
