"""A strategy for Hypothesis that draws plans in which an optimizer finds something to do.

They are made of what real plans are made of: calls that repeat, conditions that are used again, calls in maps that do
not depend on the element, maps over the same list, values that are needed under a condition only. Any of it may fail.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from llmcc.ir import expr as e
from llmcc.ir.ops import Call, Compute, Map, Module, Return, ValueOp
from llmcc.ir.types import ANY, ANY_LIST, BOOL, INT, STR, ListType, Type
from llmcc.testing.modules import TOOLS

_DIE = st.integers(0, 11)
_COIN = st.booleans()
_TEXT = st.sampled_from([e.Const(text) for text in "aaab"])
_CALLED = st.sampled_from([TOOLS[name] for name in ("calc", "calc", "look", "web.search", "web.search")])
_ONE_OF = [st.sampled_from(range(n + 1)) for n in range(12)]


class _Opportunities:
    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.count = 0
        self.conditions: list[str] = []
        self.lists: list[str] = []

    def pick(self, choices: list[Any]) -> Any:
        recent = choices[-12:]
        return recent[self.draw(_ONE_OF[len(recent) - 1])]

    def name(self) -> str:
        self.count += 1
        return f"v{self.count}" if self.draw(_COIN) else f"v{self.count}.1"

    def leaf(self, names: list[str]) -> e.Expr:
        return e.Ref(self.pick(names)) if self.draw(_COIN) and names else self.draw(_TEXT)

    def condition(self, names: list[str]) -> e.Expr:
        if self.conditions and self.draw(_DIE) < 8:
            found: e.Expr = e.Ref(self.pick(self.conditions))
        else:
            found = e.Binary("==", self.leaf(names), e.Const("a"))
        kind = self.draw(_DIE)
        if kind == 0:
            return e.Unary("not", e.Unary("not", found))
        if kind == 1:
            return e.Unary("not", found)
        return e.Binary(self.pick(["and", "or"]), found, self.condition(names)) if kind in (2, 3) else found

    def formula(self, names: list[str]) -> e.Expr:
        a, b, test = self.leaf(names), self.leaf(names), self.condition(names)
        both = (("x", a), ("y", b))
        shapes: list[e.Expr] = [
            e.Cond(test, a, b),
            e.Cond(test, e.Cond(test, a, b), b),
            e.Cond(test, a, a),
            e.Cond(test, e.TRUE, e.FALSE),
            e.Format((e.Const("x"), e.Format((e.Const("y"), a)), e.Builtin("str", (b,)))),
            e.Index(e.DictOf(both), e.Const("x")),
            e.Index(e.ListOf((a, b)), e.Const(-1)),
            e.Slice(e.ListOf((a, b, a)), e.Const(1), None),
            e.Builtin("len", (e.ListOf((a, b)),)),
            e.Builtin("first", (e.ListOf((a, b)),)),
            e.Check(e.Format((a,)), self.pick([STR, INT])),
            e.Check(a, self.pick([STR, BOOL, ANY_LIST])),
            e.Unary("not", e.Binary("in", a, e.ListOf((b,)))),
            e.Binary("and", test, e.Binary("or", e.TRUE, test)),
            e.Binary("==", e.ListOf((a, b)), e.ListOf((a, b))),
            e.DictOf(both),
            e.ListOf((a, b)),
            e.Ref(self.pick(names)) if names else a,
        ]
        if names:
            shapes += [e.Index(e.Ref(self.pick(names)), e.Const(key)) for key in ("x", 0)]
        return shapes[self.draw(st.integers(0, len(shapes) - 1))]

    def shared(self, names: list[str], level: list[str]) -> dict[str, Any]:
        kind = self.draw(_DIE)
        if kind < 4:
            return {"guard": self.condition(names)}
        if kind == 4:
            return {"catch": self.draw(_TEXT)}
        if kind == 5:
            return {"catch": self.leaf(names)}
        return {"after": (self.pick(level),)} if kind == 6 and level else {}

    def call(self, names: list[str], level: list[str]) -> Call:
        tool = TOOLS["put"] if self.draw(_DIE) == 0 else self.draw(_CALLED)
        args = tuple((p.name, self.leaf(names)) for p in tool.parameters if p.required)
        type_: Type = ANY_LIST if self.draw(_DIE) < 3 else ANY
        shared = self.shared(names, level)
        made = Call(name=self.name(), type=type_, tool=tool.name, args=args, effect=tool.effect, **shared)  # type: ignore[arg-type]  # these tools have one
        if type_ == ANY_LIST and not shared:
            self.lists.append(made.name)
        return made

    def op(self, names: list[str], level: list[str], nesting: int) -> ValueOp:
        kind = self.draw(_DIE)
        if kind < 2:
            catch = e.FALSE if self.draw(_DIE) < 3 else None
            made = Compute(name=self.name(), type=BOOL, expr=self.condition(names), catch=catch)
            self.conditions.append(made.name)
            return made
        if kind < 4:
            return Compute(name=self.name(), type=ANY, expr=self.formula(names), **self.shared(names, level))
        return self.map(names, level, nesting) if kind < 7 and nesting else self.call(names, level)

    def source(self, names: list[str]) -> e.Expr:
        known = [name for name in self.lists if name in names]
        if self.draw(_COIN) and known:
            return e.Ref(self.pick(known))
        items = [self.draw(_TEXT) for _ in range(self.draw(st.integers(1, 3)))]
        return e.ListOf((*items, e.Ref(self.pick(names))) if names and self.draw(_DIE) == 0 else tuple(items))

    def map(self, names: list[str], level: list[str], nesting: int) -> Map:
        source, name = self.source(names), self.name()
        var = f"{name}.c"
        conditions = list(self.conditions)
        body = self.level([*names, var], 1 + self.draw(st.integers(0, 2)), nesting - 1)
        inside = [var, *(op.name for op in body)]
        keep = self.condition(inside) if self.draw(_DIE) == 0 else None
        result = e.Ref(inside[-1]) if self.draw(_COIN) else e.ListOf(tuple(self.leaf(inside) for _ in range(2)))
        self.conditions = conditions
        return Map(
            name=name,
            type=ListType(ANY),
            var=var,
            var_type=ANY,
            source=source,
            body=body,
            keep=keep,
            result=result,
            **self.shared(names, level),
        )

    def level(self, names: list[str], size: int, nesting: int) -> tuple[ValueOp, ...]:
        ops: list[ValueOp] = []
        for _ in range(size):
            defined = [op.name for op in ops]
            ops.append(self.op([*names, *defined], defined, nesting))
        return tuple(ops)


@st.composite
def opportunities(draw: st.DrawFn, max_ops: int = 9) -> Module:
    """Well-formed modules of the tools of `llmcc.testing.modules`, mostly with a `return` of some of their values."""
    ops = _Opportunities(draw).level([], draw(st.integers(1, max_ops)), 2)
    if draw(_DIE) == 0:
        return Module(ops)
    wanted = [op.name for op in ops if draw(_COIN)]
    return Module((*ops, Return(expr=e.ListOf(tuple(map(e.Ref, wanted))))))
