"""Plans that compile and that nobody means to write: what a decoder with a choice need not take."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

from llmcc.frontend.named import Named, Thing, used_by
from llmcc.frontend.quote import callee
from llmcc.ir.expr import Binary, Builtin, Comprehension, Cond, Const, Expr, Format, ListOf, Ref, walk
from llmcc.ir.normal import normal
from llmcc.ir.ops import Call, Join, Map, Op, Return, calls_in, expressions, uses
from llmcc.ir.signature import Signature

#: A line that nobody means is written where the others are less probable still, by a factor of 400.
NOBODY_MEANS = 6.0
#: So much speaks against an end that leaves out a number of the question, or what a word of it names that nothing else
#: stands for; and against a number that a tool is given and that is not in the question.
NOT_ASKED = 2.0
#: What of two operands that are the same says nothing that one of them does not say, or nothing at all.
_OF_TWO = frozenset({"and", "or", "==", "!=", "<", "<=", ">", ">=", "-", "/", "//", "%"})


class Doubts:
    """What speaks against the next line of a plan, given those before it.

    Doubted are: a pure call or a read that was made before, with no write since; a write that was ordered before, even
    if only one of the two is made (what is done if the pump is on, and if it is off, needs no condition); what is the
    same whatever the values are (`a - a`); an end that leaves something that was read unused. If there is a question,
    also an end for what that names and the plan leaves out, and a number for a tool that it does not have (see
    `Named`).
    """

    def __init__(self, signatures: Mapping[str, Signature], question: str | None = None) -> None:
        self._signatures = signatures
        self._named = None if question is None else Named(question, signatures)
        self._used: set[Thing] = set()
        self._asked: set[str] = set()
        #: What was ordered: the tools of calls that write, with their arguments.
        self._ordered: set[tuple[str, tuple[tuple[str, Expr], ...]]] = set()
        #: The values that nothing uses yet, but for those of calls that write.
        self._unused: set[str] = set()

    def copy(self) -> Doubts:
        """Doubts that go on by themselves."""
        twin = copy.copy(self)
        twin._used, twin._unused = set(self._used), set(self._unused)
        twin._asked, twin._ordered = set(self._asked), set(self._ordered)
        return twin

    def of(self, line: str, ops: Sequence[Op]) -> float:
        """How much speaks against a line and its ops, in the logarithm of its probability: at least 0."""
        doubt = 0.0 if self._is_meant(line, ops) else NOBODY_MEANS
        if self._named is not None:
            doubt += NOT_ASKED * self._named.invented(ops)
            if any(isinstance(op, Join | Return) for op in ops):
                doubt += NOT_ASKED * self._named.left_out(self._used.union(used_by(ops)))
        return doubt

    def accept(self, line: str, ops: Sequence[Op]) -> None:
        """Takes the line that was written."""
        self._used.update(used_by(ops))
        for op in ops:
            if isinstance(op, Call) and not op.effect.writes:
                self._asked.add(self._called(line))
            elif isinstance(op, Call | Map):
                self._asked.clear()  # it writes, or may
            if isinstance(op, Call) and op.effect.writes:
                self._ordered.add((op.tool, op.args))
            self._unused.difference_update(uses(op))
            if not isinstance(op, Join | Return) and not any(call.effect.writes for call in calls_in([op])):
                self._unused.add(op.name)

    def _is_meant(self, line: str, ops: Sequence[Op]) -> bool:
        if self._called(line) in self._asked or any(map(says_nothing, ops)):
            return False
        if any((op.tool, op.args) in self._ordered for op in ops if isinstance(op, Call)):
            return False
        used = {name for op in ops for name in uses(op)}
        return used >= self._unused or not any(isinstance(op, Join | Return) for op in ops)

    def _called(self, line: str) -> str:
        """What a line calls, with its arguments and clauses; empty if it calls nothing."""
        called = line.partition(" = ")[2].strip()
        return called if any(called.startswith(f"{callee(name)}(") for name in self._signatures) else ""


def says_nothing(op: Op) -> bool:
    """Whether something in an op is the same whatever its values are, or is there twice: `a - a`, `a / a`, `max(a, a)`,
    `[a, a]`, `f"{a} {a}"`, `a if b else a`, what of a list is in the list, or a call with one text for two parameters.

    >>> from llmcc.ir.ops import Return
    >>> a, b = Ref("a"), Ref("b")
    >>> [says_nothing(Return(expr=Binary("/", left, b))) for left in (a, b)]
    [False, True]
    """
    return any(map(_repeats_a_text, calls_in([op]))) or any(
        _says_nothing(part) for expr in expressions(op) for part in walk(expr)
    )


def _repeats_a_text(call: Call) -> bool:
    texts = [arg.value for _, arg in call.args if isinstance(arg, Const) and isinstance(arg.value, str)]
    return len(set(texts)) < len(texts)


def _says_nothing(expr: Expr) -> bool:
    match expr:
        case Binary(op, left, right):
            return op in _OF_TWO and not isinstance(left, Const) and normal(left) == normal(right)
        case Builtin("min" | "max", (first, *others)):
            return normal(first) in map(normal, others)
        case ListOf(items) | Format(items):
            found = [normal(item) for item in items if not isinstance(item, Const)]
            return any(item in found[:i] for i, item in enumerate(found))
        case Cond(_, then, otherwise):
            return normal(then) == normal(otherwise)
        case Comprehension(_, name, source, condition):
            within = (part for part in walk(condition) if isinstance(part, Binary)) if condition is not None else ()
            return any(
                part.op in ("in", "not in") and (part.left, part.right) == (Ref(name), source) for part in within
            )
    return False
