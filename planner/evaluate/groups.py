"""The five groups of the evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from planner.data.sample import WORLDS, Sample, Split, samples
from planner.data.world import World
from planner.evaluate.atlas import atlas_tasks
from planner.evaluate.task import Call, Task
from planner.freeform.tasks import freeform_tasks

#: The groups, what they are, and how many questions the generated ones have.
GROUPS = {
    "entities": "trained shapes, unseen entities",
    "tools": "unseen tools",
    "shapes": "unseen shapes",
    "freeform": "hand-written",
    "atlas": "the atlas",
}
GENERATED: dict[str, tuple[Split, int]] = {
    "entities": ("entities", 88),
    "tools": ("tools", 88),
    "shapes": ("shapes", 56),
}
#: Nothing is tuned on these questions: training has other seeds.
SEED = 1_000_003


def tasks(group: str) -> Iterator[Task]:
    """The tasks of a group, always the same."""
    if group == "freeform":
        return freeform_tasks()
    if group == "atlas":
        return atlas_tasks()
    split, count = GENERATED[group]
    return (_task(group, i, sample) for i, sample in enumerate(samples(split, SEED, count)))


def _task(group: str, index: int, sample: Sample) -> Task:
    return Task(
        group=group,
        name=f"{sample.shape} {index}",
        question=sample.question,
        signatures=sample.kit.signatures,
        references=(sample.plan,),
        worlds=tuple(partial(_world, sample, seed) for seed in range(WORLDS)),
    )


def _world(sample: Sample, seed: int) -> tuple[Call, list[Any]]:
    world = World(seed, sample.asked.unsure)
    return partial(sample.kit.run, world), world.written
