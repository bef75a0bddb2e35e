"""Checksums over the records of a run. Each covers its record and the checksum before it, so that no record can be
changed, left out, put in or moved without being noticed; which is the last one, the run's own file says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import NamedTuple

from llmcc.runtime.journal.errors import JournalDamaged

SIZE = 16


class Row(NamedTuple):
    """A record in its place: `seq` counts from 0, `sum` is its checksum."""

    seq: int
    body: bytes
    sum: bytes


class Tip(NamedTuple):
    """The last record of a chain: its number (-1: there is none yet) and its checksum."""

    seq: int
    sum: bytes


def start(run: str) -> Tip:
    """The tip of the chain of a run without records."""
    return Tip(-1, blake2b(run.encode(), digest_size=SIZE).digest())


def extend(tip: Tip, bodies: Iterable[bytes]) -> Iterator[Row]:
    """The rows for further records."""
    seq, last = tip
    for body in bodies:
        seq, last = seq + 1, _sum(seq + 1, body, last)
        yield Row(seq, body, last)


def check(run: str, rows: Iterable[Row]) -> Tip:
    """The tip of a chain that was read.

    Raises:
        JournalDamaged: it is not as it was written.
    """
    tip = start(run)
    for row in rows:
        if row != next(extend(tip, [row.body])):
            raise JournalDamaged(f"record {tip.seq + 1} of the run is not as it was written")
        tip = Tip(row.seq, row.sum)
    return tip


def _sum(seq: int, body: bytes, last: bytes) -> bytes:
    return blake2b(b"%d\n%b" % (seq, body), key=last, digest_size=SIZE).digest()
