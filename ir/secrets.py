"""What llmcc neither writes down nor shows: arguments that a tool marks secret, and their texts elsewhere.

The values themselves flow through a run unchanged. An argument in a secret place is left out whatever it is; in other
places (messages, results, other arguments) the texts that a secret argument had are found again, and whole numbers of
as many digits.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from llmcc.ir.call_text import HIDDEN
from llmcc.ir.escape import visible
from llmcc.ir.expr import Const
from llmcc.ir.ops import Call, Map, Op
from llmcc.ir.signature import Signature
from llmcc.ir.values import Value

#: Shorter texts are not looked for: they would be found everywhere.
SHORTEST = 4


class Secrets:
    """The secret arguments of a run so far.

    >>> from llmcc.ir.signature import Parameter
    >>> secrets = Secrets({"login": Signature(name="login", parameters=(Parameter("password", secret=True),))})
    >>> secrets.note("login", {"password": "hunter2"})
    >>> secrets.args("login", {"password": "hunter2"}), secrets.value(["it was hunter2", 7])
    ({'password': '<secret>'}, ['it was <secret>', 7])
    """

    def __init__(self, signatures: Mapping[str, Signature] | None = None) -> None:
        tools = (signatures or {}).items()
        marked = {name: frozenset(p.name for p in one.parameters if p.secret) for name, one in tools}
        #: By the tool's name, the parameters that it marks; tools that mark none are left out.
        self.marked = {name: found for name, found in marked.items() if found}
        self._forms: dict[str, None] = {}
        self._texts: tuple[str, ...] = ()

    def note(self, tool: str, args: Mapping[str, Value]) -> None:
        """A call is made with these arguments."""
        for name in self.marked.get(tool, frozenset()) & args.keys():
            for text in _texts(args[name]):
                if text not in self._forms and text != HIDDEN:
                    self._forms.update(dict.fromkeys((text, *_written(text))))
                    self._texts = tuple(sorted(self._forms, key=len, reverse=True))

    def args(self, tool: str, args: Mapping[str, Value]) -> dict[str, Value]:
        """Arguments as they may be shown."""
        hidden = self.marked.get(tool, frozenset())
        return {name: HIDDEN if name in hidden else self.value(value) for name, value in args.items()}

    def text(self, text: str) -> str:
        """A text as it may be shown."""
        for one in self._texts:
            if one in text:
                text = text.replace(one, HIDDEN)
        return text

    def value(self, value: Any) -> Any:
        """A value, or anything made of lists, tuples and dicts, as it may be shown."""
        if not self._texts:
            return value
        match value:
            case str():
                return self.text(value)
            case bool():
                return value
            case int():
                return HIDDEN if abs(value) >= 10 ** (SHORTEST - 1) and str(abs(value)) in self._forms else value
            case list() | tuple():
                return type(value)(map(self.value, value))
            case dict():
                return {self.value(key): self.value(one) for key, one in value.items()}
        return value

    def op(self, op: Op) -> Op:
        """An op as it may be shown: without the constants of secret arguments, and without those texts elsewhere."""
        if isinstance(op, Call) and (hidden := self.marked.get(op.tool)):
            args = tuple((name, _without_constants(expr) if name in hidden else expr) for name, expr in op.args)
            op = msgspec.structs.replace(op, args=args)
        if isinstance(op, Map):
            op = msgspec.structs.replace(op, body=tuple(map(self.op, op.body)))
        shown: Op = self.expr(op)
        return shown

    def expr(self, expr: Any) -> Any:
        """An expression, or a whole op, without those texts in its constants."""
        return _rebuilt(expr, lambda constant: Const(self.value(constant.value))) if self._texts else expr


def _texts(value: Value) -> Iterator[str]:
    """The texts in a secret argument that are long enough to be looked for."""
    match value:
        case str() if len(value) >= SHORTEST:
            yield value
        case bool():
            return
        case int() if abs(value) >= 10 ** (SHORTEST - 1):
            yield str(abs(value))
        case list():
            for one in value:
                yield from _texts(one)
        case dict():
            for one in value.values():
                yield from _texts(one)


def _written(text: str) -> Iterator[str]:
    """How a text is written within others: in JSON, in plans, on terminals, as Python shows it."""
    quoted = json.dumps(text, ensure_ascii=False)[1:-1]
    yield from (quoted, json.dumps(text)[1:-1], visible(text), visible(quoted), repr(text)[1:-1], ascii(text)[1:-1])


def _without_constants(expr: Any) -> Any:
    return _rebuilt(expr, lambda _constant: Const(HIDDEN))


def _rebuilt(node: Any, change: Any) -> Any:
    """A tree of structs and tuples with each constant in it changed; the same tree if none is."""
    if isinstance(node, Const):
        return change(node)
    if isinstance(node, tuple):
        made = tuple(_rebuilt(one, change) for one in node)
        return node if all(map(_same, made, node)) else made
    if not isinstance(node, msgspec.Struct):
        return node
    fields = {name: getattr(node, name) for name in node.__struct_fields__}
    changed = {name: new for name, old in fields.items() if not _same(new := _rebuilt(old, change), old)}
    return msgspec.structs.replace(node, **changed) if changed else node


def _same(one: Any, other: Any) -> bool:
    return one is other or (isinstance(one, Const) and isinstance(other, Const) and one == other)
