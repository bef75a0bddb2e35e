"""References inside plain strings: text in the native language (with a warning), values in the dialect `llmcompiler`.

In the dialect, `$1`, `${1}` and `${name}` inside a string stand for a value if that value exists at this place, and are
text otherwise. A string that is one reference and nothing else is the value itself; where only text fits, it is the
value's text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import msgspec

from llmcc.frontend import syntax
from llmcc.frontend.context import Context, Typed, replacing
from llmcc.ir.expr import Expr, Format

_IN_STRING = re.compile(r"\$(\d{1,9})|\$\{(\d{1,9}|[A-Za-z_][A-Za-z0-9_]*)\}", re.ASCII)
_HOLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)((?:\.[A-Za-z_][A-Za-z0-9_]*|\[\d+\])*)\}", re.ASCII)


def interpolated(cx: Context, node: syntax.Literal, text: str) -> Typed | None:
    """What a string of the dialect means, which is what an f-string or a reference means; None if it is only text."""
    pieces = [*_pieces(cx, text)]
    if all(isinstance(piece, str) for piece in pieces):
        _warn_of_unknown_step(cx, node, text)
        return None
    parts = tuple(
        syntax.Literal(node.span, piece) if isinstance(piece, str) else syntax.Reference(node.span, piece[0])
        for piece in pieces
    )
    whole = len(parts) == 1
    cx.strings[node.span] = parts[0] if whole else syntax.FString(node.span, parts)
    value = cx.lower(cx.strings[node.span])
    return msgspec.structs.replace(value, as_text=whole)


def text_of(cx: Context, value: Typed) -> Expr:
    """The text of a value for which a whole string `"$1"` stood."""
    native = cx.strings.get(value.span)
    if native is not None:
        cx.strings[value.span] = syntax.FString(value.span, (native,))
    return Format((value.expr,))


def _pieces(cx: Context, text: str) -> Iterator[str | tuple[str]]:
    """Texts, and names of existing values as tuples of one."""
    start = 0
    for found in _IN_STRING.finditer(text):
        name = _name(found)
        if name not in cx.scope and name not in cx.locals:
            continue
        if found.start() > start:
            yield text[start : found.start()]
        yield (name,)
        start = found.end()
    if start < len(text):
        yield text[start:]


def _name(found: re.Match[str]) -> str:
    name = found[1] or found[2]
    return str(int(name)) if name.isdigit() else name


def _warn_of_unknown_step(cx: Context, node: syntax.Literal, text: str) -> None:
    whole = _IN_STRING.fullmatch(text)
    if whole is not None:
        cx.report(
            "W0402", node.span, f"`{text}` is text here, because no value {_name(whole)} comes before it", help=None
        )


def warn_of_plain_reference(cx: Context, node: syntax.Literal, text: str) -> None:
    """Warns, in the native language, of a plain string that looks as if it should interpolate an existing value."""
    if cx.dialect != "native":
        return
    names = {_name(m) for m in _IN_STRING.finditer(text)} | {m[1] for m in _HOLE.finditer(text)}
    known = sorted(name for name in names if name in cx.scope or name in cx.locals)
    if not known:
        return
    first = f"${known[0]}" if known[0].isdigit() else known[0]
    cx.report(
        "W0401",
        node.span,
        f"this is a plain string, so {first} in it is only text",
        help='f"..." puts values into a text',
        fix=replacing(node.span, _as_fstring(cx, text), "make it an f-string"),
    )


def _as_fstring(cx: Context, text: str) -> str:
    """The string as an f-string, in which the existing values are references and all other braces are text."""
    out, start = [], 0
    for found in sorted([*_IN_STRING.finditer(text), *_HOLE.finditer(text)], key=lambda m: m.start()):
        plain = found.re is _HOLE
        name = found[1] if plain else _name(found)
        if found.start() < start or (name not in cx.scope and name not in cx.locals):
            continue
        out.append(_text(text[start : found.start()]))
        out.append(found[0] if plain else f"{{${name}}}" if name.isdigit() else f"{{{name}}}")
        start = found.end()
    out.append(_text(text[start:]))
    return f'f"{"".join(out)}"'


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1].replace("{", "{{").replace("}", "}}")
