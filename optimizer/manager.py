"""The pass manager: runs a pipeline over a module, checks the module before the first and after every pass, and
that no pass changes its meaning."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from llmcc.ir.collector import paused
from llmcc.ir.ops import Module
from llmcc.ir.signature import Signature
from llmcc.ir.verify import VerificationError, Verifier
from llmcc.optimizer.pipeline import PipelineError as PipelineError
from llmcc.optimizer.pipeline import name_of, parse_pipeline, print_pass
from llmcc.optimizer.registry import LEVELS
from llmcc.optimizer.remarks import Remarks, collecting
from llmcc.optimizer.validate import ValidationError, Validator

#: From this many ops on, garbage collection waits: it would go through all of them again and again.
MANY_OPS = 1000


class PassRun(msgspec.Struct, frozen=True):
    """One run of a pass: its name, the module before and after, and its CPU time in seconds."""

    name: str
    before: Module
    after: Module
    cpu_s: float
    #: Why what the pass made was not taken (then `after` is `before`).
    doubt: str | None = None


def optimize(
    module: Module,
    *,
    level: int = 2,
    passes: str | None = None,
    signatures: Mapping[str, Signature] | None = None,
    verify: bool = True,
    validate: bool = True,
    on_doubt: Literal["raise", "skip"] = "raise",
    observe: Callable[[PassRun], None] | None = None,
    remarks: Remarks | None = None,
) -> Module:
    """A module of the same meaning: the same answer, and the same writes in the same order where they conflict.

    Runs the pipeline `passes`, or else that of `level` (0 to 2). `signatures` (by tool) give the estimates and limits
    that `schedule` goes by. `observe` is told of every pass that was run, `remarks` of what the passes did, and why not
    more. Without a `join` or `return` the values that the plan names itself count as its answer.

    `on_doubt`: what becomes of a pass whose result cannot be shown to mean the same: it is an error, or it is left
    out (`skip`; not possible for the one that orders the module).

    Raises:
        PipelineError: `passes` is no pipeline.
        ValueError: there is no such level.
        VerificationError: the module is not well-formed, or a pass made it so (the error's note names the pass).
        ValidationError: a pass may have changed the meaning (the error's note names it); a defect of the pass, or of
            the validator.
    """
    if level not in LEVELS:
        raise ValueError(f"the levels are 0 to {max(LEVELS)}, not {level}")
    pipeline = parse_pipeline(LEVELS[level] if passes is None else passes)
    if remarks is not None:
        remarks.know(module)
    with paused(len(module.ops) >= MANY_OPS), collecting(remarks):
        validator = Validator(module) if validate else None
        verifier = Verifier(signatures) if verify else None
        _check(module, verifier, "before the first pass")
        for one in pipeline:
            before, start = module, time.process_time()
            module = one(before, signatures or {})
            spent = time.process_time() - start
            if module is not before:
                _check(module, verifier, f"after the pass {print_pass(one)}")
            doubt: str | None = None
            if validator is not None and module is not before:
                try:
                    validator.check(module)
                except ValidationError as error:
                    error.add_note(f"found after the pass {print_pass(one)}")
                    if on_doubt == "raise" or module.ordered != before.ordered:
                        raise
                    doubt, module, validator = str(error), before, Validator(before)
            if observe is not None:
                observe(PassRun(name_of(one), before, module, spent, doubt))
    return module


def _check(module: Module, verifier: Verifier | None, when: str) -> None:
    if verifier is None:
        return
    try:
        verifier.verify(module)
    except VerificationError as error:
        error.add_note(f"found {when}")
        raise
