"""Writes a grammar in the notation of a decoder: Lark's, llguidance's, the part of Lark that OpenAI takes, or GBNF.

All four stand for the same texts. Special characters are written by their numbers, which all of them read alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Literal, TypeAlias, get_args

from llmcc.frontend.flatten import flattened
from llmcc.frontend.forms import (
    Chars,
    Choice,
    Form,
    Repeat,
    Rules,
    Sequence,
    Text,
    Use,
    WordsOf,
    is_terminal,
    reachable,
)
from llmcc.ir.errors import LlmccError
from llmcc.ir.escape import quote

Notation: TypeAlias = Literal["lark", "llguidance", "openai", "gbnf"]
NOTATIONS: tuple[Notation, ...] = get_args(Notation)

#: A larger grammar is refused before it is sent to a hosted model, in characters. The services say no figure.
MAX_HOSTED = 48_000


# A word, or what stands between two: blanks, or one sign. `_` binds words, as it does names.
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


class NotationError(LlmccError):
    """A grammar cannot be written for a decoder."""


def written(rules: Rules, notation: Notation) -> str:
    """The grammar as `notation` has it; its first rule is `start` (in GBNF `root`).

    Raises:
        NotationError: the notation cannot say it, or the decoder is known to refuse it.
    """
    needed = reachable(rules)
    if notation == "gbnf":
        needed = flattened(needed, terminals=True)
        _refuse_left_recursion(needed)
        return "".join(f"{_dashed(name)} ::= {_gbnf(form)}\n" for name, form in needed.items())
    needed = flattened(needed)
    text = "".join(
        f"{name}: {f'/{_regex(form)}/' if _is_regex(name, form) else _lark(form, notation)}\n"
        for name, form in needed.items()
    )
    if notation == "openai" and len(text) > MAX_HOSTED:
        raise NotationError(
            f"the grammar has {len(text):,} characters, and hosted models are sent at most {MAX_HOSTED:,}: "
            "give fewer tools, or take the arguments in declared order"
        )
    return text


def _is_regex(name: str, form: Form) -> bool:
    return is_terminal(name) and not isinstance(form, WordsOf)


def _lark(form: Form, notation: Notation, *, top: bool = True) -> str:
    def inner(item: Form) -> str:
        return _lark(item, notation, top=False)

    if isinstance(form, WordsOf):
        if notation != "llguidance":
            raise NotationError(f"{notation} has no notation for consecutive words of a text")
        words = [quote(word)[1:-1] for word in _WORD.findall(form.text)]
        return f"%regex {json.dumps({'substring_chunks': words})}"
    if isinstance(form, Use):
        return form.name
    if isinstance(form, Chars):
        return f"/{_class(form, _in_regex)}/"
    if isinstance(form, Text):
        return f'"{_escaped(form.text)}"'
    return _compound(form, inner, "\n  | " if top else " | ", top=top, times=_lark_times)


def _gbnf(form: Form, *, top: bool = True) -> str:
    def inner(item: Form) -> str:
        return _gbnf(item, top=False)

    if isinstance(form, WordsOf):
        raise NotationError("gbnf has no notation for consecutive words of a text")
    if isinstance(form, Use):
        return _dashed(form.name)
    if isinstance(form, Chars):
        return _class(form, _in_gbnf)
    if isinstance(form, Text):
        return f'"{_escaped(form.text)}"'
    # A line may end behind `|` only.
    return _compound(form, inner, " |\n  " if top else " | ", top=top, times=_braces)


def _regex(form: Form) -> str:
    if isinstance(form, Text):
        return "".join(map(_in_regex, form.text))
    if isinstance(form, Chars):
        return _class(form, _in_regex)
    if isinstance(form, Use | WordsOf):
        raise NotationError("a terminal uses no rule")
    if isinstance(form, Sequence):
        return "".join(f"({_regex(i)})" if isinstance(i, Choice) else _regex(i) for i in form.items)
    if isinstance(form, Choice):
        return "|".join(map(_regex, form.items))
    item = _regex(form.item)
    return (item if isinstance(form.item, Chars) else f"({item})") + _braces(form.least, form.most)


def _compound(
    form: Sequence | Choice | Repeat,
    inner: Callable[[Form], str],
    bar: str,
    *,
    top: bool,
    times: Callable[[int, int | None], str],
) -> str:
    if isinstance(form, Repeat):
        item = inner(form.item)
        return (item if item.startswith("(") or not isinstance(form.item, Repeat) else f"({item})") + times(
            form.least, form.most
        )
    if isinstance(form, Choice):
        text = bar.join(map(inner, form.items))
        return text if top else f"({text})"
    text = " ".join(map(inner, form.items))
    return text if top else f"({text})"


def _lark_times(least: int, most: int | None) -> str:
    sign = _sign(least, most)
    return f"~{least}..{most}" if sign is None else sign


def _braces(least: int, most: int | None) -> str:
    sign = _sign(least, most)
    return f"{{{least},{most}}}" if sign is None else sign


def _sign(least: int, most: int | None) -> str | None:
    return {(0, 1): "?", (0, None): "*", (1, None): "+"}.get((least, most))


def _class(form: Chars, char: Callable[[str], str]) -> str:
    ranges = "".join(char(a) + (f"-{char(b)}" if a != b else "") for a, b in form.ranges)
    return f"[{'^' if form.negated else ''}{ranges}]"


def _in_regex(char: str) -> str:
    return f"\\{char}" if char in r"\/.[](){}*+?|^$-" else char if char.isprintable() else _by_number(char)


def _in_gbnf(char: str) -> str:
    return char if char.isalnum() and char.isascii() else _by_number(char)


def _escaped(text: str) -> str:
    return "".join(f"\\{c}" if c in '"\\' else c if c.isprintable() else _by_number(c) for c in text)


def _by_number(char: str) -> str:
    code = ord(char)
    return "\\n" if char == "\n" else f"\\x{code:02x}" if code < 128 else f"\\u{code:04x}" if code < 65536 else char


def _dashed(name: str) -> str:
    return "root" if name == "start" else name.lower().replace("_", "-")


def _refuse_left_recursion(rules: Rules) -> None:
    """llama.cpp takes no rule that can begin with itself."""
    first = {name: {p.name for p in _beginnings(form)} for name, form in rules.items()}
    for name in rules:
        seen: set[str] = set()
        todo = list(first[name])
        while todo:
            one = todo.pop()
            todo += first[one] - seen
            seen.add(one)
        if name in seen:
            raise NotationError(f"the rule {name} can begin with itself, which llama.cpp refuses")


def _beginnings(form: Form) -> list[Use]:
    """The uses with which a text of `form` may begin."""
    if isinstance(form, Use):
        return [form]
    if isinstance(form, Repeat):
        return _beginnings(form.item)
    if isinstance(form, Choice):
        return [use for item in form.items for use in _beginnings(item)]
    found: list[Use] = []
    for item in form.items if isinstance(form, Sequence) else ():
        found += _beginnings(item)
        if not _may_be_empty(item):
            break
    return found


def _may_be_empty(form: Form) -> bool:
    if isinstance(form, Repeat):
        return form.least == 0
    if isinstance(form, Choice):
        return any(_may_be_empty(item) for item in form.items)
    if isinstance(form, Sequence):
        return all(_may_be_empty(item) for item in form.items)
    # A rule that may be empty is not written: `either` and `optional` stand at the place of use.
    return form == Text("")
