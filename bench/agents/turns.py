"""What the agents share: asking the model for a turn, making the calls of a turn, and what came of it all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from llmcc.ir import expr as e
from llmcc.ir.effects import PURE
from llmcc.ir.ops import Call, Module
from llmcc.ir.types import ANY
from llmcc.ir.values import Value
from llmcc.runtime.executor import run_module
from llmcc.runtime.models import Message, Model, Request, Usage
from llmcc.runtime.toolbox import Toolbox


class Wanted(NamedTuple):
    """A call that the model wants."""

    tool: str
    args: dict[str, Value]


@dataclass(slots=True)
class Result:
    """What became of a question: `problem` says why there is no answer; `usage.requests` counts the model's turns."""

    text: str = ""
    problem: str | None = None
    usage: Usage = field(default_factory=Usage)
    calls: int = 0


async def write(
    model: Model, messages: Sequence[Message], result: Result, *, stop: tuple[str, ...] = (), max_tokens: int = 512
) -> str:
    """The model's next turn; its usage is added to the result.

    Raises:
        ModelError: as the model's own.
    """
    text = ""
    async with model.stream(Request(messages=tuple(messages), stop=stop, max_tokens=max_tokens)) as completion:
        async for chunk in completion.chunks:
            text += chunk
    result.usage += completion.usage
    return text


async def make(toolbox: Toolbox, wanted: Sequence[Wanted], result: Result) -> list[str]:
    """Makes calls at the same time, by our runtime: with its checks of arguments, time limits and retries.

    Gives a text for each: the value as JSON, or what went wrong.
    """
    result.calls += len(wanted)
    ops = tuple(_call(toolbox, f"c{place}", one) for place, one in enumerate(wanted))
    # Without edges between them: an agent of this kind knows nothing of effects.
    outcome = await run_module(Module(ops, ordered=True), toolbox, trace=False)
    failures = {failure.op: f"error: {failure.error}: {failure.message}" for failure in outcome.errors}
    return [failures.get(op.name) or json.dumps(outcome.values[op.name], ensure_ascii=False) for op in ops]


def _call(toolbox: Toolbox, name: str, wanted: Wanted) -> Call:
    tool = toolbox.get(wanted.tool)
    effect = PURE if tool is None or tool.signature.effect is None else tool.signature.effect
    args = tuple((key, _constant(value)) for key, value in wanted.args.items())
    return Call(name=name, type=ANY, tool=wanted.tool, args=args, effect=effect)


def _constant(value: Value) -> e.Expr:
    if isinstance(value, list):
        return e.ListOf(tuple(map(_constant, value)))
    if isinstance(value, dict):
        return e.DictOf(tuple((key, _constant(one)) for key, one in value.items()))
    return e.Const(value)


def told(toolbox: Toolbox) -> str:
    """The tools, a line each, as llmcc's own planner reads them."""
    lines = [(str(one), one.description) for one in toolbox.signatures.values()]
    return "\n".join(f"{line}  # {about}" if about else line for line, about in lines)


def wanted_of(said: Any) -> Wanted:
    """The call that a JSON value describes.

    Raises:
        ValueError: it describes none.
    """
    if not isinstance(said, dict) or not isinstance(said.get("name"), str):
        raise ValueError('a call is an object with "name" and "arguments"')
    arguments = said.get("arguments", {})
    if not isinstance(arguments, dict):
        raise ValueError(f'the "arguments" of {said["name"]} are no object')
    return Wanted(said["name"], arguments)
