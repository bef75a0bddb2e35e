"""The adapter's file: GGUF, with a pair of matrices for each adapted layer."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import gguf
import numpy as np
from numpy.typing import NDArray

TYPES = {
    "f32": gguf.GGMLQuantizationType.F32,
    "f16": gguf.GGMLQuantizationType.F16,
    "q8_0": gguf.GGMLQuantizationType.Q8_0,
}


def write_adapter(
    tensors: Mapping[str, NDArray[np.float32]],
    file: Path,
    *,
    alpha: float,
    kind: str = "q8_0",
    card: Mapping[str, str] | None = None,
) -> int:
    """Writes an adapter, whole or not at all; its size in bytes.

    Args:
        tensors: by name, `blk.0.attn_q.weight.lora_a` and so on.
        file: the target.
        alpha: the adapters' strength.
        kind: how numbers are kept: `f32`, `f16` or `q8_0`. Ranks that are no multiple of 32 are kept as f16 by `q8_0`.
        card: what else the file says, by key.
    """
    part = file.with_suffix(".part")
    writer = gguf.GGUFWriter(part, "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
    for key, text in (card or {}).items():
        writer.add_string(key, text)
    for name, values in tensors.items():
        wanted = TYPES[kind] if values.shape[-1] % 32 == 0 or kind != "q8_0" else TYPES["f16"]
        writer.add_tensor(name, gguf.quantize(np.ascontiguousarray(values, np.float32), wanted), raw_dtype=wanted)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(part, file)
    return file.stat().st_size
