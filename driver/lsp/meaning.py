"""What the pieces of a line stand for: the types of paths, and the type that a place wants."""

from __future__ import annotations

from llmcc.driver.lsp.analysis import Analysis
from llmcc.driver.lsp.cursor import at, call_around, callee_before, ends_value, is_op, open_brackets, opener_of
from llmcc.frontend.tokens import OPENERS, Piece
from llmcc.ir.builtins import BUILTINS, element
from llmcc.ir.types import ANY, EnumType, ListType, RecordType, Type, options, union, without_null


def reference_name(piece: Piece) -> str:
    """The name in `x`, `$x` or `${x}`."""
    return piece.text.removeprefix("$").strip("{}")


def field_names(kind: Type) -> list[str]:
    """The fields that values of a type are known to have."""
    records = [option for option in options(kind) if isinstance(option, RecordType)]
    return list(dict.fromkeys(field.name for record in records for field in record.fields))


def choices(kind: Type) -> tuple[str, ...]:
    """The texts that a type names."""
    return tuple(value for option in options(kind) if isinstance(option, EnumType) for value in option.values)


def field_type(kind: Type, name: str) -> Type:
    """The type of a field; `any` where nothing is known."""
    found = [option.field(name) for option in options(kind) if isinstance(option, RecordType)]
    known = [field.type for field in found if field is not None]
    return union(*known) if known else ANY


class Line:
    """A line's pieces among the values that it can use."""

    def __init__(self, analysis: Analysis, number: int, pieces: list[Piece]) -> None:
        self.analysis = analysis
        self.pieces = pieces
        self.types: dict[str, Type] = {binding.name: binding.type for binding in analysis.visible(number)}
        #: The variables of comprehensions on this line; each may be used left of its `for`.
        self.variables: dict[str, Type] = {}
        for index, piece in enumerate(pieces):
            name, within = at(pieces, index + 1), at(pieces, index + 2)
            if piece.text == "for" and name is not None and within is not None and within.text == "in":
                self.variables[name.text] = element(without_null(self._source(index + 3)))

    def _source(self, start: int) -> Type:
        depth, end = 0, start
        while end < len(self.pieces):
            piece = self.pieces[end]
            depth += is_op(piece, *OPENERS) - is_op(piece, *OPENERS.values())
            if depth < 0 or (depth == 0 and piece.text == "if"):
                break
            end += 1
        return self.type_before(end, start)

    def type_of_name(self, name: str) -> Type | None:
        """The type of a value or variable; None if there is none of that name."""
        return self.variables.get(name, self.types.get(name))

    def type_before(self, end: int, start: int = 0) -> Type:
        """The type of the path that ends before the piece `end` and begins at `start` or later; `any` if unknown."""
        last = at(self.pieces, end - 1)
        if last is None or end <= start:
            return ANY
        if last.kind == "name" and is_op(at(self.pieces, end - 2), "."):
            return field_type(without_null(self.type_before(end - 2, start)), last.text)
        if last.kind in ("name", "reference"):
            return self.type_of_name(reference_name(last)) or ANY
        opener = opener_of(self.pieces, end - 1) if is_op(last, ")", "]") else None
        if opener is None:
            return ANY
        return self._item(opener, end - 1, start) if last.text == "]" else self._result(opener)

    def _item(self, opener: int, close: int, start: int) -> Type:
        if not ends_value(at(self.pieces, opener - 1)):
            return ANY
        base = without_null(self.type_before(opener, start))
        index = self.pieces[opener + 1 : close]
        if any(is_op(piece, ":") for piece in index):
            return base
        if len(index) == 1 and index[0].kind == "string":
            return field_type(base, plain_text(index[0].text))
        return element(base)

    def _result(self, opener: int) -> Type:
        found = callee_before(self.pieces, opener)
        if found is None:
            return ANY
        signature = self.analysis.signatures.get(found[0])
        if signature is not None:
            return signature.returns
        builtin = BUILTINS.get(found[0])
        # The arguments of most built-ins have no paths to look at: what does not depend on them is known all the same.
        return ANY if builtin is None else builtin.result([ANY] * len(builtin.parameters))

    def wanted(self, before: int) -> Type:
        """The type that belongs at the place before the piece `before`; `any` if anything does."""
        previous = at(self.pieces, before - 1)
        if is_op(previous, "==", "!="):
            return self.type_before(before - 1)
        if not is_op(previous, "(", ",", "=", "[", ":"):
            return ANY
        site = call_around(self.pieces, before)
        if site is None:
            return ANY
        kind = self._parameter(site.callee, site.index, site.keyword)
        for opener in open_brackets(self.pieces[:before]):
            if opener > site.opener:
                kind = self._within(opener, before, without_null(kind))
        return kind

    def _parameter(self, callee: str, index: int, keyword: str | None) -> Type:
        signature = self.analysis.signatures.get(callee)
        if signature is None:
            return ANY
        if keyword is None:
            return signature.parameters[index].type if index < len(signature.parameters) else ANY
        found = signature.parameter(keyword)
        return ANY if found is None else found.type

    def _within(self, opener: int, before: int, kind: Type) -> Type:
        """The type that belongs into a bracket from which a value of type `kind` is to come."""
        sign = self.pieces[opener].text
        if sign == "(":
            return kind
        if sign == "[":
            lists = [option.element for option in options(kind) if isinstance(option, ListType)]
            return union(*lists) if lists and not ends_value(at(self.pieces, opener - 1)) else ANY
        key = at(self.pieces, before - 2)
        known = key is not None and key.kind == "string" and is_op(at(self.pieces, before - 1), ":")
        return field_type(kind, plain_text(key.text)) if key is not None and known else ANY


def plain_text(literal: str) -> str:
    """The text of a string literal; empty if it has escapes, which no field's name needs."""
    return "" if "\\" in literal else literal[1:-1]
