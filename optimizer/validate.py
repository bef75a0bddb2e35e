"""Validates a pass: compares the module before and after it, and refuses what it cannot show to be the same.

Independent of the passes: nothing here knows what they do, or uses what they use. Values of both modules are numbered
in one table, so that what is certainly equal has the same number (`optimizer/validation`). The laws:

    answer   What is returned or joined is the same value, or fails for the same reason. Without an end, that holds for
             every value that the plan names.
    write    Each write happens as before: same tool, same arguments, under the same conditions, as often, and after
             the same conflicting writes.
    call     No call is new. One that runs also ran before, in the same state, and at least as often.
    order    In an ordered module, edges and values hold each pair of conflicting calls apart in program order; the
             elements of a map that writes stay in order; and a call that came after another by an edge still does,
             also where the edge led through what is gone.
    type     No value claims a type that it did not have before.
    form     The dialect stays, and an ordered module stays ordered.

Not part of this: the bounds on an evaluation's steps, a text's length and a map's width, and which op a failure names.
"""

from __future__ import annotations

import msgspec

from llmcc.ir.errors import LlmccError
from llmcc.ir.ops import Map, Module, Op
from llmcc.optimizer.validation.covers import call_differs
from llmcc.optimizer.validation.explain import answer_differs, write_differs
from llmcc.optimizer.validation.order import missing_edges, unordered_elements
from llmcc.optimizer.validation.summary import Shared, Summary, same_value
from llmcc.optimizer.validation.types import type_differs
from llmcc.optimizer.validation.values import summarize


class ValidationError(LlmccError):
    """A pass may have changed what a plan means. `op` names where, `law` what cannot be shown (see this module)."""

    def __init__(self, law: str, op: str, text: str) -> None:
        super().__init__(f"{law}, %{op}: {text}" if op else f"{law}: {text}")
        self.law = law
        self.op = op


def validate(before: Module, after: Module) -> None:
    """Shows that `after` means what `before` means. Both are well-formed (`llmcc.ir.verify`).

    Raises:
        ValidationError: that cannot be shown.
    """
    Validator(before).check(after)


class Validator:
    """Validates one pass after another; what is known of a module is kept for the next."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._shared: Shared | None = None
        self._summary: Summary | None = None

    def check(self, after: Module) -> None:
        """Compares the module with the one before, which it then takes the place of. Raises like `validate`."""
        before, self._module = self._module, after
        _form(before, after)
        if before.ordered == after.ordered and _same_but_figures(before.ops, after.ops):
            if self._summary is not None:
                self._summary = msgspec.structs.replace(self._summary, module=after)
            return
        if self._shared is None or self._summary is None:
            self._shared = Shared()
            self._summary = summarize(before, self._shared)
        summary = summarize(after, self._shared)
        _compare(self._summary, summary, self._shared)
        self._summary = summary


def _same_but_figures(before: tuple[Op, ...], after: tuple[Op, ...]) -> bool:
    """Whether ops differ in nothing but steps, priorities, batches and places."""
    return len(before) == len(after) and all(a is b or _same_op(a, b) for a, b in zip(before, after, strict=True))


def _same_op(a: Op, b: Op) -> bool:
    if type(a) is Map and type(b) is Map:
        b = msgspec.structs.replace(b, body=a.body) if _same_but_figures(a.body, b.body) else b
    return same_value(a, b) and getattr(a, "after", ()) == getattr(b, "after", ())


def _form(before: Module, after: Module) -> None:
    if before.dialect != after.dialect:
        raise ValidationError("form", "", f"the dialect was {before.dialect}, and is {after.dialect}")
    if before.ordered and not after.ordered:
        raise ValidationError("form", "", "the module was ordered, and is not")


def _compare(before: Summary, after: Summary, shared: Shared) -> None:
    _refuse("write", write_differs(before.writes, after.writes, shared.terms))
    _refuse("answer", answer_differs(before.answer, after.answer))
    _refuse("call", call_differs(before.looks, after.looks, shared))
    _refuse("type", type_differs(before.claims, after.claims, shared))
    for name in unordered_elements(after) if after.module.ordered else ():
        raise ValidationError("order", name, "its elements write, and may run together")
    for one in missing_edges(before, after, shared.terms):
        raise ValidationError("order", one.op, f"it may start before %{one.first} is over, but {one.why}")


def _refuse(law: str, differs: tuple[str, str] | None) -> None:
    """Raises for the op that a law does not hold for, and what differs there, if anything does."""
    if differs is not None:
        raise ValidationError(law, *differs)
