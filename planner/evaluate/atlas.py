"""The atlas's group: real tools over a real database, except that notes are noted and not written."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from planner.evaluate.task import Call, Task

from llmcc.ir.escape import quote
from llmcc.runtime.toolbox import Toolbox, load_toolbox

HERE = Path(__file__).parent
TOOLS = HERE.parents[1] / "examples" / "atlas" / "tools.py"

_ENDS = {
    "more": ("return a.entity if a.value > b.value else b.entity",),
    "less": ("return a.entity if a.value < b.value else b.entity",),
    "difference": ("return a.value - b.value",),
    "ratio": ("return a.value / b.value",),
    "lookup": ('return f"{a.value} {a.unit}"', "return a.value", "return a", "join(a)"),
}


@cache
def toolbox() -> Toolbox:
    """The atlas's tools."""
    return load_toolbox(TOOLS)


def atlas_tasks() -> Iterator[Task]:
    """The questions of `atlas.toml`."""
    table: dict[str, list[list[str]]] = tomllib.loads((HERE / "atlas.toml").read_text("utf-8"))
    box = toolbox()
    for kind, rows in table.items():
        for i, row in enumerate(rows):
            yield Task(
                group="atlas",
                name=f"{kind} {i}",
                question=row[1],
                signatures=box.signatures,
                references=references(kind, row[0], row[2:]),
                worlds=(_world,),
                examples=tuple(box.examples),
            )


def references(kind: str, first: str, rest: Sequence[str]) -> tuple[str, ...]:
    """The plans that answer a question of a kind.

    >>> print(references("more", "height", ["K2", "Teide"])[0])
    a = lookup("K2", "height")
    b = lookup("Teide", "height")
    return a.entity if a.value > b.value else b.entity
    """
    if kind == "search":
        return (f"a = search({quote(first)})\njoin(a)", f"a = search({quote(first)})\nreturn a")
    things = rest[:-1] if kind == "convert" else rest
    looked_up = [f"{name} = lookup({quote(x)}, {quote(first)})" for name, x in zip("abc", things, strict=False)]
    values = [f"{name}.value" for name in "abc"[: len(things)]]
    ends: Sequence[str] = _ENDS.get(kind, ())
    if kind == "total":
        ends = (f"return {' + '.join(values)}",)
    if kind == "average":
        ends = (f"return ({' + '.join(values)}) / {len(values)}",)
    if kind == "extreme":
        ends = (f"return max({', '.join(values)})",)
    if kind == "convert":
        looked_up.append(f"b = convert(a.value, a.unit, {quote(rest[-1])})")
        ends = (f'return f"{{b}} {rest[-1]}"', "return b")
    return tuple("\n".join([*looked_up, end]) for end in ends)


def _world() -> tuple[Call, list[Any]]:
    box = toolbox()
    written: list[Any] = []

    def call(name: str, args: dict[str, Any]) -> Any:
        if name == "note":
            written.append([name, args])
            return None
        one = box[name]
        assert one.function is not None
        first, rest = one.bind(args)
        return one.function(*first, **rest)

    return call, written
