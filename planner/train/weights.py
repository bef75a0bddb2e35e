"""The base model's weights and figures, read from its GGUF file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from gguf import GGUFReader, Keys, dequantize


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
    config = Config(
        layers=int(_figure(reader, "llama.block_count")),
        heads=int(_figure(reader, "llama.attention.head_count")),
        kv_heads=int(_figure(reader, "llama.attention.head_count_kv")),
        width=int(_figure(reader, "llama.embedding_length")),
        eps=_figure(reader, "llama.attention.layer_norm_rms_epsilon"),
        theta=_figure(reader, "llama.rope.freq_base"),
    )
    return _tensors(reader), config


def adapters_of(file: Path) -> tuple[dict[str, torch.Tensor], float]:
    """The pairs of a checkpoint, or of an adapter's GGUF file, by their GGUF names, and their strength `alpha`."""
    if file.suffix != ".gguf":
        state = torch.load(file, map_location="cpu", weights_only=True)
        return state["adapters"], state["settings"]["alpha"]
    reader = GGUFReader(file)
    return _tensors(reader), _figure(reader, Keys.Adapter.LORA_ALPHA)


def _tensors(reader: GGUFReader) -> dict[str, torch.Tensor]:
    tensors: dict[str, torch.Tensor] = {}
    for one in reader.tensors:
        values = np.asarray(dequantize(one.data, one.tensor_type), dtype=np.float32)
        shape = [int(size) for size in reversed(one.shape)]
        tensors[one.name] = torch.from_numpy(values.reshape(shape).copy())
    return tensors


def _figure(reader: GGUFReader, name: str) -> float:
    field = reader.fields[name]
    return float(field.parts[field.data[0]][0])
