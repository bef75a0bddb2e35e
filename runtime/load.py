"""Gets tools out of a file: `tools.py`, which is run, or `tools.json`, which is only read."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from llmcc.ir.errors import LlmccError
from llmcc.runtime.toolfile import read_toolfile
from llmcc.runtime.tools import Tool

#: Marks a module that a toolbox's file imported from its own folder, so that the next toolbox does not get it.
_MARK = "__llmcc_toolbox_folder__"


class ToolboxError(LlmccError):
    """The tools cannot be had: the text says which file or tool, where, and why."""


def tools_of(file: Path) -> tuple[list[Tool], list[tuple[str, str]]]:
    """The tools of a file, in order of definition, and its examples; see `llmcc.runtime.toolbox.load_toolbox`."""
    if file.suffix == ".json":
        return read_toolfile(file), []
    if file.suffix != ".py":
        raise ToolboxError(f"{file}: tools are in a file called something.py or something.json")
    if not file.is_file():
        raise ToolboxError(f"{file}: there is no such file")
    module = _run(file)
    tools = [value for value in vars(module).values() if isinstance(value, Tool)]
    if not tools:
        raise ToolboxError(f"{file}: no tools are in it; mark the functions with @llmcc.tool(effect=...)")
    # The same tool under two names is one tool.
    return list(dict.fromkeys(tools)), _examples(file, getattr(module, "EXAMPLES", []))


def _run(file: Path) -> ModuleType:
    name = f"llmcc_toolbox_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file.resolve())
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Under its name in sys.modules, because dataclasses and annotations look there for their module.
    sys.modules[name] = module
    with _importable(file.resolve().parent):
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            del sys.modules[name]
            raise ToolboxError(f"{file}:{_line(error, file)}: {type(error).__name__}: {error}") from error
    return module


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Has `folder` first on the import path; the modules imported from it do not get in the way of another folder's."""
    for name, module in list(sys.modules.items()):
        if getattr(module, _MARK, str(folder)) != str(folder) and _beside(folder, name):
            del sys.modules[name]
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if _beside(folder, name):
                setattr(sys.modules[name], _MARK, str(folder))


def _beside(folder: Path, name: str) -> bool:
    stem = name.partition(".")[0]
    return (folder / f"{stem}.py").is_file() or (folder / stem).is_dir()


def _line(error: BaseException, file: Path) -> int:
    """The last line of the file that led to the error; for text that is no Python, the line of that."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename) == file.resolve():
        return error.lineno or 1
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == file.resolve()]
    return (lines[-1] if lines else None) or 1


def _examples(file: Path, examples: Any) -> list[tuple[str, str]]:
    if not isinstance(examples, list | tuple):
        raise ToolboxError(f"{file}: EXAMPLES is a list of (question, plan) pairs")
    for pair in examples:
        if not (isinstance(pair, tuple | list) and len(pair) == 2 and all(isinstance(text, str) for text in pair)):
            raise ToolboxError(f"{file}: EXAMPLES holds (question, plan) pairs of texts, not {pair!r:.80}")
    return [(question, plan) for question, plan in examples]
