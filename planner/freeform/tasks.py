"""The hand-written questions as tasks."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

from planner.evaluate.task import Call, Task
from planner.freeform import boxes_nature, boxes_town
from planner.freeform.box import Box

from llmcc.runtime.toolbox import Toolbox

WORLDS = 6
MakeTools = Callable[[Box], list[Any]]
BOXES: dict[str, MakeTools] = {
    make.__name__: make
    for make in (
        boxes_town.bakery,
        boxes_town.pharmacy,
        boxes_town.canteen,
        boxes_town.radio,
        boxes_town.tailor,
        boxes_town.chess_club,
        boxes_nature.ski_resort,
        boxes_nature.harbour,
        boxes_nature.aquarium,
        boxes_nature.forest,
        boxes_nature.grid,
    )
}


def freeform_tasks() -> Iterator[Task]:
    """The questions of `questions.toml`, in the order of the file."""
    table = tomllib.loads((Path(__file__).parent / "questions.toml").read_text("utf-8"))
    for name, questions in table.items():
        signatures = _tools(BOXES[name], 0).signatures
        for i, one in enumerate(questions):
            yield Task(
                group="freeform",
                name=f"{name} {i}",
                question=one["ask"],
                signatures=signatures,
                references=tuple(plan.strip() for plan in (one["plan"], *one.get("also", ()))),
                worlds=tuple(partial(_world, BOXES[name], seed) for seed in range(WORLDS)),
            )


@cache
def _tools(make: MakeTools, seed: int) -> Toolbox:
    """The tools of a world; they keep no state."""
    return Toolbox(*make(Box(seed)))


def _world(make: MakeTools, seed: int) -> tuple[Call, list[Any]]:
    tools = _tools(make, seed)
    written: list[Any] = []

    def call(name: str, args: dict[str, Any]) -> Any:
        one = tools[name]
        effect = one.signature.effect
        if effect is not None and effect.writes:
            written.append([name, args])
        assert one.function is not None
        first, rest = one.bind(args)
        return one.function(*first, **rest)

    return call, written
