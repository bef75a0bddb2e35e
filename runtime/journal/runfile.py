"""A small file for each run that is not over, beside the journal: its lock, and where its records end.

Whoever executes a run holds a lock on the file. The operating system takes it back when the process dies, however it
dies, so that a lock is never stale.

After each commit the number and checksum of the last record are written here, in turn into one of two slots. So a
journal that lost its end is noticed, which its own checksums cannot show: SQLite takes a log that was cut for one that
never was longer. A slot may be older than the journal (after a power cut), but never newer.
"""

from __future__ import annotations

import os
import struct
import time
import zlib
from pathlib import Path

from llmcc.runtime.journal.chain import Row, Tip
from llmcc.runtime.journal.errors import JournalDamaged, JournalError, RunTaken

_SLOT = struct.Struct(">4sq16sL")
_MAGIC = b"llrf"
#: One who only looks holds the lock for an instant, which must not refuse one who wants to run.
_TRIES, _PAUSE_S = 5, 0.02


def path_of(journal: Path, run: str) -> Path:
    """Where the file of a run is."""
    return journal.with_name(f"{journal.name}-{run}")


class RunFile:
    """The open and locked file of a run. `close` gives the lock back; `remove` is for a run that is over."""

    def __init__(self, path: Path, number: int) -> None:
        self.path = path
        self._number = number
        self._writes = 0

    @classmethod
    def create(cls, journal: Path, run: str, tip: Tip) -> RunFile:
        """The file of a new run.

        Raises:
            JournalError: it cannot be written.
        """
        path = path_of(journal, run)
        try:
            made = cls(path, os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            _lock(made._number, shared=False)
            made.note(tip)
            made.note(tip)
            os.fsync(made._number)
            _sync_folder(path.parent)
        except FileExistsError:
            raise RunTaken(f"run {run[:8]} is being executed by another process") from None
        except OSError as error:
            raise JournalError(f"{path}: {error.strerror or error}") from error
        return made

    @classmethod
    def take(cls, journal: Path, run: str) -> RunFile | None:
        """The file of a run that is to be continued; None if there is none, because the run is over.

        Raises:
            RunTaken: another process executes the run.
        """
        path = path_of(journal, run)
        for _ in range(_TRIES):
            try:
                number = os.open(path, os.O_RDWR)
            except FileNotFoundError:
                return None
            except OSError as error:
                raise JournalError(f"{path}: {error.strerror or error}") from error
            if not _lock(number, shared=False):
                os.close(number)
                time.sleep(_PAUSE_S)
                continue
            if _is(path, number):
                return cls(path, number)
            os.close(number)  # it was removed meanwhile: the run has ended
        raise RunTaken(f"run {run[:8]} is being executed by another process")

    def note(self, tip: Tip | Row) -> None:
        """Says which record is the last one; not before that is durable. Raises `OSError`."""
        head = _SLOT.pack(_MAGIC, tip.seq, tip.sum, 0)[:-4]
        os.pwrite(self._number, head + struct.pack(">L", zlib.crc32(head)), self._writes % 2 * _SLOT.size)
        self._writes += 1

    def tip(self) -> Tip:
        """The last record that is known to have been durable.

        Raises:
            JournalDamaged: neither slot can be read.
        """
        data = os.pread(self._number, 2 * _SLOT.size, 0)
        found = [_read(data[at : at + _SLOT.size]) for at in (0, _SLOT.size)]
        tips = [tip for tip in found if tip is not None]
        if not tips:
            raise JournalDamaged(f"{self.path}: this is not what was written")
        newest = max(tips)
        # What is written next must not fall upon the newest.
        self._writes = 1 if found[0] == newest else 0
        return newest

    def close(self) -> None:
        """Gives the lock back."""
        os.close(self._number)

    def remove(self) -> None:
        """Removes the file of a run that is over, and gives the lock back."""
        self.path.unlink(missing_ok=True)
        self.close()


def is_taken(journal: Path, run: str) -> bool:
    """Whether some process executes the run now."""
    try:
        number = os.open(path_of(journal, run), os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _lock(number, shared=True)
    finally:
        os.close(number)


def _read(slot: bytes) -> Tip | None:
    if len(slot) < _SLOT.size:
        return None
    magic, seq, total, crc = _SLOT.unpack(slot)
    return Tip(seq, total) if magic == _MAGIC and crc == zlib.crc32(slot[:-4]) else None


def _lock(number: int, *, shared: bool) -> bool:
    import fcntl  # not on every system, and only journals need it

    try:
        fcntl.flock(number, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is(path: Path, number: int) -> bool:
    """Whether the open file is still the one at that path."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(number))
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
