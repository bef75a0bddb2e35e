"""What became of a question."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from llmcc.ir.values import Value
from llmcc.runtime.models import Usage
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.spans import Moment
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.trace import VALUE_LIMIT, Trace


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a question.

    Attributes:
        text: the answer as text; empty if there is none.
        value: the value of `return`, or the text of the joiner.
        problem: why there is no answer; None if there is one.
        plans: the texts of the accepted plans, in order.
        outcome: the calls, values, failures and usage.
        replans: how often the joiner asked for more.
        repairs: how often the planner was told that its plan does not compile, and wrote on from its first bad line.
        mended: how often lines were mended by their own fix-its, without the planner.
        usd: dollars for models and tools; None if a model was asked whose price is not known.
        planner: the part of `usage` that is the planner's in this process: the tokens of its prompts, and of the plans.
        ways: how a server was asked for each plan, such as `chat/grammar`; for an adapted planner, the style of its
            prompts and its adapter.
        notes: what did not go as it was asked for: a grammar that was refused, a budget in dollars for a model whose
            price is not known.
        estimated: whether tokens are estimated, because a server did not tell them in time.
        unfinished: whether the run is in a journal and not over, so that `Agent.resume` can go on with it.
        moments: when the models were asked, wrote and ended, and the cache of plans was.
        from_cache: whether the plan is from the cache, and how it was found; None if the planner wrote it.
        cache_problem: why the cache could not be used; None if it could, or there is none.
    """

    text: str
    value: Value
    problem: str | None
    plans: tuple[str, ...]
    outcome: Outcome
    replans: int
    repairs: int
    mended: int = 0
    usd: float | None = 0.0
    planner: Usage = field(default_factory=Usage)
    ways: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    estimated: bool = False
    unfinished: bool = False
    moments: tuple[Moment, ...] = field(default=(), repr=False)
    from_cache: Literal["exact", "shape"] | None = None
    cache_problem: str | None = None

    @property
    def usage(self) -> Usage:
        """Tokens of all model calls: planner, joiner, and those that tools made."""
        return self.outcome.usage

    def trace(self, toolbox: Toolbox, *, value_limit: int = VALUE_LIMIT) -> Trace:
        """The trace of the run, the models' part included. See `llmcc.Trace.of`."""
        return Trace.record(
            self.outcome,
            toolbox.runnable,
            plan="\n".join(self.plans),
            moments=self.moments,
            value_limit=value_limit,
        )
