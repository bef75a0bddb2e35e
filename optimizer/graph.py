"""Draws a module as a graph, for Graphviz (`dot`) and for Mermaid: values solid, order dashed.

A map is one node, drawn with doubled sides; what it and its body use comes in as its edges.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmcc.ir.escape import quote
from llmcc.ir.ops import Call, Compute, Join, Map, Module, Op, Return, uses
from llmcc.ir.printer import print_expr, print_name

#: A label is cut after so many characters.
LABEL = 60


def dot(module: Module) -> str:
    """The module in Graphviz's language."""
    shapes = {Call: "box", Map: "box, peripheries=2", Compute: "ellipse"}
    lines = ["digraph plan {", "  node [fontname=monospace];"]
    for i, op in enumerate(module.ops):
        label = _label(op).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        lines.append(f'  n{i} [label="{label}", shape={shapes.get(type(op), "doubleoctagon")}];')
    lines += [f"  n{a} -> n{b}{'' if data else ' [style=dashed]'};" for a, b, data in _edges(module)]
    return "\n".join([*lines, "}", ""])


def mermaid(module: Module) -> str:
    """The module in Mermaid's language."""
    shapes = {Call: ("[", "]"), Map: ("[[", "]]"), Compute: ("(", ")")}
    lines = ["flowchart TD"]
    for i, op in enumerate(module.ops):
        left, right = shapes.get(type(op), ("{{", "}}"))
        lines.append(f'  n{i}{left}"{_entities(_label(op))}"{right}')
    lines += [f"  n{a} {'-->' if data else '-.->'} n{b}" for a, b, data in _edges(module)]
    return "\n".join([*lines, ""])


def _entities(text: str) -> str:
    """Every character that Mermaid could take for its own, by its number."""
    plain = " .,:=_%-"
    written = (c if c.isalnum() or c in plain else "<br>" if c == "\n" else f"#{ord(c)};" for c in text)
    return "".join(written)


def _label(op: Op) -> str:
    """Two lines at most: the name and what it is."""
    match op:
        case Call(tool=tool, args=args):
            shown = ", ".join(f"{name} = {print_expr(expr)}" for name, expr in args)
            return f"{print_name(op.name)}\n{_cut(f'{quote(tool)[1:-1]}({shown})')}"
        case Map():
            return f"{print_name(op.name)}\n{_cut(f'map {print_name(op.var)} in {print_expr(op.source)}')}"
        case Compute():
            return f"{print_name(op.name)}\n{_cut(print_expr(op.expr))}"
        case Join():
            return "join"
        case Return(expr=expr):
            return _cut(f"return {print_expr(expr)}")


def _cut(text: str) -> str:
    return text if len(text) <= LABEL else text[: LABEL - 1] + "…"


def _edges(module: Module) -> Iterator[tuple[int, int, bool]]:
    """Pairs of places of ops, and whether a value goes from the first to the second."""
    places: dict[str, int] = {}
    for i, op in enumerate(module.ops):
        used = [name for name in uses(op) if name in places]
        yield from ((places[name], i, True) for name in used)
        if not isinstance(op, Join | Return):
            yield from ((places[name], i, False) for name in op.after if name in places and name not in used)
            places[op.name] = i
