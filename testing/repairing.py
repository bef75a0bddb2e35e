"""What becomes of a damaged plan: mended on the spot, or written on by a model that now writes what was meant."""

from __future__ import annotations

import msgspec

from llmcc.driver.draft import Draft, lines
from llmcc.frontend.front import compile_front
from llmcc.frontend.scope import Scope
from llmcc.ir.digest import digest
from llmcc.runtime.models.scripted import words
from llmcc.testing.damage import Damaged
from llmcc.testing.fuzz import TOOLS


class Repair(msgspec.Struct, frozen=True):
    """How a damaged plan was repaired.

    `asked`: whether the model was asked. `same`: whether the plan then means what was meant. Tokens are pieces as
    `llmcc.runtime.models.scripted.words` cuts them: `first` those of the damaged plan that were read, `rest` those of
    what the model wrote then, `whole` those that writing the whole plan again would have cost after reading it all.
    """

    kind: str
    asked: bool
    same: bool
    first: int
    rest: int
    whole: int


def repaired(one: Damaged) -> Repair:
    """Reads a damaged plan line by line, and where it gets stuck the rest of the right one."""
    draft = Draft(TOOLS, Scope())
    first = _read(draft, one.text)
    asked = draft.stuck
    rest = 0
    if asked:
        left = _left(draft.kept, one.right)
        draft.reopen()
        rest = _read(draft, left)
    same = not draft.stuck and _meaning(draft.text) == _meaning(one.right)
    return Repair(one.kind, asked, same, first, rest, len(words(one.text)) + len(words(one.right)))


def _meaning(text: str) -> str | None:
    module = compile_front(text, TOOLS).module
    return None if module is None else digest(module)


def _read(draft: Draft, text: str) -> int:
    tokens = 0
    for line in lines(text):
        if draft.stuck or draft.ended:
            break
        tokens += len(words(line))
        draft.feed(line)
    draft.close()
    return tokens


def _left(kept: str, right: str) -> str:
    """What is left of the right plan behind the lines that stand, or all of it where those are others."""
    stands = [line.strip() for line in kept.splitlines() if line.strip()]
    wanted = right.splitlines(keepends=True)
    if [line.strip() for line in wanted[: len(stands)]] == stands:
        return "".join(wanted[len(stands) :])
    return right
