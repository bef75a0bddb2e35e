"""Which resources may be the same one.

A resource pattern (`account:{iban}`) is filled from a call's arguments where they are constants; a hole whose value is
not known may stand for any text. What is not provably different is taken as the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from llmcc.ir.effects import EVERYTHING, Effect, split
from llmcc.ir.expr import Check, Const, Expr, Scalar
from llmcc.ir.ops import Call, Map, ValueOp
from llmcc.ir.values import to_text

#: From here on a float's own text has an exponent.
LARGE = 1e15


class Resource(msgspec.Struct, frozen=True):
    """The texts that a resource's name may be: `parts`, in order, with any text between two of them."""

    parts: tuple[str, ...]

    @property
    def exact(self) -> str | None:
        """The one text that it is, if there are no holes left."""
        return self.parts[0] if len(self.parts) == 1 else None


ANY_RESOURCE = Resource(("", ""))


class Access(msgspec.Struct, frozen=True):
    """What an op may do to the world: the resources it looks at and those it changes."""

    reads: tuple[Resource, ...] = ()
    writes: tuple[Resource, ...] = ()


NO_ACCESS = Access()


def resource(pattern: str, args: Mapping[str, Expr]) -> Resource:
    """The resource that `pattern` names in a call with `args`.

    >>> resource("account:{iban}", {"iban": Const("DE1")}).parts, resource("account:{iban}", {}).parts
    (('account:DE1',), ('account:', ''))
    """
    text, *rest = split(pattern)
    if not rest:
        return _named(text)
    parts = [text]
    for hole, following in zip(rest[::2], rest[1::2], strict=True):
        filling = _filling(args.get(hole))
        if filling is None:
            parts.append(following)
        else:
            parts[-1] += filling + following
    # What could be filled to say so is everything as well.
    return ANY_RESOURCE if _matches(tuple(parts), EVERYTHING) else Resource(tuple(parts))


@lru_cache(maxsize=1024)
def _named(name: str) -> Resource:
    """A resource without parameters."""
    return ANY_RESOURCE if name == EVERYTHING else Resource((name,))


def _filling(expr: Expr | None) -> str | None:
    """The text that fills a hole, None if it is not known (absent or null may stand for the tool's default)."""
    while isinstance(expr, Check):
        expr = expr.operand
    if not isinstance(expr, Const) or expr.value is None:
        return None
    return _text(expr.value)


def _text(value: Scalar) -> str | None:
    """One text for equal numbers: `1` and `1.0` fill a hole with the same. None for a large float: its own text
    (`1e+15`) is not that of the integer which it is equal to.
    """
    if isinstance(value, float) and abs(value) >= LARGE:
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else to_text(value)


def may_alias(a: Resource, b: Resource) -> bool:
    """Whether some filling of the holes makes both the same text.

    >>> may_alias(Resource(("a:", "")), Resource(("a:b",))), may_alias(Resource(("a:", "")), Resource(("b:", "")))
    (True, False)
    """
    if a.exact is not None and b.exact is not None:
        return a.exact == b.exact
    if a.exact is not None:
        return _matches(b.parts, a.exact)
    if b.exact is not None:
        return _matches(a.parts, b.exact)
    # Two patterns with holes meet if their ends do: what lies between can always be put one after the other.
    return _compatible(a.parts[0], b.parts[0]) and _compatible(a.parts[-1][::-1], b.parts[-1][::-1])


def _compatible(a: str, b: str) -> bool:
    return a.startswith(b) or b.startswith(a)


def _matches(parts: tuple[str, ...], text: str) -> bool:
    """Whether some filling makes `text` of the parts: its ends must fit, and what lies between must follow in turn."""
    if len(parts) == 1:
        return parts[0] == text
    first, *middle, last = parts
    position, end = len(first), len(text) - len(last)
    if position > end or not (text.startswith(first) and text.endswith(last)):
        return False
    for part in middle:
        found = text.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True


def access(op: ValueOp) -> Access:
    """What an op may touch; a map touches what the calls in it touch."""
    if isinstance(op, Call):
        return _access(op.effect, op)
    if not isinstance(op, Map):
        return NO_ACCESS
    inside = [found for found in map(access, op.body) if found is not NO_ACCESS]
    if not inside:
        return NO_ACCESS
    return Access(_union(a.reads for a in inside), _union(a.writes for a in inside))


def _access(effect: Effect, op: Call) -> Access:
    if effect.kind == "pure":
        return NO_ACCESS
    args = dict(op.args)
    # An effect that names nothing could be anywhere.
    touched = tuple(resource(pattern, args) for pattern in effect.resources) or (ANY_RESOURCE,)
    return Access(writes=touched) if effect.writes else Access(reads=touched)


def _union(groups: Iterable[tuple[Resource, ...]]) -> tuple[Resource, ...]:
    return tuple(dict.fromkeys(one for group in groups for one in group))


class WriteLog:
    """When a resource was last written, as the number of writes noted so far (0: never).

    >>> log = WriteLog()
    >>> log.note(Resource(("a:1",)))
    >>> log.last(Resource(("a:", ""))), log.last(Resource(("b",)))
    (1, 0)
    """

    def __init__(self) -> None:
        self.count = 0
        self._exact: dict[str, int] = {}
        self._patterns: dict[Resource, int] = {}
        self._log: list[Resource] = []
        self._seen: dict[Resource, tuple[int, int]] = {}

    def note(self, written: Resource) -> None:
        """Another write."""
        self.count += 1
        if written.exact is None:
            self._patterns[written] = self.count
            return
        self._exact[written.exact] = self.count
        self._log.append(written)

    def last(self, read: Resource) -> int:
        """The number of the last write that may have changed `read`."""
        latest = max((when for one, when in self._patterns.items() if may_alias(one, read)), default=0)
        if read.exact is not None:
            return max(latest, self._exact.get(read.exact, 0))
        position, found = self._seen.get(read, (0, 0))
        for one in self._log[position:]:
            if one.exact is not None and may_alias(one, read):
                found = max(found, self._exact[one.exact])
        self._seen[read] = (len(self._log), found)
        return max(latest, found)
