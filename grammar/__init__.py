"""The language itself: the normative grammars and the specification, as files of this package."""

from __future__ import annotations

from functools import cache
from pathlib import Path

#: Words that cannot name a value, a variable or (as its first part) a tool. They may name parameters and fields.
KEYWORDS = frozenset("not and or in if else for when after catch join return true false null True False None".split())


@cache
def load(name: str) -> str:
    """The text of the grammar `name` (`plan`, ...), as Lark reads it.

    >>> load("plan").startswith("// The plan language.")
    True

    Raises:
        FileNotFoundError: there is no grammar of that name.
    """
    return Path(__file__).with_name(f"{name}.lark").read_text(encoding="utf-8")
