"""What a line that is no statement still tells: which tool it calls, by how it begins."""

from __future__ import annotations

import re

from llmcc.frontend import lower_call, syntax
from llmcc.frontend.context import Context
from llmcc.frontend.reader import Line
from llmcc.grammar import KEYWORDS
from llmcc.ir.builtins import BUILTINS
from llmcc.ir.span import Span

_NAME = "[A-Za-z_][A-Za-z0-9_]*"
#: A number or a name, if there is one, and a tool. Compiled when it is first needed: most plans have no such lines.
_HEAD = rf"[ \t]*(?:[0-9]+[ \t]*\.[ \t]*|{_NAME}[ \t]*=[ \t]*)?(?P<tool>{_NAME}(?:\.{_NAME})*)\("


def report_unknown_tool(cx: Context, line: Line) -> None:
    """Reports the tool that a malformed line begins with, if there is a toolbox and it has no such tool."""
    found = re.match(_HEAD, line.text)
    if found is None or cx.tools.signatures is None:
        return
    tool = found["tool"]
    first = tool.partition(".")[0]
    if first in KEYWORDS or first in ("join", "return") or first in cx.scope:
        return
    if tool in BUILTINS or cx.tools.find(tool) is not None:
        return
    place = Span(line.number, found.start("tool") + 1, line.number, found.end("tool") + 1)
    lower_call.unknown_tool(cx, syntax.CallExpression(place, tool, place, ()))
