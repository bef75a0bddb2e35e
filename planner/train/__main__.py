"""Trains the adapter; goes on from the checkpoint, if there is one."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

import click
import torch
from planner.llama import QUANTIZATIONS, Decoder, base_model
from planner.train import model as model_module
from planner.train.loop import Settings, Trainer, train
from planner.train.model import Llama
from planner.train.pack import packed

FOLDER = Path("build/planner")
DEFAULT = Settings()


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), default=FOLDER / "train.jsonl")
@click.option("--checkpoint", type=click.Path(path_type=Path), default=FOLDER / "adapter.pt", show_default=True)
@click.option(
    "--begin",
    type=click.Path(path_type=Path, exists=True),
    help="A checkpoint, or a GGUF file, whose adapter is trained on.",
)
@click.option("--base", type=click.Choice(["as-is", *QUANTIZATIONS]), default="q8_0", show_default=True)
@click.option("--steps", default=DEFAULT.steps, show_default=True)
@click.option("--batch", default=DEFAULT.batch, show_default=True, help="Rows a step.")
@click.option("--length", default=DEFAULT.length, show_default=True, help="Tokens a row.")
@click.option("--rank", default=DEFAULT.rank, show_default=True)
@click.option("--rate", default=DEFAULT.rate, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--minutes", default=float("inf"), help="Stop after so long; the next call goes on.")
@click.option("--every", default=50, show_default=True, help="Steps between two checkpoints.")
@click.option("--threads", default=2, show_default=True)
@click.option("--compile/--no-compile", "compiled", default=True, help="Have torch compile the layers first.")
def main(
    data: Path,
    checkpoint: Path,
    begin: Path | None,
    base: str,
    steps: int,
    batch: int,
    length: int,
    rank: int,
    rate: float,
    seed: int,
    minutes: float,
    every: int,
    threads: int,
    compiled: bool,
) -> None:
    """Train a low-rank adapter for the bundled model on the plans of a data file."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    say = partial(print, flush=True)
    file = base_model(base, FOLDER)
    with Decoder(file, vocabulary_only=True) as tokenizer:
        rows = packed(data, tokenizer, length)
    used, learned = (rows["episodes"] >= 0).mean(), int(rows["learned"].sum())
    say(f"{len(rows['ids'])} rows of {length} tokens, {used:.0%} of them used, {learned} to be learned")
    digest = hashlib.sha256(data.read_bytes()).hexdigest()[:12]
    settings = Settings(
        steps=steps,
        batch=batch,
        length=length,
        rate=rate,
        rank=rank,
        alpha=2.0 * rank,
        seed=seed,
        data=f"{digest} {base}",
        begin=hashlib.sha256(begin.read_bytes()).hexdigest()[:12] if begin else "",
    )
    model = Llama(file, rank=rank, alpha=settings.alpha, seed=seed)
    trainer = Trainer(model, rows, settings)
    try:
        if checkpoint.exists():
            trainer.load(checkpoint)
        elif begin:
            trainer.begin(begin)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if compiled:
        model_module.layer = torch.compile(model_module.layer, dynamic=False)
    size = sum(p.numel() for p in trainer.parameters)
    say(f"{size / 1e6:.1f} million parameters on {trainer.device}, from step {trainer.step}")
    whole = train(trainer, checkpoint, every=every, minutes=minutes, tell=say)
    say(f"{checkpoint}: {'complete' if whole else 'not complete yet'}, {trainer.step} steps")


if __name__ == "__main__":
    main()
