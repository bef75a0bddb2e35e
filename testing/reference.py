"""What a plan means with some tools: the sequential interpreter's outcome, against which every other run is held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from llmcc.driver.program import Program, compile
from llmcc.ir.effects import PURE
from llmcc.ir.errors import ToolError
from llmcc.ir.expr import literal
from llmcc.ir.frame import Failure
from llmcc.ir.interpret import Result, interpret
from llmcc.ir.ops import Call, Module
from llmcc.ir.types import ANY
from llmcc.ir.values import Value
from llmcc.runtime.executor import run_module
from llmcc.runtime.limits import Limits
from llmcc.runtime.toolbox import Toolbox
from llmcc.testing.access import Access
from llmcc.testing.clock import run_virtual
from llmcc.testing.faulty import Faults
from llmcc.testing.recorder import Recorder, Tools, fresh
from llmcc.testing.schedule import Schedule

#: A plan: its text, the compiled program, or IR.
Plan: TypeAlias = str | Program | Module


@dataclass(frozen=True, slots=True)
class Reference:
    """The outcome of the interpreter: `result`, and the calls it made, in order."""

    result: Result
    calls: tuple[Access, ...]

    @property
    def value(self) -> Value:
        """The plan's answer."""
        return self.result.answer

    @property
    def failed(self) -> Failure | None:
        """Why there is no answer."""
        return self.result.failed

    @property
    def values(self) -> dict[str, Value]:
        """The values by name."""
        return self.result.values

    @property
    def failures(self) -> dict[str, Failure]:
        """The failures by name."""
        return self.result.failures


def reference_run(
    program: Plan, tools: Tools, *, faults: Faults | None = None, limits: Limits | None = None
) -> Reference:
    """Runs a plan as it is written: one call at a time, in program order, nothing optimized. Each call is a run of its
    own, so that time-outs, retries and the checks of arguments are those of the runtime.

    Not from asynchronous code: it runs trio itself, on the virtual clock. A `Program` is interpreted as it was before
    any pass; a text is compiled for the tools.

    Raises:
        CompileError: the text has errors.

    >>> import llmcc
    >>> box = llmcc.Toolbox(llmcc.tool(effect="pure", name="double")(lambda x: x * 2))
    >>> reference_run("a = double(x=4)\\nreturn a + 1", box).value
    9
    """
    toolbox = fresh(tools)
    bounds = limits or Limits()
    recorder = Recorder(toolbox, Schedule(0, slowest_s=0.0), faults or Faults())
    recorded = recorder.toolbox()

    def call(name: str, args: dict[str, Value]) -> object:
        tool = recorded.get(name)
        effect = PURE if tool is None or tool.signature.effect is None else tool.signature.effect
        given = tuple((parameter, literal(value)) for parameter, value in args.items())
        one = Module((Call(name="call", type=ANY, tool=name, args=given, effect=effect),), ordered=True)
        outcome = run_virtual(lambda: run_module(one, recorded, limits=bounds))
        if outcome.errors:
            _raise(outcome.errors[0])
        return outcome.values["call"]

    result = interpret(_written(program, toolbox), call, max_fanout=bounds.max_fanout)
    return Reference(result, tuple(recorder.accesses.all))


def _written(program: Plan, toolbox: Toolbox) -> Module:
    if isinstance(program, str):
        program = compile(program, toolbox, level=0)
    return program if isinstance(program, Module) else program.written


def _raise(failure: Failure) -> NoReturn:
    """Raises an error of the name and text that the runtime has told."""
    raise type(failure.error, (ToolError,), {})(failure.message)
