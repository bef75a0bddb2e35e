"""Reads and writes profiles. A file is replaced as a whole or not at all, and two runs that add to it at the same time
wait for each other.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from llmcc.ir.errors import LlmccError
from llmcc.runtime.profile import VERSION, Profile, problem


class ProfileError(LlmccError):
    """A profile cannot be read or written; the text names the file and says why."""


class _Head(msgspec.Struct):
    version: int


def read_profile(file: str | Path) -> Profile:
    """The profile in a file.

    Raises:
        ProfileError: there is none, or it makes no sense.
    """
    try:
        data = Path(file).read_bytes()
    except OSError as error:
        raise ProfileError(f"{file}: {error.strerror or error}") from error
    return _parsed(data, file)


def _parsed(data: bytes, file: str | Path) -> Profile:
    try:
        version = msgspec.json.decode(data, type=_Head).version
        if version != VERSION:
            raise ProfileError(f"{file}: this is version {version} of a profile, and this llmcc reads {VERSION}")
        found = msgspec.json.decode(data, type=Profile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"{file}: this is no profile: {error}") from error
    wrong = problem(found)
    if wrong is not None:
        raise ProfileError(f"{file}: {wrong}")
    return found


def add_to_file(profile: Profile, file: str | Path) -> Profile:
    """Adds a profile to the one in a file, which is made if it does not exist; gives the sum.

    Raises:
        ProfileError: the file holds something else (it stays as it is), or cannot be written.
    """
    path = Path(file)
    try:
        with _locked(path):
            total = read_profile(path) if path.exists() else Profile()
            total.merge(profile)
            _replace(path, _shown(total))
    except OSError as error:
        raise ProfileError(f"{file}: {error.strerror or error}") from error
    return total


def check_target(file: str | Path) -> None:
    """Raises a `ProfileError` if `add_to_file` could not add to that file."""
    path = Path(file)
    if path.exists():
        read_profile(path)
    elif not path.parent.is_dir():
        raise ProfileError(f"{file}: there is no folder {path.parent}")


def _shown(profile: Profile) -> bytes:
    tools = {
        name: msgspec.structs.replace(one, latency_s=one.latency_s.summed_up(), bytes=one.bytes.summed_up())
        for name, one in sorted(profile.tools.items())
    }
    return msgspec.json.format(msgspec.json.encode(Profile(tools=tools)), indent=1) + b"\n"


def _replace(path: Path, data: bytes) -> None:
    """Puts `data` in the file's place in one step: a reader sees the old content or the new one."""
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
def _locked(path: Path) -> Iterator[None]:
    """Holds the lock of the file's folder: the file itself is replaced, so it cannot be the lock."""
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
