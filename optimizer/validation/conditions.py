"""The laws of `and`, `or`, `not` and of branches."""

from __future__ import annotations

from llmcc.ir.types import BOOL, union
from llmcc.optimizer.validation.table import parts
from llmcc.optimizer.validation.terms import NESTED, OPPOSITE, WIDE, Facts, Terms, ok


class Conditions:
    """Makes the terms of conditions from those of their parts."""

    def __init__(self, terms: Terms) -> None:
        self.t = terms
        #: What was looked at where the node at hand is made: outcomes, and facts some of which are that one is `ok`.
        self.seen: tuple[int, ...] = ()
        self.facts: Facts = frozenset()
        self._fine: dict[Facts, frozenset[int]] = {}

    def condition(self, term: int) -> int:
        """A term in a place that demands a bool anyway, so that `true and x` is `x`, whatever `x` is."""
        key = self.t.keys[term]
        if key[0] == "not" and self.t.kind(key[1]) == "not":
            return self.condition(self.t.keys[key[1]][1])
        if key[0] == "cond":
            return self.chosen(key[1], self.condition(key[2]), self.condition(key[3]), bools=True)
        neutral = {"and": self.t.true, "or": self.t.false}.get(key[0])
        if neutral is None or neutral not in key:
            return term
        return self.joined(key[0], [one for one in key[1:] if one != neutral])

    def joined(self, op: str, parts: list[int]) -> int:
        """`and` or `or` of parts, none of which says nothing."""
        if op == "and" or len(parts) < 2:
            return self.t.all_of(parts) if parts or op == "and" else self.t.false
        total = self.sure(*parts) and all(map(self.is_bool, parts))
        return self.t.node((op, *parts), BOOL, total=total)

    def gathered(self, op: str, parts: list[int]) -> int | None:
        """What `logic` makes of many parts, one after the other; None where that is more than to gather them."""
        said: dict[int, None] = {}
        neutral, decisive = (self.t.true, self.t.false) if op == "and" else (self.t.false, self.t.true)
        for one in map(self.condition, parts):
            key = self.t.keys[one]
            said.update(dict.fromkeys(key[1:] if key[0] == op else (one,)))
        said.pop(neutral, None)
        return None if decisive in said or not 2 <= len(said) < WIDE else self.joined(op, list(said))

    def is_bool(self, term: int) -> bool:
        """Whether a term, where it has a value, is true or false."""
        return self.t.types[term] == BOOL

    def sure(self, *terms: int) -> bool:
        """Whether all of these terms have values."""
        return all(self.t.total[one] for one in terms)

    def exist(self, *terms: int) -> bool:
        """Whether all of these terms have values where the node at hand is made; `sure` is that they do anywhere."""
        return self.sure(*terms) or all(self.exists(one, self.seen, self.facts) for one in terms)

    def exists(self, term: int, seen: tuple[int, ...], facts: Facts, depth: int = NESTED) -> bool:
        """Whether a term has a value where these outcomes were `seen`, and these facts hold."""
        if self.t.total[term] or term in self._values(frozenset(map(ok, seen))) or term in self._values(facts):
            return True
        key = self.t.keys[term]
        if not depth or key[0] not in ("list", "dict", "not") or (key[0] == "not" and not self.is_bool(key[1])):
            return False
        return all(self.exists(one, seen, facts, depth - 1) for one in parts(key))

    def _values(self, facts: Facts) -> frozenset[int]:
        """The values of the outcomes that are no failures by these facts."""
        found = self._fine.get(facts)
        if found is None:
            fine = [other for one in facts if one < 0 for other in self.t.behind(ok(one))]
            found = self._fine[facts] = frozenset(map(self.t.term, fine))
        return found

    def negated(self, term: int) -> int:
        """`not term`."""
        key = self.t.keys[term]
        if key[0] == "not" and self.is_bool(key[1]):
            return int(key[1])
        if key[0] == "binary" and key[1] in OPPOSITE:
            return self.t.node(("binary", OPPOSITE[key[1]], *key[2:]), BOOL, total=self.t.total[term])
        if term in (self.t.true, self.t.false):
            return self.t.false if term == self.t.true else self.t.true
        return self.t.node(("not", term), BOOL, total=self.sure(term) and self.is_bool(term))

    def logic(self, op: str, left: int, right: int) -> int:
        """A part that says nothing stays where it demands that the other is a bool."""
        neutral, decisive = (self.t.true, self.t.false) if op == "and" else (self.t.false, self.t.true)
        if left == decisive:
            return left
        if left == neutral and self.is_bool(right):
            return right
        if self.is_bool(left) and right in (neutral, left):
            return left
        if self.is_bool(left) and right == decisive and self.exist(left):
            return right
        parts: list[int] = []
        for one in (left, right):
            key = self.t.keys[one]
            parts += key[1:] if key[0] == op and len(key) <= WIDE else [one]
        rest = [one for one in parts if one != neutral]
        return self.joined(op, parts if len(rest) < 2 else list(dict.fromkeys(rest)))

    def chosen(self, test: int, then: int, other: int, *, bools: bool = False) -> int:
        """`then if test else other`; `bools`: where only a bool will do, `test` itself is as good as checked."""
        if test == self.t.true or test == self.t.false:
            return then if test == self.t.true else other
        if then == other and self.is_bool(test) and self.exist(test):
            return then
        if (then, other) == (self.t.false, self.t.true):
            return self.negated(test)
        if (then, other) == (self.t.true, self.t.false) and (bools or self.is_bool(test)):
            return test
        key = self.t.keys[test]
        if key[0] == "not":
            test, then, other = key[1], other, then
        type_ = union(self.t.types[then], self.t.types[other])
        total = self.is_bool(test) and self.sure(test, then, other)
        return self.t.node(("cond", test, then, other), type_, total=total)
