"""The parser that Lark makes from `plan.lark`: made once a process, kept in the user's cache folder."""

from __future__ import annotations

import hashlib
import os
import sys
from functools import cache
from pathlib import Path

import lark

from llmcc.frontend.build import Builder
from llmcc.grammar import load


def cache_folder() -> Path | None:
    """`$XDG_CACHE_HOME/llmcc` or `~/.cache/llmcc`, made if need be; None where no file of ours alone can stand.

    A cached parser is unpickled, which runs code: it must never come from a folder that somebody else can write to.
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


def _cache_file(grammar: str) -> Path | None:
    folder = cache_folder()
    if folder is None:
        return None
    digest = hashlib.sha256(grammar.encode()).hexdigest()[:16]
    return folder / f"plan-{digest}-lark{lark.__version__}-{sys.implementation.cache_tag}.cache"


@cache
def plan_parser() -> lark.Lark:
    """A parser whose reductions make syntax nodes; its start rule is `line`."""
    grammar = load("plan")
    file = _cache_file(grammar)
    return lark.Lark(
        grammar,
        parser="lalr",
        start="line",
        transformer=Builder(),
        maybe_placeholders=False,
        cache=str(file) if file else False,
    )
