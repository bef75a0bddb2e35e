"""The grammar of valid next statements, for decoders that can be held to one.

`statement_grammar` writes Lark text (in llguidance's subset) for exactly one line: a call of one of the tools with
arguments of the right number and types, `return`, or `join`. Only values that exist can be referred to, and only
where their type fits; so every line drawn from it compiles. It is derived anew for each line, because each line adds
a value.

The derived language is smaller than the whole one: it is what a small model can write well. Required arguments are
positional, optional ones by keyword; values are called `a`, `b`, `c`, ....
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from llmcc.ir.builtins import NUMBER
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import (
    ANY,
    BOOL,
    FLOAT,
    INT,
    NULL,
    STR,
    EnumType,
    ListType,
    RecordType,
    Type,
    UnionType,
    certain,
    options,
)

#: Longest text literal a model may write, in characters, and most items in a list literal (unbounded ones loop).
MAX_TEXT, MAX_ITEMS = 120, 12
#: How deep paths into records are offered, and how many references of one type.
MAX_PATH, MAX_REFERENCES = 3, 64

_SCALARS = (BOOL, INT, FLOAT, STR)

_TERMINALS = rf"""
TEXT: "\"" /[^"\\\x00-\x1f\x7f]{{1,{MAX_TEXT}}}/ "\""
NUMBER: /-?(0|[1-9][0-9]{{0,14}})(\.[0-9]{{1,9}})?/
INTEGER: /-?(0|[1-9][0-9]{{0,14}})/
"""


def statement_grammar(
    signatures: Mapping[str, Signature],
    values: Mapping[str, Type],
    *,
    target: str,
    calls: bool = True,
    ends: bool = True,
    copy_from: str | None = None,
) -> str:
    """The grammar of the next line, line end included.

    Args:
        signatures: the tools that may be called.
        values: the values that exist, with their types.
        target: the name that the line defines, if it defines one.
        calls: whether a call may stand in this line.
        ends: whether the plan may end here; a plan without values cannot.
        copy_from: if given, text literals in arguments consist of consecutive words of this text.
    """
    rules = _Rules(values, copy_from)
    lines: list[str] = []
    if calls:
        lines += [f"{_quote(target + ' = ')} {rules.call(s)}" for s in signatures.values()]
    if (ends and values) or not lines:
        lines += [f'"return " {rules.result()}', *rules.join()]
    return "\n".join(
        ["start: statement NEWLINE", "NEWLINE: /\\n/", "statement: " + "\n  | ".join(lines), *rules.text(), _TERMINALS]
    )


def next_name(taken: Iterable[str]) -> str:
    """The first of `a`, `b`, ..., `z`, `a1`, `b1`, ... that is not taken.

    >>> next_name(["a", "b", "x"])
    'c'
    """
    used = set(taken)
    letters = "abcdefghijklmnopqrstuvwxyz"
    for i in range(len(used) + 1):
        name = letters[i % 26] + (str(i // 26) if i >= 26 else "")
        if name not in used:
            return name
    raise AssertionError("one of len(used) + 1 names is free")


class _Rules:
    """Collects the rules that a line needs: one for each type that an argument or a result has."""

    def __init__(self, values: Mapping[str, Type], copy_from: str | None) -> None:
        self.paths = [p for name, t in values.items() for p in _paths(name if not name.isdigit() else f"${name}", t)]
        self.values = values
        self.rules: dict[str, str] = {}
        self.names: dict[Type, str] = {}
        self.copied = f"%regex {json.dumps({'substring_words': copy_from})}" if copy_from else None

    def text(self) -> list[str]:
        return [f"{name}: {body}" for name, body in self.rules.items()]

    def references(self, wanted: Type) -> list[str]:
        fitting = [path for path, t in self.paths if certain(t, wanted) or (t == INT and wanted == FLOAT)]
        return list(map(_quote, fitting[:MAX_REFERENCES]))

    def call(self, signature: Signature) -> str:
        required = [self.argument(p) for p in signature.parameters if p.required]
        optional = [f"{_quote(p.name + '=')} {self.argument(p)}" for p in signature.parameters if not p.required]
        body = ' ", " '.join(required)
        for i, item in enumerate(optional):
            separator = '", " ' if required or i else ""
            body += f" ({separator}{item})?" if required else self._alone(item, i)
        return f"{_quote(_callee(signature.name) + '(')} {body} {_quote(')')}"

    def _alone(self, item: str, position: int) -> str:
        """Optional arguments of a tool that requires none: only the first of them may stand alone."""
        return f" ({item})?" if position == 0 else ""

    def argument(self, parameter: Parameter) -> str:
        return self.of(parameter.type)

    def of(self, wanted: Type) -> str:
        """The rule for expressions that certainly have type `wanted`."""
        if wanted in self.names:
            return self.names[wanted]
        name = self.names[wanted] = f"t{len(self.names)}"
        self.rules[name] = "\n  | ".join(self.alternatives(wanted))
        return name

    def alternatives(self, wanted: Type) -> list[str]:
        found = self.references(wanted)
        for option in options(wanted):
            found += self.literals(option)
        if wanted in (FLOAT, NUMBER) and len(found) > 1:
            found.append(self.arithmetic())
        return list(dict.fromkeys(found))

    def literals(self, wanted: Type) -> list[str]:
        match wanted:
            case EnumType(values):
                return [_quote(json.dumps(v)) for v in values]
            case ListType(element):
                item = self.of(element)
                return [f'"[" [{item} (", " {item})~0..{MAX_ITEMS - 1}] "]"']
            case RecordType():
                return [self.record(wanted)]
            case UnionType():
                return []
        texts = [f'"\\"" {self.copy()} "\\""'] if self.copied else ["TEXT"]
        by_prim: dict[Type, list[str]] = {
            STR: texts,
            INT: ["INTEGER"],
            FLOAT: ["NUMBER"],
            BOOL: ['"true"', '"false"'],
            NULL: ['"null"'],
            ANY: [*texts, "NUMBER", '"true"', '"false"', '"null"'],
        }
        return by_prim[wanted]

    def copy(self) -> str:
        self.rules["COPIED"] = self.copied or ""
        return "COPIED"

    def record(self, wanted: RecordType) -> str:
        parts = [f"{_quote(json.dumps(f.name) + ': ')} {self.of(f.type)}" for f in wanted.fields if f.required]
        return '"{" ' + ' ", " '.join(parts) + ' "}"'

    def arithmetic(self) -> str:
        """Sums, products and extremes of numbers, one level deep."""
        if "arithmetic" not in self.rules:
            self.rules["arithmetic"] = ""
            one = self.number()
            self.rules["arithmetic"] = "\n  | ".join(
                [
                    f'{one} (" + " | " - " | " * " | " / ") {one}',
                    f'"(" {one} (" + " {one})~1..5 ")" " / " INTEGER',
                    f'("max(" | "min(") {one} (", " {one})~1..5 ")"',
                ]
            )
        return "arithmetic"

    def number(self) -> str:
        self.rules["number"] = "\n  | ".join([*self.references(NUMBER), "NUMBER"])
        return "number"

    def result(self) -> str:
        """What a plan may return: a value, arithmetic, a choice by comparison, or a text with values in it."""
        # A record or a list is an answer for a program; where there are texts and numbers, people get those.
        plain = [path for path, t in self.paths if t in (*_SCALARS, ANY) or isinstance(t, EnumType)][:MAX_REFERENCES]
        found = list(map(_quote, plain or [path for path, _ in self.paths[:MAX_REFERENCES]]))
        if self.references(NUMBER):
            found.append(self.arithmetic())
            choice = self.choice()
            one = self.number()
            found.append(f'{choice} " if " {one} (" > " | " < " | " >= " | " <= " | " == ") {one} " else " {choice}')
        if plain:
            hole = "\n  | ".join(_quote("{" + path + "}") for path in plain)
            self.rules["hole"] = hole
            self.rules["PIECE"] = r"/[^\x22\\{}\x00-\x1f\x7f]{1,60}/"
            found.append('"f\\"" [PIECE] (hole [PIECE])~1..6 "\\""')
        self.rules["result"] = "\n  | ".join(dict.fromkeys(found)) or '"null"'
        return "result"

    def choice(self) -> str:
        """What a comparison chooses between: texts (between the numbers themselves, `max` and `min` choose)."""
        texts = [f'"\\"" {self.copy()} "\\""'] if self.copied else ["TEXT"]
        self.rules["choice"] = "\n  | ".join([*self.references(STR), *texts])
        return "choice"

    def join(self) -> list[str]:
        if not self.values:
            return []
        name = "\n  | ".join(_quote(n if not n.isdigit() else f"${n}") for n in self.values)
        self.rules["value"] = name
        return ['"join(" [value (", " value)~0..7] ")"']


def _paths(name: str, t: Type, depth: int = MAX_PATH) -> list[tuple[str, Type]]:
    """The value itself and what lies in it, as far as its type tells."""
    found = [(name, t)]
    if depth == 0:
        return found
    if isinstance(t, RecordType):
        plain = (f for f in t.fields if f.required and f.name.isidentifier() and f.name.isascii())
        return found + [p for f in plain for p in _paths(f"{name}.{f.name}", f.type, depth - 1)]
    if isinstance(t, ListType) and t.element != ANY:
        return found + _paths(f"{name}[0]", t.element, depth - 1)
    return found


def _callee(name: str) -> str:
    plain = all(part.isidentifier() and part.isascii() for part in name.split("."))
    return name if plain else f"`{name}`"


def _quote(text: str) -> str:
    """A terminal that is exactly `text`."""
    return json.dumps(text)
