"""The values and failures of one level of a running plan, and the rules by which an op gets one or the other.

The sequential interpreter and the parallel runtime both go through this class, so they cannot disagree about guards,
failures or `catch`; they differ only in *when* things happen. A frame is the plan's top level, or one element of a map.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping

import msgspec

from llmcc.ir.errors import EvaluationError, LimitExceeded, LlmccError, ToolOutputError
from llmcc.ir.evaluate import evaluate, evaluate_guard
from llmcc.ir.expr import Expr, Ref, refs
from llmcc.ir.ops import Call, End, Join, Map, ValueOp, needs
from llmcc.ir.span import Span
from llmcc.ir.types import ANY
from llmcc.ir.values import Value, importable, kind, mismatch

#: Elements that one map may have, unless told otherwise.
MAX_FANOUT = 1000
#: Characters of what is said about a result that does not fit: the names in it are the tool's, and may be long.
MAX_REASON = 500


class Failure(msgspec.Struct, frozen=True):
    """Why a value does not exist: the error's class and text, the op that failed first, and its place in the plan.

    `call` is the call that failed with its arguments, for people, if one did.
    """

    error: str
    message: str
    op: str
    span: Span | None = None
    call: str = ""


class DependencyFailed(LlmccError):
    """A value that is needed does not exist; `failure` is the first reason."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Frame:
    """`values` and `failures` hold, by op name, what became of the ops of this level; `outer` is what lies around."""

    def __init__(self, outer: Mapping[str, Value] | None = None) -> None:
        self.values: dict[str, Value] = {}
        self.failures: dict[str, Failure] = {}
        self.env: Mapping[str, Value] = self.values if outer is None else _over(self.values, outer)

    def inside(self, op: Map, element: Value) -> Frame:
        """The frame of one element of a map of this level."""
        return Frame(_over({op.var: element}, self.env))

    def evaluate(self, expr: Expr) -> Value:
        """The expression's value.

        Raises:
            DependencyFailed: it uses a failed value.
            EvaluationError: it has none.
        """
        self.require(refs(expr))
        return evaluate(expr, self.env)

    def holds(self, expr: Expr | None) -> bool:
        """Whether a guard or condition (None: always) is true. Raises like `evaluate`."""
        if expr is None:
            return True
        self.require(refs(expr))
        return evaluate_guard(expr, self.env)

    def require(self, names: Iterable[str]) -> None:
        """Raises `DependencyFailed` for the first of the values that has failed."""
        for name in names:
            if name in self.failures:
                raise DependencyFailed(self.failures[name])

    def arguments(self, op: Call) -> dict[str, Value]:
        """The arguments with which a call is made. Raises like `evaluate`."""
        if self.failures:
            self.require(needs(op))
        env = self.env
        found: dict[str, Value] = {}
        for name, expr in op.args:  # most are values as they are: those need no evaluator
            found[name] = env[expr.name] if type(expr) is Ref else evaluate(expr, env)
        return found

    def elements(self, op: Map, max_fanout: int) -> list[Value]:
        """The elements that a map goes through.

        Raises:
            DependencyFailed, EvaluationError: its source has no value, or is no list.
            LimitExceeded: there are more than `max_fanout`.
        """
        self.require(needs(op))
        source = evaluate(op.source, self.env)
        if not isinstance(source, list):
            raise EvaluationError(f"a {kind(source)} has no elements to go through")
        if len(source) > max_fanout:
            raise LimitExceeded(f"a map of {len(source):,} elements is wider than {max_fanout:,}")
        return source

    def gather(self, op: Map, frames: Iterable[Frame]) -> Value:
        """The value of a map whose elements' ops are all over, `frames` being the elements' in order.

        Raises:
            DependencyFailed: an element failed (the first one's reason).
        """
        found: list[Value] = []
        failed: Exception | None = None
        for frame in frames:
            try:
                if frame.holds(op.keep):
                    found.append(frame.evaluate(op.result))
            except (EvaluationError, DependencyFailed) as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return found

    def succeed(self, op: ValueOp, value: Value) -> None:
        """Notes the value of an op."""
        self.values[op.name] = value

    def fail(self, op: ValueOp, error: BaseException) -> None:
        """Notes that an op failed: it takes the value of its `catch`, or becomes a failure."""
        if op.catch is not None:
            try:
                self.values[op.name] = self.evaluate(op.catch)
                return
            except (EvaluationError, DependencyFailed):
                pass  # the first failure tells more than that its substitute failed too
        self.failures[op.name] = failure_of(error, op.name, op.span)

    def answer(self, end: End | None) -> tuple[Value, Failure | None]:
        """The plan's answer: what `return` gives or `join` gathers (a record); or why there is none."""
        if end is None:
            return None, None
        try:
            if isinstance(end, Join):
                return {name: self.evaluate(expr) for name, expr in end.args}, None
            return self.evaluate(end.expr), None
        except (EvaluationError, DependencyFailed) as error:
            return None, failure_of(error, "join" if isinstance(end, Join) else "return", end.span)


def _over(inner: dict[str, Value], outer: Mapping[str, Value]) -> Mapping[str, Value]:
    """The names of both, the inner ones first."""
    return ChainMap(inner, outer)  # type: ignore[arg-type]  # nothing is written through it


def check_result(op: Call, result: object) -> Value:
    """A tool's result as a plan value of the op's type.

    Raises:
        ToolOutputError: it is none.
    """
    try:
        value = importable(result)
    except ValueError as error:
        reason = str(error)[:MAX_REASON]
        raise ToolOutputError(f"{op.tool} returned something that is no plan value: {reason}") from None
    wrong = None if op.type is ANY else mismatch(value, op.type)
    if wrong:
        raise ToolOutputError(f"{op.tool} returned a wrong type: {wrong[:MAX_REASON]}")
    return value


def failure_of(error: BaseException, op: str, span: Span | None) -> Failure:
    """The failure that `error` makes of an op; one that came from another op is kept as it is."""
    if isinstance(error, DependencyFailed):
        return error.failure
    return Failure(type(error).__name__, str(error) or type(error).__name__, op, span)
