"""The optimizer for a plan that is still being written: every op is final as soon as it is there.

All that streamed before stays in scope, also for the plans that a replan adds. Feeding ops in any portions gives the
same as running the same pipeline over all of them at once.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmcc.ir.ops import Op
from llmcc.optimizer.forward import Forward, run_forward
from llmcc.optimizer.pipeline import PipelineError, parse_pipeline, print_pass
from llmcc.optimizer.registry import ONLINE, ForwardPass


class Online:
    """Optimizes op by op; `pipeline` holds passes that look only backwards.

    >>> from llmcc.ir.expr import Const
    >>> from llmcc.ir.ops import Return
    >>> Online().add([Return(expr=Const(1))])
    (Return(expr=Const(value=1), span=None),)

    Raises:
        PipelineError: `pipeline` is none, or holds a pass that needs the whole plan.
    """

    def __init__(self, pipeline: str = ONLINE) -> None:
        self._stages: list[Forward] = []
        for one in parse_pipeline(pipeline):
            if not isinstance(one, ForwardPass):
                raise PipelineError(f"`{print_pass(one)}` needs the whole plan, and this one streams in")
            self._stages.append(one.forward())

    def add(self, ops: Iterable[Op]) -> tuple[Op, ...]:
        """What becomes of the next ops: the same names, and maybe ops that only hold others in order."""
        done = tuple(ops)
        for stage in self._stages:
            done = run_forward(stage, done)
        return done
