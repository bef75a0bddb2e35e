"""Packing: in a row, each question has the tokens and positions that it has when it is asked alone."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planner.data.__main__ import Episode, done_already, drawn
from planner.train.pack import Row, packed, rows_of


class Characters:
    """A tokenizer whose tokens are characters, line ends in pairs where they stand in pairs."""

    end = 0

    def tokenize(self, text: str, *, start: bool = False) -> list[int]:
        tokens = [ord(c) for c in text.replace("\n\n", "\x02")]
        return [1, *tokens] if start else tokens


TEXTS = st.text(st.sampled_from("ab?\n"), min_size=1, max_size=12)
ASKED = st.lists(st.tuples(st.just("shape"), TEXTS, TEXTS), min_size=0, max_size=4)


def alone(row: Row, episode: int, block: int) -> tuple[list[int], list[int], list[bool]]:
    """What the model sees of one question: the tools and the block."""
    places = [i for i in range(len(row.ids)) if row.episodes[i] == episode and row.blocks[i] in (0, block)]
    return [row.ids[i] for i in places], [row.positions[i] for i in places], [row.learned[i] for i in places]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(ASKED, max_size=6), TEXTS, st.integers(40, 120))
def test_a_question_in_a_row_is_as_if_it_were_alone(
    drawn: list[list[tuple[str, str, str]]], head: str, length: int
) -> None:
    tokenizer = Characters()
    episodes = [Episode(i, [(s, f"{head}:{i}\n{q}", p) for s, q, p in asked]) for i, asked in enumerate(drawn)]
    rows = rows_of(episodes, tokenizer, length)
    seen = []
    for row in rows:
        assert len(row.ids) <= length
        for episode, block in sorted(set(zip(row.episodes, row.blocks, strict=True))):
            if block:
                ids, positions, learned = alone(row, episode, block)
                assert positions == list(range(len(ids)))
                seen.append((ids, learned))
    wanted = []
    for one in episodes:
        for _, prompt, plan in one.asked:
            ask, answer = tokenizer.tokenize(prompt, start=True), [*tokenizer.tokenize(f"{plan}\n"), tokenizer.end]
            wanted.append((ask + answer, [False] * len(ask) + [True] * len(answer)))
    assert sorted(seen) == sorted(wanted) or sum(len(ids) for ids, _ in wanted) > length
    assert all(one in wanted for one in seen)


def test_rows_are_kept_beside_the_data(tmp_path: Path) -> None:
    source = tmp_path / "train.jsonl"
    source.write_bytes(b"".join(msgspec.json.encode(drawn(0, i, 3)) + b"\n" for i in range(4)))
    made = packed(source, Characters(), 4000)
    assert len(list(tmp_path.glob("*.npz"))) == 1
    again = packed(source, Characters(), 4000)
    assert {name: array.tolist() for name, array in made.items()} == {n: a.tolist() for n, a in again.items()}
    assert made["learned"].sum() > 100


def test_drawing_goes_on_behind_the_last_whole_line(tmp_path: Path) -> None:
    file = tmp_path / "train.jsonl"
    assert done_already(file) == 0
    line = msgspec.json.encode(drawn(0, 0, 2)) + b"\n"
    file.write_bytes(line + line[:30])
    assert done_already(file) == 1
    assert file.read_bytes() == line
