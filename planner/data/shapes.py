"""The register of shapes. A shape draws a question of one form; those held out are never trained on."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TypeAlias

from planner.data.scene import Asked, Scene

Shape: TypeAlias = Callable[[Scene], Asked]

_shapes: dict[str, Shape] = {}
_held_out: set[str] = set()
_composed: dict[str, Shape] = {}
_HOMES = (
    "lookups",
    "chains",
    "lists",
    "writes",
    "choices",
    "composed",
    "composed_lists",
    "composed_tops",
    "composed_acts",
)


def shape(function: Shape) -> Shape:
    """Registers a shape under its function's name."""
    _shapes[function.__name__.rstrip("_")] = function
    return function


def held_out(function: Shape) -> Shape:
    """Registers a shape that only evaluation knows."""
    _held_out.add(function.__name__.rstrip("_"))
    return shape(function)


def composed(function: Shape) -> Shape:
    """Registers a shape whose parts are drawn: it is trained on, and no group of the evaluation has it."""
    _composed[function.__name__] = function
    return function


def _load() -> None:
    for home in _HOMES:
        import_module(f"planner.data.shapes_{home}")


def trained_shapes() -> dict[str, Shape]:
    """The shapes of training, by name."""
    _load()
    return {name: made for name, made in _shapes.items() if name not in _held_out}


def unseen_shapes() -> dict[str, Shape]:
    """The shapes that are held out, by name."""
    _load()
    return {name: made for name, made in _shapes.items() if name in _held_out}


def composed_shapes() -> dict[str, Shape]:
    """The shapes whose parts are drawn, by name."""
    _load()
    return dict(_composed)
