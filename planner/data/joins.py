"""What a joiner is trained on: a question, the values that its plan's calls gave, and the short answer.

The questions are those of boxes. Only answers that are to be found in the values, or by comparing them, are asked for:
to compute is for a plan's `return`, not for a model of this size.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random
from typing import Any

from planner.data.boxes.check import Drawn
from planner.data.boxes.draw import box_episode
from planner.data.boxes.play import Play
from planner.data.scene import listing

from llmcc.driver.prompt import joiner_request
from llmcc.frontend.front import compile_front
from llmcc.ir.interpret import interpret
from llmcc.ir.values import to_text

_COMPUTES = re.compile(r" [-+*/] |\b(sum|round|sorted)\(")
MOST_VALUES = 600


@dataclass(frozen=True, slots=True)
class Joined:
    """A question with the values that are known, and the answer."""

    box: str
    question: str
    values: dict[str, Any]
    answer: str

    @property
    def prompt(self) -> str:
        """What the model reads."""
        request = joiner_request(self.question, self.values, chat=False, may_replan=False, adapted=True)
        assert request.prompt is not None
        return request.prompt


def join_episode(seed: int, index: int, questions: int, *, unseen: bool = False) -> list[Joined]:
    """Questions of one box whose answers need no computing."""
    made = (
        _joined(one, Random(f"join/{seed}/{index}/{i}"))
        for i, one in enumerate(box_episode(seed, index, questions, unseen=unseen))
    )
    return [one for one in made if one is not None]


def _joined(one: Drawn, rng: Random) -> Joined | None:
    ends = one.plan.rpartition("return ")[2]
    if (
        "return " not in one.plan
        or _COMPUTES.search(ends)
        or any(f" {word} " in one.plan for word in ("when", "after", "catch"))
    ):
        return None
    signatures = one.signatures
    if any(s.effect is not None and s.effect.writes and f"{name}(" in one.plan for name, s in signatures.items()):
        return None
    module = compile_front(one.plan, signatures).module
    assert module is not None
    play = Play(signatures, rng.randint(0, 999))
    result = interpret(module, play.call)
    values = {name: value for name, value in result.values.items() if len(name) == 1}  # as plans call them
    if result.failed is not None or not values or len(to_text(list(values.values()))) > MOST_VALUES:
        return None
    return Joined(one.box, one.question, values, said(result.answer))


def said(answer: Any) -> str:
    """An answer as people write it.

    >>> said(True), said(["Rome", "Oslo", "Lima"]), said(4.0), said([])
    ('Yes', 'Rome, Oslo and Lima', '4', 'None')
    """
    if isinstance(answer, bool):
        return "Yes" if answer else "No"
    if isinstance(answer, list):
        texts = [said(item) for item in answer]
        return listing(texts) if len(texts) > 1 else "".join(texts) or "None"
    if isinstance(answer, dict):
        return ", ".join(f"{name} {said(item)}" for name, item in answer.items())
    return "None" if answer is None else to_text(answer)
