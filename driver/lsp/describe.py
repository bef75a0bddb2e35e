"""What an editor shows about a tool, a built-in, a parameter or a value, as Markdown."""

from __future__ import annotations

from llmcc.driver.facts import facts
from llmcc.driver.lsp.analysis import Analysis
from llmcc.frontend.format import format_expression, format_scalar
from llmcc.frontend.scope import Binding
from llmcc.frontend.syntax import Define
from llmcc.ir.builtins import BUILTINS, BuiltinFunction
from llmcc.ir.expr import refs
from llmcc.ir.ops import Call, Map, ValueOp, needs
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import Type
from llmcc.runtime.nodes import writes


def tool(signature: Signature) -> str:
    """A tool: its signature, what it does, its effect and figures, its parameters."""
    told = [f"- `{p.name}`: {p.description}" for p in signature.parameters if p.description]
    return _page(str(signature), signature.description, ", ".join(facts(signature)), "\n".join(told))


def builtin(name: str) -> str:
    """A built-in: its parameters and what it gives."""
    function = BUILTINS[name]
    return _page(builtin_signature(name, function), function.summary, "built-in, pure")


def builtin_signature(name: str, function: BuiltinFunction) -> str:
    """A built-in as its call is written: `round(number: int | float, digits?: int)`."""
    return f"{name}({', '.join(builtin_parameters(function))})"


def builtin_parameters(function: BuiltinFunction) -> list[str]:
    """Each parameter with its type, as `builtin_signature` shows it."""
    needed = len(function.parameters) - function.optional
    return [f"{n}{'' if i < needed else '?'}: {t}" for i, (n, t) in enumerate(function.parameters)]


def parameter(given: Parameter, owner: Signature) -> str:
    """A parameter of a tool."""
    needed = "required" if given.required else f"optional, by default `{_constant(given.default)}`"
    return _page(f"{given.name}: {given.type}", given.description, f"{needed}; a parameter of `{owner.name}`")


def value(binding: Binding, analysis: Analysis) -> str:
    """A value of the plan: its type, the calls it comes from, and when they can run."""
    name = f"${binding.name}" if binding.name.isdigit() else binding.name
    if binding.poisoned or binding.span is None:
        return _page(name, "Its statement has errors, so nothing is known of it.")
    ops = analysis.ops(binding.span.line)
    statement = analysis.statements.get(binding.span.line)
    lines = [line for op in ops for line in _calls(op)]
    if isinstance(statement, Define) and statement.when is not None:
        lines.append(f"Only when `{format_expression(statement.when)}`; otherwise null.")
    lines += _when(ops, analysis)
    return _page(f"{name}: {binding.type}", "  \n".join(lines))


def typed(name: str, kind: Type, what: str) -> str:
    """A field or a variable."""
    return _page(f"{name}: {kind}", what)


def _calls(op: ValueOp) -> list[str]:
    if isinstance(op, Map):
        order = "one after another" if op.ordered else "independently"
        return [f"For each item, {order}:", *(line for inner in op.body for line in _calls(inner))]
    return [f"Calls `{op.tool}`: `{op.effect}`."] if isinstance(op, Call) else []


def _when(ops: list[ValueOp], analysis: Analysis) -> list[str]:
    if not ops:
        return []
    own = {op.name for op in ops}
    found = [name for op in ops for name in (*_guards(op), *needs(op), *op.after)]
    waits = dict.fromkeys(name for name in found if name not in own)
    # A name with a dot is one that lowering gave; its statement waits for it, not the author's.
    shown = [f"`${name}`" if name.isdigit() else f"`{name}`" for name in waits if "." not in name]
    steps = [op.step for op in ops if op.step is not None]
    lines = [f"Waits for {', '.join(shown)}."] if shown else []
    if any(map(writes, ops)):
        lines.append("Writes, so it runs only when the whole plan has been accepted.")
    if steps:
        lines.append(f"Step {max(steps) + 1} of {analysis.steps}.")
    return lines


def _guards(op: ValueOp) -> list[str]:
    return [] if op.guard is None else refs(op.guard)


def _constant(default: object) -> str:
    return format_scalar(default) if default is None or isinstance(default, bool | int | float | str) else str(default)


def _page(code: str, *paragraphs: str) -> str:
    return "\n\n".join([f"```plan\n{code}\n```", *filter(None, paragraphs)])
