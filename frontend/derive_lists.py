"""Lists in the grammar of a line: which there are, and how they are gone through, filtered, sorted and chosen from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Self

from llmcc.frontend.derive import EACH, MAX_REFERENCES, Writer
from llmcc.frontend.forms import Form, Rules, Use, either, listed, optional, seq
from llmcc.ir.builtins import NUMBER
from llmcc.ir.types import BOOL, STR, ListType, RecordType, Type, certain

#: For how many types of items lists are gone through, and how long chains of operators are.
MAX_LISTS, MAX_CHAIN = 6, 7


class ListWriter(Writer):
    """Makes the rules for lists; those of a comprehension's items are another one's, in which `each` exists."""

    def __init__(
        self, rules: Rules, values: Mapping[str, Type], *, copied: bool, prefix: str = "", inside: bool = False
    ) -> None:
        super().__init__(rules, values, copied=copied, wide=False, prefix=prefix)
        self.inside = inside
        self.paths += [(f"{path}[{i}]{rest}", t) for path, rest, t in _further(self.paths) for i in (1, -1)]
        self.lists: dict[Type, list[str]] = {}
        for path, t in () if inside else self.paths:
            if isinstance(t, ListType) and (t.element in self.lists or len(self.lists) < MAX_LISTS):
                self.lists.setdefault(t.element, []).append(path)
        self.items = {element: self.within(element, f"i{i}_") for i, element in enumerate(self.lists)}

    def within(self, element: Type, prefix: str) -> Self:
        """The writer for what is made of each item."""
        # `each` comes first, so that it is among the references however many there are.
        values = {EACH: element, **self.values}
        return type(self)(self.rules, values, copied=self.copied, prefix=f"{self.prefix}{prefix}", inside=True)

    def bool(self) -> Form | None:
        """Conditions; None if nothing can be asked about."""
        raise NotImplementedError

    def number(self) -> Form:
        """Numbers."""
        raise NotImplementedError

    def said_by(self, call: Form, t: Type) -> Form | None:
        """A condition on what a call gives, if there is one."""
        raise NotImplementedError

    def source(self, element: Type) -> Form:
        """Lists with items of a type, as they are or sorted."""
        paths = either(*self.lists[element][:MAX_REFERENCES])
        fields = _orderable(element)
        if not fields and not certain(element, STR) and not certain(element, NUMBER):
            return paths
        some = optional(seq("[:", Use("INTEGER"), "]"))
        by = seq(', by="', either(*fields), '"') if fields else seq("")
        return either(paths, seq("sorted(", paths, by, optional(", descending=true"), ")", some))

    @cached_property
    def typed_lists(self) -> list[tuple[Form, Type]]:
        """Every way to write a list, with its type."""
        found: list[tuple[Form, Type]] = []
        for i, (element, inner) in enumerate(self.items.items()):
            source = self.rule(f"source{i}", lambda element=element: [self.source(element)])  # type: ignore[misc]
            test = inner.bool()
            kept = seq("") if test is None else optional(seq(" if ", test))
            found.append((source, ListType(element)))
            if test is not None:
                found.append(
                    (gone_through(inner.rule("item", lambda: [EACH]), source, seq(" if ", test)), ListType(element))
                )
            for t, item in ((NUMBER, inner.number()), (STR, _own(inner, STR)), (BOOL, _own(inner, BOOL))):
                if item is not None and _own(inner, t) is not None:
                    found.append((gone_through(item, source, kept), ListType(t)))
        return found

    def made_lists(self) -> list[Form]:
        lists = [form for form, _ in self.typed_lists]
        if not lists:
            return []
        some = self.rule("list", lambda: lists)
        paths = [seq(f"{path}[:", Use("INTEGER"), "]") for found in self.lists.values() for path in found]
        return [some, seq(some, " + ", some), *paths]

    def best(self, wanted: Type) -> Iterable[Form]:
        """A field of the item that has the most or the least of something."""
        for one, element in self.best_items():
            if asked := _fields(element, wanted):
                # With its dot: decoders read the longest word there is, and take `.n` for the start of a `.number`.
                yield seq(one, either(*(f".{name}" for name in asked)))

    def best_items(self) -> Iterable[tuple[Form, Type]]:
        """The items themselves: of a list, or of records one by one."""
        sources = {element: [seq(path) for path in paths] for element, paths in self.lists.items()}
        for t in dict.fromkeys(t for _, t in self.paths if isinstance(t, RecordType)):
            same = [path for path, other in self.paths if other == t]
            if len(same) > 1:
                sources.setdefault(t, []).append(seq("[", listed(either(*same), MAX_CHAIN), "]"))
        for i, (element, found) in enumerate(sources.items()):
            if fields := _orderable(element):
                most = seq(either("max(", "min("), either(*found), ', by="', either(*fields), '")')
                yield self.rule(f"best{i}", lambda most=most: [most]), element  # type: ignore[misc]

    def rule(self, name: str, forms: Callable[[], Iterable[Form | str]]) -> Form:
        """The rule of this name, made when it is first asked for."""
        full = f"{self.prefix}{name}"
        if full not in self.rules:
            self.rules[full] = seq("")  # so that rules that need each other find an end
            self.rules[full] = either(*forms())
        return Use(full)


def gone_through(item: Form, source: Form, kept: Form) -> Form:
    """A list made of the items of another."""
    # No item is a plain text: it would become one word with the bracket, and decoders do not go back within words.
    return seq("[", item, f" for {EACH} in ", source, kept, "]")


def _own(inner: ListWriter, wanted: Type) -> Form | None:
    """What of an item has a type."""
    found = [path for path, t in inner.paths if path.split(".")[0].split("[")[0] == EACH and certain(t, wanted)]
    return inner.rule("own_number" if wanted == NUMBER else f"own_{wanted}", lambda: found) if found else None


def _further(paths: Iterable[tuple[str, Type]]) -> list[tuple[str, str, Type]]:
    """What lies in lists by their first item, in two parts between which its index stands."""
    return [(*path.rsplit("[0]", 1), t) for path, t in paths if path.count("[0]") == 1]  # type: ignore[misc]


def _orderable(element: Type) -> list[str]:
    return [*_fields(element, NUMBER), *_fields(element, STR)]


def _fields(element: Type, wanted: Type) -> list[str]:
    fields = element.fields if isinstance(element, RecordType) else ()
    return [f.name for f in fields if f.required and f.name.isidentifier() and certain(f.type, wanted)]
