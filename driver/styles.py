"""The ways in which a planner is taught to write plans: a folder each, with `language.txt` and `examples.txt`.

`examples.txt` holds questions (`Question: ...`), each with its plan in the lines below, and an empty line between two.
A planner that was trained on plans needs none: in the style `bare` the file is empty.
`dialect.txt`, if there is one, names the dialect in which the plans are to be read: `llmcompiler`.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeAlias

import msgspec

from llmcc.frontend.parse import DIALECTS
from llmcc.ir.errors import LlmccError

#: A question and its plan.
Example: TypeAlias = tuple[str, str]

_BUNDLED = ("native", "llmcompiler", "bare")


class Style(msgspec.Struct, frozen=True):
    """How plans are taught: what the language is, and examples for toolboxes that bring none; and the dialect in which
    what is written so is to be read.
    """

    language: str
    examples: tuple[Example, ...]
    dialect: str = "native"


@cache
def style(name: str) -> Style:
    """A style of ours, by its name, or one in a folder of yours, by its path.

    >>> style("native").examples[0][0]
    'What is the weather in Rome?'

    Raises:
        LlmccError: there is none, or its examples are malformed.
    """
    folder: Traversable = files("llmcc.driver.prompts") / name if name in _BUNDLED else Path(name)
    try:
        language = (folder / "language.txt").read_text("utf-8").rstrip("\n")
        examples = (folder / "examples.txt").read_text("utf-8")
        said = folder / "dialect.txt"
        dialect = said.read_text("utf-8").strip() if said.is_file() else "native"
    except (OSError, UnicodeError) as error:
        raise LlmccError(f"cannot read the prompt style {name}: {error}") from None
    if dialect not in DIALECTS:
        raise LlmccError(f"dialect.txt of the prompt style {name}: no dialect is called {dialect!r}")
    blocks = [block for block in examples.strip("\n").split("\n\n") if block]
    return Style(language, tuple(_example(block, name) for block in blocks), dialect)


def _example(block: str, name: str) -> Example:
    question, _, plan = block.partition("\n")
    if not question.startswith("Question: ") or not plan:
        raise LlmccError(
            f"examples.txt of the prompt style {name}: no question with a plan below it: {question[:60]!r}"
        )
    return question.removeprefix("Question: "), plan
