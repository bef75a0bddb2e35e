"""Grammars as values: what every decoder's notation can say, and nothing else.

The derived grammars are built from these forms; `frontend/notation.py` writes them for one decoder or another.
A rule whose name is in capital letters is a terminal: it consists of texts and characters only, and is one word for
decoders that split a text into words first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import msgspec


class Text(msgspec.Struct, frozen=True):
    """Exactly this text."""

    text: str


class Chars(msgspec.Struct, frozen=True):
    """One character in one of some ranges (both ends included), or, if `negated`, in none of them."""

    ranges: tuple[tuple[str, str], ...]
    negated: bool = False


class Use(msgspec.Struct, frozen=True):
    """What the rule of this name stands for."""

    name: str


class Sequence(msgspec.Struct, frozen=True):
    """One form after the other."""

    items: tuple[Form, ...]


class Choice(msgspec.Struct, frozen=True):
    """One of some forms."""

    items: tuple[Form, ...]


class Repeat(msgspec.Struct, frozen=True):
    """A form `least` to `most` times; None is no bound."""

    item: Form
    least: int
    most: int | None


class WordsOf(msgspec.Struct, frozen=True):
    """Consecutive words of a text, escaped as within a string. Only llguidance has a notation for that."""

    text: str


Form: TypeAlias = Text | Chars | Use | Sequence | Choice | Repeat | WordsOf

#: A grammar: forms by name. The text is what `start` stands for.
Rules: TypeAlias = dict[str, Form]


def seq(*items: Form | str) -> Form:
    """`items` one after the other; a string is a text. Neighbouring texts become one.

    >>> seq("a", "b")
    Text(text='ab')
    """
    flat: list[Form] = []
    for item in items:
        form = Text(item) if isinstance(item, str) else item
        for part in form.items if isinstance(form, Sequence) else (form,):
            if part == Text(""):
                continue
            if isinstance(part, Text) and flat and isinstance(flat[-1], Text):
                flat[-1] = Text(flat[-1].text + part.text)
            else:
                flat.append(part)
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat))


def either(*items: Form | str) -> Form:
    """One of `items`, each once.

    Raises:
        ValueError: there is none.
    """
    forms = [Text(item) if isinstance(item, str) else item for item in items]
    flat = dict.fromkeys(part for form in forms for part in (form.items if isinstance(form, Choice) else (form,)))
    if not flat:
        raise ValueError("a choice between nothing")
    return next(iter(flat)) if len(flat) == 1 else Choice(tuple(flat))


def optional(item: Form | str) -> Form:
    """`item` or nothing."""
    return Repeat(seq(item), 0, 1)


def chars(*ranges: str, negated: bool = False) -> Chars:
    """One character of some ranges: each string is one character, or the first and the last of a range."""
    return Chars(tuple((r[0], r[-1]) for r in ranges), negated)


def listed(item: Form, most: int, *, separator: str = ", ", least: int = 1) -> Form:
    """`least` to `most` items with a separator between; `least` is 0 or 1."""
    some = seq(item, Repeat(seq(separator, item), 0, most - 1)) if most > 1 else item
    return some if least else optional(some)


def is_terminal(name: str) -> bool:
    """Whether the rule of this name is a terminal."""
    return name.isupper()


def parts(form: Form) -> Iterator[Form]:
    """`form` and all forms in it."""
    yield form
    inner: Iterable[Form] = ()
    if isinstance(form, Sequence | Choice):
        inner = form.items
    if isinstance(form, Repeat):
        inner = (form.item,)
    for item in inner:
        yield from parts(item)


def reachable(rules: Rules) -> Rules:
    """The rules that `start` needs, in the order in which they are met.

    Raises:
        KeyError: a rule is used that is not there.
    """
    found: dict[str, None] = {"start": None}
    todo = ["start"]
    while todo:
        for part in parts(rules[todo.pop()]):
            if isinstance(part, Use) and part.name not in found:
                found[part.name] = None
                todo.append(part.name)
    return {name: rules[name] for name in found}
