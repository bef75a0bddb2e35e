"""A plan while it is being written: each chunk is read, each finished statement compiled, and its ops handed to the
run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from llmcc.driver.news import Observer, PlanText
from llmcc.driver.prompt import Example, planner_request
from llmcc.frontend.constrain import PlanConstraint
from llmcc.frontend.front import FrontEnd, Lowered
from llmcc.ir.diagnostics import Diagnostic, has_errors
from llmcc.ir.expr import Ref
from llmcc.ir.ops import End, Join, Op, Return
from llmcc.ir.render import render
from llmcc.ir.signature import Signature
from llmcc.ir.values import Value
from llmcc.optimizer.online import Online
from llmcc.runtime.executor import Execution
from llmcc.runtime.models import Model, Usage


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan as far as it was written. `refused` says why it cannot be accepted, or is None; then `end` is its end."""

    text: str
    end: End | None
    diagnostics: tuple[Diagnostic, ...]
    usage: Usage
    refused: str | None = None


class Planning:
    """The program that one question's plans make up together: its names, and what was dispatched of it."""

    def __init__(self, signatures: Mapping[str, Signature], tell: Observer) -> None:
        self._signatures = signatures
        self._tell = tell
        #: All ops of the accepted plans, as the front end made them.
        self._accepted: list[Op] = []
        self._front = FrontEnd(signatures)
        self._scope = self._front.scope.copy()
        self._online = Online()
        self._ops: list[Op] = []

    async def stream(
        self,
        planner: Model,
        execution: Execution,
        question: str,
        examples: Sequence[Example],
        *,
        chat: bool,
        copy: bool,
        max_tokens: int,
        values: Mapping[str, Value],
        reason: str | None,
        complaint: str | None,
    ) -> Plan:
        """Has the planner write a plan, running it as it comes. The caller accepts or rejects it."""
        self._begin()
        constraint = None
        if planner.constrains:
            constraint = PlanConstraint(self._signatures, scope=self._scope, copy_from=question if copy else None)
        request = planner_request(
            question,
            self._signatures,
            examples,
            chat=chat,
            constraint=constraint,
            values=values,
            reason=reason,
            complaint=complaint,
            max_tokens=max_tokens,
        )
        written: list[str] = []
        async with planner.stream(request) as completion:
            async for chunk in completion.chunks:
                written.append(chunk)
                self._tell(PlanText(chunk))
                self._take(execution, self._front.feed(chunk))
                if self._front.ended or has_errors(self._front.diagnostics):
                    break
        cut = completion.finish == "length" and not self._front.ended
        if not cut and not self._front.ended:
            # Only a text that is complete is closed: the beginning of a statement can be a statement too.
            self._take(execution, self._front.close())
        return self._judge(execution, "".join(written), completion.usage, cut=cut)

    def forget(self) -> None:
        """Takes back all that the plan just streamed has defined."""
        self._ops = []
        self._front = FrontEnd(self._signatures, scope=self._scope.copy())

    def _begin(self) -> None:
        """Makes ready for a plan that continues the accepted ones."""
        self._accepted += [op for op in self._ops if not isinstance(op, Join | Return)]
        self._ops = []
        self._scope = self._front.scope.copy()
        self._front = FrontEnd(self._signatures, scope=self._scope.copy())
        # The optimizer has seen what a refused plan defined; what it makes of the accepted ops is always the same.
        self._online = Online()
        self._online.add(self._accepted)

    def _take(self, execution: Execution, statements: Sequence[Lowered]) -> None:
        for lowered in statements:
            if lowered.ops and not has_errors(self._front.diagnostics):
                self._ops += lowered.ops
                execution.add(self._online.add(lowered.ops))

    def _judge(self, execution: Execution, text: str, usage: Usage, *, cut: bool) -> Plan:
        found = tuple(self._front.diagnostics)
        if has_errors(found):
            errors = tuple(d for d in found if d.severity == "error")
            return Plan(text, None, found, usage, render(errors, text, name="plan"))
        if cut:
            return Plan(text, None, found, usage, "the plan was cut off: it is longer than it may be")
        if not self._ops:
            return Plan(text, None, found, usage, "there is no plan in the text")
        last = self._ops[-1]
        if not isinstance(last, Join | Return):
            # A plan without an end asks for an answer from all that it found.
            last = Join(args=tuple((name, Ref(name)) for name in self._front.scope.types))
            self._ops.append(last)
            execution.add(self._online.add([last]))
        return Plan(text, last, found, usage)
