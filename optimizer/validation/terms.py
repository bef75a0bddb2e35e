"""One table of values for both modules: what is certainly equal has the same number.

A number stands for a *term* (a value made of others, provided that it can be made), or for an *outcome*: what becomes
of an op, a value or a failure. An outcome fails if one that it requires fails, in the order in which they are looked
at, then if its term has no value. The bounds on the steps of an evaluation are not part of this: an expression that is
computed in parts may take more of them, or fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import TypeAlias

from llmcc.ir.types import BOOL, NULL, union
from llmcc.optimizer.validation.table import Key, Table

#: What is known at some place: terms that are true there, `untrue` ones, and outcomes that are `ok`.
Facts: TypeAlias = frozenset[int]
OPPOSITE = {"==": "!=", "!=": "==", "in": "not in", "not in": "in"}

#: What gathers more outcomes than this is looked at as one.
WIDE = 64
#: Among how many of the outcomes behind another one is looked for.
NEAR = 16
#: How deep a condition is taken apart to see whether it holds.
NESTED = 8
_LOGIC = frozenset({"not", "and", "or"})
_UNTRUE = 1 << 48


class Terms(Table):
    """The table, with what is known of outcomes."""

    def required(self, outcomes: Iterable[int], facts: Facts = frozenset()) -> tuple[int, ...]:
        """Those outcomes that may have failed, each once, in order; what only gathers others is these others."""
        found: dict[int, None] = {}
        for one in outcomes:
            if not self.uncertain[one]:
                continue
            key = self.keys[one]
            gathers = key[0] == "eval" and self.total[key[2]] and not self.uncertain[key[2]]
            if gathers and len(key[1]) <= WIDE:
                found.update(dict.fromkeys(key[1]))
            else:
                found[one] = None
        if facts:
            found = {one: None for one in found if ok(one) not in facts}
        return tuple(found) if len(found) < 2 else tuple(self._first(found))

    def _first(self, outcomes: Iterable[int]) -> Iterator[int]:
        """Those that can be the first to fail: not those that one before them looks at itself."""
        rest = list(outcomes)
        # A number is made after those that it looks at, so that only what is less than it can be behind it.
        least = [*accumulate(reversed(rest), min)][::-1]
        behind: set[int] = set()
        for one, asked in zip(rest, (*least[1:], rest[-1]), strict=True):
            if one in behind:
                continue
            yield one
            if asked < one:
                behind |= self.behind(one, asked)

    def behind(self, outcome: int, least: int = 0) -> set[int]:
        """Outcomes (the nearest ones) that are no failures if this one is none, down to the number `least`."""
        found, near = {outcome}, [outcome]
        for one in near:
            if len(found) >= NEAR:
                break
            new = [other for other in looked_at(self.keys[one])[:NEAR] if other >= least and other not in found]
            found.update(new)
            near += new
        return found

    def outcome(self, required: tuple[int, ...], term: int) -> int:
        """What becomes of a term (an expression's, or a call's), if none of the `required` have failed."""
        if not required and (self.total[term] or self.uncertain[term]):
            return term
        if len(required) == 1 and required[0] == term:
            return term
        if len(required) == 1 and self.term(required[0]) == term:
            return required[0]
        return self.node(("eval", required, term), self.types[term], total=False, uncertain=True)

    def term(self, outcome: int) -> int:
        """The value of an outcome that has one."""
        key = self.keys[outcome]
        return key[2] if key[0] == "eval" else outcome

    def source(self, outcome: int) -> int:
        """The call or map that an outcome comes from, without the conditions and the catches around it."""
        while (key := self.keys[outcome])[0] in ("guarded", "caught", "eval"):
            outcome = key[1] if key[0] == "caught" else key[2]
        return outcome

    def guarded(self, guard: int, run: int) -> int:
        """Null if the guard is false, else `run`."""
        if guard == self.true or (self.kind(run) == "guarded" and self.keys[run][1] == guard):
            return run
        if guard == self.false:
            return self.null
        uncertain = self.uncertain[guard] or self.types[guard] != BOOL or self.uncertain[run]
        return self.node(("guarded", guard, run), union(self.types[run], NULL), uncertain=uncertain)

    def caught(self, run: int, substitute: int) -> int:
        """`run`, or `substitute` if that failed (or what it was, if both have)."""
        if not self.uncertain[run]:
            return run
        run = self._uncaught(run, substitute)
        type_ = union(self.types[run], self.types[substitute])
        return self.node(("caught", run, substitute), type_, uncertain=self.uncertain[substitute])

    def _uncaught(self, run: int, substitute: int) -> int:
        """`run` without the same catch further in."""
        key = self.keys[run]
        if key[0] == "caught" and key[2] == substitute:
            return int(key[1])
        if key[0] == "guarded":
            within = self.keys[key[2]]
            if within[0] == "caught" and within[2] == substitute:
                return self.guarded(key[1], within[1])
        return run

    def facts(self, guard: int) -> Facts:
        """What is known where a guard is true."""
        key = self.keys[guard]
        required = key[1] if key[0] == "eval" else self.required((guard,))
        return self.shown(self.term(guard), True).union(map(ok, required))

    def shown(self, term: int, holds: bool) -> Facts:
        """What a condition shows that was true, or false."""
        found: list[int] = []
        stack = [(term, holds)]
        while stack and len(found) < WIDE:
            one, true = stack.pop()
            key = self.keys[one]
            if key[0] == "not":
                stack.append((key[1], not true))
            elif key[0] == ("and" if true else "or"):
                stack += [(part, true) for part in key[1:]]
            elif one != (self.true if true else self.false):  # that says nothing; another constant is no condition
                found.append(one if true else untrue(one))
                if key[0] == "binary" and key[1] in OPPOSITE:
                    other = self.node(("binary", OPPOSITE[key[1]], *key[2:]), BOOL, total=self.total[one])
                    found.append(untrue(other) if true else other)
        return frozenset(found)

    def settled(self, term: int, facts: Facts) -> int:
        """A term where these facts hold; a constant is itself, also where it was taken for a condition."""
        if term in self.values:
            return term
        if self.holds(term, True, facts):
            return self.true
        return self.false if self.holds(term, False, facts) else term

    def holds(self, term: int, value: bool, facts: Facts, depth: int = NESTED) -> bool:
        """Whether facts say that a condition was true, or false, in the way in which `shown` takes it apart."""
        if (term if value else untrue(term)) in facts:
            return True
        key = self.keys[term]
        if key[0] not in _LOGIC or not depth:
            return False
        if key[0] == "not":
            return self.holds(key[1], not value, facts, depth - 1)
        whole = key[0] == ("and" if value else "or") and len(key) <= WIDE
        return whole and all(self.holds(part, value, facts, depth - 1) for part in key[1:])

    def under(self, outcome: int, facts: Facts, depth: int = 16) -> int:
        """An outcome where these facts hold: what is among them is no question any more."""
        key = self.keys[outcome]
        if not facts or not depth or key[0] not in ("guarded", "caught", "eval"):
            return outcome
        if key[0] == "caught":
            run = self.under(key[1], facts, depth - 1)
            return outcome if run == key[1] else self.caught(run, key[2])
        if key[0] == "eval":
            left = tuple(one for one in key[1] if ok(one) not in facts)
            return outcome if len(left) == len(key[1]) else self.outcome(left, key[2])
        guard = self.guard_under(key[1], facts)
        run = self.under(key[2], facts, depth - 1) if guard == self.true else key[2]
        return outcome if guard == key[1] and run == key[2] else self.guarded(guard, run)

    def guard_under(self, guard: int, facts: Facts) -> int:
        """What is left of a condition where these facts hold."""
        term = self.settled(self.term(guard), facts)
        if self.keys[term][0] == "and":
            term = self.all_of([part for part in self.keys[term][1:] if not self.holds(part, True, facts)])
        required = self.keys[guard][1] if self.kind(guard) == "eval" else self.required((guard,))
        left = tuple(one for one in required if ok(one) not in facts)
        if term == self.term(guard) and len(left) == len(required):
            return guard
        return self.outcome(left, term)

    def all_of(self, parts: list[int]) -> int:
        """The condition that all these are true, in this order."""
        if not parts:
            return self.true
        if len(parts) == 1:
            return parts[0]
        total = all(self.total[one] and self.types[one] == BOOL for one in parts)
        return self.node(("and", *parts), BOOL, total=total)


def looked_at(key: Key) -> tuple[int, ...]:
    """The outcomes that must be no failures for the one with this key to be none."""
    if key[0] == "eval":
        return (*key[1], key[2])
    return (key[1],) if key[0] == "guarded" else ()


def about(fact: int) -> int:
    """The term or outcome that a fact is about."""
    return ok(fact) if fact < 0 else fact & ~_UNTRUE


def told(fact: int, change: Callable[[int], int]) -> int:
    """The same fact about another term or outcome: what `change` gives for the one that it is about."""
    if fact < 0:
        return ok(change(ok(fact)))
    return change(about(fact)) | (fact & _UNTRUE)


def ok(outcome: int) -> int:
    """The fact that an outcome is no failure, as a number that no term has."""
    return -1 - outcome


def untrue(term: int) -> int:
    """The fact that a condition is false, as a number that no term has; and back again."""
    return term ^ _UNTRUE
