"""`compile`: from a plan's text to a program that can be printed, looked at and run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from llmcc.frontend.front import compile_front
from llmcc.frontend.syntax import Statement
from llmcc.ir import printer, verify
from llmcc.ir.diagnostics import Diagnostic
from llmcc.ir.errors import LlmccError
from llmcc.ir.ops import Module
from llmcc.ir.render import render
from llmcc.ir.signature import Signature
from llmcc.optimizer.manager import PassRun, optimize
from llmcc.runtime.toolbox import Toolbox

Dialect: TypeAlias = Literal["native", "llmcompiler"]
Form: TypeAlias = Literal["ir", "json", "dot", "mermaid", "schedule"]


class CompileError(LlmccError):
    """The plan has errors. `diagnostics` holds all of them (warnings too), in the order of the text."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...], text: str, name: str = "plan") -> None:
        super().__init__(render(diagnostics, text, name=name))
        self.diagnostics = diagnostics


class Program:
    """A compiled plan.

    Attributes:
        module: the IR, verified and ordered: it can be run as it is.
        diagnostics: the warnings.
        text: the plan as it was written.
        toolbox: the tools it was compiled against, or None.
    """

    def __init__(
        self,
        module: Module,
        text: str,
        diagnostics: tuple[Diagnostic, ...],
        statements: tuple[Statement, ...],
        toolbox: Toolbox | None,
    ) -> None:
        self.module = module
        self.text = text
        self.diagnostics = diagnostics
        self.statements = statements
        self.toolbox = toolbox

    @property
    def signatures(self) -> Mapping[str, Signature]:
        """What is known of the tools."""
        return {} if self.toolbox is None else self.toolbox.signatures

    def emit(self, form: Form = "ir") -> str:
        """The program as text: `ir` and `json` read back, `dot` and `mermaid` draw it, `schedule` is a Gantt chart."""
        if form == "ir":
            return printer.print_module(self.module)
        if form == "json":
            return printer.to_json(self.module).decode()
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
    name: str = "plan",
    observe: Callable[[PassRun], None] | None = None,
) -> Program:
    """Compiles a plan.

    Args:
        text: the plan.
        toolbox: the tools it may call; without one every call is taken as a read, and a warning says so.
        dialect: `native`, or `llmcompiler` for what the planner of arXiv 2312.04511 writes.
        level: how much to optimize: 0 (order only), 1, 2.
        passes: a pipeline instead of the level's, such as `merge-duplicates,remove-dead,order-effects`.
        name: what messages call the text.
        observe: is told of every pass that ran.

    Raises:
        CompileError: the plan has errors.

    >>> program = compile('a = f("x")\\nb = f("x")\\nreturn [a, b]')
    >>> len(program.module.values)
    1
    """
    signatures = None if toolbox is None else toolbox.signatures
    front = compile_front(text, signatures, dialect=dialect)
    if front.module is None:
        raise CompileError(front.diagnostics, text, name)
    verify.verify(front.module, signatures)
    module = optimize(front.module, level=level, passes=passes, signatures=signatures, observe=observe)
    return Program(module, text, front.diagnostics, front.statements, toolbox)
