"""Samples: one toolbox, some questions, and plans that were compiled and executed before they are taken.

The compiler is the teacher: a plan counts only if it compiles without any diagnostic and, executed on several worlds,
answers and writes what the shape says on its own. What fails is not left out quietly: it is an error of the generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Literal, TypeAlias

from planner.data.domains import Domain, domains
from planner.data.kit import MOST_TOOLS, Kit
from planner.data.scene import Asked, Scene, Unfit, question
from planner.data.shapes import Shape, composed_shapes, trained_shapes, unseen_shapes
from planner.data.world import World

from llmcc.driver.adapted import STYLE
from llmcc.driver.prompt import planner_request
from llmcc.driver.styles import style
from llmcc.frontend.front import compile_front
from llmcc.ir.interpret import interpret
from llmcc.ir.ops import Join, Module

#: What is drawn: training; or trained shapes with unseen entities, unseen tools, unseen shapes.
Split: TypeAlias = Literal["train", "entities", "tools", "shapes"]
SPLITS: tuple[Split, ...] = ("train", "entities", "tools", "shapes")
#: On how many worlds a plan is executed.
WORLDS = 4
#: Of the composed shapes, those that are drawn more often: they vary most, and are the first to be given up as unfit.
OFTEN = (
    *("composed_number",) * 4,
    *("composed_choice", "composed_set", "composed_list", "composed_truth", "composed_pair"),
    *("composed_either", "composed_either", "composed_flagged"),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A question with its tools, the reference plan, and the worlds in which plans are judged."""

    split: Split
    shape: str
    domain: str
    question: str
    plan: str
    kit: Kit
    asked: Asked

    @property
    def prompt(self) -> str:
        """What the model reads, word for word."""
        return prompt(self.question, self.kit.signatures)

    def worlds(self) -> Iterator[tuple[World, Callable[[str, dict[str, Any]], Any]]]:
        """Fresh worlds, and how tools are called in them."""
        for world in (World(seed, self.asked.unsure) for seed in range(WORLDS)):
            yield world, partial(self.kit.run, world)


def prompt(text: str, signatures: Any) -> str:
    """A planner's prompt as llmcc writes it."""
    request = planner_request(text, signatures, (), chat=False, written_as=style(STYLE))
    assert request.prompt is not None
    return request.prompt


class Wrong(Exception):
    """A plan of the generator does not do what its question asks."""


def outcome(module: Module, call: Callable[[str, dict[str, Any]], Any]) -> tuple[Any, str | None]:
    """The answer of a plan, of `join` as the list of what it gathers, and why there is none."""
    result = interpret(module, call)
    if result.failed is not None:
        return None, f"{result.failed.error}: {result.failed.message}"
    answer = result.answer
    return (list(answer.values()) if isinstance(module.end, Join) and isinstance(answer, dict) else answer), None


def check(sample: Sample) -> None:
    """Raises `Wrong` unless the sample's plan compiles without diagnostics and is right in every world."""
    result = compile_front(sample.plan, sample.kit.signatures)
    if result.module is None or result.diagnostics:
        raise Wrong(f"{sample.shape}: {result.diagnostics}\n{sample.plan}")
    for world, call in sample.worlds():
        answer, failed = outcome(result.module, call)
        other = World(world.seed, sample.asked.unsure)
        wanted = sample.asked.expected(other)
        if failed or not same(answer, wanted) or world.written != other.written:
            raise Wrong(f"{sample.shape}: {answer!r}, not {wanted!r} ({failed})\n{sample.question}\n{sample.plan}")


def same(one: Any, other: Any) -> bool:
    """Whether two answers are equal, floats up to rounding."""
    if isinstance(one, bool) or isinstance(other, bool) or one is None or other is None:
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= 1e-9 * max(1.0, abs(one), abs(other))
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other


def episode(split: Split, seed: int, index: int, questions: int = 1, composed: float = 0.0) -> list[Sample]:
    """Samples that share a toolbox, a share of them composed; the same for the same arguments, always."""
    rng = Random(f"{split}/{seed}/{index}")
    shapes = unseen_shapes() if split == "shapes" else trained_shapes()
    kit = Kit(rng, held_out=split == "tools")
    chosen = [d for d in domains().values() if d.held_out == (split == "tools")]
    domain = rng.choice(chosen)
    made: list[tuple[str, str, Scene, Asked]] = []
    # Each shape has its turn: the first question of an episode goes by the index, others are drawn.
    names = [list(shapes)[index % len(shapes)], *rng.choices(list(shapes), k=questions - 1)]
    parts = composed_shapes()
    if composed:
        names = [rng.choice([*parts, *OFTEN]) if rng.random() < composed else name for name in names]
        shapes |= parts
    for name in names:
        drawn = _asked(rng, kit, domain, name, shapes[name], training=split == "train")
        made += [drawn] if drawn else []
    if kit.absent & kit.known:
        made = [one for one in made if one[0] != "no_tool"]  # another question brought the tools that it lacks
    kit.distract([domain.name], rng.randint(max(4, len(kit.tools)), MOST_TOOLS))
    samples = [Sample(split, name, domain.name, text, scene.plan, kit, asked) for name, text, scene, asked in made]
    for sample in samples:
        check(sample)
    return samples


def _asked(
    rng: Random, kit: Kit, domain: Domain, name: str, shape: Shape, *, training: bool
) -> tuple[str, str, Scene, Asked] | None:
    """One question; None where the domain does not fit, or the kit has no room for its tools."""
    before = dict(kit.tools)
    scene = Scene(rng, kit, domain, training=training)
    try:
        asked = shape(scene)
    except Unfit:
        if len(kit.tools) > MOST_TOOLS:
            kit.forget(before)
        return None
    if len(kit.tools) > (MOST_TOOLS - 1 if before else MOST_TOOLS):
        kit.forget(before)
        return None
    return name, question(rng, name, asked.slots), scene, asked


def samples(split: Split, seed: int, count: int) -> Iterator[Sample]:
    """So many samples, each with a toolbox of its own, shapes in turn."""
    index = made = 0
    while made < count:
        for sample in episode(split, seed, index)[: count - made]:
            made += 1
            yield sample
        index += 1
