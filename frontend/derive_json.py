"""The grammar of a type: the JSON texts of its values, for models that are asked for one.

Fields stand in their declared order, with one blank behind `:` and `,`. Every text of the grammar is JSON of a value
that has the type, but for a record that names a further field like one of its own.
"""

from __future__ import annotations

from llmcc.frontend.derive_record import entries
from llmcc.frontend.forms import Form, Repeat, Rules, Use, chars, either, listed, optional, seq
from llmcc.frontend.words import JSON_STRING, digits
from llmcc.ir.escape import quote
from llmcc.ir.types import ANY, BOOL, FLOAT, INT, NULL, STR, EnumType, ListType, RecordType, Type, options

#: Most items of a list, and most characters of a text.
MAX_ITEMS, MAX_TEXT = 100, 400


def json_rules(t: Type) -> Rules:
    """The grammar of the values of a type.

    Raises:
        ValueError: no value has the type.

    >>> sorted(json_rules(ListType(INT)))
    ['INTEGER', 'start', 'v1']
    """
    writer = _Writer()
    start = writer.value(t)
    if start is None:
        raise ValueError(f"no value has the type {t}")
    return {"start": start, **writer.rules}


def line_rules() -> Rules:
    """The grammar of a line of text that is not blank, line end included: for models that do not know when to stop."""
    text = chars("\x00\x1f", "\x7f", negated=True)
    return {
        "LINE": seq(optional(" "), chars("\x00 ", "\x7f", negated=True), Repeat(text, 0, MAX_TEXT)),
        "start": seq(Use("LINE"), "\n"),
    }


class _Writer:
    """Collects the rules: one for each type with parts."""

    def __init__(self) -> None:
        self.rules: Rules = {}
        self._known: dict[Type, Form | None] = {}

    def value(self, t: Type) -> Form | None:
        if t not in self._known:
            name = f"v{len(self._known) + 1}"
            self._known[t] = Use(name)  # `any` holds itself
            found = [form for option in options(t) if (form := self.option(option)) is not None]
            if isinstance(t, ListType | RecordType) or t == ANY:
                self.rules |= {name: either(*found)} if found else {}
                self._known[t] = Use(name) if found else None
            else:
                self._known[t] = either(*found) if found else None
        return self._known[t]

    def option(self, t: Type) -> Form | None:
        if isinstance(t, EnumType):
            return either(*map(quote, t.values))
        if isinstance(t, ListType):
            item = self.value(t.element)
            return seq("[]") if item is None else seq("[", listed(item, MAX_ITEMS, least=0), "]")
        if isinstance(t, RecordType):
            return self.record(t)
        if t in (BOOL, NULL):
            return either("true", "false") if t == BOOL else seq("null")
        if t == ANY:
            items = [self.named(one) for one in (STR, FLOAT)]
            parts = [form for one in (ListType(ANY), RecordType((), ANY)) if (form := self.option(one)) is not None]
            return either(*items, *parts, "true", "false", "null")
        return self.named(t) if t in (STR, INT, FLOAT) else None

    def record(self, t: RecordType) -> Form | None:
        forms = {f.name: self.value(f.type) for f in t.fields}
        if any(f.required and forms[f.name] is None for f in t.fields):
            return None
        fields = [(quote(f.name), form, f.required) for f in t.fields if (form := forms[f.name]) is not None]
        rest = None if t.rest is None else self.value(t.rest)
        key = self.named(STR)
        more = None if rest is None else listed(seq(key, ": ", rest), MAX_ITEMS)
        return seq("{", entries(self.rules, f"r{len(self.rules)}", fields, more), "}")

    def named(self, t: Type) -> Form:
        """A terminal."""
        whole = seq(optional("-"), digits(15))
        exponent = seq(either("e", "E"), optional(either("+", "-")), digits(2))
        number = seq(whole, optional(seq(".", Repeat(chars("09"), 1, 15))), optional(exponent))
        text = seq('"', Repeat(JSON_STRING, 0, MAX_TEXT), '"')
        terminals: dict[Type, tuple[str, Form]] = {
            STR: ("STRING", text),
            INT: ("INTEGER", whole),
            FLOAT: ("NUMBER", number),
        }
        name, form = terminals[t]
        self.rules[name] = form
        return Use(name)
