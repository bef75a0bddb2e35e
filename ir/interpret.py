"""The sequential interpreter: what a plan means.

It runs a module in program order, one call at a time. The runtime may overlap and reorder calls as it likes, as long as
nobody can tell the difference from this: the same values, the same failures, and the same order of conflicting calls.

The rules, in full (`llmcc.ir.frame` holds those that concern one op):

1. Ops run in program order. A guard that is false makes the op's value null; nothing else of the op is looked at.
2. An op whose guard or operands use a failed value fails for that value's reason; so does one whose expression has no
   value.
3. A call's arguments are evaluated, then the tool is called. Whatever it raises fails the op; a result that does not
   have the op's type fails it too (`ToolOutputError`).
4. A map runs its body for each element in turn, whatever becomes of the others; it fails if an element failed, for the
   first such reason. Elements for which `keep` is false are left out of the list.
5. An op that failed and has a `catch` takes that expression's value instead; if the expression fails, the op fails as
   it did.
6. A failure reaches what uses the value and nothing else; the ops after it run.
7. The answer of `return` is its expression's value; of `join`, the record of its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from llmcc.ir.call_text import call_text
from llmcc.ir.frame import MAX_FANOUT, DependencyFailed, Failure, Frame, check_result, failure_of
from llmcc.ir.ops import Call, Compute, Map, Module, ValueOp
from llmcc.ir.values import Value

#: Calls a tool: name and arguments in, result out; it may raise anything.
CallTool = Callable[[str, dict[str, Value]], object]


class Result(msgspec.Struct, frozen=True):
    """What became of a plan. `values` and `failures` are by op name (ops inside maps excluded).

    `answer` is what `return` gives, or the record of what `join` gathers; None with `failed` set, if that failed.
    """

    values: dict[str, Value]
    failures: dict[str, Failure]
    answer: Value = None
    failed: Failure | None = None


def interpret(module: Module, call: CallTool, *, max_fanout: int = MAX_FANOUT) -> Result:
    """Runs `module` sequentially, calling tools through `call`, and tells what became of every value."""
    frame = Frame()
    _run(module.values, frame, call, max_fanout)
    answer, failed = frame.answer(module.end)
    return Result(frame.values, frame.failures, answer, failed)


def _run(ops: Iterable[ValueOp], frame: Frame, call: CallTool, max_fanout: int) -> None:
    for op in ops:
        try:
            value = _perform(op, frame, call, max_fanout) if frame.holds(op.guard) else None
        except Exception as error:
            frame.fail(op, error)
        else:
            frame.succeed(op, value)


def _perform(op: ValueOp, frame: Frame, call: CallTool, max_fanout: int) -> Value:
    if isinstance(op, Compute):
        return frame.evaluate(op.expr)
    if not isinstance(op, Map):
        return _called(op, frame, call)
    frames = [frame.inside(op, element) for element in frame.elements(op, max_fanout)]
    for one in frames:
        _run(op.body, one, call, max_fanout)
    return frame.gather(op, frames)


def _called(op: Call, frame: Frame, call: CallTool) -> Value:
    args = frame.arguments(op)
    try:
        return check_result(op, call(op.tool, args))
    except Exception as error:
        failure = failure_of(error, op.name, op.span)
        text = call_text(op.tool, frame.arguments(op))  # anew: the tool may have changed what it was given
        raise DependencyFailed(msgspec.structs.replace(failure, call=text)) from error
