"""Finders of mistakes in a statement's form: before its value, between statements, at the end of the line."""

from __future__ import annotations

import json
import re
from typing import Any

from llmcc.frontend.mistakes import Bad, Change, Found, Repair, insert, remove, replace
from llmcc.frontend.outside import LABEL, is_statement
from llmcc.frontend.tokens import OPENERS, unclosed_brackets
from llmcc.frontend.unseen import quoted
from llmcc.grammar import KEYWORDS

_CLAUSES = ("when", "after", "catch")
_PYTHON = re.compile(
    r"(?:import|from|def|async|class|for|while|if|elif|else|try|except|with|del|assert|raise|pass|break|continue|await|lambda)\b"
)
_TYPES = frozenset(
    "int float str string bool boolean number list dict tuple set object any Any List Dict Optional".split()
)


def json_call(bad: Bad) -> Found | None:
    """`{"name": "search", "arguments": {"query": "x"}}`."""
    text = bad.text.strip()
    if not text.startswith(("{", "[{", "[ {")):
        return None
    try:
        calls = [_call_of(entry) for entry in _listed(json.loads(text))]
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        calls = []
    start = bad.text.index(text)
    repairs = (Repair("write a call", (Change(start, start + len(text), calls[0]),)),) if len(calls) == 1 else ()
    return Found(start, start + len(text), repairs=repairs)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _call_of(entry: Any) -> str:
    function = entry.get("function", entry)
    given = function.get("arguments", function.get("parameters", {}))
    arguments = json.loads(given) if isinstance(given, str) else given
    written = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items())
    return f"{function['name']}({written})"


def python_statement(bad: Bad) -> Found | None:
    """`import x`, `for x in y:`, `def f():`."""
    first = bad.first()
    if first >= len(bad.pieces) or not _PYTHON.fullmatch(bad.pieces[first].text):
        return None
    piece = bad.pieces[first]
    target = first + 1 < len(bad.pieces) and bad.pieces[first + 1].text == "="
    return None if target else Found(piece.start, piece.end, quoted(piece.text))


def number_sign(bad: Bad) -> Found | None:
    """`1) search("x")`."""
    if len(bad.pieces) < 2 or bad.pieces[0].kind != "number" or bad.pieces[1].text not in (")", ":"):
        return None
    sign = bad.pieces[1]
    return Found(sign.start, sign.end, quoted(sign.text), (replace(sign, "."),))


def label(bad: Bad) -> Found | None:
    """`- search("x")`, `Step 1: search("x")`."""
    start = len(bad.text) - len(bad.text.lstrip())
    found = LABEL.match(bad.text, start)
    if found is None or found[0].strip()[:-1].isdecimal() or not is_statement(bad.text[found.end() :]):
        return None
    digits = re.search(r"\d+", found[0])
    numbered = Repair("write a number", (Change(start, found.end(), f"{digits[0]}. "),)) if digits else None
    repair = numbered or remove(start, found.end(), "it")
    return Found(start, start + len(found[0].rstrip()), quoted(found[0].rstrip()), (repair,))


def number_and_name(bad: Bad) -> Found | None:
    """`3. x = search("a")`."""
    first = bad.first()
    rest = bad.pieces[first:]
    if not first or len(rest) < 2 or rest[0].kind != "name" or rest[1].text != "=":
        return None
    start, end = bad.pieces[0].start, rest[0].start
    return Found(start, bad.pieces[1].end, repairs=(remove(start, end, "the number"),))


def numbered_return(bad: Bad) -> Found | None:
    """`4. return x`."""
    first = bad.first()
    if not first or first >= len(bad.pieces) or bad.pieces[first].text not in ("return", "Thought"):
        return None
    start, end = bad.pieces[0].start, bad.pieces[first].start
    word = bad.pieces[first].text
    return Found(start, bad.pieces[1].end, quoted(word), (remove(start, end, "the number"),))


def keyword_target(bad: Bad) -> Found | None:
    """`in = search("x")`."""
    first = bad.first()
    rest = bad.pieces[first:]
    if len(rest) < 2 or rest[0].text not in KEYWORDS or rest[1].text != "=":
        return None
    return Found(rest[0].start, rest[0].end, quoted(rest[0].text))


def target(bad: Bad) -> Found | None:
    """`$x = ...`, `x.y = ...`, `a, b = ...`, `let x = ...`, `x: int = ...`, `x := ...`."""
    first = bad.first()
    at = _defining(bad, first)
    if at is None or at <= first:
        return None
    sign, head = bad.pieces[at], bad.pieces[first:at]
    names = [piece for piece in head if piece.kind == "name" and piece.text not in ("let", "const", "var", "val")]
    plain = len(head) == 1 and head[0].kind == "name"
    typed = len(head) > 2 and head[1].text == ":" and head[2].text in _TYPES
    if (
        (plain and sign.text == "=")
        or head[0].kind not in ("name", "reference")
        or (any(p.text == ":" for p in head) and not typed)
    ):
        return None
    start, end = head[0].start, sign.end
    repairs: tuple[Repair, ...] = ()
    if plain and sign.text == ":=":
        repairs, start = (replace(sign, "="),), sign.start
    elif head[0].kind == "reference" and len(head) == 1:
        name = head[0].text.strip("${}")
        written = f"{name}." if name.isdecimal() else f"{name} ="
        repairs = (Repair(f"write `{written}`", (Change(start, end, written),)),)
    elif names and sign.text == "=" and (typed or (len(names) == 1 and len(head) == 2)):
        repairs = (Repair(f"write `{names[0].text} =`", (Change(start, end, f"{names[0].text} ="),)),)
    return Found(start, end, quoted(bad.text[start:end]), repairs)


def _defining(bad: Bad, first: int) -> int | None:
    """The index of the `=` (or of what was meant to be one) outside of all brackets."""
    depth = 0
    for at in range(first, len(bad.pieces)):
        text = bad.pieces[at].text
        if bad.pieces[at].kind != "op":
            if text in ("when", "if", "return", "join", "catch"):
                return None
            continue
        depth += (text in OPENERS) - (text in ")]}")
        if not depth and text in ("=", ":=", "+=", "-=", "*=", "/="):
            return at
        if text == "(":
            return None
    return None


def two_statements(bad: Bad) -> Found | None:
    """`a = f() b = g()`, `f(); g()`."""
    stop = bad.stop
    if stop is None or bad.open:
        return None
    start = bad.index + (stop.text in (";", ","))
    if start >= len(bad.pieces):
        return None
    head, rest = bad.text[: stop.start], bad.text[bad.pieces[start].start :]
    if not is_statement(rest) or not bad.parses(head):
        return None
    if not bad.parses(rest) and bad.pieces[start].kind not in ("name", "number"):
        return None
    begin = len(head.rstrip())
    mended = (Repair("begin a new line", (Change(begin, bad.pieces[start].start, "\n"),)),)
    return Found(bad.pieces[start].start, bad.end, repairs=mended if bad.parses(rest) else ())


def clause_order(bad: Bad) -> Found | None:
    """`f() catch null when x`."""
    stop = bad.stop
    if stop is None or bad.open or stop.text not in _CLAUSES:
        return None
    earlier = [piece.text for piece in bad.pieces[: bad.index] if piece.text in _CLAUSES and piece.kind == "name"]
    if stop.text in earlier:
        return Found(stop.start, stop.end, f"`{stop.text}` stands twice")
    if not earlier:
        return None
    return Found(stop.start, stop.end, f"`{stop.text}` stands behind `{earlier[-1]}`")


def after_number(bad: Bad) -> Found | None:
    """`f() after 1`."""
    stop = bad.stop
    words = [piece.text for piece in bad.pieces[: bad.index] if piece.kind == "name"]
    if stop is None or stop.kind != "number" or "after" not in words or bad.before is None:
        return None
    if bad.before.text not in ("after", ","):
        return None
    numbers = [piece for piece in bad.pieces[bad.index :] if piece.kind == "number"]
    repair = Repair("write `$` before the number", tuple(Change(p.start, p.start, "$") for p in numbers))
    return Found(stop.start, stop.end, quoted(stop.text), (repair,))


def join_form(bad: Bad) -> Found | None:
    """`join` without parentheses, or within an expression."""
    first = bad.first()
    places = [i for i, piece in enumerate(bad.pieces) if piece.kind == "name" and piece.text == "join" and i >= first]
    place = next((i for i in places if i == first or bad.pieces[i - 1].text != "."), None)
    if place is None or place > bad.index:
        return None
    piece = bad.pieces[place]
    if place > bad.first():
        called = place + 1 < len(bad.pieces) and bad.pieces[place + 1].text == "("
        return Found(piece.start, piece.end, "stands within another statement") if called else None
    if place + 1 < len(bad.pieces) and bad.pieces[place + 1].text == "(":
        return None
    rest = bad.text[piece.end : bad.end].strip()
    return Found(
        piece.start,
        piece.end,
        "has no parentheses",
        (Repair("insert them", (Change(piece.end, bad.end, f"({rest})"),)),),
    )


def unnamed_value(bad: Bad) -> Found | None:
    """`1. $2 + 3`: a value that is neither a call nor a comprehension."""
    first = bad.first()
    if first >= len(bad.pieces):
        return None
    start = bad.pieces[first].start
    if not bad.parses("x = " + bad.text[start:]):
        return None
    return Found(start, bad.end, quoted(bad.text[start : bad.end]))


def missing_parentheses(bad: Bad) -> Found | None:
    """`search "x"`."""
    first = bad.first()
    rest = bad.pieces[first:]
    offset = 2 if len(rest) > 2 and rest[1].text == "=" else 0
    rest = rest[offset:]
    if len(rest) < 2 or rest[0].kind != "name" or rest[1].kind not in ("string", "fstring"):
        return None
    if rest[0].text in KEYWORDS:
        return None
    start = rest[0].end
    inner = bad.text[rest[1].start : bad.end]
    wrapped = inner if inner.endswith(")") and not unclosed_brackets(rest[1:-1])[0] else inner + ")"
    return Found(
        rest[0].start,
        rest[0].end,
        quoted(rest[0].text),
        (Repair("insert `(` and `)`", (Change(start, bad.end, f"({wrapped}"),)),),
    )


def several_lines(bad: Bad) -> Found | None:
    """`a = search(` that goes on in the next line."""
    open_brackets, wrong = unclosed_brackets(bad.pieces)
    last = bad.pieces[-1] if bad.pieces else None
    if wrong is not None or not open_brackets or last is None or bad.stop is not None or not bad.ended:
        return None
    return Found(open_brackets[0].start, open_brackets[0].end) if last.text in ("(", "[", "{", ",") else None


def cut_off(bad: Bad) -> Found | None:
    """The text ends within the statement."""
    open_string = any(piece.kind == "unclosed" for piece in bad.pieces)
    if bad.ended or not (bad.stop is None or open_string):
        return None
    return Found(0, bad.end, repairs=_closing(bad) if not open_string else ())


def unclosed(bad: Bad) -> Found | None:
    """`search("x"`."""
    open_brackets, wrong = unclosed_brackets(bad.pieces)
    if wrong is not None or not open_brackets:
        return None
    repairs = _closing(bad)
    if not any(map(bad.mended_by, repairs)) and bad.stop is not None:
        return None
    last = open_brackets[-1]
    return Found(last.start, last.end, f"`{last.text}`", repairs)


def _closing(bad: Bad) -> tuple[Repair, ...]:
    open_brackets = unclosed_brackets(bad.pieces)[0]
    closers = "".join(OPENERS[piece.text] for piece in reversed(open_brackets))
    if not closers:
        return ()
    ends = [
        bad.pieces[i - 1].end
        for i, piece in enumerate(bad.pieces)
        if i and (piece.text in _CLAUSES or piece.kind == "end_of_plan")
    ]
    return tuple(insert(end, closers) for end in dict.fromkeys([*ends, bad.end]))


def wrong_closer(bad: Bad) -> Found | None:
    """`f("x"]`, `f("x"))`."""
    open_brackets, wrong = unclosed_brackets(bad.pieces)
    if wrong is None:
        return None
    repairs = [remove(wrong.start, wrong.end, "it")]
    if open_brackets:
        repairs = [replace(wrong, OPENERS[open_brackets[-1].text])]
    return Found(wrong.start, wrong.end, f"`{wrong.text}`", tuple(repairs))
