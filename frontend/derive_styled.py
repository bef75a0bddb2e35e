"""The grammar of valid next lines in the style of trained planners: more of the language than `derive.py` has, typed.

One call a line, with clauses; maps of calls; and behind `return`, in conditions and in arguments what is computed from
values: arithmetic, comparisons, choices, texts with values in them, lists that are filtered, sorted and counted. Each
alternative is there only if there are values of types that fit, so each line compiles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

from llmcc.frontend.derive import EACH, MAX_ITEMS, MAX_REFERENCES
from llmcc.frontend.derive_lists import MAX_CHAIN, ListWriter, gone_through
from llmcc.frontend.forms import Form, Repeat, Use, either, listed, optional, seq
from llmcc.ir.builtins import NUMBER
from llmcc.ir.escape import quote
from llmcc.ir.signature import Signature
from llmcc.ir.types import BOOL, FLOAT, INT, STR, EnumType, ListType, Type, certain

_SIGNS = (" > ", " < ", " >= ", " <= ", " == ", " != ")


class StyledWriter(ListWriter):
    """Makes the rules of a line."""

    # -- lines ---------------------------------------------------------------------------------------------------------

    def line(self, signature: Signature) -> Form | None:
        """A call with its clauses."""
        call = self.call(signature)
        if call is None:
            return None
        after = listed(either(*self.values), 4) if self.values else None
        clauses = [(" when ", self.bool()), (" after ", after), (" catch ", either(self.text(), Use("NUMBER"), "null"))]
        return seq(call, *[optional(seq(word, form)) for word, form in clauses if form is not None])

    def maps(self, signatures: Mapping[str, Signature]) -> list[Form]:
        """A call for each item of a list, or the items of which a call says something."""
        found: list[Form] = []
        for element, inner in self.items.items():
            sources = [form for form, t in self.typed_lists if t == ListType(element)]
            found += self.mapped(signatures, inner, sources)
        for name, t, item in (("texts", STR, self.text()), ("numbers", INT, Use("INTEGER"))):
            found += self.mapped(signatures, self.within(t, name), [seq("[", listed(item, MAX_ITEMS), "]")])
        return found

    def mapped(self, signatures: Mapping[str, Signature], inner: ListWriter, sources: list[Form]) -> list[Form]:
        calls = [(call, s.returns) for s in signatures.values() if (call := inner.call(s)) is not None]
        if not calls:
            return []
        source = either(*sources)
        test = inner.bool()
        kept = seq("") if test is None else optional(seq(" if ", test))
        found = [gone_through(inner.rule("call", lambda: [call for call, _ in calls]), source, kept)]
        tests = [test for call, t in calls if (test := inner.said_by(call, t)) is not None]
        if tests:
            found.append(gone_through(inner.rule("item", lambda: [EACH]), source, seq(" if ", either(*tests))))
        return found

    def said_by(self, call: Form, t: Type) -> Form | None:
        """A condition on what a call gives."""
        if t == BOOL:
            return seq(optional("not "), call)
        if certain(t, NUMBER):
            return seq(call, either(*_SIGNS), self.number())
        return seq(call, either(" == ", " != "), self.text()) if t == STR else None

    def assigned(self) -> list[Form]:
        """What a value may be beside a call."""
        return [self.anything()] if self.values else []

    def result(self) -> Form:
        """What a plan may return: any value, and what is computed from values."""
        return self.rule("result", lambda: [self.anything(), seq("[", listed(self.anything(), 8), "]")])

    def anything(self) -> Form:
        made = (self.number(), self.bool(), self.words(), self.choice(self.number_atom()), *self.made_lists())
        best = [one for one, _ in self.best_items()]
        paths = [seq(path) for path, _ in self.paths[:MAX_REFERENCES]]
        return self.rule("anything", lambda: [*paths, *best, *(form for form in made if form is not None)])

    # -- what a type may be --------------------------------------------------------------------------------------------

    def alternatives(self, wanted: Type) -> list[Form]:
        if wanted == INT:
            return [self.whole()]
        if wanted in (FLOAT, NUMBER):
            return [self.number()]
        if wanted == STR:
            return [self.words()]
        found = super().alternatives(wanted)
        if wanted == BOOL and (test := self.bool()) is not None:
            found.append(test)
        if isinstance(wanted, ListType):
            found += [form for form, t in self.typed_lists if certain(t, wanted)]
        return found

    def number(self) -> Form:
        """Numbers, by operators of which the tighter ones need no parentheses."""
        atom = self.number_atom()
        return self.rule("number", lambda: [seq(atom, Repeat(seq(_either(" + - * /"), atom), 0, MAX_CHAIN))])

    def number_atom(self) -> Form:
        return self.rule("number_atom", self._number_atoms)

    def _number_atoms(self) -> Iterable[Form]:
        yield from self.references(NUMBER)
        yield Use("NUMBER")
        yield seq("(", Use(f"{self.prefix}number"), ")")
        yield seq("round(", Use(f"{self.prefix}number"), optional(seq(", ", Use("INTEGER"))), ")")
        yield from self.best(NUMBER)
        numbers = [form for form, t in self.typed_lists if certain(t, ListType(NUMBER))]
        if numbers:
            yield seq(either("sum(", "max(", "min("), either(*numbers), ")")
        if len(self.references(NUMBER)) > 1:
            one = either(*self.references(NUMBER))
            yield seq(either("max(", "min("), one, Repeat(seq(", ", one), 1, MAX_CHAIN), ")")
        counted = [form for form, _ in self.typed_lists]
        if counted:
            yield seq("len(", either(*counted), ")")

    def whole(self) -> Form:
        """Whole numbers."""
        counted = [seq("len(", form, ")") for form, _ in self.typed_lists]
        atom = self.rule("whole_atom", lambda: [*self.references(INT), Use("INTEGER"), *self.best(INT), *counted])
        return self.rule("whole", lambda: [seq(atom, Repeat(seq(_either(" + - *"), atom), 0, 3))])

    def words(self) -> Form:
        """Texts."""
        made = (self.word(), self.choice(self.word()), self.formatted())
        return self.rule("words", lambda: [form for form in made if form is not None])

    def word(self) -> Form:
        return self.rule("word", lambda: [*self.references(STR), self.text(), *self.best(STR)])

    def formatted(self) -> Form | None:
        plain = [path for path, t in self.paths if t in (BOOL, INT, FLOAT, STR) or isinstance(t, EnumType)]
        if not plain or self.inside:
            return None
        hole = self.rule("hole", lambda: ["{" + path + "}" for path in plain[:MAX_REFERENCES]])
        return seq('f"', optional(Use("PIECE")), Repeat(seq(hole, optional(Use("PIECE"))), 1, 6), '"')

    def choice(self, one: Form) -> Form | None:
        """One of several by conditions."""
        test = self.bool()
        return None if test is None else seq(one, Repeat(seq(" if ", test, " else ", one), 1, 3))

    def bool(self) -> Form | None:
        """Conditions; None if nothing can be asked about."""
        if not self.tests:
            return None
        test = self.rule("test", lambda: self.tests)
        return self.rule("bool", lambda: [seq(test, Repeat(seq(either(" and ", " or "), test), 0, 3))])

    @cached_property
    def tests(self) -> list[Form]:
        flags, texts, found = self.references(BOOL), self.references(STR), list[Form]()
        if flags:
            found += [
                seq(optional("not "), either(*flags)),
                seq(either(*flags), either(" == ", " != "), either(*flags)),
            ]
        if self.references(NUMBER) or self.lists:
            found.append(seq(self.number(), either(*_SIGNS), self.number()))
        if texts:
            found.append(seq(either(*texts), either(" == ", " != ", " < ", " > "), either(*texts, self.text())))
        for path, t in self.paths:
            if isinstance(t, EnumType):
                found.append(seq(path, either(" == ", " != "), either(*map(quote, t.values))))
        lists = [form for form, t in self.typed_lists if certain(t, ListType(STR))]
        lists += self.references(ListType(STR)) if self.inside else []
        if lists:
            found.append(seq(either(*texts, self.text()), either(" in ", " not in "), either(*lists)))
        return found


def _either(signs: str) -> Form:
    return either(*(f" {sign} " for sign in signs.split()))
