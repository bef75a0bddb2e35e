"""The call around a place, with the parameter at hand: what an editor shows while arguments are being written."""

from __future__ import annotations

import msgspec

from llmcc.driver.lsp import describe
from llmcc.driver.lsp.analysis import Analysis
from llmcc.driver.lsp.cursor import call_around, code_before
from llmcc.frontend.tokens import tokens_of
from llmcc.ir.builtins import BUILTINS


class CallHelp(msgspec.Struct, frozen=True):
    """A call's signature, its parameters as they are written in it, and which of them is at hand (None: none)."""

    label: str
    documentation: str
    parameters: tuple[str, ...]
    active: int | None


def call_help(analysis: Analysis, line: str, column: int) -> CallHelp | None:
    """The call around the index `column` of `line`; None if there is none of a known tool or built-in.

    >>> call_help(Analysis("", {}), "a = round(2.5, ", 15).active
    1
    """
    before = code_before(line, column)
    if before is None:
        return None
    pieces = tokens_of(line)
    pieces = pieces if pieces[: len(before)] == before else before
    site = call_around(pieces, len(before))
    if site is None:
        return None
    signature = analysis.signatures.get(site.callee)
    if signature is not None:
        names = [parameter.name for parameter in signature.parameters]
        shown = tuple(f"{p.name}{'' if p.required else '?'}: {p.type}" for p in signature.parameters)
        return CallHelp(str(signature), signature.description, shown, _active(names, site.index, site.keyword))
    function = BUILTINS.get(site.callee)
    if function is None:
        return None
    names = [name for name, _ in function.parameters]
    label = describe.builtin_signature(site.callee, function)
    shown = tuple(describe.builtin_parameters(function))
    return CallHelp(label, function.summary, shown, _active(names, site.index, site.keyword))


def _active(names: list[str], index: int, keyword: str | None) -> int | None:
    if keyword is not None:
        return names.index(keyword) if keyword in names else None
    return index if index < len(names) else None
