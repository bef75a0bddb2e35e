"""The grammar of valid next statements, for decoders that can be held to one.

`statement_rules` makes them for exactly one line: a call of one of the tools with arguments of the right number and
types, `return`, or `join`. Only values that exist can be referred to, and only where their type fits; so every line
drawn from it compiles. It is derived anew for each line, because each line adds a value.

The derived language is smaller than the whole one: it is what a small model can write well. Values are called `a`,
`b`, `c`, .... Without `wide` required arguments are positional and optional ones by keyword; with it arguments come as
they like, and there are maps and clauses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from llmcc.frontend.derive_arguments import MAX_FURTHER, arguments
from llmcc.frontend.forms import (
    Form,
    Repeat,
    Rules,
    Use,
    WordsOf,
    chars,
    either,
    listed,
    optional,
    seq,
)
from llmcc.frontend.notation import written
from llmcc.frontend.quote import callee
from llmcc.ir.builtins import NUMBER
from llmcc.ir.escape import quote
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
#: For how many types of items maps are offered.
MAX_MAPS = 4

_SCALARS = (BOOL, INT, FLOAT, STR)
#: The types that are offered where an argument names one.
TYPE_NAMES = ("str", "int", "float", "bool", "list[str]", "list[int]", "list[float]")
#: The variable of maps; no value is ever called so.
EACH = "each"

_WHOLE = seq(optional("-"), either("0", seq(chars("19"), Repeat(chars("09"), 0, 14))))
_TERMINALS: Rules = {
    "TEXT": seq('"', Repeat(chars('"', "\\", "\x00\x1f", "\x7f", negated=True), 1, MAX_TEXT), '"'),
    "NUMBER": seq(_WHOLE, optional(seq(".", Repeat(chars("09"), 1, 9)))),
    "INTEGER": _WHOLE,
    "PIECE": Repeat(chars('"', "\\", "{", "}", "\x00\x1f", "\x7f", negated=True), 1, 60),
}


def statement_grammar(
    signatures: Mapping[str, Signature],
    values: Mapping[str, Type],
    *,
    target: str,
    calls: bool = True,
    ends: bool = True,
    copy_from: str | None = None,
    styled: bool = False,
) -> str:
    """`statement_rules` as llguidance reads them."""
    rules = statement_rules(
        signatures, values, target=target, calls=calls, ends=ends, copy_from=copy_from, styled=styled
    )
    return written(rules, "llguidance")


def statement_rules(
    signatures: Mapping[str, Signature],
    values: Mapping[str, Type],
    *,
    target: str,
    calls: bool = True,
    ends: bool = True,
    copy_from: str | None = None,
    wide: bool = False,
    styled: bool = False,
) -> Rules:
    """The grammar of the next line, line end included.

    Args:
        signatures: the tools that may be called.
        values: the values that exist, with their types.
        target: the name that the line defines, if it defines one.
        calls: whether a call may stand in this line.
        ends: whether the plan may end here; a plan without values cannot.
        copy_from: if given, text literals in arguments consist of consecutive words of this text.
        wide: whether maps, clauses and keywords in any order are offered.
        styled: whether all that trained planners write is offered (`derive_styled.py`).
    """
    rules: Rules = dict(_TERMINALS)
    if copy_from:
        rules["COPIED"] = WordsOf(copy_from)
    writer = Writer(rules, values, copied=bool(copy_from), wide=wide)
    if styled:
        from llmcc.frontend.derive_styled import StyledWriter

        writer = StyledWriter(rules, values, copied=bool(copy_from))
    lines: list[Form] = []
    if calls:
        made = [one for s in signatures.values() if (one := writer.line(s)) is not None]
        lines += [seq(f"{target} = ", one) for one in [*made, *writer.maps(signatures), *writer.assigned()]]
    if styled and not values:
        lines.append(seq("return ", writer.text()))  # that no tool can answer
    elif (ends and values) or not lines:
        lines += [seq("return ", writer.result()), *writer.join()]
    rules["statement"] = either(*lines)
    rules["start"] = seq(Use("statement"), "\n")
    return rules


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


class Writer:
    """Makes the rules that a line needs: one for each type that an argument or a result has.

    `prefix` keeps apart the rules of a map, in which one more value exists.
    """

    def __init__(self, rules: Rules, values: Mapping[str, Type], *, copied: bool, wide: bool, prefix: str = "") -> None:
        self.paths = [p for name, t in values.items() for p in _paths(_shown(name), t)]
        self.rules, self.values, self.copied, self.wide, self.prefix = rules, values, copied, wide, prefix
        self.names: dict[Type, str | None] = {}

    def references(self, wanted: Type) -> list[Form]:
        fitting = [path for path, t in self.paths if certain(t, wanted) or (t == INT and wanted == FLOAT)]
        return list(map(seq, fitting[:MAX_REFERENCES]))

    def line(self, signature: Signature) -> Form | None:
        """A call with its clauses."""
        call = self.call(signature)
        if call is None or not self.wide:
            return call
        test, caught = self.test(), self.of(signature.returns)
        after = listed(either(*map(_shown, self.values)), 1) if self.values else None
        clauses = [(" when ", test), (" after ", after), (" catch ", caught)]
        return seq(call, *[optional(seq(word, form)) for word, form in clauses if form is not None])

    def call(self, signature: Signature) -> Form | None:
        inner = self.anyhow(signature) if self.wide else self.narrow(signature)
        return None if inner is None else seq(f"{callee(signature.name)}(", inner, ")")

    def anyhow(self, signature: Signature) -> Form | None:
        name = f"{self.prefix}a{sum(1 for rule in self.rules if rule.endswith('_all'))}"
        inner = arguments(
            self.rules,
            name,
            signature.parameters,
            lambda p: self.argument(signature, p),
            variadic=signature.variadic,
            further=self.further(signature),
        )
        if inner is None:
            return None
        self.rules[f"{name}_all"] = inner
        return inner

    def narrow(self, signature: Signature) -> Form | None:
        """Required arguments by place and further ones behind them; what is optional or behind, by name."""
        parts: list[Form] = []
        named: list[tuple[bool, Form]] = []
        by_place = True
        for parameter in signature.parameters:
            gathers = by_place and parameter.name == signature.variadic
            form = self.further(signature) if gathers else self.argument(signature, parameter)
            if parameter.required and form is None:
                return None
            if form is None:
                continue
            if not (by_place and parameter.required) and not gathers:
                named.append((parameter.required, seq(f"{parameter.name}=", form)))
            elif parameter.required:
                parts.append(seq(", " if parts else "", form))
            by_place = by_place and parameter.required and not gathers
            if gathers and parts:
                parts.append(Repeat(seq(", ", form), 0, MAX_FURTHER))
        for _, form in (one for one in named if one[0]):
            parts.append(seq(", " if parts else "", form))
        extra = [form for needed, form in named if not needed]
        if not parts:
            extra = extra[:1]  # only the first of several optional arguments may stand alone
        return seq(*parts, *[optional(seq(", " if parts else "", form)) for form in extra])

    def argument(self, signature: Signature, parameter: Parameter) -> Form | None:
        """What a parameter may get by name."""
        if parameter.name == signature.typed_by:
            return either(*map(quote, TYPE_NAMES))
        return self.of(parameter.type)

    def further(self, signature: Signature) -> Form | None:
        """What each further argument by place may be, if there may be any."""
        gathering = None if signature.variadic is None else signature.parameter(signature.variadic)
        if gathering is None or not isinstance(gathering.type, ListType):
            return None
        return self.of(gathering.type.element)

    def maps(self, signatures: Mapping[str, Signature]) -> list[Form]:
        """A call for each item of a list, for each type of items."""
        lists: dict[Type, list[Form]] = {}
        for path, t in self.paths if self.wide else ():
            if isinstance(t, ListType) and t.element != ANY:
                lists.setdefault(t.element, []).append(seq(path))
        found: list[Form] = []
        for i, (element, sources) in enumerate([*lists.items()][:MAX_MAPS]):
            inner = Writer(self.rules, {**self.values, EACH: element}, copied=self.copied, wide=True, prefix=f"m{i}_")
            for signature in signatures.values():
                call = inner.call(signature)
                if call is not None:
                    found.append(seq("[", call, f" for {EACH} in ", either(*sources[:MAX_REFERENCES]), "]"))
        return found

    def assigned(self) -> list[Form]:
        """What else a value may be."""
        return []

    def test(self) -> Form | None:
        """A condition: a value that is true or false, or a comparison of numbers."""
        found = self.references(BOOL)
        if self.references(NUMBER):
            found.append(self.comparison())
        return either(*found) if found else None

    def comparison(self) -> Form:
        one = self.number()
        return seq(one, either(*(f" {sign} " for sign in (">", "<", ">=", "<=", "=="))), one)

    def of(self, wanted: Type) -> Form | None:
        """What stands for expressions that certainly have type `wanted`; None if there are none."""
        if wanted not in self.names:
            name = f"{self.prefix}t{len(self.names)}"
            self.names[wanted] = name
            found = self.alternatives(wanted)
            self.names[wanted] = name if found else None
            if found:
                self.rules[name] = either(*found)
        known = self.names[wanted]
        return None if known is None else Use(known)

    def alternatives(self, wanted: Type) -> list[Form]:
        found = self.references(wanted)
        for option in options(wanted):
            found += self.literals(option)
        if wanted in (FLOAT, NUMBER) and len(found) > 1:
            found.append(self.arithmetic())
        return found

    def literals(self, wanted: Type) -> list[Form]:
        match wanted:
            case EnumType(values):
                return [seq(quote(v)) for v in values]
            case ListType(element):
                item = self.of(element)
                return [seq("[", listed(item, MAX_ITEMS, least=0), "]")] if item is not None else []
            case RecordType():
                record = self.record(wanted)
                return [] if record is None else [record]
            case UnionType():
                return []
        text = self.text()
        by_prim: dict[Type, list[Form]] = {
            STR: [text],
            INT: [Use("INTEGER")],
            FLOAT: [Use("NUMBER")],
            BOOL: [seq("true"), seq("false")],
            NULL: [seq("null")],
            ANY: [text, Use("NUMBER"), seq("true"), seq("false"), seq("null")],
        }
        return by_prim[wanted]

    def text(self) -> Form:
        return seq('"', Use("COPIED"), '"') if self.copied else Use("TEXT")

    def record(self, wanted: RecordType) -> Form | None:
        fields = [(quote(f.name) + ": ", self.of(f.type)) for f in wanted.fields if f.required]
        parts = [seq(", " if i else "", key, form) for i, (key, form) in enumerate(fields) if form is not None]
        return seq("{", *parts, "}") if len(parts) == len(fields) else None

    def arithmetic(self) -> Form:
        """Sums, products and extremes of numbers, one level deep."""
        one = self.number()
        self.rules[f"{self.prefix}arithmetic"] = either(
            seq(one, either(" + ", " - ", " * ", " / "), one),
            seq("(", one, Repeat(seq(" + ", one), 1, 5), ") / ", Use("INTEGER")),
            seq(either("max(", "min("), one, Repeat(seq(", ", one), 1, 5), ")"),
        )
        return Use(f"{self.prefix}arithmetic")

    def number(self) -> Form:
        self.rules[f"{self.prefix}number"] = either(*self.references(NUMBER), Use("NUMBER"))
        return Use(f"{self.prefix}number")

    def result(self) -> Form:
        """What a plan may return: a value, arithmetic, a choice by comparison, or a text with values in it."""
        # A record or a list is an answer for a program; where there are texts and numbers, people get those.
        plain = [path for path, t in self.paths if t in (*_SCALARS, ANY) or isinstance(t, EnumType)][:MAX_REFERENCES]
        found: list[Form] = list(map(seq, plain or [path for path, _ in self.paths[:MAX_REFERENCES]]))
        if self.references(NUMBER):
            self.rules["choice"] = either(*self.references(STR), self.text())
            chosen = Use("choice")
            found += [self.arithmetic(), seq(chosen, " if ", self.comparison(), " else ", chosen)]
        if plain:
            self.rules["hole"] = either(*("{" + path + "}" for path in plain))
            piece = optional(Use("PIECE"))
            found.append(seq('f"', piece, Repeat(seq(Use("hole"), piece), 1, 6), '"'))
        return either(*(found or [seq("null")]))

    def join(self) -> list[Form]:
        if not self.values:
            return []
        return [seq("join(", listed(either(*map(_shown, self.values)), 8, least=0), ")")]


def _shown(name: str) -> str:
    return f"${name}" if name.isdigit() else name


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
