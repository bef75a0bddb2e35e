"""Finders of mistakes within expressions and arguments."""

from __future__ import annotations

import re

from llmcc.frontend.mistakes import Bad, Change, Found, Repair, insert, replace
from llmcc.frontend.unseen import quoted
from llmcc.grammar import KEYWORDS

_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "in")
_LOOSER = ("and", "or", "not", "if", "else", "for", "when", "catch", "return", "=", ",", ":")
_FOREIGN = ("lambda", "is", "await", "yield", "async")
_FOREIGN_OPS = ("**", "*", "->", "=>", ":=", "+=", "-=", "*=", "/=", "%=")
_METHOD = re.compile(r"(?:\.\w+)*\(")
_STARTS = ("string", "fstring", "number", "reference", "name", "quoted")


def chained_comparison(bad: Bad) -> Found | None:
    """`a < b < c`."""
    stop = bad.stop
    if stop is None or stop.text not in _COMPARISONS:
        return None
    depth, middle = 0, bad.index
    for place in range(bad.index - 1, -1, -1):
        piece = bad.pieces[place]
        depth += (piece.text in (")", "]", "}")) - (piece.text in ("(", "[", "{"))
        if depth < 0 or (not depth and piece.text in _LOOSER):
            return None
        if not depth and piece.text in _COMPARISONS:
            middle = place
            break
    if middle == bad.index:
        return None
    between = bad.text[bad.pieces[middle].end : stop.start].strip()
    return Found(stop.start, stop.end, f"`{stop.text}`", (insert(stop.start, f"and {between} "),))


def single_equals(bad: Bad) -> Found | None:
    """`when x = 1`."""
    stop = bad.stop
    if stop is None or stop.text != "=":
        return None
    if not any(piece.text in ("when", "if", "and", "or", "not") for piece in bad.pieces[: bad.index]):
        return None
    return Found(stop.start, stop.end, repairs=(replace(stop, "=="),))


def colon_for_equals(bad: Bad) -> Found | None:
    """`search(query: "x")`."""
    stop, before = bad.stop, bad.before
    if stop is None or stop.text != ":" or before is None or before.kind not in ("name", "string"):
        return None
    if not bad.open or bad.open[-1].text != "(":
        return None
    colons = [stop]
    for place in range(bad.index + 1, len(bad.pieces) - 2):
        comma, name, colon = bad.pieces[place : place + 3]
        if comma.text == "," and name.kind == before.kind and colon.text == ":":
            colons.append(colon)
    return Found(stop.start, stop.end, repairs=(Repair("write `=`", tuple(_equals(bad, colon) for colon in colons)),))


def _equals(bad: Bad, colon: object) -> Change:
    place = next(i for i, piece in enumerate(bad.pieces) if piece is colon)
    name, sign = bad.pieces[place - 1], bad.pieces[place]
    end = bad.pieces[place + 1].start if place + 1 < len(bad.pieces) else sign.end
    return Change(name.start, end, name.text.strip("\"'") + "=")


def call_of_value(bad: Bad) -> Found | None:
    """`$1.foo()`, `x[0](1)`, `"a".upper()`."""
    stop, before = bad.stop, bad.before
    if stop is not None and stop.kind == "reference":
        # A statement cannot begin with a value, so that the parser stopped before the call.
        called = _METHOD.match(bad.text, stop.end)
        return Found(stop.start, called.end() - 1, quoted(bad.text[stop.start : called.end() - 1])) if called else None
    if stop is None or stop.text != "(" or before is None:
        return None
    if before.kind not in ("name", "reference", "string", "number", "fstring") and before.text not in (")", "]", "}"):
        return None
    dotted = before.kind == "name" and bad.index > 1 and bad.pieces[bad.index - 2].text == "."
    if before.kind == "name" and not dotted:
        return None
    start = bad.pieces[bad.index - 2].start if dotted else before.start
    return Found(start, stop.end, quoted(bad.text[start : before.end]))


def dict_key(bad: Bad) -> Found | None:
    """`{name: "x"}`."""
    stop, before = bad.stop, bad.before
    if stop is None or before is None or stop.kind not in ("name", "number", "reference", "fstring"):
        return None
    if before.text not in ("{", ",") or not bad.open or bad.open[-1].text != "{":
        return None
    changes = []
    for place in range(bad.index, len(bad.pieces) - 1):
        key = bad.pieces[place]
        starts = bad.pieces[place - 1].text in ("{", ",")
        if key.kind in ("name", "number") and starts and bad.pieces[place + 1].text == ":":
            changes.append(Change(key.start, key.end, f'"{key.text}"'))
    repairs = (Repair('write the key in `"`', tuple(changes)),) if changes else ()
    return Found(stop.start, stop.end, quoted(stop.text), repairs)


def second_for(bad: Bad) -> Found | None:
    """`[x for xs in xss for x in xs]`."""
    stop = bad.stop
    inside = bool(bad.open) and bad.open[-1].text == "["
    earlier = any(piece.text == "for" for piece in bad.pieces[: bad.index])
    if stop is None or stop.text != "for" or not inside or not earlier:
        return None
    return Found(stop.start, stop.end)


def foreign_comprehension(bad: Bad) -> Found | None:
    """`(x for x in xs)`, `{x: 1 for x in xs}`, `f(x for x in xs)`."""
    stop = bad.stop
    if stop is None or stop.text != "for" or not bad.open:
        return None
    return Found(stop.start, stop.end) if bad.open[-1].text in ("(", "{") else None


def slice_step(bad: Bad) -> Found | None:
    """`x[::2]`."""
    stop = bad.stop
    if stop is None or stop.text != ":" or not bad.open or bad.open[-1].text != "[":
        return None
    opened = bad.open[-1].end
    colons = [piece for piece in bad.pieces[: bad.index] if piece.start >= opened and piece.text == ":"]
    return Found(stop.start, stop.end) if colons else None


def foreign_word(bad: Bad) -> Found | None:
    """`lambda x: x`, `x is None`, `f(*xs)`, `2 ** 3`."""
    stop, before = bad.stop, bad.before
    if stop is not None and (stop.text in _FOREIGN or (stop.kind == "op" and stop.text in _FOREIGN_OPS)):
        return Found(stop.start, stop.end, f"`{stop.text}`", _is_repairs(bad))
    if before is not None and before.text in _FOREIGN and before.kind == "name":
        return Found(before.start, before.end, f"`{before.text}`")
    return None


def _is_repairs(bad: Bad) -> tuple[Repair, ...]:
    stop = bad.stop
    if stop is None or stop.text != "is":
        return ()
    following = bad.pieces[bad.index + 1] if bad.index + 1 < len(bad.pieces) else None
    if following is not None and following.text == "not":
        return (Repair("write `!=`", (Change(stop.start, following.end, "!="),)),)
    return (replace(stop, "=="),)


def missing_comma(bad: Bad) -> Found | None:
    """`f("a" "b")`."""
    stop, before = bad.stop, bad.before
    if stop is None or before is None or not bad.open:
        return None
    if stop.kind not in _STARTS and stop.text not in ("[", "{"):
        return None
    if before.kind not in _STARTS and before.text not in (")", "]", "}"):
        return None
    around = " ".join(piece.kind for piece in bad.pieces[max(bad.index - 2, 0) : bad.index + 2])
    if bad.others and "name name name" in around:
        # Words in a row are prose rather than values, all the more if something else is wrong, too.
        return None
    repair = insert(before.end, ",")
    return Found(before.start, stop.end, repairs=(repair,)) if bad.mended_by(repair) else None


def keyword_value(bad: Bad) -> Found | None:
    """`f(else)`: a word of the language where a value stands."""
    stop, before = bad.stop, bad.before
    if stop is None or before is None or before.text not in KEYWORDS or before.kind != "name":
        return None
    if stop.text not in (",", ")") or bad.expected != {"EQUAL"}:
        return None
    return Found(before.start, before.end, quoted(before.text))
