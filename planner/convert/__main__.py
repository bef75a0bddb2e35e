"""A checkpoint of the training becomes an adapter file."""

from __future__ import annotations

from pathlib import Path

import click
import torch
from planner.convert.adapter import TYPES, write_adapter
from planner.train.weights import adapters_of

FOLDER = Path("build/planner")


@click.command()
@click.option("--checkpoint", type=click.Path(path_type=Path, exists=True), default=FOLDER / "adapter.pt")
@click.option("--mean", type=click.Path(path_type=Path, exists=True), help="Another adapter, that of the round before.")
@click.option("--share", default=0.6, show_default=True, help="How much of the mean is the checkpoint's.")
@click.option("--out", type=click.Path(path_type=Path), default=FOLDER / "adapter.gguf", show_default=True)
@click.option("--kind", type=click.Choice(list(TYPES)), default="q8_0", show_default=True)
def main(checkpoint: Path, mean: Path | None, share: float, out: Path, kind: str) -> None:
    """Write the adapter of a checkpoint as a GGUF file, or its mean with another."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    settings, adapters = state["settings"], {name: tensor.float() for name, tensor in state["adapters"].items()}
    after = f", on the adapter of {settings['begin']}" if settings.get("begin") else ""
    if mean is not None:
        other, alpha = adapters_of(mean)
        if alpha != settings["alpha"] or other.keys() != adapters.keys():
            raise click.UsageError(f"{mean} has adapters of other layers or of another strength than {checkpoint}")
        adapters = {name: share * tensor + (1 - share) * other[name].float() for name, tensor in adapters.items()}
        after += ", averaged with the one before"
    tensors = {name: tensor.numpy() for name, tensor in adapters.items()}
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
