"""The laws by which expressions are equal: one rule for each kind of node, on parts that are in normal form already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llmcc.ir import expr as e
from llmcc.ir.builtins import BUILTINS
from llmcc.ir.types import ANY, BOOL, INT, STR, Field, ListType, RecordType, Type, certain
from llmcc.ir.values import mismatch, to_text
from llmcc.optimizer.validation.conditions import Conditions
from llmcc.optimizer.validation.table import shallow
from llmcc.optimizer.validation.terms import Facts

_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "not in"})


#: A text of more parts than this stays one part of a text around it.
_TEXTS = 512


class Laws(Conditions):
    """Makes the term of a node from those of its direct parts (in the order of `expr.children`)."""

    def make(self, expr: e.Expr, parts: list[int], seen: tuple[int, ...] = (), facts: Facts = frozenset()) -> int:
        """The term of any node but references, constants and comprehensions.

        It is evaluated where the outcomes that were `seen`, and those that are `ok` by the facts, are no failures.
        """
        t = self.t
        if parts and t.known(parts) and not isinstance(expr, e.Cond):
            found = t.computed(expr, parts)
            if found is not None:
                return found
        self.seen, self.facts = seen, facts
        made = _RULES[type(expr)](self, expr, parts)
        self.seen, self.facts = (), frozenset()
        return made

    def nonempty(self, source: int) -> int:
        """The condition that a list has an element."""
        length = self.make(_LEN, [source])
        return self.make(_POSITIVE, [length, self.t.const(0)])

    def _list(self, expr: e.ListOf, parts: list[int]) -> int:
        if not parts:
            return self.t.const([])
        kinds = {self.t.types[one] for one in parts}
        type_ = ListType(shallow(kinds.pop()) if len(kinds) == 1 else ANY)
        return self.t.node(("list", *parts), type_, total=self.sure(*parts))

    def _dict(self, expr: e.DictOf, parts: list[int]) -> int:
        names = tuple(key for key, _ in expr.entries)
        if not parts:
            return self.t.const({})
        fields = tuple(Field(name, shallow(self.t.types[one], 1)) for name, one in zip(names, parts, strict=True))
        return self.t.node(("dict", names, *parts), RecordType(fields), total=self.sure(*parts))

    def _index(self, expr: e.Index, parts: list[int]) -> int:
        base, index = parts
        key, wanted = self.t.keys[base], self.t.values.get(index)
        if key[0] == "list" and type(wanted) is int and -len(key) < wanted < len(key) - 1:
            items = key[1:]
            if -len(items) <= wanted < len(items) and self._rest_sure(items, items[wanted]):
                return int(items[wanted])
        if key[0] == "dict" and wanted in key[1] and isinstance(wanted, str):
            chosen = key[2:][key[1].index(wanted)]
            if self._rest_sure(key[2:], chosen):
                return int(chosen)
        return self.t.node(("index", base, index), _item(self.t.types[base], wanted), total=False)

    def _rest_sure(self, parts: tuple[int, ...], chosen: int) -> bool:
        """Whether all parts but one (wherever it stands) have values."""
        return self.exist(*(one for one in parts if one != chosen))

    def _slice(self, expr: e.Slice, parts: list[int]) -> int:
        base, *bounds = parts
        rest = iter(bounds)
        start = None if expr.start is None else next(rest)
        stop = None if expr.stop is None else next(rest)
        key = self.t.keys[base]
        limits: list[Any] = [None if one is None else self.t.values.get(one, "") for one in (start, stop)]
        if key[0] == "list" and all(one is None or type(one) is int for one in limits) and self.exist(base):
            kept = list(key[1:][limits[0] : limits[1]])
            return self.make(e.ListOf((e.NOTHING,) * len(kept)), kept)
        type_ = self.t.types[base]
        return self.t.node(("slice", base, start, stop), type_ if isinstance(type_, ListType) else ANY, total=False)

    def _unary(self, expr: e.Unary, parts: list[int]) -> int:
        (term,) = parts
        if expr.op == "-":
            return self.t.node(("unary", "-", term), total=False)
        return self.negated(self.condition(term))

    def _binary(self, expr: e.Binary, parts: list[int]) -> int:
        left, right = parts
        if expr.op in ("and", "or"):
            return self.logic(expr.op, self.condition(left), self.condition(right))
        if expr.op in ("==", "!=") and left == right and self.exist(left):
            return self.t.true if expr.op == "==" else self.t.false
        total = expr.op in ("==", "!=") and self.sure(left, right)
        return self.t.node(("binary", expr.op, left, right), BOOL if expr.op in _COMPARISONS else ANY, total=total)

    def _cond(self, expr: e.Cond, parts: list[int]) -> int:
        return self.chosen(self.condition(parts[0]), parts[1], parts[2])

    def _format(self, expr: e.Format, parts: list[int]) -> int:
        flat: list[int] = []
        for one in map(self._spoken, parts):
            key = self.t.keys[one]
            flat += key[1:] if key[0] == "format" and len(key) <= _TEXTS else [one]
        joined: list[int | str] = []
        for one in flat:
            if one not in self.t.values:
                joined.append(one)
                continue
            text = to_text(self.t.values[one])
            before = joined[-1] if joined else None
            if isinstance(before, str):
                joined[-1] = before + text
            else:
                joined.append(text)
        made = [self.t.const(one) if isinstance(one, str) else one for one in joined if one != ""]
        if not made:
            return self.t.const("")
        if len(made) == 1 and self.t.types[made[0]] == STR:
            return made[0]
        return self.t.node(("format", *made), STR, total=False)

    def _spoken(self, part: int) -> int:
        """A part of a text without `str`, which a text does to its parts anyway."""
        while self.t.keys[part][:2] == ("builtin", "str") and len(self.t.keys[part]) == 3:
            part = self.t.keys[part][2]
        return part

    def _builtin(self, expr: e.Builtin, parts: list[int]) -> int:
        if expr.name == "len" and len(parts) == 1:
            key = self.t.keys[parts[0]]
            if key[0] in ("list", "dict") and self.exist(*parts):
                return self.t.const(len(key) - (1 if key[0] == "list" else 2))
        if expr.name == "str" and len(parts) == 1 and self.t.types[parts[0]] == STR:
            return parts[0]
        if expr.name in ("first", "last") and len(parts) == 1 and self.t.kind(parts[0]) == "list":
            items = self.t.keys[parts[0]][1:]
            chosen = items[0 if expr.name == "first" else -1]
            if self._rest_sure(items, chosen):
                return int(chosen)
        function = BUILTINS[expr.name]
        fits = function.accepts_count(len(parts))
        type_ = function.result([self.t.types[one] for one in parts]) if fits else ANY
        # Numbers and items are looser than that: an int may stand where the type says float.
        type_ = type_ if type_ in (STR, BOOL, INT) else ANY
        return self.t.node(("builtin", expr.name, *parts), type_, total=False)

    def _check(self, expr: e.Check, parts: list[int]) -> int:
        (term,) = parts
        return self.checked(term, expr.type)

    def checked(self, term: int, type_: Type) -> int:
        """`term`, provided that it has this type."""
        if term in self.t.values and mismatch(self.t.values[term], type_) is None:
            return term
        if term not in self.t.values and certain(self.t.types[term], type_):
            return term
        if self.t.keys[term][:2] == ("check", type_):
            return term
        return self.t.node(("check", type_, term), type_, total=False)


def _item(base: Type, index: Any) -> Type:
    """The type of an item or field, as far as it is certain."""
    if isinstance(base, ListType) and type(index) is int:
        return base.element
    field = base.field(index) if isinstance(base, RecordType) and isinstance(index, str) else None
    return ANY if field is None else field.type


_LEN = e.Builtin("len", (e.Ref("0"),))
_POSITIVE = e.Binary(">", e.Ref("0"), e.Ref("1"))

_RULES: dict[type, Callable[[Laws, Any, list[int]], int]] = {
    e.ListOf: Laws._list,
    e.DictOf: Laws._dict,
    e.Index: Laws._index,
    e.Slice: Laws._slice,
    e.Unary: Laws._unary,
    e.Binary: Laws._binary,
    e.Cond: Laws._cond,
    e.Format: Laws._format,
    e.Builtin: Laws._builtin,
    e.Check: Laws._check,
}
