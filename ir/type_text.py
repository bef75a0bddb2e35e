"""Reads a type as the language writes it: `list[{name: str, height?: float}]`. Plans name types by such texts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from llmcc.ir.types import NEVER, PRIMS, EnumType, Field, ListType, RecordType, Type, union

_TOKEN = re.compile(r'\s*(?:([A-Za-z_][A-Za-z0-9_]*)|("(?:[^"\\]|\\.)*")|(\.\.\.|[\[\]{}|:,?]))', re.DOTALL)
#: How deep types may be nested in each other, and how long their texts may be.
MAX_DEPTH, MAX_LENGTH = 32, 4000
_PRIMS: dict[str, Type] = {str(name): prim for name, prim in PRIMS.items()}


def read_type(text: str) -> Type:
    """The type that `text` shows, in the form that `union` makes.

    >>> read_type("list[{name: str, height?: float}] | null") == union(read_type("null"), read_type(
    ...     "list[{name: str, height?: float}]"))
    True

    Raises:
        ValueError: `text` shows none; the error says what is wrong.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a type is no longer than {MAX_LENGTH} characters")
    reader = _Reader(list(_tokens(text)))
    found = reader.type(0)
    if reader.next != "":
        raise ValueError(f"the type is over before `{reader.next}`")
    return found


def _tokens(text: str) -> Iterator[str]:
    place, end = 0, len(text.rstrip())
    while place < end:
        found = _TOKEN.match(text, place, end)
        if found is None:
            raise ValueError(f"`{text[place:end].lstrip()[:1]}` cannot stand in a type")
        place = found.end()
        yield found[0].strip()


class _Reader:
    """Reads by recursive descent; the empty token is the end."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens[::-1]

    @property
    def next(self) -> str:
        return self._tokens[-1] if self._tokens else ""

    def took(self, token: str) -> bool:
        """Takes the next token if it is this one."""
        if self.next != token:
            return False
        self._tokens.pop()
        return True

    def need(self, token: str) -> None:
        if not self.took(token):
            raise ValueError(f"expected `{token}`, not {self._shown()}")

    def type(self, depth: int) -> Type:
        if depth > MAX_DEPTH:
            raise ValueError(f"the type is nested more than {MAX_DEPTH} deep")
        options = [self.option(depth)]
        while self.took("|"):
            options.append(self.option(depth))
        return union(*options)

    def option(self, depth: int) -> Type:
        if self.took("{"):
            return self.record(depth)
        if self.next[:1] == '"':
            return EnumType((self.string(),))
        if self.took("never"):
            return NEVER
        if self.took("list"):
            self.need("[")
            element = self.type(depth + 1)
            self.need("]")
            return ListType(element)
        prim = _PRIMS.get(self.next)
        if prim is None:
            raise ValueError(f"{self._shown()} is no type: there are {', '.join(_PRIMS)}, list[...] and {{...}}")
        self._tokens.pop()
        return prim

    def record(self, depth: int) -> Type:
        fields: list[Field] = []
        while not self.took("}"):
            if fields:
                self.need(",")
            if self.took("..."):
                self.need(":")
                rest = self.type(depth + 1)
                self.need("}")
                return RecordType(tuple(fields), rest)
            fields.append(self.field(depth))
            if any(one.name == fields[-1].name for one in fields[:-1]):
                raise ValueError(f"the field `{fields[-1].name}` stands there twice")
        return RecordType(tuple(fields))

    def field(self, depth: int) -> Field:
        if self.next[:1] == '"':
            name = self.string()
        elif self.next.isidentifier():
            name = self._tokens.pop()
        else:
            raise ValueError(f"expected a field's name, not {self._shown()}")
        optional = self.took("?")
        self.need(":")
        return Field(name, self.type(depth + 1), not optional)

    def string(self) -> str:
        token = self._tokens.pop()
        try:
            return str(json.loads(token))
        except ValueError:
            raise ValueError(f"{token} is no text") from None

    def _shown(self) -> str:
        return f"`{self.next}`" if self.next else "the end"
