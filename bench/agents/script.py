"""What a model that makes no mistake would write, for each agent: all of them know the same plan of a question."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

import trio
from msgspec import Struct

import llmcc
from llmcc.ir.interpret import interpret
from llmcc.ir.ops import Call, Join, Module, ValueOp, uses
from llmcc.ir.values import Value, canonical, to_text
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import Tool, shown_name


class Made(Struct, frozen=True):
    """A call of the plan, and the step in which it can be made: the first is 0."""

    tool: str
    args: dict[str, Value]
    step: int


class Script(Struct, frozen=True):
    """A question with its plan, the calls of that, what they gave, and the answer."""

    question: str
    plan: str
    joins: bool
    calls: tuple[Made, ...]
    results: dict[str, Value]
    answer: str

    def for_react(self) -> list[str]:
        """The model's turns: a call each, then the answer."""
        turns = [
            f"Thought: I need {one.tool} for this.\nAction: {one.tool}\nAction Input: {json.dumps(one.args)}"
            for one in self.calls
        ]
        return [*turns, f"Thought: I know the answer\nFinal Answer: {self.answer}"]

    def for_parallel(self) -> list[str]:
        """The model's turns: the calls of a step each, then the answer."""
        steps = [[one for one in self.calls if one.step == step] for step in sorted({one.step for one in self.calls})]
        said = [[{"name": one.tool, "arguments": one.args} for one in step] for step in steps]
        return [*(json.dumps({"tool_calls": calls}) for calls in said), self.answer]

    def for_llmcc(self) -> list[str]:
        """The plan, and the joiner's answer where the plan ends with a join."""
        return [self.plan, f"Answer: {self.answer}"] if self.joins else [self.plan]


def script(question: str, plan: str, toolbox: Toolbox) -> Script:
    """Runs the plan, one call after the other; writes are not made, and give null."""
    module = llmcc.compile(plan, toolbox, level=0).module
    steps = _steps(module)
    made: list[Made] = []
    results: dict[str, Value] = {}
    names = iter([op.name for op in module.values if isinstance(op, Call)])

    def call(tool: str, args: dict[str, Value]) -> Any:
        effect = toolbox[tool].signature.effect
        positional, named = toolbox[tool].bind(args)
        value = None if effect is not None and effect.writes else toolbox[tool](*positional, **named)
        made.append(Made(tool, args, steps[next(names)]))
        results[_key(tool, args)] = value
        return value

    found = interpret(module, call)
    assert found.failed is None, found.failed
    return Script(question, plan, isinstance(module.end, Join), tuple(made), results, to_text(found.answer))


def _steps(module: Module) -> dict[str, int]:
    """For each value, how many calls stand one behind the other before it."""
    steps: dict[str, int] = {}
    ops: dict[str, ValueOp] = {op.name: op for op in module.values}
    for name, op in ops.items():
        before = [*uses(op), *op.after]
        steps[name] = max((steps[one] + isinstance(ops[one], Call) for one in before), default=0)
    return steps


def _key(tool: str, args: dict[str, Value]) -> str:
    return f"{tool}{canonical(args)}"


def slowed(toolbox: Toolbox, known: Script, latency_s: float) -> Toolbox:
    """The tools, each taking so long, and giving what it gave when the script was made."""

    def play(tool: Tool) -> Callable[..., Any]:
        assert tool.function is not None

        @functools.wraps(tool.function)
        async def function(**args: Value) -> Value:
            await trio.sleep(latency_s)
            return known.results[_key(tool.name, {shown_name(name): value for name, value in args.items()})]

        return function

    return Toolbox(*(Tool(one.signature, play(one)) for one in toolbox.values()), examples=toolbox.examples)
