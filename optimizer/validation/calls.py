"""Numbers calls, and keeps the state of the resources that they touch."""

from __future__ import annotations

from llmcc.ir.ops import Call
from llmcc.optimizer.validation.expressions import Expressions
from llmcc.optimizer.validation.resources import ALL, UNKNOWN, Name, Sums, epoch, name_of
from llmcc.optimizer.validation.summary import Claim, Region, Shared, Site, Touch
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

    def call(self, op: Call, region: Region) -> int:
        """What becomes of a call: the same as of any other with the same arguments in the same state."""
        args, names, required, fine = self.arguments(op)
        state = () if self.carried is None else epoch(self.state, names)
        # A write happens once for each element of the lists around it.
        loops = region.loops if op.effect.writes else ()
        key = ("call", op.tool, tuple(args), op.effect, op.type, tuple(args.values()), state, loops)
        made = self.t.node(key, op.type, uncertain=True)
        site = Site(made, region.conditions | fine, region.loops, op.name, region.around)
        (self.writes if op.effect.writes else self.looks).append(site)
        self.calls[op.name] = made
        self.touched[op.name] = tuple(Touch(name, op.effect.writes) for name in names)
        if op.effect.writes:
            self.write(made, names)
        return self.t.outcome(required, made)

    def arguments(self, op: Call) -> tuple[dict[str, int], tuple[Name, ...], tuple[int, ...], Facts]:
        """The terms of a call's arguments, the resources that it touches, the outcomes that it requires, and these as
        facts.
        """
        known = self.known(op.args, op.effect)
        if known is not None:
            found: tuple[dict[str, int], tuple[Name, ...], tuple[int, ...], Facts] = known
            return found
        used = self.enter(expr for _, expr in op.args)
        args = {name: self.term(expr) for name, expr in op.args}
        found = args, self.resources(op, args), self.seen, frozenset(map(ok, self.seen))
        self.remember(op.args, op.effect, used, found)
        return found

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

    def write(self, made: int, names: tuple[Name, ...]) -> None:
        """Notes that resources have changed."""
        token = self.shared.token(made)
        for name in names:
            self.state.add(name, token)
            for around in self.around:
                self.within.setdefault(around, []).append((name, token))
