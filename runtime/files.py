"""Writes files so that a reader sees the old content or the new one, and nothing between; locks for who changes one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def replace_content(path: Path, data: bytes) -> None:
    """Puts `data` into the file in one step, or, if that fails, leaves it as it is; it keeps its permissions.

    Raises:
        OSError: it cannot be written.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        os.chmod(name, _mode(path))
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _mode(path: Path) -> int:
    """The permissions of the file, or those that a new one would get."""
    if path.exists():
        return path.stat().st_mode & 0o777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock of the file's folder: the file itself is replaced, so it cannot be the lock.

    Raises:
        OSError: there is no such folder.
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such lock: there the last of two writers wins
        yield
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)
