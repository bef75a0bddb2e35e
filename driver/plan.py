"""What comes of a planner's text: a plan, and what it changes of the program that stands."""

from __future__ import annotations

from dataclasses import dataclass

from llmcc.ir.diagnostics import Diagnostic
from llmcc.ir.ops import End


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as far as it was written. `refused` says why it cannot be accepted, or is None; then `end` is its end."""

    text: str
    end: End | None
    diagnostics: tuple[Diagnostic, ...]
    refused: str | None = None
    #: How often lines of it were mended.
    mended: int = 0
    #: Whether it is longer than it may be.
    cut: bool = False
    #: How a server or an adapted planner was asked for it, and what did not go as it was asked for.
    way: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What a plan changes of the program before it: the values that are `new`, those that only have another name for
    what was `known`, and those that were `withdrawn`, because they are defined anew or use one that is.
    """

    new: tuple[str, ...]
    known: tuple[str, ...]
    withdrawn: tuple[str, ...]
