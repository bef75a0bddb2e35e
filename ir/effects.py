"""What a call does to the world: nothing (`pure`), it looks (`read`), or it changes something (`write`).

An effect names the resources it touches. A name may hold parameters of the tool, `account:{iban}`, so that two calls on
provably different accounts do not conflict. `*` is every resource.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Literal

import msgspec

EVERYTHING = "*"
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HOLE = re.compile(r"\{([^{}]*)\}")


class Effect(msgspec.Struct, frozen=True):
    """The kind of a tool's effect and the patterns of the resources it touches (none for `pure`).

    >>> str(Effect("write", ("mailbox:{to}",))), str(Effect("read", ("web",))), str(PURE)
    ('write("mailbox:{to}")', 'read(web)', 'pure')
    """

    kind: Literal["pure", "read", "write"]
    resources: tuple[str, ...] = ()

    def __str__(self) -> str:
        """As the IR prints it."""
        if self.kind == "pure":
            return "pure"
        return f"{self.kind}({', '.join(r if _PLAIN.fullmatch(r) else json.dumps(r) for r in self.resources)})"

    @property
    def writes(self) -> bool:
        """Whether the call may change something."""
        return self.kind == "write"


PURE = Effect("pure")
READ = Effect("read", (EVERYTHING,))
WRITE = Effect("write", (EVERYTHING,))


def holes(pattern: str) -> tuple[str, ...]:
    """The parameters that a resource pattern names.

    >>> holes("mail:{user}/{folder}")
    ('user', 'folder')
    """
    return tuple(_HOLE.findall(pattern))


@lru_cache(maxsize=1024)
def split(pattern: str) -> tuple[str, ...]:
    """A pattern cut at its holes: text, parameter, text, ..., text.

    >>> split("account:{iban}")
    ('account:', 'iban', '')
    """
    return tuple(_HOLE.split(pattern))
