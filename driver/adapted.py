"""How a planner that was adapted to write plans is asked: with the words that it was trained on, and no examples.

It is held to the grammar of a line in its own style, which knows the values and their types: whatever it writes
compiles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from llmcc.driver.prompt import planner_request
from llmcc.driver.styles import style
from llmcc.frontend.constrain import PlanConstraint
from llmcc.frontend.scope import Scope
from llmcc.ir.signature import Signature
from llmcc.runtime.models import Adapted, Model, Request

#: The style of the prompts that planners are trained on.
STYLE = "bare"
#: To convert a value one has to name its unit, which nobody may have said.
UNITS = "m km cm mm m2 km2 g kg t l ml s min h days weeks months years B kB MB GB"
#: How many ways to write a line are looked at before one is taken: a small model finds out late that it was wrong.
BEAM = 3
#: What they return where no tool fits.
NO_TOOL = "no tool can answer this"


def adapter_of(model: Model) -> str | None:
    """What a model was adapted to plans with; None if it was not."""
    return model.adapter if isinstance(model, Adapted) else None


def copied_words(question: str, signatures: Mapping[str, Signature]) -> str:
    """What an adapted planner may copy: words of the question, of what tools say they do, units, and that none fits."""
    asked = (question, f"{question[:1].lower()}{question[1:]}")  # names at its beginning are written as names are
    return "\n".join((*asked, *(one.description for one in signatures.values()), UNITS, NO_TOOL))


def adapted_request(
    question: str,
    signatures: Mapping[str, Signature],
    *,
    copy: bool = False,
    max_tokens: int = 1024,
    kept: str = "",
    stands: Scope | None = None,
) -> Request:
    """The request for a plan; for a second attempt, `kept` holds the lines that stand, and `stands` their values.

    `copy`: its texts are `copied_words`, so that names are never misspelt, and none is made up.
    """
    words = copied_words(question, signatures) if copy else None
    asked = question if stands is None else None
    held = PlanConstraint(signatures, scope=stands, copy_from=words, styled=True, question=asked)
    request = planner_request(
        question,
        signatures,
        (),
        chat=False,
        constraint=held,
        kept=kept,
        max_tokens=max_tokens,
        written_as=style(STYLE),
    )
    return replace(request, adapted=True, beam=BEAM)
