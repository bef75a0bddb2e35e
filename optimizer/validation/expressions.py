"""Numbers expressions: their terms, and the outcomes that they require before anything of them is evaluated."""

from __future__ import annotations

from collections.abc import Iterable

from llmcc.ir import expr as e
from llmcc.ir.types import BOOL, ListType
from llmcc.optimizer.validation.summary import Shared
from llmcc.optimizer.validation.table import shallow
from llmcc.optimizer.validation.terms import Facts, ok


class Expressions:
    """Numbers what stands where `facts` hold, where `env` has what became of each value."""

    def __init__(self, shared: Shared) -> None:
        self.shared, self.t, self.laws = shared, shared.terms, shared.laws
        self.env: dict[str, int] = {}
        self.facts: Facts = frozenset()
        #: Facts that only say that a list has elements, and the last facts with what they are without those.
        self.starts: set[int] = set()
        self.last: tuple[Facts, Facts] = self.facts, self.facts
        #: How many comprehensions are around the expression at hand.
        self.bound = 0
        #: The names that the expressions at hand refer to, and the outcomes that they require.
        self.entered: list[str] = []
        self.seen: tuple[int, ...] = ()

    def outcome(self, expr: e.Expr, *, condition: bool = False) -> int:
        """What becomes of an expression where `self.facts` hold."""
        if type(expr) is e.Const and not condition:
            return self.t.const(expr.value)
        if type(expr) is e.Ref and not condition:
            return self.reference(expr.name)
        self.enter((expr,))
        term = self.term(expr)
        term = self.t.settled(self.laws.condition(term), self.facts) if condition else term
        return self.t.outcome(self.seen, term)

    def enter(self, exprs: Iterable[e.Expr]) -> None:
        """Starts on expressions that are evaluated where `self.facts` hold.

        All that they refer to is looked at first, also what stands in a branch that is not taken: so what a branch
        knows tells which value a name has there, and nothing of whether that may have failed.
        """
        self.entered = list(dict.fromkeys([name for expr in exprs for name in e.refs(expr)]))
        self.seen = self.t.required(map(self.reference, self.entered), self.facts)

    def reference(self, name: str) -> int:
        """What became of a value, where `self.facts` hold."""
        return self.here(self.env[name])

    def here(self, outcome: int) -> int:
        """An outcome where `self.facts` hold."""
        if not self.facts:
            return outcome
        return self.shared.rewriting.under(self.t.under(outcome, self.facts), self.telling())

    def telling(self) -> Facts:
        """The facts less those that only say that a list has elements."""
        if self.facts is not self.last[0]:
            self.last = self.facts, self.facts - self.starts
        return self.last[1]

    def term(self, expr: e.Expr) -> int:
        """The term of an expression, or of a part of one, where `self.facts` hold."""
        if type(expr) is e.Const:
            return self.t.const(expr.value)
        if type(expr) is e.Ref:
            made = self.t.term(self.reference(expr.name))
        elif type(expr) is e.Comprehension:
            return self.comprehension(expr)
        else:
            made = self.laws.make(expr, self.parts(expr), self.seen, self.facts)
        return self.t.settled(made, self.facts) if self.facts else made

    def parts(self, expr: e.Expr) -> list[int]:
        """The terms of the direct parts; what was looked at first is known to those that depend on it."""
        outer = self.facts
        if type(expr) is e.Binary and expr.op in ("and", "or"):
            left = self.term(expr.left)
            self.facts = self.knowing(outer, self.laws.condition(left), expr.op == "and")
            found = [left, self.term(expr.right)]
        elif type(expr) is e.Cond:
            test = self.term(expr.test)
            found = [test]
            for branch, holds in ((expr.then, True), (expr.other, False)):
                self.facts = self.knowing(outer, self.laws.condition(test), holds)
                found.append(self.term(branch))
        else:
            return [self.term(part) for part in e.children(expr)]
        self.facts = outer
        return found

    def knowing(self, facts: Facts, condition: int, holds: bool) -> Facts:
        """What is known in a part of the expression at hand that is evaluated only if a condition holds (or not)."""
        shown = self.t.shown(condition, holds)
        return self.shared.rewriting.closed(facts.union(shown, map(ok, self.seen))) if shown else facts

    def comprehension(self, expr: e.Comprehension) -> int:
        """A comprehension's variable is known by its depth; a comprehension over what is known is computed."""
        source = self.term(expr.source)
        depth, self.bound = self.bound, self.bound + 1
        self.env[expr.name] = self.t.node(("bound", depth, source), self.t.item(source))
        condition = None if expr.condition is None else self.laws.condition(self.term(expr.condition))
        outer = self.facts
        if condition is not None:
            self.facts = self.knowing(outer, condition, True)
        made = self.term(expr.element)
        self.facts = outer
        del self.env[expr.name]
        self.bound = depth
        names = {name: self.t.term(self.reference(name)) for name in e.refs(expr)}
        if self.t.known(names.values()):
            found = self.t.evaluated(expr, {name: self.t.values[one] for name, one in names.items()})
            if found is not None:
                return found
        condition = None if condition == self.t.true else condition
        empty = self.t.values.get(source) == [] or condition == self.t.false
        if empty and self.is_list(source) and self.laws.exists(source, self.seen, self.facts):
            return self.t.const([])
        key = ("comprehension", depth, source, condition, made)
        return self.t.node(key, ListType(shallow(self.t.types[made])), total=False)

    def is_list(self, term: int) -> bool:
        """Whether a term, where it has a value, is a list."""
        return isinstance(self.t.types[term], ListType) or isinstance(self.t.values.get(term), list)

    def filled(self, source: int) -> bool:
        """Whether a map over `source` certainly has elements."""
        return self.t.kind(source) == "list" or (self.is_list(source) and bool(self.t.values.get(source)))

    def started(self, source: int) -> list[int]:
        """What is known in the body of a map over `source`: it is a list, and has an element."""
        if self.filled(source):
            return []
        listed = [] if self.is_list(source) else [self.t.node(("is a list", source), BOOL)]
        return [*listed, self.laws.nonempty(source)]
