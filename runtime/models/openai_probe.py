"""Finds out what a server can do, by asking it: what it says about itself is often wrong or missing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from llmcc.runtime.models.errors import ModelError, ModelRefused, ModelUnavailable, ServerFault
from llmcc.runtime.models.openai_ways import WAYS, Way, has_grammar
from llmcc.runtime.models.protocol import Message, Request, Usage

#: The question asks for another word than the grammar allows: a server that ignores grammars gives itself away. So
#: does one that ignores schemas, because the question does not mention JSON.
QUESTION = Request(
    messages=(Message("user", "Write the word no."),), grammar='start: "yes"', gbnf='root ::= "yes"', max_tokens=256
)
_FORCED = "yes"

Ask = Callable[[Way], Awaitable[tuple[str, Usage]]]


@dataclass(slots=True)
class Findings:
    """What works (the best first), why the rest does not, and what it cost to find out."""

    works: list[Way] = field(default_factory=list)
    problems: dict[Way, ModelError] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)


async def probe(ask: Ask, *, all_ways: bool) -> Findings:
    """Tries the ways from the best on; up to the first that works, or all of them.

    Args:
        ask: puts `QUESTION` in a way; gives the text and its usage.
        all_ways: whether to go on after the first that works.

    Raises:
        ModelUnavailable: the server cannot be reached or is busy: nothing is known then.
        ModelError: no way works; the error is that of plain text.
    """
    found = Findings()
    for way in WAYS:
        try:
            text, usage = await ask(way)
        except ModelUnavailable as error:
            # Some servers answer 500 to what they do not know. Anything else says nothing about the way.
            if not isinstance(error, ServerFault):
                raise
            found.problems[way] = error
            continue
        except ModelError as error:
            found.problems[way] = error
            continue
        found.usage += usage
        if has_grammar(way) and text != _FORCED:
            found.problems[way] = ModelRefused("the server ignores the grammar")
            continue
        found.works.append(way)
        if not all_ways:
            break
    if not found.works:
        raise found.problems["chat/text"]
    return found
