"""What a joiner's text means: an answer, or the wish for more."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ANSWER = re.compile(r"\s*answer\s*:\s*", re.IGNORECASE)
_REPLAN = re.compile(r"\s*replan\s*:\s*(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Decision:
    """`replan` is the reason, if the joiner asks for one; else `answer` is all that it wrote."""

    answer: str
    replan: str | None = None


def decide(text: str) -> Decision:
    """Reads a joiner's text. Only its beginning decides: the same words further on are part of the answer.

    >>> decide("Answer: K2 (8,611 m).\\nReplan: is a word here")
    Decision(answer='K2 (8,611 m).\\nReplan: is a word here', replan=None)
    >>> decide("Replan: the height of K2 is missing").replan
    'the height of K2 is missing'
    """
    wish = _REPLAN.match(text)
    if wish is not None:
        return Decision("", wish[1].strip() or "no reason given")
    return Decision(_ANSWER.sub("", text, count=1).strip() if _ANSWER.match(text) else text.strip())
