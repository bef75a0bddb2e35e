"""What lowering knows while it works on one statement: names, facts, and the ops made so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import msgspec

from llmcc.frontend.facts import Facts
from llmcc.frontend.scope import Scope
from llmcc.frontend.suggest import Suggester
from llmcc.frontend.syntax import Expression, Node
from llmcc.ir.diagnostics import Diagnostic, Edit, Fix
from llmcc.ir.effects import PURE, READ, Effect
from llmcc.ir.expr import NOTHING, Binary, Const, Expr, Index, Ref, walk
from llmcc.ir.ops import Compute, ValueOp
from llmcc.ir.signature import Signature
from llmcc.ir.span import Span
from llmcc.ir.types import ANY, BOOL, Type

Dialect = Literal["native", "llmcompiler"]
#: A condition larger than this is given an op of its own before several ops share it.
SMALL = 8


class Typed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A lowered expression: its type, its place, and the lowered parts of a list, record or conditional.

    `broken`: there is a diagnostic about it already. `as_text`: it was a whole string `"$1"`, so it may stand for text.
    """

    expr: Expr
    type: Type
    span: Span
    parts: tuple[Typed, ...] = ()
    broken: bool = False
    as_text: bool = False


class Local(msgspec.Struct, frozen=True):
    """A comprehension's variable: its name in the IR and its type."""

    name: str
    type: Type


class Tools:
    """The signatures, if there are any, and what has been said about tools so far."""

    def __init__(self, signatures: Mapping[str, Signature] | None) -> None:
        self.signatures = signatures
        #: Tools used while there is no toolbox, with the place of their first use.
        self.assumed: dict[str, Span] = {}
        #: Tools that have a built-in's name and were used, so that the warning comes once.
        self.shadowing: set[str] = set()

    def find(self, name: str) -> Signature | None:
        """The signature of that name."""
        return None if self.signatures is None else self.signatures.get(name)

    def effect(self, signature: Signature) -> Effect | None:
        """The declared effect; one without resources is on everything."""
        effect = signature.effect
        if effect is None or effect.kind == "pure":
            return PURE if effect is not None else None
        return effect if effect.resources else msgspec.structs.replace(effect, resources=READ.resources)


Rule = Callable[["Context", Any], Typed]


class Context:
    """The state of lowering one statement. `rules` says for each kind of node how it is lowered."""

    def __init__(
        self, scope: Scope, tools: Tools, suggester: Suggester, rules: Mapping[type[Node], Rule], dialect: Dialect
    ) -> None:
        self.scope = scope
        self.tools = tools
        self.suggester = suggester
        self.dialect = dialect
        self._rules = rules
        self.diagnostics: list[Diagnostic] = []
        self.ops: list[ValueOp] = []
        self.locals: dict[str, Local] = {}
        self.facts = Facts()
        #: What must be true for the ops that are made now to run.
        self.guard: Expr | None = None
        self.after: tuple[str, ...] = ()
        #: The statement's name, from which the names of further ops are derived.
        self.base = ""
        #: The name that the statement defines, for the case that it uses it.
        self.own: str | None = None
        self.poisoned = False
        #: Strings that hold references (in the dialect `llmcompiler`): what the native language writes for them.
        self.strings: dict[Span, Expression] = {}
        #: Unknown names and the diagnostics about them: a later definition tells that they came too early.
        self.unknown: list[tuple[str, Diagnostic]] = []

    def lower(self, node: Expression) -> Typed:
        """The expression, lowered; the calls in it have become ops."""
        return self._rules[type(node)](self, node)

    def report(
        self, code: str, span: Span, message: str, *notes: object, help: str | None = None, fix: Fix | None = None
    ) -> Diagnostic:
        """Adds a diagnostic. Notes are made text here, so that whoever passes one on need not do it in vain."""
        found = Diagnostic(code, span, message, tuple(map(str, notes)), help, () if fix is None else (fix,))
        self.diagnostics.append(found)
        return found

    def fresh(self) -> str:
        """A name for an op that stands inside the statement."""
        return self.scope.fresh(self.base)

    def emit(self, op: ValueOp) -> Ref:
        """Adds an op, and refers to it."""
        self.ops.append(op)
        self.scope.trust.learn(op)
        return Ref(op.name)

    def shared(self, test: Expr, span: Span) -> Expr:
        """A condition that several ops can use: itself if small, else a reference to an op that computes it once."""
        if len([*zip(range(SMALL + 1), walk(test), strict=False)]) <= SMALL:
            return test
        return self.emit(Compute(name=self.fresh(), type=BOOL, expr=test, guard=self.guard, span=span))

    @contextmanager
    def branch(self, guard: Expr | None, facts: Facts) -> Iterator[None]:
        """Within this, ops run only if `guard` is true too, and `facts` are known."""
        outer = self.guard, self.facts
        self.facts = facts
        if guard is not None:
            self.guard = guard if self.guard is None else Binary("and", self.guard, guard)
        try:
            yield
        finally:
            self.guard, self.facts = outer

    @contextmanager
    def region(self, variable: str, local: Local) -> Iterator[list[ValueOp]]:
        """Within this, ops go to the body of a map (the list that it gives), whose elements are called `variable`."""
        outer = self.ops, self.guard, self.after, self.locals
        self.ops, self.guard, self.after = [], None, ()
        self.locals = {**self.locals, variable: local}
        try:
            yield self.ops
        finally:
            self.ops, self.guard, self.after, self.locals = outer


def broken(span: Span) -> Typed:
    """What stands for an expression with an error, so that the error has no others in its train."""
    return Typed(expr=NOTHING, type=ANY, span=span, broken=True)


def replacing(span: Span, replacement: str, title: str | None = None) -> Fix:
    """The fix that writes `replacement` at `span`."""
    return Fix(title or "replace it", (Edit(span, replacement),))


def describe(expr: Expr) -> str:
    """How a message names a value: by its path, if it has one."""
    found = path(expr)
    return f"`{found}`" if found is not None else "this value"


def path(expr: Expr) -> str | None:
    """`x.a[0]` for such an expression."""
    if isinstance(expr, Ref):
        derived = "." in expr.name  # a name that the plan's author has never seen
        return None if derived else f"${expr.name}" if expr.name.isdigit() else expr.name
    if not (isinstance(expr, Index) and isinstance(expr.index, Const)):
        return None
    base, key = path(expr.base), expr.index.value
    if base is None:
        return None
    return f"{base}.{key}" if isinstance(key, str) and key.isidentifier() else f"{base}[{key!r}]"
