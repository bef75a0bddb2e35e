"""Plants defects in modules that are loaded: for as long as a test needs them, one text of their source is another."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType


@contextlib.contextmanager
def planted(module: ModuleType, old: str, new: str) -> Iterator[None]:
    """Lets the functions and methods of `module` do what they would if `new` stood in its source in place of `old`.

    They stay the same objects, so whoever has imported one has the defect too. Constants of the module do not change.

    Raises:
        ValueError: `old` does not stand there exactly once, or no function has changed.
    """
    source = Path(inspect.getfile(module)).read_text("utf-8")
    if source.count(old) != 1:
        raise ValueError(f"{old!r} stands {source.count(old)} times in {module.__name__}")
    changed = _functions(vars(_loaded(module, source.replace(old, new))), module.__name__)
    known = _functions(vars(module), module.__name__)
    kept = {name: one.__code__ for name, one in known.items()}
    if all(one.__code__ == kept[name] for name, one in changed.items()):
        raise ValueError(f"no function of {module.__name__} changes")
    try:
        for name, one in changed.items():
            known[name].__code__ = one.__code__
        yield
    finally:
        for name, code in kept.items():
            known[name].__code__ = code


def _loaded(module: ModuleType, source: str) -> ModuleType:
    """The module as it would be with this source, beside the one that everybody uses."""
    made = ModuleType(module.__name__)
    made.__file__ = module.__file__
    try:
        sys.modules[module.__name__] = made  # classes look there for the types of their fields
        exec(compile(source, str(module.__file__), "exec"), vars(made))
    finally:
        sys.modules[module.__name__] = module
    return made


def _functions(names: Mapping[str, object], module: str) -> dict[str, FunctionType]:
    """The functions and methods that a module defines, by their names in it."""
    found: dict[str, FunctionType] = {}
    for one in names.values():
        if isinstance(one, FunctionType) and one.__module__ == module:
            found[one.__qualname__] = one
        if isinstance(one, type) and one.__module__ == module:
            found |= _functions(vars(one), module)
    return found
