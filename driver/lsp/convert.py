"""Between what we found out and the words of the protocol."""

from __future__ import annotations

from collections.abc import Iterable

from lsprotocol import types

from llmcc.driver.lsp.call_help import CallHelp
from llmcc.driver.lsp.complete import Item
from llmcc.driver.lsp.edits import Change, Place, places
from llmcc.driver.lsp.hover import Hover
from llmcc.driver.lsp.text import Text
from llmcc.driver.lsp.toolboxes import Tools
from llmcc.ir.diagnostics import Diagnostic

_KINDS = {
    "tool": types.CompletionItemKind.Function,
    "builtin": types.CompletionItemKind.Operator,
    "value": types.CompletionItemKind.Constant,
    "variable": types.CompletionItemKind.Variable,
    "parameter": types.CompletionItemKind.Property,
    "field": types.CompletionItemKind.Field,
    "choice": types.CompletionItemKind.EnumMember,
    "keyword": types.CompletionItemKind.Keyword,
}
_SOURCE = "llmcc"


def diagnostics(text: Text, found: tuple[Diagnostic, ...], tools: Tools) -> list[types.Diagnostic]:
    """A plan's diagnostics, after what is wrong with its tools."""
    shown = [diagnostic(text, one) for one in tools.mark(found)]
    if tools.problem is None:
        return shown
    span = tools.span
    where = _range(text.position(span.line, span.column), text.position(span.end_line, span.end_column))
    problem = types.Diagnostic(where, tools.problem, types.DiagnosticSeverity.Error, source=_SOURCE)
    return [problem, *shown]


def diagnostic(text: Text, found: Diagnostic) -> types.Diagnostic:
    """One diagnostic; its notes and its help are further lines of its message."""
    lines = [found.message, *(f"note: {note}" for note in found.notes)]
    if found.help is not None:
        lines.append(f"help: {found.help}")
    error = found.severity == "error"
    return types.Diagnostic(
        range=_range(*places(text, found)),
        message="\n".join(lines),
        severity=types.DiagnosticSeverity.Error if error else types.DiagnosticSeverity.Warning,
        code=found.code,
        source=_SOURCE,
    )


def completion(text: Text, line: int, items: Iterable[Item]) -> list[types.CompletionItem]:
    """Proposals for the plan's line of that number, best kind first, each kind in its own order."""
    return [
        types.CompletionItem(
            label=item.label,
            kind=_KINDS[item.kind],
            detail=item.detail or None,
            documentation=_markdown(item.documentation) if item.documentation else None,
            sort_text=f"{item.rank}{index:05}",
            # What is typed so far is compared with this; a label may have lost its quotes or its `$`.
            filter_text=item.text,
            text_edit=types.TextEdit(_within(text, line, item.start, item.end), item.text),
        )
        for index, item in enumerate(items)
    ]


def hover(text: Text, line: int, found: Hover) -> types.Hover:
    """An explanation on the plan's line of that number."""
    return types.Hover(_markdown(found.text), _within(text, line, found.start, found.end))


def signature_help(found: CallHelp) -> types.SignatureHelp:
    """The call at hand."""
    parameters = [types.ParameterInformation(shown) for shown in found.parameters]
    # Past the last parameter none is at hand, which older editors can be told only by a number that is too large.
    active = len(parameters) if found.active is None else found.active
    signature = types.SignatureInformation(found.label, found.documentation or None, parameters, active)
    return types.SignatureHelp([signature], active_signature=0, active_parameter=active)


def edits(changes: Iterable[Change]) -> list[types.TextEdit]:
    """Changes of a text."""
    return [types.TextEdit(_range(change.start, change.end), change.new) for change in changes]


def place(position: types.Position) -> Place:
    """An editor's place."""
    return position.line, position.character


def _markdown(text: str) -> types.MarkupContent:
    return types.MarkupContent(types.MarkupKind.Markdown, text)


def _within(text: Text, line: int, start: int, end: int) -> types.Range:
    return _range(text.position(line, start + 1), text.position(line, end + 1))


def _range(start: Place, end: Place) -> types.Range:
    return types.Range(types.Position(*start), types.Position(*end))
