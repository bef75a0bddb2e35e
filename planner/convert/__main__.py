"""A checkpoint of the training becomes an adapter file."""

from __future__ import annotations

from pathlib import Path

import click
import torch
from planner.convert.adapter import TYPES, write_adapter

FOLDER = Path("build/planner")


@click.command()
@click.option("--checkpoint", type=click.Path(path_type=Path, exists=True), default=FOLDER / "adapter.pt")
@click.option("--out", type=click.Path(path_type=Path), default=FOLDER / "adapter.gguf", show_default=True)
@click.option("--kind", type=click.Choice(list(TYPES)), default="q8_0", show_default=True)
def main(checkpoint: Path, out: Path, kind: str) -> None:
    """Write the adapter of a checkpoint as a GGUF file."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    settings = state["settings"]
    tensors = {name: tensor.float().numpy() for name, tensor in state["adapters"].items()}
    after = f", on the adapter of {settings['begin']}" if settings.get("begin") else ""
    card = {
        "general.name": "llmcc planner",
        "general.license": "apache-2.0",
        "llmcc.planner.data": settings["data"],
        "llmcc.planner.training": f"{state['step']} of {settings['steps']} steps, seed {settings['seed']}{after}",
    }
    size = write_adapter(tensors, out, alpha=settings["alpha"], kind=kind, card=card)
    print(f"{out}: {size / 1e6:.1f} MB, {len(tensors) // 2} layers, after {state['step']} of {settings['steps']} steps")


if __name__ == "__main__":
    main()
