"""Evaluates pure expressions. Every evaluation ends: texts, lists, integers and the number of steps are bounded."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from llmcc.ir import expr as e
from llmcc.ir.builtins import BUILTINS, bounded, finite, is_number, sort_key
from llmcc.ir.errors import EvaluationError
from llmcc.ir.types import STR
from llmcc.ir.values import MAX_BITS, MAX_TEXT, Value, equal, kind, mismatch, to_text

T = TypeVar("T")

#: Steps that one evaluation may take before it is given up.
MAX_STEPS = 5_000_000
#: Characters of text that are made, or looked through, in one step.
_CHARACTERS_A_STEP = 64
#: Built-ins that look at all parts of their arguments, however deep they lie.
_COMPARING = frozenset({"contains", "unique"})


def evaluate(expr: e.Expr, env: Mapping[str, Value], *, max_steps: int = MAX_STEPS) -> Value:
    """The value of `expr`, where `env` has the value of every name that it uses.

    Raises:
        EvaluationError: it has none (missing field, wrong type, division by zero, a bound reached).

    >>> evaluate(e.Binary("+", e.Ref("a"), e.Const(1)), {"a": 2})
    3
    """
    if type(expr) is e.Const and max_steps > 0:
        return expr.value
    return _bounded(_Evaluation(env, max_steps).value, expr)


def evaluate_guard(expr: e.Expr, env: Mapping[str, Value]) -> bool:
    """The value of a guard or condition, which must be a bool."""
    return _bounded(_Evaluation(env, MAX_STEPS).truth, expr)


def _bounded(rule: Callable[[e.Expr], T], expr: e.Expr) -> T:
    try:
        return rule(expr)
    except RecursionError:
        raise EvaluationError("the expression, or a value in it, is nested too deeply") from None


class _Evaluation:
    def __init__(self, env: Mapping[str, Value], max_steps: int) -> None:
        self.env: Mapping[str, Value] = env
        self.steps = max_steps

    def value(self, expr: e.Expr) -> Value:
        self.spend(1)
        return _RULES[type(expr)](self, expr)

    def truth(self, expr: e.Expr) -> bool:
        value = self.value(expr)
        if not isinstance(value, bool):
            raise EvaluationError(f"a condition is true or false, not a {kind(value)}")
        return value

    def spend(self, steps: int) -> None:
        """Counts work that one node does on a large value."""
        self.steps -= steps
        if self.steps < 0:
            raise EvaluationError("the expression takes too many steps")

    def made(self, value: Value) -> Value:
        """A value that is new: its size counts as steps, so that they bound memory too."""
        if isinstance(value, str):
            self.spend(len(value) // _CHARACTERS_A_STEP)
        elif isinstance(value, list):
            self.spend(len(value))
        return value

    def const(self, expr: e.Const) -> Value:
        return expr.value

    def ref(self, expr: e.Ref) -> Value:
        return self.env[expr.name]

    def list_of(self, expr: e.ListOf) -> Value:
        return [self.value(item) for item in expr.items]

    def dict_of(self, expr: e.DictOf) -> Value:
        return {key: self.value(item) for key, item in expr.entries}

    def index(self, expr: e.Index) -> Value:
        base: Any = self.value(expr.base)
        index: Any = self.value(expr.index)
        if isinstance(base, dict) and isinstance(index, str):
            if index in base:
                return base[index]  # type: ignore[no-any-return]
            raise EvaluationError(f"the record has no field {index!r}; it has {', '.join(base) or 'none'}")
        if isinstance(base, list | str) and type(index) is int:
            if -len(base) <= index < len(base):
                return base[index]
            raise EvaluationError(f"there is no item {index} among {len(base)}")
        raise EvaluationError(f"a {kind(base)} has no {kind(index)} index")

    def slice(self, expr: e.Slice) -> Value:
        base = self.value(expr.base)
        start: Any = None if expr.start is None else self.value(expr.start)
        stop: Any = None if expr.stop is None else self.value(expr.stop)
        if not isinstance(base, list | str):
            raise EvaluationError(f"a {kind(base)} has no slices")
        for written, bound in ((expr.start, start), (expr.stop, stop)):
            if written is not None and type(bound) is not int:
                raise EvaluationError(f"the bounds of a slice are ints, not a {kind(bound)}")
        return self.made(base[start:stop])

    def unary(self, expr: e.Unary) -> Value:
        if expr.op == "not":
            return not self.truth(expr.operand)
        value = self.value(expr.operand)
        if not is_number(value):
            raise EvaluationError(f"a {kind(value)} has no negative")
        return -value  # type: ignore[operator]

    def binary(self, expr: e.Binary) -> Value:
        if expr.op == "and":
            return self.truth(expr.left) and self.truth(expr.right)
        if expr.op == "or":
            return self.truth(expr.left) or self.truth(expr.right)
        left, right = self.value(expr.left), self.value(expr.right)
        if expr.op in ("==", "!=", "in", "not in"):
            self.spend(_parts(left, self.steps) + _parts(right, self.steps))
        return self.made(_OPERATORS[expr.op](left, right))

    def cond(self, expr: e.Cond) -> Value:
        return self.value(expr.then if self.truth(expr.test) else expr.other)

    def format(self, expr: e.Format) -> Value:
        text = "".join(to_text(self.value(part)) for part in expr.parts)
        return self.made(_text(text))

    def builtin(self, expr: e.Builtin) -> Value:
        function = BUILTINS[expr.name]
        args = [self.value(arg) for arg in expr.args]
        if expr.name in _COMPARING:
            self.spend(sum(_parts(a, self.steps) for a in args))
        self.spend(sum(len(a) for a in args if isinstance(a, list)))
        if not function.accepts_count(len(args)):
            raise EvaluationError(f"{expr.name} takes no {len(args)} arguments")
        spread = len(args) > len(function.parameters) or (
            function.variadic is not None and len(args) >= 2 and not _by_field(args)
        )
        kinds = [function.variadic] * len(args) if spread else [t for _, t in function.parameters]
        for arg, wanted in zip(args, kinds, strict=False):
            wrong = mismatch(arg, wanted) if wanted is not None else None
            if wrong:
                raise EvaluationError(f"{expr.name}: {wrong}")
        value = function.call(*args)
        return _int(value) if type(value) is int else self.made(value)

    def comprehension(self, expr: e.Comprehension) -> Value:
        source = self.value(expr.source)
        if not isinstance(source, list):
            raise EvaluationError(f"a {kind(source)} has no elements to go through")
        outer, found = self.env, []
        binding: dict[str, Value] = {}
        self.env = ChainMap(binding, outer)  # type: ignore[arg-type]  # only `binding` is ever written
        try:
            for item in source:
                binding[expr.name] = item
                if expr.condition is None or self.truth(expr.condition):
                    found.append(self.value(expr.element))
        finally:
            self.env = outer
        return bounded(found)

    def check(self, expr: e.Check) -> Value:
        value = self.value(expr.operand)
        self.spend(_parts(value, self.steps))
        wrong = mismatch(value, expr.type)
        if wrong:
            raise EvaluationError(wrong)
        return value


def _parts(value: Value, most: int) -> int:
    """The steps that it takes to look at all parts of a value; counting stops past `most`."""
    count = 0
    stack = [value]
    while stack and count <= most:
        part = stack.pop()
        count += 1
        if isinstance(part, list):
            stack.extend(part)
        elif isinstance(part, dict):
            stack.extend(part.values())
        elif isinstance(part, str):
            count += len(part) // _CHARACTERS_A_STEP
    return count


def _by_field(args: list[Value]) -> bool:
    """Whether the arguments of min or max are a list and a field's name."""
    return len(args) == 2 and isinstance(args[0], list) and mismatch(args[1], STR) is None


def _text(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise EvaluationError(f"a text is longer than {MAX_TEXT:,}")
    return text


def _int(value: int) -> int:
    if value.bit_length() > MAX_BITS:
        raise EvaluationError(f"an integer has more than {MAX_BITS} bits")
    return value


def _add(a: Any, b: Any) -> Value:
    if isinstance(a, str) and isinstance(b, str):
        return _text(a + b)
    if isinstance(a, list) and isinstance(b, list):
        return bounded(a + b)
    return _arithmetic("+", a, b, lambda x, y: x + y)


def _arithmetic(op: str, a: Any, b: Any, apply: Callable[[Any, Any], Any]) -> Value:
    if not (is_number(a) and is_number(b)):
        raise EvaluationError(f"`{op}` of a {kind(a)} and a {kind(b)}")
    try:
        value = apply(a, b)
    except ZeroDivisionError:
        raise EvaluationError("division by zero") from None
    except OverflowError:
        raise EvaluationError("the result is too large for a float") from None
    return _int(value) if isinstance(value, int) else finite(value)


def _ordered(op: str, apply: Callable[[Any, Any], bool]) -> Callable[[Value, Value], Value]:
    def compare(a: Value, b: Value) -> Value:
        if sort_key(a)[0] != sort_key(b)[0]:
            raise EvaluationError(f"`{op}` of a {kind(a)} and a {kind(b)}")
        return apply(a, b)

    return compare


def _in(part: Value, whole: Value) -> Value:
    return BUILTINS["contains"].call(whole, part)


def _numeric(op: str, apply: Callable[[Any, Any], Any]) -> Callable[[Value, Value], Value]:
    return lambda a, b: _arithmetic(op, a, b, apply)


_OPERATORS: dict[str, Callable[[Value, Value], Value]] = {
    "==": equal,
    "!=": lambda a, b: not equal(a, b),
    "<": _ordered("<", lambda a, b: a < b),
    "<=": _ordered("<=", lambda a, b: a <= b),
    ">": _ordered(">", lambda a, b: a > b),
    ">=": _ordered(">=", lambda a, b: a >= b),
    "in": _in,
    "not in": lambda part, whole: not _in(part, whole),
    "+": _add,
    "-": _numeric("-", lambda a, b: a - b),
    "*": _numeric("*", lambda a, b: a * b),
    "/": _numeric("/", lambda a, b: a / b),
    "//": _numeric("//", lambda a, b: a // b),
    "%": _numeric("%", lambda a, b: a % b),
}

_RULES: dict[type, Callable[[_Evaluation, Any], Value]] = {
    e.Const: _Evaluation.const,
    e.Ref: _Evaluation.ref,
    e.ListOf: _Evaluation.list_of,
    e.DictOf: _Evaluation.dict_of,
    e.Index: _Evaluation.index,
    e.Slice: _Evaluation.slice,
    e.Unary: _Evaluation.unary,
    e.Binary: _Evaluation.binary,
    e.Cond: _Evaluation.cond,
    e.Format: _Evaluation.format,
    e.Builtin: _Evaluation.builtin,
    e.Comprehension: _Evaluation.comprehension,
    e.Check: _Evaluation.check,
}
