"""Puts the questions to a model, judges its plans by executing them, and prints a table.

What was measured is written down line by line, so that a stopped evaluation goes on where it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click
import msgspec
from planner.evaluate.groups import GROUPS, tasks
from planner.evaluate.pens import WAYS, Pens
from planner.evaluate.report import Row, failures, table
from planner.evaluate.task import Task, judge
from planner.llama import QUANTIZATIONS, base_model

from llmcc.driver.adapted import BEAM

FOLDER = Path("build/planner")


def rows_of(file: Path) -> list[Row]:
    """What was measured already; a last line that was cut off does not count."""
    text = file.read_bytes() if file.exists() else b""
    return [msgspec.json.decode(line, type=Row) for line in text.splitlines(keepends=True) if line.endswith(b"\n")]


def measured(pens: Pens, task: Task, way: str, *, grammar: str) -> Row:
    """Puts one task to the model."""
    written = pens.write(task, grammar)
    verdict = judge(task, written.text)
    return Row(
        way=way,
        group=task.group,
        name=task.name,
        question=task.question,
        plan=written.text,
        reference=task.references[0],
        compiles=verdict.compiles,
        right=verdict.right,
        reason=verdict.reason,
        prompt_tokens=written.prompt_tokens,
        tokens=written.tokens,
        first_line_s=written.first_line_s,
        whole_s=written.whole_s,
    )


def chosen(groups: list[str], limit: int | None) -> Iterator[Task]:
    """The tasks of some groups; with a limit, so many of each, spread over the group."""
    for group in groups:
        found = list(tasks(group))
        step = 1 if limit is None else max(1, len(found) // limit)
        yield from islice(found[::step], limit)


@click.command()
@click.option("--group", "groups", multiple=True, type=click.Choice(["all", *GROUPS]), default=["all"])
@click.option(
    "--grammar", "grammars", multiple=True, type=click.Choice(WAYS), default=("none", "styled"), show_default=True
)
@click.option("--base", type=click.Choice(["as-is", *QUANTIZATIONS]), default="q8_0", show_default=True)
@click.option("--model", type=click.Path(path_type=Path, exists=True), help="A GGUF file instead of the bundled model.")
@click.option("--adapter", type=click.Path(path_type=Path, exists=True), help="Measure with this adapter as well.")
@click.option("--without/--only-with", default=True, help="Whether to measure the base without the adapter.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only N questions of each group.")
@click.option("--failures", "shown", default=20, show_default=True, help="How many failures are shown.")
@click.option("--out", type=click.Path(path_type=Path), default=FOLDER / "evaluation.jsonl", show_default=True)
@click.option("--threads", default=1, show_default=True)
def main(
    groups: tuple[str, ...],
    grammars: tuple[str, ...],
    base: str,
    model: Path | None,
    adapter: Path | None,
    without: bool,
    limit: int | None,
    shown: int,
    out: Path,
    threads: int,
) -> None:
    """Measure how well a model plans. A base is shown examples of plans; with an adapter it is shown none."""
    names = list(GROUPS) if "all" in groups else list(dict.fromkeys(groups))
    file = model or base_model(base, FOLDER)
    out.parent.mkdir(parents=True, exist_ok=True)
    all_tasks = list(chosen(names, limit))
    print(f"{len(all_tasks)} questions, {file.name}, results go to {out}", flush=True)
    done = {(row.way, row.group, row.name): row for row in rows_of(out)}
    rows: list[Row] = []
    adapters = [*([None] if without or adapter is None else []), *([adapter] if adapter else [])]
    for used in adapters:
        with Pens(file, used, threads=threads) as pens:
            for grammar in grammars:
                way = f"{file.stem if model else base}, {_digest(used)}, {_GRAMMAR[grammar]}"
                for i, task in enumerate(all_tasks):
                    row = done.get((way, task.group, task.name))
                    if row is None:
                        row = measured(pens, task, way, grammar=grammar)
                        with out.open("ab") as log:
                            log.write(msgspec.json.encode(row) + b"\n")
                    rows.append(row)
                    if (i + 1) % 20 == 0:
                        right = sum(one.right for one in rows[-i - 1 :])
                        print(f"{way}: {i + 1} of {len(all_tasks)}, {right} right", flush=True)
    print(f"\n{failures(rows, shown)}\n\n{table(rows, GROUPS)}")


_GRAMMAR = {
    "none": "no grammar",
    "statement": "grammar a line",
    "styled": f"grammar a line of its style, {BEAM} ways",
    "llmcc": "as llmcc asks",
}


def _digest(adapter: Path | None) -> str:
    return "no adapter" if adapter is None else f"adapter {hashlib.sha256(adapter.read_bytes()).hexdigest()[:6]}"


if __name__ == "__main__":
    main()
