"""What tests of local models share: an adapter that changes what the bundled model says."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

#: What GGUF calls a text, a number, and 32 bits of a tensor.
_TEXT, _FLOAT, _F32, _ALIGNED = 8, 6, 0, 32
_WIDTH, _RANK = 576, 4


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def write_adapter(file: Path, *, seed: int, width: int = _WIDTH, strength: float = 1.0) -> Path:
    """An adapter of drawn numbers for the outputs of the first blocks' attention."""
    rng = np.random.default_rng(seed)
    tensors: dict[str, np.ndarray] = {}
    for block in range(4):
        name = f"blk.{block}.attn_output.weight"
        tensors[f"{name}.lora_a"] = rng.normal(0, 1, (_RANK, width)).astype(np.float32)
        tensors[f"{name}.lora_b"] = rng.normal(0, strength, (width, _RANK)).astype(np.float32)
    texts = {"general.architecture": "llama", "general.type": "adapter", "adapter.type": "lora"}
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(texts) + 1)
    for key, value in texts.items():
        head += _text(key) + struct.pack("<I", _TEXT) + _text(value)
    head += _text("adapter.lora.alpha") + struct.pack("<If", _FLOAT, float(_RANK))
    at = 0
    for name, values in tensors.items():
        head += _text(name) + struct.pack("<IQQIQ", 2, *reversed(values.shape), _F32, at)
        at += -(-values.nbytes // _ALIGNED) * _ALIGNED
    body = b"".join(
        values.tobytes().ljust(-(-values.nbytes // _ALIGNED) * _ALIGNED, b"\0") for values in tensors.values()
    )
    file.write_bytes(head.ljust(-(-len(head) // _ALIGNED) * _ALIGNED, b"\0") + body)
    return file


@pytest.fixture(scope="session")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter that changes the bundled model beyond recognition."""
    return write_adapter(tmp_path_factory.mktemp("adapters") / "drawn.gguf", seed=0)


@pytest.fixture(scope="session")
def misfit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter for a model of another size."""
    return write_adapter(tmp_path_factory.mktemp("adapters") / "misfit.gguf", seed=0, width=512)
