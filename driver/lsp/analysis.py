"""What is known of a plan: the front end's findings, by line."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from llmcc.frontend.front import FrontEnd
from llmcc.frontend.scope import Binding
from llmcc.frontend.syntax import Statement
from llmcc.ir.diagnostics import Diagnostic, has_errors
from llmcc.ir.ops import Module, ValueOp
from llmcc.ir.signature import Signature
from llmcc.optimizer.manager import optimize


class Analysis:
    """A plan, read once as a whole; lines count from 1.

    >>> analysis = Analysis('a = search("x")\\nb = ', None)
    >>> [binding.name for binding in analysis.visible(2)], analysis.steps
    (['a'], 0)
    """

    def __init__(self, source: str, signatures: Mapping[str, Signature] | None, dialect: str = "native") -> None:
        self._known = signatures
        self.signatures: Mapping[str, Signature] = {} if signatures is None else signatures
        self.statements: dict[int, Statement] = {}
        front = FrontEnd(signatures, dialect=dialect)
        lowered = [*front.feed(source), *front.close()]
        for one in lowered:
            if one.statement is not None:
                self.statements[one.statement.span.line] = one.statement
        self.diagnostics: tuple[Diagnostic, ...] = tuple(front.diagnostics)
        self.bindings: Mapping[str, Binding] = front.scope.bindings
        self._ops = tuple(op for one in lowered for op in one.ops)

    def visible(self, line: int) -> list[Binding]:
        """The values that a statement on `line` can use."""
        return [binding for binding in self.bindings.values() if _line(binding) < line]

    def ops(self, line: int) -> list[ValueOp]:
        """What the statement on `line` became; ordered and with steps, if the whole plan compiles."""
        module = Module(self._ops) if self._scheduled is None else self._scheduled
        return [op for op in module.values if op.span is not None and op.span.line == line]

    @property
    def steps(self) -> int:
        """In how many parallel steps the plan runs; 0 if it does not compile."""
        values = () if self._scheduled is None else self._scheduled.values
        return max((op.step + 1 for op in values if op.step is not None), default=0)

    @cached_property
    def _scheduled(self) -> Module | None:
        if has_errors(self.diagnostics):
            return None
        return optimize(Module(self._ops), level=0, signatures=self._known)


def _line(binding: Binding) -> int:
    return 0 if binding.span is None else binding.span.line
