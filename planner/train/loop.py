"""The training itself: seekable batches, a schedule, checkpoints. A stopped run goes on as if it had not stopped."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # as everybody calls it
from numpy.typing import NDArray
from planner.train.model import Llama
from planner.train.weights import adapters_of
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is; a checkpoint of other settings is refused."""

    steps: int = 700
    batch: int = 3
    length: int = 640
    rate: float = 8e-4
    warm_up: int = 40
    rank: int = 32
    alpha: float = 64.0
    seed: int = 0
    data: str = ""
    begin: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of one step: `chosen` are the places behind which a learned token stands, `wanted` those tokens."""

    ids: Tensor
    positions: Tensor
    mask: Tensor
    chosen: Tensor
    wanted: Tensor


def batch_of(rows: dict[str, NDArray[np.int32]], settings: Settings, step: int, device: torch.device) -> Batch:
    """The batch of a step: rows in an order that is drawn anew for each round through the data."""
    count = len(rows["ids"])
    places = range(step * settings.batch, (step + 1) * settings.batch)
    order: dict[int, list[int]] = {}
    for turn in {place // count for place in places}:
        order[turn] = list(range(count))
        Random(f"{settings.seed}/{turn}").shuffle(order[turn])
    taken = [order[place // count][place % count] for place in places]
    ids, positions, episodes, blocks, learned = (
        torch.from_numpy(rows[name][taken]).long() for name in ("ids", "positions", "episodes", "blocks", "learned")
    )
    same = episodes[:, :, None] == episodes[:, None, :]
    seen = (blocks[:, :, None] == blocks[:, None, :]) | (blocks[:, None, :] == 0)
    mask = (same & seen & torch.ones(settings.length, settings.length, dtype=torch.bool).tril())[:, None]
    chosen = torch.zeros_like(learned, dtype=torch.bool)
    chosen[:, :-1] = learned[:, 1:] == 1
    wanted = ids[:, 1:][chosen[:, :-1]]
    tensors = (tensor.to(device) for tensor in (ids, positions, mask, chosen, wanted))
    return Batch(*tensors)


def rate_at(settings: Settings, step: int) -> float:
    """The learning rate: up over the first steps, then down in a line to a fiftieth."""
    up = min(1.0, (step + 1) / settings.warm_up)
    return settings.rate * up * max(0.02, 1 - step / settings.steps)


class Trainer:
    """A model in training, which can be saved and loaded between any two steps."""

    def __init__(self, model: Llama, rows: dict[str, NDArray[np.int32]], settings: Settings) -> None:
        self.model, self.rows, self.settings = model, rows, settings
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model.to(self.device)
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=settings.rate, betas=(0.9, 0.98), weight_decay=0.0)
        self.step = 0

    def advance(self) -> tuple[float, float, int]:
        """One step: the loss, the share of plan tokens that were guessed right, and the tokens of the batch."""
        batch = batch_of(self.rows, self.settings, self.step, self.device)
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(self.settings, self.step)
        logits = self.model(batch.ids, batch.positions, batch.mask, batch.chosen).float()
        loss = F.cross_entropy(logits, batch.wanted)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        right = (logits.argmax(-1) == batch.wanted).float().mean()
        return loss.item(), right.item(), batch.ids.numel()

    def save(self, file: Path) -> None:
        """Writes all that is needed to go on, whole or not at all."""
        part = file.with_suffix(".part")
        state = {
            "settings": asdict(self.settings),
            "step": self.step,
            "adapters": self.model.adapters(),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        torch.save(state, part)
        os.replace(part, file)

    def begin(self, file: Path) -> None:
        """Takes the adapter of another run's checkpoint, or of a shipped file, and nothing else of it.

        Raises:
            ValueError: it is not of this model, rank and strength.
        """
        adapters, alpha = adapters_of(file)
        if alpha != self.settings.alpha:
            raise ValueError(f"{file} has adapters of the strength {alpha}, not {self.settings.alpha}")
        self.model.take(adapters)

    def load(self, file: Path) -> None:
        """Goes on from a checkpoint.

        Raises:
            ValueError: it belongs to a run with other settings.
        """
        state = torch.load(file, map_location=self.device, weights_only=True)
        if state["settings"] != asdict(self.settings):
            raise ValueError(f"{file} has other settings: {state['settings']}, not {asdict(self.settings)}")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]


def train(trainer: Trainer, checkpoint: Path, *, every: int, minutes: float, tell: Callable[[str], None]) -> bool:
    """Trains to the last step (then True) or for some minutes (then False); saves every so many steps, and at last."""
    begun = saved = time.monotonic()
    worked = time.process_time()
    losses: list[float] = []
    tokens, first = 0, trainer.step
    while trainer.step < trainer.settings.steps and time.monotonic() - begun < minutes * 60:
        loss, right, size = trainer.advance()
        losses.append(loss)
        tokens += size
        if trainer.step % 10 == 0 or trainer.step == first + 1:
            speed, work = tokens / (time.monotonic() - begun), tokens / (time.process_time() - worked)
            recent = sum(losses[-10:]) / len(losses[-10:])
            done = f"step {trainer.step} of {trainer.settings.steps}"
            tell(f"{done}: loss {recent:.3f}, {right:.0%} right, {speed:.0f} tokens/s, {work:.0f} in a second of work")
        if trainer.step % every == 0 and time.monotonic() - saved > 60:
            trainer.save(checkpoint)
            saved = time.monotonic()
    trainer.save(checkpoint)
    return trainer.step >= trainer.settings.steps
