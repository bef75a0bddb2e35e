"""The grammar of whole plans for some tools, for decoders that get one grammar before they begin.

It knows the tools: their names, how many arguments they take and by which keywords, and the literals that fit. Which
values exist and of what type they are it cannot know, because that depends on the lines before; a reference has a
name's shape, and is judged by the compiler. So plans that compile are in the language (docs/grammars.md has the
exceptions), and some that do not are as well. `derive.py` is the opposite: each of its lines compiles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from llmcc.frontend.derive_arguments import arguments
from llmcc.frontend.derive_record import entries
from llmcc.frontend.forms import Form, Repeat, Rules, Use, either, listed, optional, seq
from llmcc.frontend.infer import may_fit
from llmcc.frontend.quote import callee
from llmcc.frontend.words import Bounds, literals, words
from llmcc.ir.builtins import BUILTINS, BuiltinFunction
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
    nullable,
    options,
    without_null,
)

_COMPARISONS = ("==", "!=", "<=", ">=", "<", ">", "in", "not in")


def plan_rules(
    signatures: Mapping[str, Signature],
    bounds: Bounds | None = None,
    *,
    any_order: bool = True,
) -> Rules:
    """The grammar of whole plans.

    Args:
        signatures: the tools; those without an effect cannot be called.
        bounds: how long things may be.
        any_order: whether keywords may come in any order, which costs rules.
    """
    return _Plans(signatures, bounds or Bounds(), any_order).all()


class _Plans:
    """Collects the rules. `expression(t)` is the rule of what may stand where `t` is wanted."""

    def __init__(self, signatures: Mapping[str, Signature], bounds: Bounds, any_order: bool) -> None:
        self.tools = [s for s in signatures.values() if s.effect is not None]
        self.builtins = {name: b for name, b in BUILTINS.items() if name not in signatures}
        self.bounds, self.any_order = bounds, any_order
        self.rules: Rules = dict(words(bounds))
        self.typed: dict[Type, str] = {ANY: "expr"}
        self.calls: dict[str, Form] = {}

    def all(self) -> Rules:
        """Every rule of the grammar."""
        self.general()
        action = either(*self.callable(ANY), Use("map"))
        clauses = [
            optional(seq(" when ", Use("expr"))),
            optional(seq(" after ", listed(Use("ref"), 16))),
            optional(seq(" catch ", Use("expr"))),
        ]
        number = seq(Use("INT"), ". ")
        line = either(seq(Use("NAME"), " = ", Use("expr"), *clauses), seq(optional(number), action, *clauses))
        joined = seq(optional(number), "join(", listed(Use("joined"), 64, least=0), ")")
        end = either(joined, seq("return ", Use("expr")))
        self.rules |= {
            "start": seq(Repeat(seq(Use("line"), "\n"), 0, self.bounds.statements), Use("end"), optional("\n")),
            "line": line,
            "end": end,
            "ref": either(Use("NAME"), Use("DOLLAR")),
            "joined": seq(optional(seq(Use("NAME"), "=")), Use("expr")),
        }
        return self.rules

    def general(self) -> None:
        """Expressions of which nothing is known, by how tightly their operators bind."""
        self.rules |= {
            "expr": seq(Use("or_"), optional(seq(" if ", Use("or_"), " else ", Use("expr")))),
            "or_": _operated("and_", ["or"]),
            "and_": _operated("not_", ["and"]),
            "not_": either(seq("not ", Use("not_")), Use("comparison")),
            "comparison": seq(Use("sum"), optional(seq(_signs(_COMPARISONS), Use("sum")))),
            "sum": _operated("term", "+-"),
            "term": _operated("factor", ["*", "//", "/", "%"]),
            "factor": either(seq("-", Use("factor")), seq(Use("atom"), Repeat(Use("trailer"), 0, 12))),
            "trailer": either(
                Use("FIELD"),
                seq("[", Use("expr"), "]"),
                seq("[", optional(Use("expr")), ":", optional(Use("expr")), "]"),
            ),
            "map": self.map(ANY),
        }
        self.rules["atom"] = either(
            *self.literals(ANY), Use("ref"), Use("FSTRING"), Use("map"), *self.callable(ANY), seq("(", Use("expr"), ")")
        )

    def expression(self, wanted: Type) -> Form:
        if wanted not in self.typed:
            self.typed[wanted] = f"e{len(self.typed)}"
            self.rules[self.typed[wanted]] = self.typed_rule(wanted)
        return Use(self.typed[wanted])

    def typed_rule(self, wanted: Type) -> Form:
        """A literal of the type, or what may turn out to be of it: a path, a fitting call, a fitting operator."""
        name = f"c{self.typed[wanted][1:]}"
        accepted = options(wanted)
        found = [
            *self.literals(wanted),
            seq(Use("ref"), Repeat(Use("trailer"), 0, 12)),
            seq("(", Use(self.typed[wanted]), ")"),
            *self.callable(wanted),
        ]
        self.rules[name] = either(*found, *self.computed(accepted))
        return seq(Use(name), optional(seq(" if ", Use("or_"), " else ", Use(self.typed[wanted]))))

    def computed(self, accepted: Sequence[Type]) -> list[Form]:
        """What may turn out to be of one of these types: a part of something, or what operators make."""
        found: list[Form] = [seq(Use("atom"), Repeat(Use("trailer"), 1, 12))]
        text = any(o == STR or isinstance(o, EnumType) for o in accepted)
        number = any(o in (INT, FLOAT) for o in accepted)
        if BOOL in accepted:
            found += [
                seq(Use("and_"), Repeat(seq(" or ", Use("and_")), 1, 12)),
                seq(Use("not_"), Repeat(seq(" and ", Use("not_")), 1, 12)),
                seq("not ", Use("not_")),
                seq(Use("sum"), _signs(_COMPARISONS), Use("sum")),
            ]
        if text:
            found.append(Use("FSTRING"))
        if number:
            found += [
                seq(Use("term"), Repeat(seq(_signs("+-"), Use("term")), 1, 12)),
                seq(Use("factor"), Repeat(seq(_signs(["*", "//", "/", "%"]), Use("factor")), 1, 12)),
                seq("-", Use("factor")),
            ]
        elif text or any(isinstance(o, ListType) for o in accepted):
            found.append(seq(Use("term"), Repeat(seq(" + ", Use("term")), 1, 12)))
        return found

    def literals(self, wanted: Type) -> list[Form]:
        if wanted == ANY:
            return [
                *(Use(name) for name in ("STRING", "INT", "FLOAT")),
                *map(seq, ("true", "false", "null")),
                seq("[", listed(Use("expr"), self.bounds.items, least=0), "]"),
                seq("{", listed(seq(Use("STRING"), ": ", Use("expr")), self.bounds.items, least=0), "}"),
            ]
        found: list[Form] = []
        for option in options(wanted):
            found += literals(option)
            if option in (BOOL, NULL):
                found += map(seq, ("true", "false") if option == BOOL else ("null",))
            if isinstance(option, ListType):
                found.append(seq("[", listed(self.expression(option.element), self.bounds.items, least=0), "]"))
                found.append(self.map(option.element))
            if isinstance(option, RecordType):
                found.append(seq("{", self.entries(option), "}"))
        return found

    def entries(self, wanted: RecordType) -> Form:
        """The fields of a record literal in their declared order, then those that the type allows unnamed."""
        rest = None if wanted.rest is None else seq(Use("STRING"), ": ", self.expression(wanted.rest))
        fields = [(quote(field.name), self.expression(field.type), field.required) for field in wanted.fields]
        more = None if rest is None else listed(rest, self.bounds.items)
        return entries(self.rules, f"r{len(self.rules)}", fields, more)

    def map(self, element: Type) -> Form:
        kept = optional(seq(" if ", Use("or_")))
        return seq(
            "[",
            self.expression(element) if element != ANY else Use("expr"),
            " for ",
            Use("NAME"),
            " in ",
            Use("or_"),
            kept,
            "]",
        )

    def callable(self, wanted: Type) -> list[Form]:
        """The calls whose results may fit `wanted`."""
        found = [
            self.call(s.name, s.parameters, s.variadic)
            for s in self.tools
            if _fits(ANY if s.typed_by is not None else s.returns, wanted)
        ]
        for name, builtin in self.builtins.items():
            if _fits(builtin.result([ANY] * len(builtin.parameters)), wanted):
                found.append(self.builtin(name, builtin))
        return [form for form in found if form is not None]

    def call(self, name: str, parameters: Sequence[Parameter], variadic: str | None = None) -> Form | None:
        rule = f"call{len(self.calls)}"
        if name not in self.calls:
            self.calls[name] = Use(rule)
            gathering = [p.type.element for p in parameters if p.name == variadic and isinstance(p.type, ListType)]
            inner = arguments(
                self.rules,
                rule,
                parameters,
                lambda p: self.expression(p.type),
                any_order=self.any_order,
                variadic=variadic,
                further=self.expression(gathering[0]) if gathering else None,
            )
            assert inner is not None, "every type has an expression: a reference"
            self.rules[rule] = seq(f"{callee(name)}(", inner, ")")
        return self.calls[name]

    def builtin(self, name: str, builtin: BuiltinFunction) -> Form | None:
        needed = len(builtin.parameters) - builtin.optional
        parameters = [Parameter(p, t, i < needed) for i, (p, t) in enumerate(builtin.parameters)]
        made = name in self.calls
        form = self.call(name, parameters)
        if builtin.variadic is not None and not made and isinstance(form, Use):
            several = Repeat(seq(", ", self.expression(builtin.variadic)), 1, self.bounds.items)
            self.rules[form.name] = either(
                self.rules[form.name], seq(f"{name}(", self.expression(builtin.variadic), several, ")")
            )
        return form


def _fits(result: Type, wanted: Type) -> bool:
    if wanted == ANY:
        return True
    return may_fit(without_null(result), wanted) and (nullable(wanted) or NULL not in options(result))


def _signs(signs: Iterable[str]) -> Form:
    return either(*(f" {sign} " for sign in signs))


def _operated(part: str, signs: Iterable[str]) -> Form:
    return seq(Use(part), Repeat(seq(_signs(signs), Use(part)), 0, 12))
