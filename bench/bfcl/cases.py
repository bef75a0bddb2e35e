"""The cases of BFCL's category multi_turn_base, and its checker with our runtime in the place of the model.

Everything that decides comes from the package `bfcl-eval`: the tools, the initial states, the sequences of calls, their
execution one by one, and the verdict. It is installed without its dependencies, of which the modules that are imported
here, the checker and the eight tool classes, need mpmath only. Nothing is stubbed; the one function that is replaced,
and how, is in `judge`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from bfcl_eval.eval_checker.multi_turn_eval import multi_turn_checker, multi_turn_utils

CATEGORY = "multi_turn_base"
#: What the checker appends to a model's name where it runs the calls that are known to be right.
_TRUTH = "_ground_truth"

#: Runs the calls of one turn (its number comes first) on the instances of the case's classes, by class name: the
#: results as texts, in the order of the calls.
RunTurn = Callable[[int, list[str], dict[str, Any]], list[str]]


@dataclass(frozen=True)
class Case:
    """A case: the entry of the data set, and the right calls of each turn, as Python."""

    entry: dict[str, Any]
    turns: tuple[tuple[str, ...], ...]

    @property
    def name(self) -> str:
        """The data set's name for it."""
        return str(self.entry["id"])

    @property
    def classes(self) -> tuple[str, ...]:
        """The tool classes that it uses."""
        return tuple(self.entry["involved_classes"])

    def in_one_turn(self) -> Case:
        """The same calls as a single turn."""
        return Case(self.entry, (tuple(call for turn in self.turns for call in turn),))

    def repeating(self, may_repeat: Callable[[str], bool]) -> Case:
        """The calls with, behind each, a drawn earlier one of its turn once more, if its tool may be repeated."""
        choices = random.Random(self.name)
        turns = []
        for turn in self.turns:
            longer: list[str] = []
            for i, call in enumerate(turn):
                earlier = [one for one in turn[: i + 1] if may_repeat(one.partition("(")[0].strip())]
                longer += [call, *choices.sample(earlier, min(1, len(earlier)))]
            turns.append(tuple(longer))
        return Case(self.entry, tuple(turns))


@dataclass(frozen=True)
class Verdict:
    """What the checker says of a run, and whether each call by itself gave what it gives when all run one by one.

    The checker allows the results of a turn in any order; `same_results` does not.
    """

    valid: bool
    same_results: bool
    reason: str


def load() -> list[Case]:
    """All cases, in the order of the data set."""
    truths = {one["id"]: one["ground_truth"] for one in _lines("possible_answer")}
    return [Case(entry, tuple(map(tuple, truths[entry["id"]]))) for entry in _lines()]


def _lines(*folder: str) -> list[dict[str, Any]]:
    path = files("bfcl_eval").joinpath("data", *folder, f"BFCL_v4_{CATEGORY}.json")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def judge(case: Case, run_turn: RunTurn) -> Verdict:
    """BFCL's verdict on a case of which `run_turn` does the model's side."""
    execute = multi_turn_utils.execute_multi_turn_func_call
    ours: list[list[str]] = []
    truth: list[list[str]] = []

    def instead(func_call_list: list[str], *, model_name: str, **rest: Any) -> tuple[list[str], dict[str, Any]]:
        if model_name.endswith(_TRUTH):
            results, instances = execute(func_call_list, model_name=model_name, **rest)
            truth.append(results)
            return results, instances
        # Without a call it only makes the instances, or finds those of the turns before.
        _, instances = execute([], model_name=model_name, **rest)
        ours.append(run_turn(len(ours), func_call_list, instances))
        return ours[-1], instances

    multi_turn_checker.execute_multi_turn_func_call = instead
    try:
        found = multi_turn_checker.multi_turn_checker(
            [[list(turn)] for turn in case.turns], [list(turn) for turn in case.turns], case.entry, CATEGORY, "llmcc"
        )
    finally:
        multi_turn_checker.execute_multi_turn_func_call = execute
        _forget_instances()
    return Verdict(found["valid"], ours == truth, found.get("error_message", ""))


def _forget_instances() -> None:
    """The executor keeps its instances by name among its globals; the next run must begin with new ones."""
    for name in [name for name in vars(multi_turn_utils) if name.endswith("_instance")]:
        delattr(multi_turn_utils, name)
