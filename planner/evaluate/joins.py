"""How well the model answers from values: `python -m planner.evaluate.joins --adapter build/planner/adapter.gguf`.

The questions are of boxes that training does not have, and their answers are in the values or found by comparing them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import count, islice
from pathlib import Path

import click
from planner.data.joins import Joined, join_episode
from planner.evaluate.groups import SEED
from planner.evaluate.report import wilson
from planner.llama import QUANTIZATIONS, Decoder, base_model

from llmcc.driver.prompt import joiner_request

FOLDER = Path("build/planner")
MOST_TOKENS = 80


def questions(wanted: int) -> list[Joined]:
    """So many questions, three of a box at a time."""
    return list(islice(_drawn(), wanted))


def _drawn() -> Iterator[Joined]:
    for index in count():
        yield from join_episode(SEED, index, 3, unseen=True)


def is_right(said: str, wanted: str) -> bool:
    """Whether a text gives an answer: it is the answer, or a sentence that has it and, for yes and no, begins with it.

    >>> is_right("The Tern costs 12.5.", "12.5"), is_right("No, it is not.", "No"), is_right("There are 12", "2")
    (True, True, False)
    """
    text, answer = (" ".join(re.findall(r"[\w.,:%/+-]+", one.casefold())).rstrip(".") for one in (said, wanted))
    if answer in ("yes", "no", "none"):
        return re.match(rf"{answer}\b", text) is not None
    return re.search(rf"(?<![\w.]){re.escape(answer)}(?![\w]|\.\d)", text) is not None


def answered(decoder: Decoder, one: Joined, *, adapted: bool) -> str:
    """What the model says."""
    request = joiner_request(one.question, one.values, chat=False, may_replan=False, adapted=adapted)
    assert request.prompt is not None
    prompt, written = decoder.tokenize(request.prompt, start=True), list[int]()
    while len(written) < MOST_TOKENS:
        token = int(decoder.read([*prompt, *written]).argmax())
        if decoder.ends(token):
            break
        written.append(token)
        if b"\n" in decoder.piece(token) and len(written) > 1:
            break
    return b"".join(map(decoder.piece, written)).decode("utf-8", "replace").strip()


@click.command()
@click.option("--adapter", type=click.Path(path_type=Path, exists=True), help="Measure with this adapter as well.")
@click.option("--base", type=click.Choice(["as-is", *QUANTIZATIONS]), default="q8_0", show_default=True)
@click.option("--limit", default=60, show_default=True, help="How many questions.")
@click.option("--failures", "shown", default=10, show_default=True, help="How many failures are shown.")
def main(adapter: Path | None, base: str, limit: int, shown: int) -> None:
    """Measure how well a model answers from values, a base after an example, an adapter without one."""
    asked = questions(limit)
    for used in (None, *([adapter] if adapter else [])):
        with Decoder(base_model(base, FOLDER), used) as decoder:
            said = [answered(decoder, one, adapted=used is not None) for one in asked]
        wrong = [(one, text) for one, text in zip(asked, said, strict=True) if not is_right(text, one.answer)]
        low, high = wilson(limit - len(wrong), limit)
        for one, text in wrong[:shown]:
            print(f"{one.prompt}    {text!r}; right is {one.answer!r}\n")
        way = "the adapter" if used else "the base"
        print(f"{way}: {limit - len(wrong)} of {limit} right ({low:.0%} to {high:.0%})\n", flush=True)


if __name__ == "__main__":
    main()
