"""Decoded beginnings of prompts, in files: another process need not decode them again.

A file is found by the model file's content, the library's version and the tokens; it is checked when it is read, and
written whole or not at all. Whoever finds none decodes: nothing depends on these files but time.
"""

from __future__ import annotations

import hashlib
import warnings
from array import array
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from llmcc.runtime.files import replace_content

#: Fewer tokens than this are decoded faster than a file is looked for.
LEAST = 64
#: How many files are kept for a model; a beginning of 500 tokens has 11 MB with the model that comes along.
MOST = 8
_DIGEST_BYTES = 32


class States:
    """The files of one model. All that goes wrong with them is a warning."""

    def __init__(self, folder: Callable[[], Path]) -> None:
        """`folder` says, when it is needed, where the files are."""
        self._find = folder

    @cached_property
    def _folder(self) -> Path:
        return self._find()

    def wants(self, tokens: Sequence[int]) -> bool:
        """True if these tokens are worth a file and have none."""
        return len(tokens) >= LEAST and not self._file(tokens).exists()

    def read(self, tokens: Sequence[int]) -> bytes | None:
        """What was written for exactly these tokens; None if there is nothing. A damaged file is removed."""
        if len(tokens) < LEAST:
            return None
        file = self._file(tokens)
        try:
            content = file.read_bytes()
            file.touch()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._warn(error)
            return None
        digest, data = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if digest == _digest(tokens, data):
            return data
        self.discard(tokens)
        return None

    def write(self, tokens: Sequence[int], data: bytes) -> None:
        """Keeps `data` for these tokens; the files that were used longest ago make room."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            replace_content(self._file(tokens), _digest(tokens, data) + data)
            used = sorted(self._folder.glob("*.state"), key=lambda file: file.stat().st_mtime_ns)
            for file in used[:-MOST]:
                file.unlink(missing_ok=True)
        except OSError as error:
            self._warn(error)

    def discard(self, tokens: Sequence[int]) -> None:
        """Removes the file of these tokens: it is of no use."""
        try:
            self._file(tokens).unlink(missing_ok=True)
        except OSError as error:
            self._warn(error)

    def _file(self, tokens: Sequence[int]) -> Path:
        return self._folder / f"{_digest(tokens, b'').hex()[:32]}.state"

    def _warn(self, error: OSError) -> None:
        text = f"beginnings of prompts cannot be kept in `{self._folder}`, so they are decoded again: {error}"
        warnings.warn(text, RuntimeWarning, stacklevel=3)


def _digest(tokens: Sequence[int], data: bytes) -> bytes:
    """Of the tokens and what was kept for them; 32 bytes."""
    digest = hashlib.sha256(len(tokens).to_bytes(8, "little") + array("i", tokens).tobytes())
    digest.update(data)
    return digest.digest()
