"""What holds for every module, from lowering to the last pass. `verify` checks all of it.

Names and places
    I01  A name is not empty, and is defined once: no two ops or map variables of a module share one. A
         comprehension's variable is neither the name of one of those, nor bound again inside that comprehension.
    I02  What an expression refers to is defined before, at the same level or around it. A value of a map's body is
         visible in the body after its op, and in the map's `keep` and result; the map's variable in those and in all
         of the body. The map's source, guard and catch see neither; no op sees its own value.
    I03  `after` names ops of the same level that stand before, each once.
    I04  `join` or `return` stands at most once, at the very end.

Calls
    I05  A pure effect has no resources; a read or write has at least one, each once and not empty.
    I06  Braces in a resource stand in pairs around the name of a parameter, and nowhere else.
    I07  No argument of a call or join is given twice, and none has an empty name; neither has the tool.

Expressions and types
    I08  A constant is null, a bool, a finite float, an int of at most 4096 bits, or a text without lone surrogates.
    I09  No key of a record stands in it twice; keys are texts as in I08.
    I10  A built-in exists and takes that many arguments.
    I11  An expression is at most 200 nodes deep, and maps are nested at most 64 deep.
    I12  Types are in the form that `union` makes; a record type has each field once.

Order and figures
    I13  A step is not negative. Where two ops of one level have steps and the later one uses the earlier one's value,
         or comes after it, the later one's step is at least the earlier one's, and greater if the earlier one is a
         call or map. So steps count calls and maps, an expr op takes none of its own; a map's body counts from 0.
    I14  A priority is a finite number, not negative.
    I15  A span starts at line 1, column 1 or later, and does not end before it starts.
    I16  The dialect is 1.

With the tools' signatures
    I17  The tool of a call is known.
    I18  Each argument is a parameter of the tool, and they stand in its order.
    I19  Each parameter that is required is given.
    I20  The effect is the tool's own (`*` where that names no resource).
    I21  A parameter in a resource is one of the tool's.
    I22  A call's batch is at most what its tool takes (and, also without signatures, at least 1).
    I23  A call is marked untrusted if its tool declares that, or asks a model and has an argument that uses an
         untrusted value (`llmcc.ir.trust`). No other call is, but one of a model may be.

What nothing here can tell: whether the order edges of an `ordered` module are enough (the optimizer's dependence
analysis knows when two resources differ), and whether an expression has the type that its op claims (what was not
proven is checked when the plan runs).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from operator import attrgetter, is_
from typing import Any

import msgspec

from llmcc.ir import check_expr
from llmcc.ir.effects import EVERYTHING, Effect, holes
from llmcc.ir.errors import LlmccError
from llmcc.ir.expr import Expr
from llmcc.ir.ops import Call, Compute, Join, Map, Module, Op, Return, ValueOp, inner, operands, uses
from llmcc.ir.signature import Signature
from llmcc.ir.span import Span
from llmcc.ir.trust import Trust
from llmcc.ir.types import Type

MAX_MAP_DEPTH = 64
_PATTERN = re.compile(r"(?:[^{}]|\{[^{}]+\})*")


class Violation(msgspec.Struct, frozen=True):
    """One broken invariant: its number (`I02`), the op (`join` and `return` by those words), and what is wrong."""

    invariant: str
    op: str
    text: str

    def __str__(self) -> str:
        """One line of the error's text."""
        return f"{self.invariant} in %{self.op}: {self.text}" if self.op else f"{self.invariant}: {self.text}"


class VerificationError(LlmccError):
    """A module is not well-formed, which is a defect of what built it. `violations` is never empty."""

    def __init__(self, violations: tuple[Violation, ...]) -> None:
        shown = [str(v) for v in violations[:10]]
        more = len(violations) - len(shown)
        super().__init__("\n".join([*shown, f"and {more} more"] if more else shown))
        self.violations = violations


def verify(module: Module, signatures: Mapping[str, Signature] | None = None) -> None:
    """Checks the invariants that this module's docstring lists, the last group only with `signatures` (by tool).

    Takes time in proportion to the module's size.

    Raises:
        VerificationError: some do not hold.
    """
    Verifier(signatures).verify(module)


class Verifier:
    """`verify` for modules that have much in common, as a plan has before and after a pass: what is the same object as
    one that was found right in an earlier module is not looked into again.
    """

    def __init__(self, signatures: Mapping[str, Signature] | None = None) -> None:
        self._signatures = signatures
        self._known = _Known()

    def verify(self, module: Module) -> None:
        """Checks the next module.

        Raises:
            VerificationError: as `verify`.
        """
        found = _Verification(self._signatures, self._known).of(module)
        if found:
            raise VerificationError(tuple(found))


class _Known:
    """What was found right, by identity; that it is kept here keeps the identity from being given to another."""

    def __init__(self) -> None:
        self.exprs: dict[int, tuple[Expr, check_expr.Findings]] = {}
        self.types: dict[int, Type] = {}
        #: Ops by name, with their parts, and the names that they use. Nothing binds a name in them.
        self.ops: dict[str, tuple[ValueOp, tuple[object, ...], list[str]]] = {}


class _Verification:
    def __init__(self, signatures: Mapping[str, Signature] | None, known: _Known) -> None:
        self.signatures = signatures
        self.known = known
        self.found: list[Violation] = []
        self.op = ""  # the op that is being looked at
        self.defined: set[str] = set()  # everything so far, wherever it is visible
        self.visible: set[str] = set()
        self.comprehended: dict[str, str] = {}  # a comprehension's variable, and the op in which it stands
        asked = signatures is not None and any(one.prompt is not None for one in signatures.values())
        self.trust = Trust() if asked else None

    def of(self, module: Module) -> list[Violation]:
        if module.dialect != 1:
            self.wrong("I16", f"the dialect {module.dialect} is not known")
        self.level(module.ops, 0)
        for name, op in self.comprehended.items():
            if name in self.defined:
                text = f"the variable %{name} of a comprehension has the name of a value"
                self.found.append(Violation("I01", op, text))
        return self.found

    def wrong(self, invariant: str, text: str) -> None:
        self.found.append(Violation(invariant, self.op, text))

    def level(self, ops: tuple[Op, ...], depth: int) -> dict[str, ValueOp]:
        """Checks the ops of one level, after which their values are visible."""
        earlier: dict[str, ValueOp] = {}
        for place, op in enumerate(ops):
            if type(op) is Join or type(op) is Return:
                self.op = "join" if type(op) is Join else "return"
                self.end(op, last=depth == 0 and place == len(ops) - 1)
                continue
            self.op = op.name
            self.value_op(op, earlier, depth)
            self.define(op.name)
            earlier[op.name] = op
        return earlier

    def end(self, op: Join | Return, *, last: bool) -> None:
        if not last:
            self.wrong("I04", "more ops follow the end of the plan")
        self.span(op.span)
        if isinstance(op, Join):
            self.arguments(op.args)
        for expr in operands(op):
            self.expr(expr)

    def value_op(self, op: ValueOp, earlier: dict[str, ValueOp], depth: int) -> None:
        parts = _PARTS[type(op)](op)
        if not self.is_known(op, parts):
            self.look_into(op, parts)
        if op.after or op.priority is not None or op.step is not None:
            self.figures(op, earlier)
        if type(op) is Map:
            self.map(op, depth)
        if self.trust is not None:
            self.trusted(op, self.trust)

    def trusted(self, op: ValueOp, trust: Trust) -> None:
        """Checks that what a model makes of an untrusted value is untrusted."""
        if isinstance(op, Call) and not op.untrusted and trust.sees(*operands(op)):
            signature = (self.signatures or {}).get(op.tool)
            if signature is not None and signature.prompt is not None:
                self.wrong("I23", f"{op.tool} is a model and is given an untrusted value, and the call is not marked")
        trust.learn(op)

    def is_known(self, op: ValueOp, parts: tuple[object, ...]) -> bool:
        """Whether an op with the same parts was found right, and what it uses can be seen here too."""
        known = self.known.ops.get(op.name)
        if known is None or type(known[0]) is not type(op):
            return False
        return all(map(is_, parts, known[1])) and self.visible.issuperset(known[2])

    def look_into(self, op: ValueOp, parts: tuple[object, ...]) -> None:
        """Checks an op, less its figures and what is in a map."""
        wrong = len(self.found)
        self.type(op.type)
        self.span(op.span)
        looked = [self.expr(expr) for expr in (op.guard, *operands(op), op.catch) if expr is not None]
        if type(op) is Call:
            self.call(op)
        if len(self.found) == wrong and not any(one.bound for one in looked):
            self.known.ops[op.name] = op, parts, [name for one in looked for name in one.free]

    def map(self, op: Map, depth: int) -> None:
        self.type(op.var_type)
        if depth == MAX_MAP_DEPTH:
            self.wrong("I11", "maps are nested too deeply")
            return
        self.define(op.var)
        if self.trust is not None:
            self.trust.enter(op.var, op.source)
        body = self.level(op.body, depth + 1)
        self.op = op.name
        for expr in inner(op):
            self.expr(expr)
        self.visible -= {op.var, *body}

    def define(self, name: str) -> None:
        if not name:
            self.wrong("I01", "a name is empty")
        if name in self.defined:
            self.wrong("I01", f"%{name} is defined twice")
        self.defined.add(name)
        self.visible.add(name)

    def expr(self, expr: Expr) -> check_expr.Findings:
        known = self.known.exprs.get(id(expr))
        looked = check_expr.look(expr) if known is None else known[1]
        if known is None and not looked.wrong:
            self.known.exprs[id(expr)] = expr, looked
        for invariant, text in looked.wrong:
            self.wrong(invariant, text)
        for name in looked.free:
            if name not in self.visible:
                state = "cannot be seen from here" if name in self.defined else "is not defined before"
                self.wrong("I02", f"%{name} {state}")
        for name in looked.bound:
            self.comprehended.setdefault(name, self.op)
        return looked

    def type(self, type_: Type) -> None:
        if id(type_) in self.known.types:
            return
        text = check_expr.type_fault(type_)
        if text:
            self.wrong("I12", text)
        else:
            self.known.types[id(type_)] = type_

    def span(self, span: Span | None) -> None:
        if span is None:
            return
        start, end = (span.line, span.column), (span.end_line, span.end_column)
        if min(span.line, span.column) < 1 or end < start:
            self.wrong("I15", f"{span} is no place in a text")

    def figures(self, op: ValueOp, earlier: dict[str, ValueOp]) -> None:
        """Checks the order edges, the step and the priority of an op."""
        if len(set(op.after)) != len(op.after):
            self.wrong("I03", "`after` names an op twice")
        for name in op.after:
            if name not in earlier:
                self.wrong("I03", f"`after` names %{name}, which is no op before it on its level")
        if op.priority is not None and not 0 <= op.priority < float("inf"):
            self.wrong("I14", f"the priority is {op.priority}")
        if op.step is None:
            return
        if op.step < 0:
            self.wrong("I13", f"the step is {op.step}")
        for name in dict.fromkeys((*uses(op), *op.after)):
            least = _step_after(earlier.get(name))
            if op.step < least:
                self.wrong("I13", f"the step is {op.step}, and that of %{name} allows {least} at the earliest")

    def arguments(self, args: tuple[tuple[str, Expr], ...]) -> None:
        names = [name for name, _ in args]
        if len(set(names)) != len(names):
            self.wrong("I07", "an argument is given twice")
        if "" in names:
            self.wrong("I07", "an argument has an empty name")

    def call(self, op: Call) -> None:
        self.arguments(op.args)
        if not op.tool:
            self.wrong("I07", "the tool's name is empty")
        self.effect(op.effect)
        if op.batch is not None and op.batch < 1:
            self.wrong("I22", f"the batch is {op.batch}")
        if self.signatures is None:
            return
        signature = self.signatures.get(op.tool)
        if signature is None:
            self.wrong("I17", f"there is no tool {op.tool}")
        else:
            self.signature(op, signature)

    def effect(self, effect: Effect) -> None:
        resources = effect.resources
        if (effect.kind == "pure") == bool(resources):
            self.wrong("I05", f"{effect.kind} with {len(resources)} resources")
        if len(set(resources)) != len(resources) or "" in resources:
            self.wrong("I05", "a resource is empty, or stands there twice")
        for pattern in resources:
            if not _PATTERN.fullmatch(pattern):
                self.wrong("I06", f"the braces of {pattern} do not pair around names")

    def signature(self, op: Call, signature: Signature) -> None:
        known = {p.name: place for place, p in enumerate(signature.parameters)}
        places = [known[name] for name, _ in op.args if name in known]
        unknown = [name for name, _ in op.args if name not in known]
        for name in unknown:
            self.wrong("I18", f"{op.tool} has no parameter {name}")
        if places != sorted(places):
            self.wrong("I18", f"the arguments do not stand in the order of {op.tool}'s parameters")
        given = {name for name, _ in op.args}
        for parameter in signature.parameters:
            if parameter.required and parameter.name not in given:
                self.wrong("I19", f"{op.tool} needs {parameter.name}")
        declared = signature.effect
        if declared is not None and not declared.resources and declared.kind != "pure":
            declared = Effect(declared.kind, (EVERYTHING,))
        if op.effect != declared:
            self.wrong("I20", f"the effect of {op.tool} is {declared or 'not declared'}, not {op.effect}")
        if op.batch is not None and op.batch > (signature.batch or 0):
            self.wrong("I22", f"a batch of {op.batch}, and {op.tool} takes {signature.batch or 'none'}")
        if op.untrusted and not signature.untrusted and signature.prompt is None:
            self.wrong("I23", f"what {op.tool} gives is not untrusted, and the call is marked")
        if signature.untrusted and not op.untrusted:
            self.wrong("I23", f"what {op.tool} gives is untrusted, and the call is not marked")
        for name in (hole for pattern in op.effect.resources for hole in holes(pattern)):
            if name not in known:
                self.wrong("I21", f"a resource names {name}, which is no parameter of {op.tool}")


_SHARED = ("type", "guard", "catch", "span")
#: What is looked into of an op: everything that does not stand there because of other ops.
_PARTS: dict[type, Callable[[Any], tuple[object, ...]]] = {
    Compute: attrgetter(*_SHARED, "expr"),
    Call: attrgetter(*_SHARED, "tool", "args", "effect", "batch", "untrusted"),
    Map: attrgetter(*_SHARED, "source"),
}


def _step_after(op: ValueOp | None) -> int:
    """The first step in which something that needs `op` can stand."""
    if op is None or op.step is None:
        return 0
    return op.step if isinstance(op, Compute) else op.step + 1
