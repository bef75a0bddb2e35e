"""Reads and writes profiles. A file is replaced as a whole or not at all, and two runs that add to it at the same time
wait for each other.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from llmcc.ir.errors import LlmccError
from llmcc.runtime.files import locked, replace_content
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
        with locked(path):
            total = read_profile(path) if path.exists() else Profile()
            total.merge(profile)
            replace_content(path, _shown(total))
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
