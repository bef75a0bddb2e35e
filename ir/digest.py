"""The canonical digest of a plan: what it means, in one short word that can be compared, logged and approved.

Two texts have the same digest if they lower to the same ops against the same tools. Layout, comments, `Thought:` lines,
the kind of quotes, redundant parentheses, and the dialect therefore do not count; names, numbers, and what is known of
the tools (types, effects) do. It is taken before any optimization.
"""

from __future__ import annotations

import hashlib

import msgspec

from llmcc.ir.ops import Map, Module, Op
from llmcc.ir.printer import print_module

#: Counts up whenever the same plan gets another digest: the printed form or the lowering has changed.
VERSION = "plan1"


def digest(module: Module) -> str:
    """`plan1:` and 64 hexadecimal digits: SHA-256 of the printed module without its places.

    >>> digest(Module(ops=()))
    'plan1:f2aca8588d9fb8857ee1813582fd2f8269885147ac767ba3df1c43f01881163d'
    """
    return f"{VERSION}:{hashlib.sha256(print_module(without_places(module)).encode()).hexdigest()}"


def without_places(module: Module) -> Module:
    """The module as if it came from no text: equal for texts that differ only in layout."""
    return msgspec.structs.replace(module, ops=tuple(map(placeless, module.ops)))


def placeless(op: Op) -> Op:
    """The op as if it came from no text."""
    if isinstance(op, Map):
        op = msgspec.structs.replace(op, body=tuple(map(placeless, op.body)))
    return msgspec.structs.replace(op, span=None)
