"""What the demo asks, and plans that answer it right: the first ones that a person would write."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A question; a plan up to its end; and the values that may be returned there, the one to be shown first."""

    question: str
    calls: str
    answers: tuple[str, ...]

    @property
    def plan(self) -> str:
        """A plan that returns all the values that are right, as a list."""
        return f"{self.calls}\nreturn [{', '.join(self.answers)}]"


def _lookups(prop: str, *entities: str) -> str:
    return "\n".join(f'{name} = lookup("{entity}", "{prop}")' for name, entity in zip("abc", entities, strict=False))


def _converted(prop: str, entity: str, unit: str) -> Asked:
    question = {"height": f"How high is {entity} in {unit}?", "length": f"How long is the {entity} in {unit}?"}[prop]
    calls = f'{_lookups(prop, entity)}\nb = convert(a.value, a.unit, "{unit}")'
    return Asked(question, calls, (f'f"{{b}} {unit}"', "b"))


_MORE = ("a.entity if a.value > b.value else b.entity",)
_LESS = ("a.entity if a.value < b.value else b.entity",)

#: None is an example of `tools.py`.
QUESTIONS = (
    Asked("Which is higher, Mount Everest or K2?", _lookups("height", "Mount Everest", "K2"), _MORE),
    Asked("How long is the Nile?", _lookups("length", "Nile"), ('f"{a.value} {a.unit}"', "a.value", "a")),
    Asked(
        "How many people live in France and Germany together?",
        _lookups("population", "France", "Germany"),
        ("a.value + b.value",),
    ),
    _converted("height", "Mount Everest", "feet"),
    Asked("How much higher is K2 than the Matterhorn?", _lookups("height", "K2", "Matterhorn"), ("a.value - b.value",)),
    Asked("Which came first, Psycho or Vertigo?", _lookups("release_year", "Psycho", "Vertigo"), _LESS),
    Asked(
        "What is the average height of K2, Lhotse and Makalu?",
        _lookups("height", "K2", "Lhotse", "Makalu"),
        ("(a.value + b.value + c.value) / 3",),
    ),
    Asked(
        "How fast is the fastest of pronghorn, ostrich and greyhound?",
        _lookups("top_speed", "Pronghorn", "Ostrich", "Greyhound"),
        ("max(a.value, b.value, c.value)",),
    ),
    Asked(
        "How many times as wide as Earth is Jupiter?", _lookups("diameter", "Jupiter", "Earth"), ("a.value / b.value",)
    ),
    _converted("length", "Yukon", "miles"),
)


def is_right(value: Any, answers: list[Any]) -> bool:
    """Whether a value is one of the answers, numbers up to rounding."""
    return any(_same(value, answer) for answer in answers)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)
