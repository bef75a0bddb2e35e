"""The ways to ask a server for a plan, and the file that says which of them each server has."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, TypeAlias

from llmcc.runtime.files import replace_content
from llmcc.runtime.models.errors import ModelUnavailable
from llmcc.runtime.models.llama_files import cache_folder

#: `API/FORM`. The API: `responses` or `chat`. The form: `grammar` (the plan is the input of a tool whose format is our
#: grammar), `gbnf` (it is the answer, and our grammar an argument of the request, in the notation of llama.cpp),
#: `schema` (it is a field of a JSON object) or `text`.
Way: TypeAlias = Literal[
    "responses/grammar", "chat/grammar", "chat/gbnf", "chat/schema", "responses/schema", "chat/text", "responses/text"
]
#: All of them, the best first.
WAYS: tuple[Way, ...] = (
    "responses/grammar",
    "chat/grammar",
    "chat/gbnf",
    "chat/schema",
    "responses/schema",
    "chat/text",
    "responses/text",
)


def to_way(name: str) -> Way:
    """The way called `name`.

    Raises:
        ModelUnavailable: there is none.
    """
    if name not in WAYS:
        raise ModelUnavailable(f"there is no way {name!r} to ask a server; there are {', '.join(WAYS)}")
    return name


def has_grammar(way: Way) -> bool:
    """Whether a request holds its grammar in this way."""
    return way.endswith(("/grammar", "/gbnf"))


def as_text(way: Way) -> Way:
    """The same API, for a request that needs no form."""
    return "responses/text" if way.startswith("responses/") else "chat/text"


class Records:
    """The file in which is written what servers can do: `servers.json` in the cache folder.

    A file that cannot be read or written costs only the probing: it is made again.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._path or cache_folder() / "servers.json"

    def ways(self, base_url: str, model: str) -> tuple[Way, ...]:
        """The ways that were found to work, the best first; none: not known."""
        found = self._read().get(f"{base_url} {model}")
        return tuple(way for way in WAYS if isinstance(found, list) and way in found)

    def write(self, base_url: str, model: str, ways: Iterable[Way]) -> None:
        """Notes the ways that work."""
        content = {**self._read(), f"{base_url} {model}": list(ways)}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace_content(self.path, (json.dumps(content, indent=1) + "\n").encode())
        except OSError:
            return  # a folder that cannot be written to: the next run probes again

    def _read(self) -> dict[str, object]:
        try:
            content = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}
