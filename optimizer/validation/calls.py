"""Numbers calls, and keeps the state of the resources that they touch."""

from __future__ import annotations

from collections.abc import Iterable

from llmcc.ir import expr as e
from llmcc.ir.ops import Call, Compute
from llmcc.ir.types import Type
from llmcc.optimizer.validation.expressions import Expressions
from llmcc.optimizer.validation.resources import ALL, UNKNOWN, Name, Sums, epoch, name_of
from llmcc.optimizer.validation.summary import Claim, Numbered, Region, Shared, Site, Touch, same_value
from llmcc.optimizer.validation.terms import Facts, ok


class Calls(Expressions):
    """What the calls so far have done, by the names of their ops."""

    def __init__(self, shared: Shared, carried: dict[str, list[tuple[Name, int]]] | None) -> None:
        super().__init__(shared)
        self.state = Sums()
        #: For each map, what its other elements write; None on the first look, which finds that out.
        self.carried = carried
        self.within: dict[str, list[tuple[Name, int]]] = {}
        self.around: list[str] = []
        self.claims: list[Claim] = []
        self.writes: list[Site] = []
        self.looks: list[Site] = []
        self.touched: dict[str, tuple[Touch, ...]] = {}
        self.calls: dict[str, int] = {}

    def never(self, guard: int) -> int | None:
        """What becomes of an op that never runs, because its condition is known; None for any other."""
        condition = self.t.term(guard)
        if condition not in self.t.values or condition == self.t.true:
            return None
        made = self.t.null
        if condition != self.t.false:
            made = self.t.node(("no condition", condition), total=False, uncertain=True)
        return self.t.outcome(self.t.required((guard,)), made)

    def claim(self, name: str, outcome: int, type_: Type, around: tuple[int, ...]) -> None:
        """Notes the type that the module claims for a value."""
        self.claims.append(Claim(name, outcome, type_, around))

    def guard(self, guard: e.Expr | None, facts: Facts) -> int:
        """The condition under which an op runs; it is no condition where it is known to hold."""
        if guard is None:
            return self.t.true
        self.facts = facts
        return self.outcome(guard, condition=True)

    def call(self, op: Call, region: Region) -> int:
        """What becomes of a call: the same as of any other with the same arguments in the same state."""
        self.enter(expr for _, expr in op.args)
        args = {name: self.term(expr) for name, expr in op.args}
        names = self.resources(op, args)
        state = () if self.carried is None else epoch(self.state, names)
        # A write happens once for each element of the lists around it.
        loops = region.loops if op.effect.writes else ()
        key = ("call", op.tool, tuple(args), (op.effect, op.untrusted), op.type, tuple(args.values()), state, loops)
        made = self.t.node(key, op.type, uncertain=True)
        conditions = region.conditions.union(map(ok, self.seen)) if self.seen else region.conditions
        site = Site(made, conditions, region.loops, op.name, region.around)
        (self.writes if op.effect.writes else self.looks).append(site)
        self.calls[op.name] = made
        self.touched[op.name] = tuple(Touch(name, op.effect.writes) for name in names)
        if op.effect.writes:
            self.write(made, names)
        return self.t.outcome(self.seen, made)

    def resources(self, op: Call, args: dict[str, int]) -> tuple[Name, ...]:
        """The resources that a call touches."""
        if op.effect.kind == "pure":
            return ()
        known = {name: self.t.values.get(self.unchecked(term), UNKNOWN) for name, term in args.items()}
        # An effect that names nothing could be anywhere.
        return tuple(dict.fromkeys(name_of(one, known) for one in op.effect.resources)) or (ALL,)

    def unchecked(self, term: int) -> int:
        """A term without its checks: where they fail, nothing is touched."""
        while self.t.kind(term) == "check":
            term = self.t.keys[term][2]
        return term

    def write(self, made: int, names: Iterable[Name]) -> None:
        """Notes that resources have changed."""
        token = self.shared.token(made)
        for name in names:
            self.state.add(name, token)
            for around in self.around:
                self.within.setdefault(around, []).append((name, token))

    def stands(self, known: Numbered, op: Call | Compute, region: Region) -> bool:
        """Whether an op comes to what it came to before."""
        if not same_value(known.op, op) or known.region is not region:
            return False
        for name, value in known.given.items():
            if self.env[name] != value:
                return False
        if known.site is None:
            return True
        state = self.t.keys[known.site.made][6]
        return bool(state == epoch(self.state, [one.name for one in known.touched]))

    def again(self, known: Numbered) -> None:
        """Notes what an op does, as before."""
        self.claims += known.claims
        if known.site is None:
            return
        name, made = known.op.name, known.site.made
        self.calls[name], self.touched[name] = made, known.touched
        if type(known.op) is Call and known.op.effect.writes:
            self.writes.append(known.site)
            self.write(made, [one.name for one in known.touched])
        else:
            self.looks.append(known.site)
