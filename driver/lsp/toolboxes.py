"""Which tools a document's plan may call: the file that the document names, or the editor, or the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

from llmcc.ir.diagnostics import Diagnostic
from llmcc.ir.errors import LlmccError
from llmcc.ir.signature import Signature
from llmcc.ir.span import Span
from llmcc.runtime.catalog import Catalog
from llmcc.runtime.toolbox import load_toolbox

_COMMENT = re.compile(r"[ \t]*#[ \t]*tools:[ \t]*(?P<file>[^ \t].*?)[ \t]*")
_TOP = Span(1, 1, 1, 1)
#: When a file was changed, and its size; None: there is none.
_Stamp = tuple[int, int] | None


class Tools(msgspec.Struct, frozen=True):
    """What came of looking for tools: `signatures` (None without a file), or what is wrong, and where in the plan."""

    signatures: Mapping[str, Signature] | None = None
    problem: str | None = None
    span: Span = _TOP

    def mark(self, found: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
        """A plan's diagnostics, less the advice to give the tools if it was just that which failed."""
        return found if self.problem is None else tuple(d for d in found if d.code != "W0501")


class Toolboxes:
    """Finds and reads toolboxes; each file is read again when it has changed.

    `option` is the file of the command line, `setting` that of the editor (relative to `root`). What the file `catalog`
    says of tools holds for all of them, wherever they come from.
    """

    def __init__(self, option: str | None = None, catalog: str | None = None) -> None:
        self.option = option
        self.catalog = None if catalog is None else Path(catalog)
        self.setting: str | None = None
        self.root: Path | None = None
        self._read: dict[Path, tuple[list[_Stamp], Tools]] = {}

    def find(self, first_line: str, document: Path | None) -> Tools:
        """The tools for the plan in the file `document` (None: it is in no file) that begins with `first_line`."""
        found = _COMMENT.fullmatch(first_line)
        if found is not None:
            span = Span(1, found.start("file") + 1, 1, found.end("file") + 1)
            return msgspec.structs.replace(self._named(found["file"], document), span=span)
        if self.setting is not None:
            return self._load((self.root or Path()) / self.setting)
        return Tools() if self.option is None else self._load(Path(self.option))

    def _named(self, file: str, document: Path | None) -> Tools:
        if not file.endswith(".json"):
            # A tools.py is run when it is read. Opening a plan, which may come from anywhere, must run nothing; what
            # the command line or the settings name was chosen by the user.
            return Tools(problem="a plan can name only a tools.json; a tools.py would be run: name it in the settings")
        if document is None:
            return Tools(problem="the file of tools is looked for beside the plan, which is in no file yet")
        return self._load(document.parent / file)

    def _load(self, file: Path) -> Tools:
        stamps = [_stamp(file)] if self.catalog is None else [_stamp(file), _stamp(self.catalog)]
        known = self._read.get(file)
        if known is None or known[0] != stamps:
            known = self._read[file] = stamps, _load(file, self.catalog)
        return known[1]


def _stamp(file: Path) -> _Stamp:
    try:
        status = file.stat()
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return None
    return status.st_mtime_ns, status.st_size


def _load(file: Path, catalog: Path | None) -> Tools:
    try:
        toolbox = load_toolbox(file)
        return Tools((toolbox if catalog is None else Catalog.read(catalog).apply(toolbox)).signatures)
    except (LlmccError, ValueError) as error:
        return Tools(problem=f"the tools cannot be used: {error}")
