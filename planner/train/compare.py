"""Shows that torch and llama.cpp compute the same: of the base, and of the base with an adapter.

An adapter of drawn numbers is converted and loaded; the logits behind every token of a prompt are compared.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray
from planner.convert.adapter import write_adapter
from planner.data.sample import episode
from planner.llama import Decoder, base_model
from planner.train.model import Llama, causal

FOLDER = Path("build/planner")
#: How far logits (of about 20) may be apart on average, and how often the best token may be another.
TOLERANCE, OTHERS = 0.05, 0.01


def by_torch(model: Llama, tokens: list[int]) -> NDArray[np.float32]:
    """The logits behind each token."""
    ids = torch.tensor([tokens])
    with torch.no_grad():
        logits = model(ids, torch.arange(len(tokens))[None], causal(len(tokens)))
    result: NDArray[np.float32] = logits[0].float().numpy()
    return result


def compared(name: str, one: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Prints how far apart they are; whether that is within the tolerance."""
    apart = float(np.abs(one - other).mean())
    same = float((one.argmax(-1) == other.argmax(-1)).mean())
    print(f"{name}: {len(one)} positions, best token the same at {same:.1%}, logits {apart:.4f} apart on average")
    return apart <= TOLERANCE and same >= 1 - OTHERS


@click.command()
@click.option("--base", default="f16", show_default=True)
@click.option("--kind", default="f16", show_default=True, help="Of the adapter's file.")
def main(base: str, kind: str) -> None:
    """Compare torch and llama.cpp on one prompt and its plan; exits 1 beyond the tolerance."""
    torch.set_num_threads(1)
    sample = episode("train", 0, 0)[0]
    file = base_model(base, FOLDER)
    model = Llama(file, dtype=torch.float32)
    with Decoder(file) as decoder:
        tokens = decoder.tokenize(f"{sample.prompt}{sample.plan}\n", start=True)[:512]
        plain = decoder.every_logit(tokens)
    good = compared("base", by_torch(model, tokens), plain)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(".b"):
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.02)
    with tempfile.TemporaryDirectory() as folder:
        adapter = Path(folder) / "drawn.gguf"
        tensors = {key: tensor.numpy() for key, tensor in model.adapters().items()}
        size = write_adapter(tensors, adapter, alpha=model.alpha, kind=kind)
        with Decoder(file, adapter) as decoder:
            adapted = decoder.every_logit(tokens)
    print(f"the adapter has {size / 1e6:.1f} MB and moves logits by {np.abs(adapted - plain).mean():.2f} on average")
    good &= compared("with the adapter", by_torch(model, tokens), adapted)
    raise SystemExit(0 if good else 1)


if __name__ == "__main__":
    main()
