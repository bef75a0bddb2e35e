"""Writes values anew where more is known than where they were made: `f(ok)` is `f(true)` wherever `ok` is true."""

from __future__ import annotations

from functools import reduce

from llmcc.ir import expr as e
from llmcc.optimizer.validation.elements import Elements
from llmcc.optimizer.validation.laws import Laws
from llmcc.optimizer.validation.table import Key, parts, with_parts
from llmcc.optimizer.validation.terms import NEAR, Facts, about, looked_at, ok, untrue

#: How far down a value is looked into, and at how many parts of parts.
DEPTH, PARTS = 12, 256
#: How often facts are looked at in the light of each other.
ROUNDS = 2

_LEAVES = frozenset({"const", "element", "bound", "comprehension", "is a list", "no condition"})


class Rewriting:
    """Values where certain conditions are known to be true, or false, and certain outcomes to be no failures."""

    def __init__(self, laws: Laws, elements: Elements) -> None:
        self._laws = laws
        self._t = laws.t
        self._elements = elements
        self._made: dict[tuple[Facts, int], int] = {}
        self._closed: dict[Facts, Facts] = {}
        self._inside: dict[tuple[Facts, int], Facts] = {}
        self._left = 0

    def under(self, number: int, conditions: Facts) -> int:
        """A term or outcome where these conditions hold."""
        if not conditions:
            return number
        self._left = PARTS
        return self._under(number, conditions, DEPTH)

    def follows(self, fact: int, facts: Facts) -> bool:
        """Whether a fact is among the others once it is written with them."""
        if fact >= len(self._t.keys):
            return self.under(untrue(fact), facts) == self._t.false
        if fact >= 0:
            return self.under(fact, facts) == self._t.true
        now = self.under(ok(fact), facts)
        return not self._t.uncertain[now] or ok(now) in facts

    def closed(self, facts: Facts) -> Facts:
        """These facts, also as they look where the others hold, and what they imply."""
        if not facts:
            return facts
        found = self._closed.get(facts)
        if found is None:
            found = self._closed[facts] = self._closure(facts)
        return found

    def _closure(self, facts: Facts) -> Facts:
        # All of it together takes no more steps than one value, so that many facts cost no more than a few.
        self._left = PARTS
        found = facts
        for _ in range(ROUNDS):  # what is found may show how more looks
            more = found.union(*(self._also(one, found) for one in sorted(found)))
            if len(more) == len(found):
                break
            found = more
        return found

    def _also(self, fact: int, facts: Facts) -> Facts:
        """What else is known by a fact where others hold."""
        if self._left <= 0:
            return frozenset()
        if fact < 0:
            return self._fine(ok(fact), facts)
        holds = fact < len(self._t.keys)
        term = fact if holds else untrue(fact)
        now = self._under(term, facts - self._t.shown(term, holds), DEPTH)
        return frozenset() if now == term or now in self._t.values else self._t.shown(now, holds)

    def _fine(self, outcome: int, facts: Facts) -> Facts:
        """What else is known if an outcome is no failure: what it requires is none either."""
        found: set[int] = set()
        stack = [outcome]
        while stack and len(found) < NEAR and self._left > 0:
            now = self._under(stack.pop(), facts, DEPTH)
            new = {now, *looked_at(self._t.keys[now])} - found
            found |= new
            stack += new - {now}
        return frozenset(ok(one) for one in found if self._t.uncertain[one])

    def _under(self, number: int, conditions: Facts, depth: int) -> int:
        settled = self._t.settled(number, conditions)
        key = self._t.keys[number]
        kind = key[0]
        if settled != number or depth == 0 or kind in _LEAVES:
            return settled
        found = self._made.get((conditions, number))
        if found is None:
            if self._left <= 0:
                return number
            rebuilt = self._rebuilt(number, conditions, depth - 1)
            found = self._made[conditions, number] = self._t.settled(rebuilt, conditions)
        return found

    def _rebuilt(self, number: int, conditions: Facts, depth: int) -> int:
        key = self._t.keys[number]
        old = parts(key)
        self._left -= 1 + len(old)
        inside = self._within(conditions, key[1]) if key[0] == "map" else conditions
        new = [self._under(one, inside, depth) for one in old]
        if key[0] == "eval":
            open_ = [now for now, was in zip(new, key[1], strict=False) if ok(was) not in conditions]
            required = self._t.required(open_, conditions)
            return number if [*required, new[-1]] == old else self._t.outcome(required, self._t.term(new[-1]))
        if new == old:
            return number
        match key[0]:
            case "guarded":
                return self._t.guarded(new[0], new[1])
            case "caught":
                return self._t.caught(new[0], new[1])
            case "map":
                made = "map", *self._elements.bound(key[1], *new)
                return self._t.node(made, self._t.types[number], uncertain=True)
            case "call":
                return self._t.node(with_parts(key, new), self._t.types[number], uncertain=True)
            case "and" | "or" if len(new) > 2:
                whole = self._laws.gathered(key[0], new)
                return whole or reduce(lambda a, b: self._laws.make(_shape(key), [a, b], (), conditions), new)
        return self._laws.make(_shape(key), new, (), conditions)

    def _within(self, conditions: Facts, element: int) -> Facts:
        """Those that still hold in a map: what they say of its element is about that of another."""
        found = self._inside.get((conditions, element))
        if found is None:
            free = self._elements.free
            found = frozenset(one for one in conditions if element not in free((about(one),)))
            self._inside[conditions, element] = found
        return found


_ANY = e.NOTHING


def _shape(key: Key) -> e.Expr:
    """An expression of the kind of a node; what its parts are does not count."""
    many = (_ANY,) * len(parts(key))
    match key[0]:
        case "list":
            return e.ListOf(many)
        case "dict":
            return e.DictOf(tuple((name, _ANY) for name in key[1]))
        case "index":
            return e.Index(_ANY, _ANY)
        case "slice":
            return e.Slice(_ANY, *(None if one is None else _ANY for one in key[2:]))
        case "unary" | "not":
            return e.Unary("-" if key[0] == "unary" else "not", _ANY)
        case "binary":
            return e.Binary(key[1], _ANY, _ANY)
        case "and" | "or":
            return e.Binary(key[0], _ANY, _ANY)
        case "cond":
            return e.Cond(_ANY, _ANY, _ANY)
        case "format":
            return e.Format(many)
        case "builtin":
            return e.Builtin(key[1], many)
        case "check":
            return e.Check(_ANY, key[1])
    raise TypeError(f"no term: {key[0]}")
