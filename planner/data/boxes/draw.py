"""Draws from a box: tools under other names, beside tools of other boxes, and questions with their slots filled."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random

import msgspec
from planner.data.boxes.check import Drawn, check
from planner.data.boxes.read import Ask, Box, planned, said, trained_boxes, unseen_boxes
from planner.data.entities import entity
from planner.data.naming import FAMILIES, styled
from planner.data.scene import as_asked

from llmcc.frontend.quote import callee
from llmcc.ir.builtins import BUILTINS
from llmcc.ir.signature import Signature

MOST_TOOLS = 11
#: How often tools keep their names, and how often a name out of a pool gives way to one that nobody has seen.
OWN_NAMES, STRANGE = 0.6, 0.3
#: A pool of so many texts holds names of things, so any name will do.
NAMES = 8
_CHOICE = re.compile(r'"([^"]*)"')
_WAYS = ("person", "place", "title", "thing", "code", "word", "company")


def box_episode(seed: int, index: int, questions: int, *, unseen: bool = False) -> list[Drawn]:
    """An episode of a box, checked; boxes have their turns. `unseen` draws of those that training does not have."""
    rng = Random(f"box/{unseen}/{seed}/{index}")
    chosen = unseen_boxes() if unseen else trained_boxes()
    box = chosen[index % len(chosen)]
    others = [other for other in chosen if other is not box]
    made = draw(rng, box, others, questions, training=not unseen)
    for one in made:
        check(one)
    return made


def draw(rng: Random, box: Box, others: Sequence[Box], questions: int, *, training: bool = True) -> list[Drawn]:
    """Some questions over the same tools; `others` lend some of theirs."""
    asks = rng.sample(box.asks, min(questions, len(box.asks)))
    filled = [_filled(rng, box, ask, training) for ask in asks]
    named = _named(rng, box)
    used = {tool for _, plan in filled for tool in _tools_of(plan, box)}
    own = [one for one in box.tools if one.name in used or rng.random() < 0.6]
    tools = [(one.name, named[one.name]) for one in own]
    strangers = [one for other in rng.sample(list(others), min(2, len(others))) for one in other.tools]
    rng.shuffle(strangers)
    wanted = rng.randint(max(4, len(tools)), max(MOST_TOOLS, len(tools)))
    for one in strangers:
        if len(tools) < wanted and one.name not in named and one.name not in {t.name for _, t in tools}:
            tools.append((one.name, one))
    rng.shuffle(tools)
    signatures = {one.name: one for _, one in tools}
    return [Drawn(box.name, text, _renamed(plan, named), signatures) for text, plan in filled]


def _filled(rng: Random, box: Box, ask: Ask, training: bool) -> tuple[str, str]:
    words = box.filling(rng, ask)
    choices = {choice for one in box.tools for choice in _CHOICE.findall(str(one))}
    for slot, word in words.items():
        pool = box.pools[slot.rstrip("23456789")]
        if isinstance(word, str) and len(pool) >= NAMES and choices.isdisjoint(pool) and rng.random() < STRANGE:
            words[slot] = entity(rng, rng.choice(_WAYS), training=training)
    return as_asked(rng, said(rng.choice(ask.say), words)), planned(ask.plan, words)


def _tools_of(plan: str, box: Box) -> set[str]:
    return {one.name for one in box.tools if re.search(rf"(?<![\w.]){re.escape(one.name)}\(", plan)}


def _named(rng: Random, box: Box) -> dict[str, Signature]:
    """The tools of a box, under their names or all under names of another way."""
    family = "own" if rng.random() < OWN_NAMES else rng.choice(FAMILIES)
    named: dict[str, Signature] = {}
    taken: set[str] = set()
    for one in box.tools:
        keeps = family == "own" or (family == "opaque" and not one.description)
        name = one.name if keeps else styled(rng, _words(one.name), family, box.name)
        if name in taken or name in BUILTINS or not name[0].isalpha():
            name = one.name
        taken.add(name)
        told = one.description if rng.random() < 0.93 or family == "opaque" else ""
        named[one.name] = msgspec.structs.replace(one, name=name, description=told)
    return named


def _words(name: str) -> str:
    """The words of a name: `getRoomPrice` and `room.price` have theirs."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace(".", " ")


def _renamed(plan: str, named: dict[str, Signature]) -> str:
    names = "|".join(sorted(map(re.escape, named), key=len, reverse=True))
    return re.sub(rf"(?<![\w.\"])({names})\(", lambda found: f"{callee(named[found[1]].name)}(", plan)
