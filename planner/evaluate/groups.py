"""The groups of the evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import count, islice
from typing import Any

from planner.data.boxes.draw import box_episode
from planner.data.boxes.play import Play
from planner.data.sample import WORLDS, Sample, Split, samples
from planner.data.world import World
from planner.evaluate.atlas import atlas_tasks
from planner.evaluate.task import Call, Task
from planner.freeform.tasks import freeform_tasks

from llmcc.ir.signature import Signature

#: The groups, what they are, and how many questions the generated ones have.
GROUPS = {
    "entities": "trained shapes, unseen entities",
    "tools": "unseen tools",
    "shapes": "unseen shapes",
    "boxes": "unseen boxes",
    "freeform": "hand-written",
    "atlas": "the atlas",
}
GENERATED: dict[str, tuple[Split, int]] = {
    "entities": ("entities", 88),
    "tools": ("tools", 88),
    "shapes": ("shapes", 56),
}
#: How many questions of the boxes that training does not have are asked, so many of each at a time.
BOXED, AT_ONCE, BOX_WORLDS = 66, 3, 6
#: Nothing is tuned on these questions: training has other seeds.
SEED = 1_000_003


def tasks(group: str) -> Iterator[Task]:
    """The tasks of a group, always the same."""
    if group == "freeform":
        return freeform_tasks()
    if group == "atlas":
        return atlas_tasks()
    if group == "boxes":
        return islice(_boxed(), BOXED)
    split, wanted = GENERATED[group]
    return (_task(group, i, sample) for i, sample in enumerate(samples(split, SEED, wanted)))


def _boxed() -> Iterator[Task]:
    for index in count():
        for i, one in enumerate(box_episode(SEED, index, AT_ONCE, unseen=True)):
            failing = " catch " in one.plan
            yield Task(
                group="boxes",
                name=f"{one.box} {index}.{i}",
                question=one.question,
                signatures=one.signatures,
                references=(one.plan,),
                worlds=tuple(partial(_play, one.signatures, seed, failing) for seed in range(BOX_WORLDS)),
            )


def _play(signatures: Mapping[str, Signature], seed: int, failing: bool) -> tuple[Call, list[Any]]:
    play = Play(signatures, seed, failing)
    return play.call, play.written


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
