"""Reads boxes. A box has tools, pools of words, and questions with their plans, whose slots the pools fill."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import TypeAlias

from planner.data.boxes.toolline import read_tool

from llmcc.ir.escape import quote
from llmcc.ir.signature import Signature

HERE = Path(__file__).parent
#: These are not trained on. They have names, so that a box that is written later moves none of them.
HELD_OUT = {
    "restaurant_kitchen",
    "car_sheet",
    "dog_breeds",
    "tongues",
    "todo_list",
    "printers",
    "dentist",
    "bike_shop",
    "ice_cream_parlour",
    "train_timetable",
    "canal_boats",
}

Word: TypeAlias = str | int | float
SLOT = re.compile(r"\{([a-z_]+?)([2-9]?)\}")
_FORMATTED = re.compile(r'(f"(?:[^"\\]|\\.)*")')


@dataclass(frozen=True, slots=True)
class Ask:
    """A question in its phrasings, with its plan; both have slots."""

    say: tuple[str, ...]
    plan: str

    def slots(self) -> set[str]:
        """The slots of the plan."""
        return {found[0].strip("{}") for found in SLOT.finditer(self.plan)}


@dataclass(frozen=True, slots=True)
class Box:
    """Tools of one app, the pools that slots are filled from, and the questions."""

    name: str
    tools: tuple[Signature, ...]
    pools: dict[str, tuple[Word, ...]]
    asks: tuple[Ask, ...]

    @property
    def signatures(self) -> dict[str, Signature]:
        """The tools by their names."""
        return {one.name: one for one in self.tools}

    def filling(self, rng: Random, ask: Ask) -> dict[str, Word]:
        """A word for each slot of a question: different ones, as those of two slots could not be told apart."""
        wanted: dict[str, set[str]] = {}
        for text in (ask.plan, *ask.say):
            for pool, number in SLOT.findall(text):
                if pool in self.pools:
                    wanted.setdefault(pool, set()).add(f"{pool}{number}")
        filled: dict[str, Word] = {}
        for pool in sorted(wanted):
            names = sorted(wanted[pool])
            left = [word for word in self.pools[pool] if not isinstance(word, str) or word not in filled.values()]
            filled |= zip(names, rng.sample(left, len(names)), strict=True)
        return filled


def said(text: str, words: dict[str, Word]) -> str:
    """A question with its slots filled."""
    return SLOT.sub(lambda found: str(words.get(found[0][1:-1], found[0])), text)


def planned(text: str, words: dict[str, Word]) -> str:
    """A plan with its slots filled by literals; inside of formatted texts, by their characters.

    >>> planned('a = find({who})\\nreturn f"{who}: {a} km"', {"who": 'the "old" one'})
    'a = find("the \\\\"old\\\\" one")\\nreturn f"the \\\\"old\\\\" one: {a} km"'
    """
    parts = _FORMATTED.split(text)
    for i, part in enumerate(parts):
        inside = i % 2 == 1
        parts[i] = SLOT.sub(lambda found, inside=inside: _literal(words, found[0], inside), part)
    return "".join(parts).strip()


def _literal(words: dict[str, Word], slot: str, inside: bool) -> str:
    name = slot[1:-1]
    if name not in words:
        return slot
    word = words[name]
    if isinstance(word, str):
        return quote(word)[1:-1].replace("{", "{{").replace("}", "}}") if inside else quote(word)
    return repr(word)


@cache
def boxes() -> dict[str, Box]:
    """All boxes, by name."""
    return {box.name: box for file in sorted(HERE.glob("*.toml")) for box in read(file)}


def read(file: Path) -> Iterator[Box]:
    """The boxes of a file.

    Raises:
        ValueError: a tool's line is none.
    """
    for name, table in tomllib.loads(file.read_text("utf-8")).items():
        yield Box(
            name=name,
            tools=tuple(map(read_tool, table["tools"])),
            pools={pool: tuple(words) for pool, words in table.get("slots", {}).items()},
            asks=tuple(Ask(tuple(one["say"]), one["plan"].strip()) for one in table["ask"]),
        )


def trained_boxes() -> list[Box]:
    """The boxes of training."""
    return [box for name, box in boxes().items() if name not in HELD_OUT]


def unseen_boxes() -> list[Box]:
    """The boxes that training does not have."""
    return [box for name, box in boxes().items() if name in HELD_OUT]
