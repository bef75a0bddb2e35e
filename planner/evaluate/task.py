"""A task of the evaluation: a question, its tools, and what a right plan does in several worlds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from planner.data.sample import outcome, same

from llmcc.frontend.front import compile_front
from llmcc.ir.diagnostics import has_errors
from llmcc.ir.signature import Signature

#: Calls a tool by name.
Call: TypeAlias = Callable[[str, dict[str, Any]], Any]
#: Makes a world anew: how its tools are called, and the list to which its writes are noted, in their order.
MakeWorld: TypeAlias = Callable[[], tuple[Call, list[Any]]]


@dataclass(frozen=True, slots=True)
class Task:
    """One question. A plan is right if in every world it does what one of the `references` does."""

    group: str
    name: str
    question: str
    signatures: Mapping[str, Signature]
    references: tuple[str, ...]
    worlds: tuple[MakeWorld, ...]
    examples: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a plan: whether it compiles, whether it is right, and why not."""

    compiles: bool
    right: bool
    reason: str = ""


Did: TypeAlias = tuple[Any, bool, str | None, list[Any]]


def judge(task: Task, plan: str) -> Verdict:
    """Compiles and executes a plan; it is right only with the answer and the writes of a reference, in all worlds."""
    result = compile_front(plan, task.signatures)
    if result.module is None or has_errors(result.diagnostics):
        first = next(d for d in result.diagnostics if d.severity == "error")
        return Verdict(False, False, f"{first.code}: {first.message}")
    did = run(task, plan)
    differences = [_difference(did, run(task, reference)) for reference in task.references]
    return Verdict(True, "" in differences, "" if "" in differences else differences[0])


def run(task: Task, plan: str) -> list[Did]:
    """What a plan that compiles does in each world: its answer, whether a model writes it, its failure, its writes."""
    module = compile_front(plan, task.signatures).module
    assert module is not None
    found: list[Did] = []
    for make in task.worlds:
        call, written = make()
        answer, failed = outcome(module, call)
        found.append((answer, type(module.end).__name__ == "Join", failed, written))
    return found


def _difference(did: Sequence[Did], wanted: Sequence[Did]) -> str:
    """How the first world in which they differ tells them apart; empty if none does.

    Where there is nothing to answer, because the reference only writes, any answer will do.
    """
    silent = all(_says_nothing(answer) and failed is None for answer, _, failed, _ in wanted)
    for one, other in zip(did, wanted, strict=True):
        if not same(one[3], other[3]):
            return f"writes {one[3]}, not {other[3]}"
        if silent:
            continue
        if (one[2] is None) != (other[2] is None):
            return f"fails: {one[2]}" if one[2] else f"answers {one[0]!r}, and should fail: {other[2]}"
        if one[1] != other[1]:
            return f"ends with {'join' if one[1] else 'return'}, not with {'join' if other[1] else 'return'}"
        if not same(one[0], other[0]):
            return f"answers {one[0]!r}, not {other[0]!r}"
    return ""


def _says_nothing(answer: Any) -> bool:
    """Whether an answer holds nothing but nulls, as after writes that give nothing back."""
    return all(map(_says_nothing, answer)) if isinstance(answer, list) and answer else answer is None
