"""Packs episodes into rows of tokens, several to a row, so that little is padding and no header is read twice.

In a row, an episode's tools come once, then its blocks: a question and its plan. A block sees the tools and itself, and
its positions go on behind the tools, as if it stood there alone: that is what the model sees when it is asked.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray
from planner.data.__main__ import Episode

PADDING = -1
#: An episode goes into the fullest of so many rows that has room for it.
OPEN_ROWS = 400


class Tokenizer(Protocol):
    """What makes tokens of texts."""

    end: int

    def tokenize(self, text: str, *, start: bool = False) -> list[int]:
        """The tokens of a text."""


@dataclass(slots=True)
class Row:
    """Tokens with their positions, episodes, blocks (0: the tools), and whether the model is to write them."""

    ids: list[int]
    positions: list[int]
    episodes: list[int]
    blocks: list[int]
    learned: list[bool]

    def add(self, ids: Sequence[int], begin: int, episode: int, block: int, learned: bool) -> None:
        """Appends tokens that stand from position `begin` on."""
        self.ids += ids
        self.positions += range(begin, begin + len(ids))
        self.episodes += [episode] * len(ids)
        self.blocks += [block] * len(ids)
        self.learned += [learned] * len(ids)


def blocks_of(episode: Episode, tokenizer: Tokenizer) -> tuple[list[int], list[tuple[list[int], list[int]]]]:
    """The tokens that all prompts of an episode begin with, and for each question the rest of its prompt, and its plan.

    The common beginning is looked for in the tokens, not in the texts: so each prompt has the tokens it has alone.
    """
    prompts = [tokenizer.tokenize(prompt, start=True) for _, prompt, _ in episode.asked]
    plans = [[*tokenizer.tokenize(f"{plan}\n"), tokenizer.end] for _, _, plan in episode.asked]
    shortest = min(map(len, prompts)) - 1
    common = next((i for i in range(shortest) if len({prompt[i] for prompt in prompts}) > 1), shortest)
    return prompts[0][:common], [(prompt[common:], plan) for prompt, plan in zip(prompts, plans, strict=True)]


def rows_of(episodes: Iterable[Episode], tokenizer: Tokenizer, length: int) -> list[Row]:
    """Rows of at most `length` tokens; questions for which a row has no room are left out."""
    rows: list[Row] = []
    for episode in episodes:
        if not episode.asked:
            continue
        head, blocks = blocks_of(episode, tokenizer)
        size = len(head) + sum(len(ask) + len(plan) for ask, plan in blocks)
        if len(head) + len(blocks[0][0]) + len(blocks[0][1]) > length:
            continue
        roomy = (one for one in rows[-OPEN_ROWS:] if len(one.ids) + size <= length)
        row = max(roomy, key=lambda one: len(one.ids), default=None)
        if row is None:
            row = Row([], [], [], [], [])
            rows.append(row)
        _place(row, head, blocks, length)
    return rows


def _place(row: Row, head: list[int], blocks: list[tuple[list[int], list[int]]], length: int) -> None:
    number = row.episodes[-1] + 1 if row.episodes else 0
    row.add(head, 0, number, 0, learned=False)
    for i, (ask, plan) in enumerate(blocks, 1):
        if len(row.ids) + len(ask) + len(plan) <= length:
            row.add(ask, len(head), number, i, learned=False)
            row.add(plan, len(head) + len(ask), number, i, learned=True)


def packed(source: Path, tokenizer: Tokenizer, length: int) -> dict[str, NDArray[np.int32]]:
    """The rows of a data file as arrays (rows, length), made once and kept beside it."""
    kept = source.with_name(f"{source.stem}-{length}-{source.stat().st_size}.npz")
    if not kept.exists():
        lines = source.read_bytes().splitlines()
        rows = rows_of((msgspec.json.decode(line, type=Episode) for line in lines), tokenizer, length)
        part = kept.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, allow_pickle=False, **_arrays(rows, length))
        os.replace(part, kept)
    with np.load(kept) as loaded:
        return {name: loaded[name] for name in loaded.files}


def _arrays(rows: Sequence[Row], length: int) -> dict[str, NDArray[np.int32]]:
    filled = {
        name: np.full((len(rows), length), empty, np.int32)
        for name, empty in (("ids", 0), ("positions", 0), ("episodes", PADDING), ("blocks", 0), ("learned", 0))
    }
    for i, row in enumerate(rows):
        for name, array in filled.items():
            array[i, : len(row.ids)] = getattr(row, name)
    return filled
