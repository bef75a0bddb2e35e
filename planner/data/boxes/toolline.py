"""Reads a tool from the line that prompts show: `!order(item: str, count?: int) -> str  # Order something.`"""

from __future__ import annotations

import re

from llmcc.ir.effects import Effect
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.type_text import read_type

_LINE = re.compile(r"(!?)([A-Za-z][\w.]*)\((.*)\) -> (.+?)(?:  # (.*))?")
_PARAMETER = re.compile(r"(\w+)(\??): (.+)")
_CLOSING = {"[": 1, "{": 1, "]": -1, "}": -1}


def read_tool(line: str) -> Signature:
    """The tool of a line; with `!` before it, one that writes.

    >>> str(read_tool('lift(floor: int, way?: "up" | "down") -> {id: int, full: bool}  # Calls a lift.'))
    'lift(floor: int, way?: "up" | "down") -> {id: int, full: bool}'

    Raises:
        ValueError: it is no such line.
    """
    found = _LINE.fullmatch(line.strip())
    if found is None:
        raise ValueError(f"no tool's line: {line}")
    writes, name, parameters, returns, description = found.groups()
    return Signature(
        name=name,
        parameters=tuple(map(_parameter, _parts(parameters))),
        returns=read_type(returns),
        effect=Effect("write" if writes else "read", (name,)),
        description=description or "",
    )


def _parameter(text: str) -> Parameter:
    found = _PARAMETER.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"no parameter: {text}")
    return Parameter(found[1], read_type(found[3]), required=not found[2])


def _parts(text: str) -> list[str]:
    """What commas separate that stand in no brackets."""
    parts, depth = [""], 0
    for char in text:
        depth += _CLOSING.get(char, 0)
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return [part for part in parts if part.strip()]
