"""Holds a decoder to the grammar of whole plans over some tools."""

from __future__ import annotations

from collections.abc import Mapping

from llmcc.frontend.derive_plan import plan_rules
from llmcc.frontend.notation import written
from llmcc.ir.signature import Signature


class WholePlan:
    """A `Constraint` of `llmcc.runtime.models` with one segment, the plan.

    It knows all of the language but words of enums that operators make, and not which values exist: what it lets
    through may not compile. `PlanConstraint` is the opposite.
    """

    def __init__(self, signatures: Mapping[str, Signature], copy_from: str | None = None) -> None:
        """Holds to plans with short names.

        Args:
            signatures: the tools; their keywords come in the declared order.
            copy_from: if given, texts consist of consecutive words of this text.
        """
        rules = plan_rules(signatures, any_order=False, computed_words=False, short_names=True, copy_from=copy_from)
        self._grammar: str | None = written(rules, "llguidance")

    def next_grammar(self) -> str | None:
        """The grammar, once."""
        grammar, self._grammar = self._grammar, None
        return grammar

    def accept(self, segment: str) -> None:
        """Nothing follows."""
