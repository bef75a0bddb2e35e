"""The grammar of plans that is sent along to a hosted planner, if one can be, in the notations that servers take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llmcc.frontend.derive_plan import plan_rules
from llmcc.frontend.notation import NotationError, written
from llmcc.ir.signature import Signature


@dataclass(frozen=True, slots=True)
class HostedGrammar:
    """The grammar in Lark and in GBNF, or what is to be said about there being none."""

    lark: str | None = None
    gbnf: str | None = None
    notes: tuple[str, ...] = ()


def hosted_grammar(signatures: Mapping[str, Signature]) -> HostedGrammar:
    """The grammar of whole plans for these tools. Many tools make it too large: then their keywords keep the order of
    their declaration; and if that is no help, there is none.
    """
    problem = ""
    for any_order in (True, False):
        rules = plan_rules(signatures, any_order=any_order)
        try:
            return HostedGrammar(written(rules, "openai"), written(rules, "gbnf"))
        except NotationError as error:
            problem = str(error)
    return HostedGrammar(notes=(f"plans were asked for without a grammar: {problem}",))
