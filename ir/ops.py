"""The operations of a plan, in single assignment: every value is defined once, by one op, before its uses.

Ops are immutable, and of exactly one of the classes here: `type(op) is Call` says the same as `isinstance`, which takes
five times as long to say no. `name` is the value an op defines: the plan's own name (`everest`), a statement's number
(`1`), or a derived one with a dot (`3.1`) for what lowering had to name itself.

What every value-defining op shares:

- `type`: the type of its value when it runs (a guard adds null to that, a catch the type of its own value);
- `guard`: if its value is false, nothing of the op runs and its value is null (None means: always);
- `after`: ops that must be over (whatever became of them) before this one starts;
- `catch`: the value to use if the op fails (also because something it needs has failed);
- `span`: the place in the plan's text;
- `step`, `priority`: what the `schedule` pass found: the parallel step (from 0) in which the op can start, and the
  length of the longest path from the op's start to the end of the plan, in seconds. What has the highest priority
  starts first where not all can start; `share-prefix` raises some.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias, final

import msgspec

from llmcc.ir.effects import Effect
from llmcc.ir.expr import Const, Expr, refs
from llmcc.ir.span import Span
from llmcc.ir.types import Type


class _Op(msgspec.Struct, frozen=True, gc=False, tag=True, tag_field="op"):
    pass


class _ValueOp(_Op, frozen=True, kw_only=True):
    name: str
    type: Type
    guard: Expr | None = None
    after: tuple[str, ...] = ()
    catch: Expr | None = None
    span: Span | None = None
    step: int | None = None
    priority: float | None = None


@final
class Compute(_ValueOp, frozen=True, kw_only=True, tag="expr"):
    """A pure expression; printed as `expr`."""

    expr: Expr


@final
class Call(_ValueOp, frozen=True, kw_only=True, tag="call"):
    """A call of a tool. `args` are by name, in the signature's order; what is absent is left to the tool's default.

    `batch` allows whoever runs the plan to make the call together with others of the tool that are marked and start at
    the same moment, at most so many as one; the meaning stays one call each. What an `untrusted` call gives was written
    by somebody who may want to mislead (see `llmcc.ir.trust`).
    """

    tool: str
    args: tuple[tuple[str, Expr], ...]
    effect: Effect
    batch: int | None = None
    untrusted: bool = False


@final
class Map(_ValueOp, frozen=True, kw_only=True, tag="map"):
    """For each element of `source`, the ops of `body`; the list of the `result`s for which `keep` is true (None: all).

    `var` is the element inside `body`, `keep` and `result`. Elements are independent of each other unless effects
    conflict. An element that fails fails the map, after all others have had their turn. While `ordered` is true the
    elements run one after another; `order-effects` clears it where no two elements can conflict.
    """

    var: str
    var_type: Type
    source: Expr
    body: tuple[ValueOp, ...]
    keep: Expr | None = None
    result: Expr
    ordered: bool = True


@final
class Join(_Op, frozen=True, kw_only=True, tag="join"):
    """Ends the plan: a model writes the answer from these named values."""

    args: tuple[tuple[str, Expr], ...]
    span: Span | None = None


@final
class Return(_Op, frozen=True, kw_only=True, tag="return"):
    """Ends the plan: the answer is this value."""

    expr: Expr
    span: Span | None = None


ValueOp: TypeAlias = Compute | Call | Map
End: TypeAlias = Join | Return
Op: TypeAlias = ValueOp | End


class Module(msgspec.Struct, frozen=True):
    """A compiled plan: value ops in program order, at most one `Join` or `Return`, last.

    `dialect` is the IR's version. `ordered` says that `after` edges (and the maps' `ordered`) already hold every pair
    of conflicting calls apart in program order, so that a scheduler needs no knowledge of effects.
    """

    ops: tuple[Op, ...] = ()
    dialect: int = 1
    ordered: bool = False

    @property
    def values(self) -> tuple[ValueOp, ...]:
        """The ops that define values."""
        return tuple([op for op in self.ops if not (type(op) is Join or type(op) is Return)])

    @property
    def end(self) -> End | None:
        """The op that gives the answer, if the plan has one."""
        last = self.ops[-1] if self.ops else None
        return last if isinstance(last, Join | Return) else None


def calls_in(ops: Iterable[Op]) -> Iterator[Call]:
    """The calls among the ops, also those in the bodies of maps, in program order."""
    for op in ops:
        if isinstance(op, Call):
            yield op
        elif isinstance(op, Map):
            yield from calls_in(op.body)


def operands(op: Op) -> tuple[Expr, ...]:
    """The expressions an op evaluates before or when it runs (for a map: its source only), without guard and catch."""
    if type(op) is Call or type(op) is Join:
        return tuple([expr for _, expr in op.args])
    return (op.source,) if type(op) is Map else (op.expr,)


def inner(op: Map) -> tuple[Expr, ...]:
    """The expressions of a map's region itself (not of the ops in it)."""
    return (op.result,) if op.keep is None else (op.keep, op.result)


def expressions(op: Op) -> Iterator[Expr]:
    """All expressions of an op: what it evaluates, its guard and catch, and those of a map's region."""
    yield from operands(op)
    if isinstance(op, Join | Return):
        return
    yield from (expr for expr in (op.guard, op.catch) if expr is not None)
    if isinstance(op, Map):
        yield from inner(op)
        for one in op.body:
            yield from expressions(one)


def needs(op: Op) -> list[str]:
    """The values from outside without which an op cannot run, each once, in the order in which they are looked at.

    For a map that includes all that its region takes from without. Guard, catch and `after` are not part of it.
    """
    if type(op) is Compute or type(op) is Return:
        return refs(op.expr)
    open_ = [expr for expr in operands(op) if type(expr) is not Const]
    if len(open_) == 1 and type(op) is not Map:
        return refs(open_[0])
    found = [name for expr in open_ for name in refs(expr)]
    if type(op) is Map:
        defined = {op.var, *(o.name for o in op.body)}
        within = [u for o in op.body for u in uses(o)] + [r for e in inner(op) for r in refs(e)]
        found += [u for u in within if u not in defined]
    return list(dict.fromkeys(found))


def awaits(op: Op) -> list[str]:
    """The values from outside that are over before an op starts: its guard's, and what it needs (`after` besides).

    What its catch uses is not among them: only an op that has failed waits for that.
    """
    if type(op) is Join or type(op) is Return or op.guard is None:
        return needs(op)
    return list(dict.fromkeys((*refs(op.guard), *needs(op))))


def uses(op: Op) -> list[str]:
    """The values from outside that an op may look at: its guard's, what it needs, its catch's (not `after`)."""
    if type(op) is Join or type(op) is Return or (op.guard is None and op.catch is None):
        return needs(op)
    guard = refs(op.guard) if op.guard is not None else []
    catch = refs(op.catch) if op.catch is not None else []
    return list(dict.fromkeys((*guard, *needs(op), *catch)))
