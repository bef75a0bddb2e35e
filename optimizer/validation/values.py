"""Numbers the values of a module: what becomes of each op, and what is done to the world on the way."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from llmcc.ir.ops import Call, Compute, Join, Map, Module, Return, ValueOp, needs, uses
from llmcc.ir.types import NULL, ListType, union
from llmcc.optimizer.validation.calls import Calls
from llmcc.optimizer.validation.demands import Demands
from llmcc.optimizer.validation.resources import Name
from llmcc.optimizer.validation.summary import Numbered, Region, Shared, Summary
from llmcc.optimizer.validation.table import shallow
from llmcc.optimizer.validation.terms import ok


def summarize(module: Module, shared: Shared) -> Summary:
    """A module's summary, its values numbered in the shared table."""
    carried: dict[str, list[tuple[Name, int]]] = {}
    if any(map(_writing_map, module.values)):
        # What the elements of a map write is known only after a look at the map without regard to states.
        first = _Numbering(shared, None)
        first.level(module.values, Region())
        carried = first.within
    numbering = _Numbering(shared, carried)
    numbering.level(module.values, shared.region(Region()))
    return numbering.summary(module)


def _writing_map(op: ValueOp) -> bool:
    if not isinstance(op, Map):
        return False
    return any(_writing_map(one) or (isinstance(one, Call) and one.effect.writes) for one in op.body)


class _Numbering(Calls):
    """Numbers levels of ops, one after the other."""

    def summary(self, module: Module) -> Summary:
        """All that was found."""
        end = module.end
        self.facts = frozenset()
        if isinstance(end, Join):
            answer: tuple[object, ...] = ("join", *((name, self.outcome(expr)) for name, expr in end.args))
        elif isinstance(end, Return):
            answer = ("return", self.outcome(end.expr))
        else:
            answer = tuple(sorted((op.name, self.env[op.name]) for op in module.values if "." not in op.name))
        return Summary(module, answer, self.claims, self.writes, self.looks, self.touched, self.calls, self.env)

    def level(self, ops: tuple[ValueOp, ...], region: Region) -> None:
        """Numbers the ops of a level."""
        for op in ops:
            self.env[op.name] = self.value(op, region)

    def value(self, op: ValueOp, region: Region) -> int:
        """What becomes of an op. What was found for it in another module counts again where all of that is the same."""
        if type(op) is Map or self.carried is None:
            return self.op(op, region)
        known = self.shared.numbered.get(op.name)
        if known is not None and self.stands(known, op, region):
            self.again(known)
            return known.outcome
        claimed = len(self.claims)
        outcome = self.op(op, region)
        alone = type(op) is Call and op.guard is op.catch is None
        given = {name: self.env[name] for name in (self.entered if alone else uses(op))}
        site = None
        if type(op) is Call and op.name in self.calls:
            site = (self.writes if op.effect.writes else self.looks)[-1]
        touched, claims = self.touched.get(op.name, ()), self.claims[claimed:]
        self.shared.numbered[op.name] = Numbered(op, region, given, outcome, claims, site, touched)
        return outcome

    def op(self, op: ValueOp, region: Region) -> int:
        """What becomes of an op."""
        guard = self.guard(op.guard, region.facts)
        outcome = self.never(guard)
        if outcome is None:
            outcome = self.guarded(op, guard, region)
        if op.catch is None:
            return outcome
        self.facts = region.facts
        return self.t.caught(outcome, self.outcome(op.catch))

    def guarded(self, op: ValueOp, guard: int, region: Region) -> int:
        """What becomes of an op before its catch."""
        inside = region
        if guard != self.t.true:
            facts = self.t.facts(guard)
            known = self.shared.rewriting.closed(region.facts | facts)
            inside = msgspec.structs.replace(region, facts=known, conditions=region.conditions | facts)
        run = self.run(op, inside)
        self.claim(op.name, run, op.type, region.around)
        outcome = self.t.guarded(guard, run)
        if outcome != run:
            self.claim(op.name, outcome, union(op.type, NULL), region.around)
        return outcome

    def run(self, op: ValueOp, region: Region) -> int:
        """What becomes of an op whose guard is true."""
        self.facts = region.facts
        if type(op) is Compute:
            return self.outcome(op.expr)
        return self.call(op, region) if type(op) is Call else self.map(op, region)

    def map(self, op: Map, region: Region) -> int:
        """What becomes of a map: its element is known by the list, and by how many maps over that are around it."""
        outside = [self.reference(name) for name in needs(op)]
        required = self.t.required(outside, self.facts)
        self.enter((op.source,))
        source, looked = self.term(op.source), self.seen
        if self.t.values.get(source) == []:
            return self.t.outcome(required, source)
        depth, written = region.loops.count(source), (self.carried or {}).get(op.name, ())
        element = self.env[op.var] = self.t.element(depth, source)
        around = region.around if written else (*region.around, element)
        self.claim(op.var, element, op.var_type, around)
        started = self.started(source)
        self.starts.update(started)
        self.facts = self.shared.rewriting.closed(region.facts.union(started, map(ok, looked)))
        conditions = region.conditions.union(started, map(ok, required))
        inside = self.shared.region(Region(self.facts, conditions, (*region.loops, source), around))
        self.facts = inside.facts
        self.body(op, inside, written)
        self.facts = inside.facts
        keep = self.t.true if op.keep is None else self.outcome(op.keep, condition=True)
        self.facts = inside.facts | self.t.facts(keep)
        result = self.outcome(op.result)
        self.facts = inside.facts
        missing = frozenset(started) - region.facts
        demanded = Demands(self.t, self.here).left(required, result if keep == self.t.true else keep, missing)
        if depth and not written:
            element, keep, result = self.shared.elements.bound(element, keep, result)
        key = ("map", element, keep, result)
        self.facts = region.facts
        made = self.calls[op.name] = self.t.node(key, ListType(shallow(self.t.types[result])), uncertain=True)
        return self.t.outcome(demanded, made)

    def body(self, op: Map, inside: Region, written: Sequence[tuple[Name, int]]) -> None:
        """The ops of a map's body, for which the writes of all its elements have happened, nobody knows how many."""
        for name, token in written:
            self.state.add(name, token)
        self.around.append(op.name)
        self.level(op.body, inside)
        self.around.pop()
        for name, token in written:
            self.state.add(name, -token)
        touched = (one for inner in op.body for one in self.touched.get(inner.name, ()))
        self.touched[op.name] = tuple(dict.fromkeys(touched))
