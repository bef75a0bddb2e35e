"""Writes training data: a line an episode, with its tools and its questions and plans, as JSON."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import click
import msgspec
from planner.data.boxes.draw import box_episode
from planner.data.figures.draw import figure_episode
from planner.data.joins import join_episode
from planner.data.sample import episode

#: One box in so many is asked a joiner's questions.
JOINS = 8


class Episode(msgspec.Struct):
    """A toolbox as the prompt shows it, and what was asked of it: (shape, prompt, plan)."""

    index: int
    asked: list[tuple[str, str, str]]


def drawn(
    seed: int, index: int, questions: int, boxes: float = 0.0, figures: float = 0.0, composed: float = 0.0
) -> Episode:
    """One episode of training, checked; shares of them are boxes, in turn, and figures."""
    turn, comes = _turn(index, boxes)
    if comes and turn % JOINS == JOINS - 1:
        joined = join_episode(seed, turn // JOINS, questions)
        return Episode(index, [(f"join {one.box}", one.prompt, one.answer) for one in joined])
    if comes:
        return Episode(index, [(one.box, one.prompt, one.plan) for one in box_episode(seed, turn, questions)])
    turn, comes = _turn(index - turn, figures / (1 - boxes) if figures else 0.0)
    if comes:
        return Episode(index, [(one.box, one.prompt, one.plan) for one in figure_episode(seed, turn, questions)])
    made = episode("train", seed, index, questions, composed)
    return Episode(index, [(sample.shape, sample.prompt, sample.plan) for sample in made])


def _turn(index: int, share: float) -> tuple[int, bool]:
    """How many of the episodes before this one a share had, and whether it has this one."""
    turn = int(index * share)
    return turn, int((index + 1) * share) > turn


def done_already(out: Path) -> int:
    """How many whole lines a file has; what follows the last of them is cut off."""
    if not out.exists():
        return 0
    text = out.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    out.write_bytes(whole)
    return whole.count(b"\n")


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/planner/train.jsonl"), show_default=True)
@click.option("--episodes", type=click.IntRange(min=1), default=9_000, show_default=True, help="How many toolboxes.")
@click.option("--questions", type=click.IntRange(min=1), default=8, show_default=True, help="At most so many for each.")
@click.option("--seed", default=0, show_default=True)
@click.option("--boxes", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share written by hand.")
@click.option("--figures", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share about figures.")
@click.option(
    "--composed", type=click.FloatRange(0, 1), default=0.0, show_default=True, help="Share of drawn ones made of parts."
)
def main(out: Path, episodes: int, questions: int, seed: int, boxes: float, figures: float, composed: float) -> None:
    """Draw, compile, execute and write EPISODES toolboxes with their questions; goes on where a stopped run ended."""
    out.parent.mkdir(parents=True, exist_ok=True)
    begun = time.process_time()
    first = done_already(out)
    shapes: Counter[str] = Counter()
    with out.open("ab") as file:
        for index in range(first, episodes):
            one = drawn(seed, index, questions, boxes, figures, composed)
            shapes.update(shape for shape, _, _ in one.asked)
            file.write(msgspec.json.encode(one) + b"\n")
            if (index + 1) % 500 == 0:
                print(f"{index + 1} of {episodes} toolboxes, {shapes.total()} questions", flush=True)
    print(f"{out}: {first} toolboxes were there, {max(0, episodes - first)} are new, with {shapes.total()} questions")
    print(f"{time.process_time() - begun:.0f} s of CPU time; every plan compiled without a warning and was executed")


if __name__ == "__main__":
    main()
