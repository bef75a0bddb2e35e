"""Strategies for Hypothesis that draw well-formed modules of the IR, and their parts. What they draw passes `verify`.

    @given(modules())
    def test_something_holds_for(module: Module) -> None: ...

What is drawn is mostly right for its place (a map's source is mostly a list), so that running such a module gets
somewhere; but nothing promises it: every failure that a plan can have does occur.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from hypothesis import strategies as st

from llmcc.ir import expr as e
from llmcc.ir import types as t
from llmcc.ir.builtins import BUILTINS
from llmcc.ir.effects import PURE, Effect
from llmcc.ir.ops import Call, Compute, End, Join, Map, Module, Return, ValueOp
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.span import Span
from llmcc.ir.trust import Trust
from llmcc.ir.values import Value

#: The tools that drawn modules call: one of each effect, and two whose resources may or may not be the same. Some cost
#: money, some take batches. What one gives is untrusted, and one asks a model.
TOOLS = {
    s.name: s
    for s in (
        Signature(
            name="calc", parameters=(Parameter("a"), Parameter("b", required=False)), effect=PURE, cost_usd=0.001
        ),
        Signature(name="look", parameters=(Parameter("key"),), effect=Effect("read", ("store:{key}",)), batch=3),
        Signature(
            name="put",
            parameters=(Parameter("key"), Parameter("value")),
            effect=Effect("write", ("store:{key}",)),
            batch=2,
        ),
        Signature(name="web.search", parameters=(Parameter("query"),), effect=Effect("read", ("web",)), cost_usd=0.005),
        Signature(name="log", parameters=(Parameter("text"),), effect=Effect("write", ("log", "*"))),
        Signature(name="fetch", parameters=(Parameter("url"),), effect=Effect("read", ("web",)), untrusted=True),
        Signature(name="ask", parameters=(Parameter("text"),), effect=Effect("read", ("model",)), prompt="text"),
    )
}

_INTS = st.integers() | st.integers(-3, 3) | st.integers(-(2**4096) + 1, 2**4096 - 1)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(["", "name", "a b", "$1", "%"])


def scalars() -> st.SearchStrategy[e.Scalar]:
    """Constants: null, bools, ints (some huge), finite floats, texts (some odd)."""
    return st.none() | st.booleans() | _INTS | _FLOATS | _TEXTS


def values() -> st.SearchStrategy[Value]:
    """Plan values, nested a little."""
    return st.recursive(
        scalars(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXTS, inner, max_size=3), max_leaves=6
    )


def types() -> st.SearchStrategy[t.Type]:
    """Types in the form that `union` makes."""
    enums = st.lists(_TEXTS, min_size=1, max_size=3, unique=True).map(lambda v: t.EnumType(tuple(v)))
    prims: st.SearchStrategy[t.Type] = st.sampled_from([*t.PRIMS.values(), t.NEVER])
    return st.recursive(prims | enums, _larger_types, max_leaves=5)


def _larger_types(inner: st.SearchStrategy[t.Type]) -> st.SearchStrategy[t.Type]:
    fields = st.lists(st.builds(t.Field, _TEXTS, inner, st.booleans()), max_size=3, unique_by=lambda f: f.name).map(
        tuple
    )
    return (
        inner.map(t.ListType)
        | st.lists(inner, max_size=3).map(lambda options: t.union(*options))
        | st.builds(t.RecordType, fields, st.none() | inner)
    )


@st.composite
def expressions(draw: st.DrawFn, names: tuple[str, ...] = (), fresh: str = "x", depth: int = 3) -> e.Expr:
    """Expressions over the values called `names`; their comprehensions bind names that start with `fresh`."""
    return _Expressions(draw, fresh).any(names, depth)


# Made once: making a strategy takes far longer than drawing from it.
_SCALARS = scalars()
_TYPES = types()
_COUNT = st.integers(0, 3)
_KEYS = st.lists(_TEXTS, max_size=3, unique=True)
_BINARY = st.sampled_from(
    ["and", "or", "==", "!=", "<", "<=", ">", ">=", "in", "not in", "+", "-", "*", "/", "//", "%"]
)
_UNARY = st.sampled_from(["not", "-"])
_BUILTIN = st.sampled_from([(name, n) for name, f in BUILTINS.items() for n in range(4) if f.accepts_count(n)])
_SMALL = st.sampled_from([e.Const(v) for v in ("a", "b", 1, 2)])
_COIN = st.booleans()
_DIE = st.integers(0, 5)
_SHARED = st.sets(st.sampled_from(["guard", "after", "catch", "span", "priority"]), max_size=3)
_PLACE = st.integers(1, 99)


@functools.cache
def _below(count: int) -> st.SearchStrategy[int]:
    return st.integers(0, count - 1)


class _Expressions:
    def __init__(self, draw: st.DrawFn, fresh: str) -> None:
        self.draw = draw
        self.fresh = fresh

    def any(self, names: tuple[str, ...], depth: int) -> e.Expr:
        if depth <= 0 or self.draw(_DIE) == 0:
            return self.leaf(names)
        return _SHAPES[self.draw(_below(len(_SHAPES)))](self, names, depth - 1)

    def leaf(self, names: tuple[str, ...]) -> e.Expr:
        if self.draw(_COIN) and names:
            return e.Ref(names[self.draw(_below(len(names)))])
        return e.Const(self.draw(_SCALARS))

    def several(self, names: tuple[str, ...], depth: int, count: int | None = None) -> tuple[e.Expr, ...]:
        count = self.draw(_COUNT) if count is None else count
        return tuple(self.any(names, depth) for _ in range(count))

    def list_of(self, names: tuple[str, ...], depth: int) -> e.Expr:
        return e.ListOf(self.several(names, depth))

    def dict_of(self, names: tuple[str, ...], depth: int) -> e.Expr:
        return e.DictOf(tuple((key, self.any(names, depth)) for key in self.draw(_KEYS)))

    def format(self, names: tuple[str, ...], depth: int) -> e.Expr:
        return e.Format(self.several(names, depth))

    def index(self, names: tuple[str, ...], depth: int) -> e.Expr:
        return e.Index(*self.several(names, depth, 2))

    def slice(self, names: tuple[str, ...], depth: int) -> e.Expr:
        bounds = [self.any(names, depth) if self.draw(_COIN) else None for _ in range(2)]
        return e.Slice(self.any(names, depth), *bounds)

    def unary(self, names: tuple[str, ...], depth: int) -> e.Expr:
        return e.Unary(self.draw(_UNARY), self.any(names, depth))  # type: ignore[arg-type]  # drawn from all there are

    def binary(self, names: tuple[str, ...], depth: int) -> e.Expr:
        op = self.draw(_BINARY)
        return e.Binary(op, *self.several(names, depth, 2))  # type: ignore[arg-type]  # drawn from all there are

    def cond(self, names: tuple[str, ...], depth: int) -> e.Expr:
        return e.Cond(*self.several(names, depth, 3))

    def check(self, names: tuple[str, ...], depth: int) -> e.Expr:
        return e.Check(self.any(names, depth), self.draw(_TYPES))

    def builtin(self, names: tuple[str, ...], depth: int) -> e.Expr:
        name, count = self.draw(_BUILTIN)
        return e.Builtin(name, self.several(names, depth, count))

    def comprehension(self, names: tuple[str, ...], depth: int) -> e.Expr:
        inside = (*names, f"{self.fresh}.{depth}")
        source = self.any(names, depth) if self.draw(_COIN) else self.list_of(names, depth)
        condition = self.any(inside, depth) if self.draw(_COIN) else None
        return e.Comprehension(self.any(inside, depth), inside[-1], source, condition)


_SHAPES: tuple[Callable[[_Expressions, tuple[str, ...], int], e.Expr], ...] = (
    _Expressions.list_of,
    _Expressions.dict_of,
    _Expressions.format,
    _Expressions.index,
    _Expressions.slice,
    _Expressions.unary,
    _Expressions.binary,
    _Expressions.binary,
    _Expressions.cond,
    _Expressions.check,
    _Expressions.builtin,
    _Expressions.comprehension,
)


class _Modules:
    """Draws ops, and counts how many names there are already."""

    def __init__(self, draw: st.DrawFn, tools: tuple[Signature, ...], depth: int) -> None:
        self.draw = draw
        self.tools = tools
        self.depth = depth
        self.count = 0

    def name(self) -> str:
        """A new name: like those of plans, and some that need quotes."""
        self.count += 1
        n = self.count
        return (f"v{n}", f"v{n}", str(n), f"d{n}.1", f"no name {n}", f"é{n}")[self.draw(_DIE)]

    def expr(self, names: tuple[str, ...]) -> e.Expr:
        """Any expression, whose comprehensions bind new names."""
        self.count += 1
        return _Expressions(self.draw, f"x{self.count}").any(names, self.depth)

    def leaf(self, names: tuple[str, ...]) -> e.Expr:
        """Something small that has a value, so that calls happen, and on few resources, so that they meet."""
        if self.draw(_COIN) and names:
            return e.Ref(names[self.draw(_below(len(names)))])
        return self.draw(_SMALL)

    def mostly(self, small: e.Expr, names: tuple[str, ...]) -> e.Expr:
        """`small`, or, less often, any expression."""
        return self.expr(names) if self.draw(_DIE) == 0 else small

    def shared(self, names: tuple[str, ...], level: tuple[str, ...]) -> dict[str, Any]:
        """Attributes that every op has."""
        wanted = self.draw(_SHARED)
        found: dict[str, Any] = {}
        if "guard" in wanted:
            found["guard"] = self.mostly(e.Const(self.draw(_COIN)), names)
        if "after" in wanted and level:
            found["after"] = (level[self.draw(_below(len(level)))],)
        if "catch" in wanted:
            found["catch"] = self.mostly(self.leaf(names), names)
        if "span" in wanted:
            line, column = self.draw(_PLACE), self.draw(_PLACE)
            found["span"] = Span(line, column, line + self.draw(_COIN), column + 3)
        if "priority" in wanted:
            found["priority"] = self.draw(_PLACE) / 8
        return found

    def op(self, names: tuple[str, ...], level: tuple[str, ...], nesting: int) -> ValueOp:
        """One op that sees `names`, and stands behind the ops called `level`."""
        kind = self.draw(_DIE)
        name = self.name()
        shared = self.shared(names, level)
        if kind == 5 and nesting:
            return self.map(name, shared, names, nesting)
        if kind == 4:
            return Compute(name=name, type=self.draw(_TYPES), expr=self.expr(names), **shared)
        tool = self.tools[self.draw(_below(len(self.tools)))]
        given = [p for p in tool.parameters if p.required or self.draw(_COIN)]
        args = tuple((p.name, self.mostly(self.leaf(names), names)) for p in given)
        batch = self.draw(_below(tool.batch + 1)) or None if tool.batch is not None else None
        return Call(
            name=name, type=tool.returns, tool=tool.name, args=args, effect=tool.effect or PURE, batch=batch, **shared
        )

    def map(self, name: str, shared: dict[str, Any], names: tuple[str, ...], nesting: int) -> Map:
        """A map with up to three ops in its body; passes may leave one without any."""
        var = self.name()
        few = e.ListOf(tuple(self.leaf(names) for _ in range(self.draw(_COUNT))))
        source = self.mostly(few, names)
        body = self.level((*names, var), self.draw(_COUNT), nesting - 1)
        inside = (*names, var, *(op.name for op in body))
        return Map(
            name=name,
            type=t.ANY_LIST,
            var=var,
            var_type=self.draw(_TYPES),
            source=source,
            body=body,
            keep=self.mostly(e.Const(self.draw(_COIN)), inside) if self.draw(_COIN) else None,
            result=self.mostly(e.Ref(body[-1].name if body else var), inside),
            ordered=self.draw(_COIN),
            **shared,
        )

    def level(self, names: tuple[str, ...], size: int, nesting: int) -> tuple[ValueOp, ...]:
        """The ops of one level, each seeing those before."""
        ops: list[ValueOp] = []
        for _ in range(size):
            defined = tuple(op.name for op in ops)
            ops.append(self.op((*names, *defined), defined, nesting))
        return tuple(ops)

    def end(self, names: tuple[str, ...]) -> tuple[End, ...]:
        """A join of some values, a return, or nothing."""
        kind = self.draw(_COUNT)
        if kind == 0:
            return ()
        if kind == 1:
            return (Return(expr=self.expr(names), span=Span(9, 1, 9, 5) if self.draw(_COIN) else None),)
        return (Join(args=tuple((name, e.Ref(name)) for name in names if self.draw(_COIN))),)


@st.composite
def modules(
    draw: st.DrawFn, tools: tuple[Signature, ...] = tuple(TOOLS.values()), max_ops: int = 6, depth: int = 2
) -> Module:
    """Well-formed modules that call `tools`, with at most `max_ops` ops at the top and expressions of that depth.

    They have no steps yet, and count as unordered (`order-effects` has not run); maps may be marked either way.
    """
    drawing = _Modules(draw, tools, depth)
    values = drawing.level((), draw(_below(max_ops + 1)), 2)
    return marked(Module((*values, *drawing.end(tuple(op.name for op in values)))), {one.name: one for one in tools})


def marked(module: Module, signatures: Mapping[str, Signature]) -> Module:
    """The module with those calls marked untrusted that are, with these tools."""
    trust = Trust()

    def mark(op: Any) -> Any:
        if isinstance(op, Map):
            trust.enter(op.var, op.source)
            op = msgspec.structs.replace(op, body=tuple(map(mark, op.body)))
        if isinstance(op, Call):
            op = msgspec.structs.replace(op, untrusted=trust.marks(signatures[op.tool], op.args))
        if not isinstance(op, Join | Return):
            trust.learn(op)
        return op

    return msgspec.structs.replace(module, ops=tuple(map(mark, module.ops)))
