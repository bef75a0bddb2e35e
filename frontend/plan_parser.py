"""The parser of a plan's lines: made once a process, its tables once a user, who has them in the cache folder."""

from __future__ import annotations

import os
import sys
import zlib
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec

from llmcc.frontend.build import Builder
from llmcc.frontend.lalr import Parser
from llmcc.frontend.tables import Tables, make_tables
from llmcc.grammar import load

#: To be raised when `Tables` changes: a file of another format is not looked at.
_FORMAT = 1


def cache_folder() -> Path | None:
    """`$XDG_CACHE_HOME/llmcc` or `~/.cache/llmcc`, made if need be; None where no file of ours alone can stand.

    Whoever can write to the folder decides what is a plan: nobody else may.
    """
    given = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(given) if os.path.isabs(given) else Path.home() / ".cache"
        folder = base / "llmcc"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.stat()
    except (OSError, RuntimeError):
        return None
    if os.name == "posix" and (state.st_uid != os.geteuid() or state.st_mode & 0o022):
        return None
    return folder if os.access(folder, os.W_OK) else None


@cache
def plan_parser() -> Parser:
    """A parser whose reductions make syntax nodes; its start rule is `line`."""
    return Parser(_tables(load("plan")), Builder())


def _tables(grammar: str) -> Tables:
    folder = cache_folder()
    if folder is None:
        return make_tables(grammar, "line")
    # Versions of one grammar have to be told apart, and nothing more: a cryptographic digest takes long to import.
    digest = zlib.crc32(f"{_FORMAT} {grammar}".encode())
    file = folder / f"plan-{digest:08x}-{sys.implementation.cache_tag}.json"
    # No file, or a damaged one: it is made again.
    with suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode(file.read_bytes(), type=Tables)
    tables = make_tables(grammar, "line")
    with suppress(OSError):
        part = file.with_suffix(f".{os.getpid()}")
        part.write_bytes(msgspec.json.encode(tables))
        part.replace(file)
    return tables
