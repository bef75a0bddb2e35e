"""The base model's weights and figures, read from its GGUF file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from gguf import GGUFReader, dequantize


@dataclass(frozen=True, slots=True)
class Config:
    """The figures of a Llama."""

    layers: int
    heads: int
    kv_heads: int
    width: int
    eps: float
    theta: float

    @property
    def head(self) -> int:
        """The width of an attention head."""
        return self.width // self.heads


def read_gguf(path: Path) -> tuple[dict[str, torch.Tensor], Config]:
    """All tensors as 32-bit floats, by their GGUF names, and the figures."""
    reader = GGUFReader(path)
    tensors: dict[str, torch.Tensor] = {}
    for one in reader.tensors:
        values = np.asarray(dequantize(one.data, one.tensor_type), dtype=np.float32)
        shape = [int(size) for size in reversed(one.shape)]
        tensors[one.name] = torch.from_numpy(values.reshape(shape).copy())

    def figure(name: str) -> float:
        field = reader.fields[f"llama.{name}"]
        return float(field.parts[field.data[0]][0])

    config = Config(
        layers=int(figure("block_count")),
        heads=int(figure("attention.head_count")),
        kv_heads=int(figure("attention.head_count_kv")),
        width=int(figure("embedding_length")),
        eps=figure("attention.layer_norm_rms_epsilon"),
        theta=figure("rope.freq_base"),
    )
    return tensors, config
