"""Checks boxes: `python -m planner.data.boxes [FILE ...]`."""

from __future__ import annotations

from pathlib import Path
from random import Random

import click
from planner.data.boxes.check import Drawn, check, check_ask, check_copied
from planner.data.boxes.read import HELD_OUT, HERE, Box, read
from planner.data.sample import Wrong


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True))
def main(files: tuple[Path, ...]) -> None:
    """Draw every question of FILES (of all boxes, without any) a few times, and say which plans are wrong."""
    found = [box for file in files or sorted(HERE.glob("*.toml")) for box in read(file)]
    wrong = [line for box in found for line in _wrong(box)]
    for line in wrong:
        print(line, end="\n\n")
    asks = [ask for box in found for ask in box.asks]
    phrasings = sum(len(ask.say) for ask in asks)
    print(f"{len(found)} boxes, {len(asks)} questions, {phrasings} phrasings, {len(wrong)} wrong")
    raise SystemExit(1 if wrong else 0)


def _wrong(box: Box) -> list[str]:
    told: list[str] = []
    for i, ask in enumerate(box.asks):
        told += check_ask(box, ask)
        try:
            for n, say in enumerate(ask.say):
                drawn = Drawn.filled(box, say, ask, box.filling(Random(f"{i}/{n}"), ask))
                check(drawn)
                if box.name not in HELD_OUT:  # nobody learns those, so whatever answers them will do
                    check_copied(drawn)
        except (Wrong, ValueError) as error:
            told.append(str(error))
    return told


if __name__ == "__main__":
    main()
