"""What an agent tells while it works, for whoever wants to show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from llmcc.ir.diagnostics import Diagnostic
from llmcc.runtime.outcome import CallEnded, CallStarted


@dataclass(frozen=True, slots=True)
class PlanText:
    """The planner wrote some more of the plan."""

    text: str


@dataclass(frozen=True, slots=True)
class PlanFound:
    """A whole plan was found in the cache, by the question itself or by its shape; no planner was asked."""

    text: str
    how: Literal["exact", "shape"]


@dataclass(frozen=True, slots=True)
class PlanDone:
    """A plan is complete and accepted: its whole text. Of a replan: its values that are `new`, those that only name
    what was `known`, and those of earlier plans that were `withdrawn`.
    """

    text: str
    new: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    withdrawn: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanMended:
    """Lines of a plan that did not compile (`codes` say why) were mended, without the model."""

    before: str
    after: str
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanRefused:
    """A plan does not compile; the model is asked for the rest of it, behind what stands, if it may be."""

    text: str
    diagnostics: tuple[Diagnostic, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class AnswerText:
    """The joiner wrote some more of its answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Replanning:
    """The values did not suffice, for `reason`; the plan goes on."""

    reason: str


News: TypeAlias = (
    PlanText | PlanFound | PlanDone | PlanMended | PlanRefused | AnswerText | Replanning | CallStarted | CallEnded
)
Observer: TypeAlias = Callable[[News], None]
