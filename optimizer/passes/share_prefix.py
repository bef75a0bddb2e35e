"""Lets calls of a model whose prompts begin with the same text start next to each other.

Before (`ask` declares that a model reads its `text`; the dots stand for 64 characters and more):

    %a = call ask(text = format("You are ...", %x)) : str {effect = pure, step = 0, priority = 2.0}
    %b = call ask(text = format("Translate ...", %x)) : str {effect = pure, step = 0, priority = 2.0}
    %c = call ask(text = format("You are ...", %y)) : str {effect = pure, step = 0, priority = 1.0}

After:

    %a = call ask(text = format("You are ...", %x)) : str {effect = pure, step = 0, priority = 2.000001}
    %b = call ask(text = format("Translate ...", %x)) : str {effect = pure, step = 0, priority = 2.0}
    %c = call ask(text = format("You are ...", %y)) : str {effect = pure, step = 0, priority = 2.000001}

An engine that keeps what it has read need read such a beginning once, if nothing else comes between. So the calls of
one parallel step whose prompts share the beginning get the highest priority among them, and no other call of the tool
in that step has the same. The elements of a map share what stands before the element in the prompt.

Declines: to change anything but priorities, so no call ever waits for another; calls without a step or priority
(`schedule` has not run); beginnings of fewer than `least` characters; what is only known when the plan runs.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Annotated, TypeAlias

import msgspec

from llmcc.ir.ops import Call, Map, Module, Op, ValueOp
from llmcc.ir.signature import Signature
from llmcc.optimizer.forward import changed
from llmcc.optimizer.prefixes import Prefixes
from llmcc.optimizer.remarks import current

#: What one more than a priority means (seconds): less than any two calls differ by, and more than nothing.
APART_S = 1e-6

#: The calls of one tool in one step whose prompts begin alike, with what is known of their prompts.
_Group: TypeAlias = dict[str, str]


class SharePrefix(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options of `share-prefix`: how many characters a beginning has that is worth it."""

    least: Annotated[int, msgspec.Meta(ge=1)] = 64

    def __call__(self, module: Module, signatures: Mapping[str, Signature]) -> Module:
        """The module with the priorities of its calls of models changed."""
        prompts = {name: one.prompt for name, one in signatures.items() if one.prompt is not None}
        if not prompts:
            return module
        old = module.values
        values = self._level(old, prompts, Prefixes(), repeated=False)
        if all(a is b for a, b in zip(values, old, strict=True)):
            return module
        ops: tuple[Op, ...] = values if module.end is None else (*values, module.end)
        return msgspec.structs.replace(module, ops=ops)

    def _level(
        self, ops: tuple[ValueOp, ...], prompts: Mapping[str, str], prefixes: Prefixes, *, repeated: bool
    ) -> tuple[ValueOp, ...]:
        """The ops of one level; `repeated` says that it is the body of a map."""
        calls: dict[str, Call] = {}
        groups: dict[tuple[str, int | None, str], _Group] = {}
        made: list[ValueOp] = []
        for op in ops:
            prefixes.learn(op)
            if isinstance(op, Map):
                body = self._level(op.body, prompts, prefixes, repeated=True)
                op = op if all(a is b for a, b in zip(body, op.body, strict=True)) else changed(op, body=body)
            elif isinstance(op, Call) and op.tool in prompts and op.step is not None and op.priority is not None:
                calls[op.name] = op
                text = _prompt(op, prompts[op.tool], prefixes)
                if len(text) >= self.least:
                    groups.setdefault((op.tool, op.step, text[: self.least]), {})[op.name] = text
            made.append(op)
        shared = [group for group in groups.values() if repeated or len(group) > 1]
        _report(groups.values(), calls, repeated=repeated)
        priorities = _priorities(shared, calls)
        return tuple(changed(op, priority=priorities[op.name]) if op.name in priorities else op for op in made)


def _prompt(op: Call, parameter: str, prefixes: Prefixes) -> str:
    return next((prefixes.of(expr).text for name, expr in op.args if name == parameter), "")


def _priorities(groups: list[_Group], calls: Mapping[str, Call]) -> dict[str, float]:
    """The calls' new priorities: in each group the highest one, made a little higher where others have it too."""
    new: dict[str, float] = {}
    grouped = {name for group in groups for name in group}
    taken = {(op.tool, op.step, op.priority) for name, op in calls.items() if name not in grouped}
    last: dict[tuple[str, int | None], float] = {}
    # The first of several with the same priority gets the highest, since calls start in program order otherwise.
    for group in sorted(reversed(groups), key=lambda group: _highest(group, calls)):
        some = calls[next(iter(group))]
        place = some.tool, some.step
        priority = _highest(group, calls)
        if priority <= last.get(place, -1.0):
            priority = _above(last[place])
        while (*place, priority) in taken:
            priority = _above(priority)
        last[place] = priority
        new.update(dict.fromkeys(group, priority))
    return new


def _above(priority: float) -> float:
    return max(round(priority + APART_S, 6), math.nextafter(priority, math.inf))


def _highest(group: _Group, calls: Mapping[str, Call]) -> float:
    return max(calls[name].priority or 0.0 for name in group)


def _report(groups: Collection[_Group], calls: Mapping[str, Call], *, repeated: bool) -> None:
    remarks = current()
    if remarks is None:
        return
    for group in groups:
        tool = calls[next(iter(group))].tool
        if repeated or len(group) > 1:
            which = f"all elements' prompts of {tool}" if len(group) == 1 else f"{len(group)} prompts of {tool}"
            what, why = "prefix shared", f"{which} begin with the same {_common(group.values())} characters"
        else:
            what, why = "prefix not shared", f"no other prompt of {tool} that can start together begins alike"
        for name in group:
            remarks.note(what, name, why)


def _common(texts: Collection[str]) -> int:
    """With how many characters all of the texts begin."""
    first, last = min(texts), max(texts)
    pairs = zip(first, last, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), len(first))
