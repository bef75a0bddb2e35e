"""Finders of mistakes in a line's characters and literals."""

from __future__ import annotations

import re
import unicodedata

from llmcc.frontend.confusable import confused, plain
from llmcc.frontend.mistakes import Bad, Change, Found, Repair, replace
from llmcc.frontend.tokens import OPENERS, Piece, unclosed_brackets
from llmcc.frontend.unseen import quoted

_GOOD_ESCAPE = re.compile(
    r"""\\(?:["'\\/bfnrtav0]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U(?:000[0-9a-fA-F]|0010)[0-9a-fA-F]{4})"""
)
_ESCAPE = re.compile(r"\\.", re.DOTALL)
_PAIR = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]..")
_SURROGATE = re.compile(r"\\(?:u|U0000)[dD][89a-fA-F]..")
_DOUBLE = dict.fromkeys("“”„‟«»″", '"')
_SINGLE = dict.fromkeys("‘’‚‛′", "'")
_QUOTES = {**_DOUBLE, **_SINGLE}
_WORDS = {"&&": "and", "||": "or", "!": "not ", ";": "", "^": "", "~": ""}
_GOOD_NUMBER = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_HOLE = re.compile(r"\{\{|\}\}|\\.|(\{(?:\$\{\w+\})?[^{}]*\}?|\})", re.DOTALL)
_GOOD_HOLE = re.compile(
    r"""
      \{\ *(?:\$\{\w+\}|\$?[A-Za-z_]\w*|\$[0-9]+)
      (?:\.[A-Za-z_]\w*|\[(?:-?\d*:-?\d*|-?\d+|"[^"]*"|'[^']*')\])*
      \ *\}
    """,
    re.VERBOSE,
)


def typographic_quote(bad: Bad) -> Found | None:
    """`“x”`."""
    strange = [piece for piece in bad.pieces if piece.text in _QUOTES]
    if not strange:
        return None
    changes = tuple(Change(piece.start, piece.end, _QUOTES[piece.text]) for piece in strange)
    repair = Repair("write `\"` and `'`", changes)
    return Found(strange[0].start, strange[0].end, quoted(strange[0].text), (repair,))


def look_alike(bad: Bad) -> Found | None:
    """Full-width digits and brackets, spaces of other widths, minus signs."""
    changes = []
    for piece in bad.pieces:
        plain = unicodedata.normalize("NFKC", piece.text.translate({0x2212: "-", 0x2013: "-", 0x2014: "-"}))
        if piece.kind in ("other", "word", "reference") and plain.isascii() and plain != piece.text:
            changes.append(Change(piece.start, piece.end, plain))
    if not changes:
        return None
    shown = bad.text[changes[0].start : changes[0].end]
    return Found(changes[0].start, changes[0].end, quoted(shown), (Repair("write plain characters", tuple(changes)),))


def unclosed_string(bad: Bad) -> Found | None:
    """`search("x)`."""
    piece = next((piece for piece in bad.pieces if piece.kind == "unclosed"), None)
    if piece is None:
        return None
    quote = piece.text.lstrip("fF")[0]
    open_brackets = unclosed_brackets([other for other in bad.pieces if other is not piece])[0]
    closers = "".join(OPENERS[bracket.text] for bracket in reversed(open_brackets))
    body = piece.text.rstrip()
    end = piece.start + len(body)
    surplus = _surplus(body)
    if surplus == closers and body.endswith(closers):
        at = end - len(closers)
        return Found(piece.start, end, quote, (Repair("close the string", (Change(at, at, quote),)),))
    # What closes brackets that are not open, or ends a line elsewhere, is hardly text, and who knows where that ends?
    repair = Repair("close the string", (Change(end, end, quote + closers),))
    return Found(piece.start, end, quote, () if surplus or body.endswith((",", ";")) else (repair,))


def _surplus(text: str) -> str:
    """The closing brackets in a text that close none of it."""
    surplus, depth = "", 0
    for char in text:
        if char in ")]}" and not depth:
            surplus += char
        depth += (char in "([{") - (char in ")]}" and depth > 0)
    return surplus


def triple_quote(bad: Bad) -> Found | None:
    '''`"""x"""`.'''
    for left, right in zip(bad.pieces, bad.pieces[1:], strict=False):
        joined = left.end == right.start and left.text in ('""', "''")
        if joined and right.text[:1] == left.text[0]:
            return Found(left.start, right.start + 1)
    return None


def bad_escape(bad: Bad) -> Found | None:
    r"""`"\d"`."""
    for piece in _strings(bad):
        for found in _ESCAPE.finditer(piece.text):
            if _GOOD_ESCAPE.match(piece.text, found.start()) is None:
                start = piece.start + found.start()
                repair = Repair("write a backslash as two", (Change(start, start, "\\"),))
                return Found(start, start + 2, quoted(found[0]), (repair,))
    return None


def lone_surrogate(bad: Bad) -> Found | None:
    r"""`"\ud800"`."""
    for piece in _strings(bad):
        # Pairs are blanked at their length, so that places stay what they are.
        rest = _PAIR.sub(" " * 12, piece.text.replace("\\\\", "  "))
        found = _SURROGATE.search(rest)
        if found is not None:
            return Found(piece.start + found.start(), piece.start + found.end(), quoted(found[0]))
    return None


def bad_hole(bad: Bad) -> Found | None:
    """`f"{a + b}"`."""
    for piece in bad.pieces:
        if piece.kind != "fstring":
            continue
        if piece.text[0] == "F":
            small = Repair("write `f`", (Change(piece.start, piece.start + 1, "f"),))
            return Found(piece.start, piece.end, quoted("F"), (small,))
        for found in _HOLE.finditer(piece.text):
            if found[1] is None or _GOOD_HOLE.fullmatch(found[1]):
                continue
            start, end = piece.start + found.start(), piece.start + found.end()
            return Found(start, end, quoted(found[1]), _hole_repairs(found[1], start))
    return None


def _hole_repairs(hole: str, start: int) -> tuple[Repair, ...]:
    if hole.strip("{} ").isdecimal() and hole.endswith("}"):
        return (Repair("write `$` before the number", (Change(start + 1, start + 1, "$"),)),)
    if hole == "}":
        return (Repair("write the brace as two", (Change(start, start, "}"),)),)
    return ()


def bad_number(bad: Bad) -> Found | None:
    """`007`, `1_000`, `0x1F`, `.5`, `5.`."""
    for place, piece in enumerate(bad.pieces):
        if piece.kind != "number" or _GOOD_NUMBER.fullmatch(piece.text):
            continue
        after_dot = place and bad.pieces[place - 1].text in (".", "]", ")")
        if piece.text.startswith(".") and (after_dot or bad.text[: piece.start].endswith(("]", ")", "}"))):
            continue
        following = bad.pieces[place + 1] if place + 1 < len(bad.pieces) else None
        if piece.text[-1] == "." and following is not None and following.kind in ("name", "quoted"):
            continue
        plain = _plain_number(piece.text)
        return Found(piece.start, piece.end, quoted(piece.text), (replace(piece, plain),) if plain else ())
    return None


def _plain_number(text: str) -> str | None:
    try:
        if text.isdecimal():
            return text.lstrip("0") or "0"
        return str(int(text, 0)) if text.isalnum() or ("_" in text and "." not in text) else repr(float(text))
    except (ValueError, OverflowError):
        return None


def foreign_letter(bad: Bad) -> Found | None:
    """`höhe = ...`, and names with letters that only look right."""
    stop = bad.stop
    piece = next((piece for piece in bad.pieces if piece.kind == "word"), None)
    if piece is None or stop is None or piece.start > stop.start + len(stop.text):
        return None
    meant = [(word, plain(word.text)) for word in bad.pieces if word.kind == "word"]
    changes = tuple(Change(word.start, word.end, text) for word, text in meant if text.isascii())
    repairs = (Repair("write the letters that it seems to have", changes),) if changes else ()
    return Found(piece.start, piece.end, quoted(piece.text), repairs, note=confused(piece.text))


def strange_character(bad: Bad) -> Found | None:
    """`&&`, `;`, `?`, `@`, and whatever else has no meaning."""
    piece = next((p for p in bad.pieces if p.kind == "other" or p.text in ("&&", "||")), None)
    if piece is None:
        return None
    word = _WORDS.get(piece.text)
    repairs = (replace(piece, word),) if word else ()
    if piece.text == ";" and piece.end == bad.end:
        repairs = (Repair("remove it", (Change(piece.start, piece.end, ""),)),)
    return Found(piece.start, piece.end, quoted(piece.text), repairs)


def _strings(bad: Bad) -> list[Piece]:
    return [piece for piece in bad.pieces if piece.kind in ("string", "fstring")]
