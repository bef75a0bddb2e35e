"""What every test can use: the flag for golden files, the profiles of Hypothesis, surroundings of hosted models, and
adapters of local ones."""

from __future__ import annotations

import os
import signal
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# A shell's background job ignores Ctrl-C, and so would all that it starts: but what Ctrl-C does is tested.
signal.signal(signal.SIGINT, signal.default_int_handler)
# No deadline: on a busy machine time says nothing about a test. The blob repeats a failure anywhere.
settings.register_profile("default", deadline=None, print_blob=True)
# The same examples in every run, so that a failure belongs to the change that shows it.
settings.register_profile("ci", settings.get_profile("default"), derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if "CI" in os.environ else "default"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite golden files with what the code says now; review the diff"
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be rewritten, and not compared."""
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="module")
def hosted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A key, a cache of its own, and the client imported once (half a second), so that no test is charged with it."""
    pytest.importorskip("openai")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "sk-canary-0123456789")
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def pytest_itemcollected(item: pytest.Item) -> None:
    # The client leaves its own generators to the collector, also after a stream that was read to its end.
    if "hosted" in getattr(item, "fixturenames", ()):
        item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))
        item.add_marker(pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"))


#: What GGUF calls a text, a number, and 32 bits of a tensor.
_TEXT, _FLOAT, _F32, _ALIGNED = 8, 6, 0, 32
_WIDTH, _RANK = 576, 4


def _text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def _write_adapter(file: Path, *, seed: int, width: int = _WIDTH, strength: float = 1.0) -> Path:
    """An adapter of drawn numbers for the outputs of the first blocks' attention."""
    np = pytest.importorskip("numpy")
    rng = np.random.default_rng(seed)
    tensors: dict[str, Any] = {}
    for block in range(4):
        name = f"blk.{block}.attn_output.weight"
        tensors[f"{name}.lora_a"] = rng.normal(0, 1, (_RANK, width)).astype(np.float32)
        tensors[f"{name}.lora_b"] = rng.normal(0, strength, (width, _RANK)).astype(np.float32)
    texts = {"general.architecture": "llama", "general.type": "adapter", "adapter.type": "lora"}
    texts |= {"llmcc.planner.training": "17 of 20 steps"}
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
    return _write_adapter(tmp_path_factory.mktemp("adapters") / "drawn.gguf", seed=0)


@pytest.fixture(scope="session")
def misfit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter for a model of another size."""
    return _write_adapter(tmp_path_factory.mktemp("adapters") / "misfit.gguf", seed=0, width=512)
