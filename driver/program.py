"""`compile`: from a plan's text to a program that can be printed, looked at and run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

from llmcc.frontend.front import compile_front
from llmcc.frontend.limits import DEFAULT_LIMITS, SourceLimits
from llmcc.frontend.syntax import Statement
from llmcc.ir import printer, verify
from llmcc.ir.diagnostics import Diagnostic
from llmcc.ir.digest import digest
from llmcc.ir.errors import LlmccError
from llmcc.ir.ops import Module
from llmcc.ir.render import render
from llmcc.ir.signature import Signature
from llmcc.optimizer.cost import measured
from llmcc.optimizer.manager import PassRun, optimize
from llmcc.optimizer.remarks import Remarks
from llmcc.runtime.toolbox import Toolbox

if TYPE_CHECKING:
    from llmcc.runtime.profile import Profile

Dialect: TypeAlias = Literal["native", "llmcompiler"]
Form: TypeAlias = Literal["ir", "json", "dot", "mermaid", "schedule", "bounds", "digest"]


class CompileError(LlmccError):
    """The plan has errors. `diagnostics` holds all of them (warnings too), in the order of the text."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...], text: str, name: str = "plan") -> None:
        super().__init__(render(diagnostics, text, name=name))
        self.diagnostics = diagnostics


class Program:
    """A compiled plan.

    Attributes:
        module: the IR, verified and ordered: it can be run as it is.
        written: the IR before any pass: what the plan says, unordered.
        diagnostics: the warnings.
        text: the plan as it was written.
        toolbox: the tools it was compiled against, or None.
        latencies: what a profile measured of the tools, in seconds a call.
        digest: what the plan means for these tools, as one word: layout, comments and quotes do not count.
        dialect, level, passes, name: with what it was compiled.
    """

    dialect: Dialect = "native"
    level: int = 2
    passes: str | None = None
    name: str = "plan"

    def __init__(
        self,
        module: Module,
        written: Module,
        text: str,
        diagnostics: tuple[Diagnostic, ...],
        statements: tuple[Statement, ...],
        toolbox: Toolbox | None,
        digest: str,
        latencies: Mapping[str, float],
    ) -> None:
        self.module = module
        self.written = written
        self.text = text
        self.diagnostics = diagnostics
        self.statements = statements
        self.toolbox = toolbox
        self.digest = digest
        self.latencies = latencies
        #: Passes that were left out, because nothing showed that what they made means the same: defects of ours.
        self.doubts: tuple[str, ...] = ()

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """What is known of the tools, measured latencies in place of declared ones."""
        return {} if self.toolbox is None else measured(self.toolbox.signatures, self.latencies)

    def emit(self, form: Form = "ir") -> str:
        """The program as text: `ir` and `json` read back, `dot` and `mermaid` draw it, `schedule` is a Gantt chart,
        `bounds` a table of what it can call and cost, `digest` names it."""
        if form == "ir":
            return printer.print_module(self.module)
        if form == "json":
            return printer.to_json(self.module).decode()
        if form == "digest":
            return self.digest
        if form == "bounds":
            from llmcc.optimizer.bounds import bounds
            from llmcc.optimizer.table import table

            return table(bounds(self.module, self.signatures))
        if form == "schedule":
            from llmcc.optimizer.gantt import gantt

            return gantt(self.module, self.signatures)
        from llmcc.optimizer.graph import dot, mermaid

        return dot(self.module) if form == "dot" else mermaid(self.module)

    def __repr__(self) -> str:
        """Short: how many values it defines."""
        return f"<Program of {len(self.module.values)} values>"


def compile(
    text: str,
    toolbox: Toolbox | None = None,
    *,
    dialect: Dialect = "native",
    level: int = 2,
    passes: str | None = None,
    limits: SourceLimits = DEFAULT_LIMITS,
    name: str = "plan",
    observe: Callable[[PassRun], None] | None = None,
    profile: Profile | None = None,
    remarks: Remarks | None = None,
) -> Program:
    """Compiles a plan.

    Args:
        text: the plan.
        toolbox: the tools it may call; without one every call is taken as a read, and a warning says so.
        dialect: `native`, or `llmcompiler` for what the planner of arXiv 2312.04511 writes.
        level: how much to optimize: 0 (order only), 1, 2.
        passes: a pipeline instead of the level's, such as `merge-duplicates,remove-dead,order-effects`.
        limits: how large the text may be; passing a limit is a diagnostic.
        name: what messages call the text.
        observe: is told of every pass that ran.
        profile: what calls took in earlier runs, for the estimates (`llmcc.runtime.profile_file` reads it from a
            file); it counts only with a toolbox.
        remarks: is told what the passes did, and why not more.

    Raises:
        CompileError: the plan has errors.

    >>> program = compile('a = f("x")\\nb = f("x")\\nreturn [a, b]')
    >>> len(program.module.values)
    1
    """
    signatures = None if toolbox is None else toolbox.signatures
    front = compile_front(text, signatures, dialect=dialect, limits=limits)
    if front.module is None:
        raise CompileError(front.diagnostics, text, name)
    verify.verify(front.module, signatures)
    latencies = {} if profile is None else profile.latencies()
    costed = None if signatures is None else measured(signatures, latencies)
    doubts: list[str] = []

    def watch(run: PassRun) -> None:
        if run.doubt is not None:
            doubts.append(f"{run.name}: {run.doubt}")
        if observe is not None:
            observe(run)

    module = optimize(
        front.module,
        level=level,
        passes=passes,
        signatures=costed,
        on_doubt="skip",
        observe=watch,
        remarks=remarks,
    )
    program = Program(
        module, front.module, text, front.diagnostics, front.statements, toolbox, digest(front.module), latencies
    )
    program.doubts = tuple(doubts)
    program.dialect, program.level, program.passes, program.name = dialect, level, passes, name
    return program
