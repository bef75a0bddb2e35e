"""How fast the optimizer is, beside xDSL's on modules of the same shapes, and how it grows.

    python bench/optimizer.py            a table
    python bench/optimizer.py --json     the same figures

All times are CPU times of this process, the median of several rounds, in microseconds an op. A round runs every
measurement once, so that a busy moment of the machine falls on all of them alike. Of a hundred thousand ops there is
only the growth to see: -O2, in the first round.
"""

from __future__ import annotations

import gc
import statistics
import sys
from collections.abc import Callable, Iterator
from typing import Any

import xdsl
from measuring import cpu, exponent, options, report
from xdsl.context import Context
from xdsl.dialects import builtin, test
from xdsl.dialects.builtin import ModuleOp, StringAttr, f64
from xdsl.transforms.canonicalize import CanonicalizePass
from xdsl.transforms.common_subexpression_elimination import CommonSubexpressionElimination
from xdsl.transforms.dead_code_elimination import DeadCodeElimination

from llmcc.ir.effects import Effect
from llmcc.ir.expr import Const, Format, ListOf, Ref
from llmcc.ir.ops import Call, Module, Op, Return
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import STR
from llmcc.optimizer.manager import PassRun, optimize
from llmcc.optimizer.registry import LEVELS

SIZES = (1_000, 10_000, 100_000)
#: The largest size that is measured in every round.
OFTEN = 10_000
#: Size at which the two are compared.
COMPARED = 10_000
#: All passes of the optimizer, the ones too that a level may leave out.
ALL_PASSES = "fold-constants,simplify,hoist-invariant,merge-duplicates,remove-dead,sink-guards,order-effects,schedule"
#: What is to be reached.
TARGETS = {
    **{f"{shape}_growth_exponent": 1.05 for shape in ("wide", "chain", "layered")},
    **{f"{shape}_over_xdsl": 1.0 for shape in ("wide", "chain", "layered")},
}
READ, WRITE = Effect("read", ("store:{key}",)), Effect("write", ("store:{key}",))
QUERY, BOTH = (Parameter("query", STR),), (Parameter("key", STR), Parameter("text", STR))
TOOLS = {
    one.name: one
    for one in (
        Signature(name="search", parameters=QUERY, returns=STR, effect=Effect("read", ("web",)), cost_usd=0.01),
        Signature(name="look", parameters=BOTH, returns=STR, effect=READ, latency_s=0.2),
        Signature(name="put", parameters=BOTH, returns=STR, effect=WRITE, latency_s=0.5, limit=4),
    )
}

#: A node of a shape: its tool, the constants that it is given, and the earlier nodes that it uses.
Node = tuple[str, tuple[str, ...], tuple[int, ...]]


def wide(count: int) -> Iterator[Node]:
    """Searches that need nothing, every tenth one asked again; every hundredth call writes down those before it."""
    for i in range(count):
        if i % 100 == 99:
            yield "put", (f"k{i}", "t"), tuple(range(i - 99, i))
        else:
            yield "search", (f"q{i - 5 if i % 10 == 9 else i}",), ()


def chain(count: int) -> Iterator[Node]:
    """Each search needs the one before."""
    return (("search", ("x",), (i - 1,) if i else ()) for i in range(count))


def layered(count: int) -> Iterator[Node]:
    """Layers of a hundred calls that use two of the layer before; a fifth writes one of fifty resources, and as many
    read one.
    """
    for i in range(count):
        used = tuple(j for j in (i - 100, i - 101) if j >= 0)
        tool = {3: "look", 4: "put"}.get(i % 5, "search")
        yield tool, (f"k{i % 50}", "t") if tool != "search" else (f"{i % 97}",), used


SHAPES: dict[str, Callable[[int], Iterator[Node]]] = {"wide": wide, "chain": chain, "layered": layered}


#: How many of the last nodes the answer takes. With one of a layer, the others, and what only they need, would be dead:
#: a fifth of a thousand ops, and next to nothing of a hundred thousand.
ANSWERED = {"wide": 1, "chain": 1, "layered": 100}


def module(shape: str, count: int) -> Module:
    """A module of `count` calls."""
    ops: list[Op] = []
    for i, (tool, constants, used) in enumerate(SHAPES[shape](count)):
        signature = TOOLS[tool]
        *first, last = constants
        text = Format((Const(last), *(Ref(f"v{j}") for j in used))) if used else Const(last)
        args = zip((parameter.name for parameter in signature.parameters), (*map(Const, first), text), strict=True)
        assert signature.effect is not None
        ops.append(Call(name=f"v{i}", type=STR, tool=tool, args=tuple(args), effect=signature.effect))
    answer = ListOf(tuple(Ref(f"v{i}") for i in range(count - ANSWERED[shape], count)))
    return Module((*ops, Return(expr=answer)))


def xdsl_module(shape: str, count: int) -> ModuleOp:
    """The same in xDSL: an op a call, with its constants as attributes, and effects of the same kinds."""
    kinds: dict[str, Any] = {"read": test.TestReadOp, "write": test.TestWriteOp}
    ops: list[Any] = []
    for tool, constants, used in SHAPES[shape](count):
        effect = TOOLS[tool].effect
        assert effect is not None
        attributes = {"tool": StringAttr(tool), **{f"a{i}": StringAttr(text) for i, text in enumerate(constants)}}
        ops.append(kinds[effect.kind]([ops[j].res[0] for j in used], [f64], attributes))
    return ModuleOp([*ops, test.TestTermOp([op.res[0] for op in ops[-ANSWERED[shape] :]])])


def xdsl_run(context: Context, found: ModuleOp, *, verify: bool) -> None:
    """Canonicalizes, eliminates common subexpressions and dead code. To `verify` is to do that before and after each,
    as xdsl-opt does by itself.
    """
    if verify:
        found.verify()
    for one in (CanonicalizePass(), CommonSubexpressionElimination(), DeadCodeElimination()):
        one.apply(context, found)
        if verify:
            found.verify()


#: What is measured of one shape and size: a name, and the options of `optimize`. What validates also verifies.
WAYS: dict[str, dict[str, Any]] = {
    "O2": {},
    "O2_without_validation": {"validate": False},
    "O2_passes_only": {"verify": False, "validate": False},
    "all_passes": {"passes": ALL_PASSES},
}


def measure(rounds: int) -> dict[str, float]:
    """Microseconds an op, by shape, size and way."""
    context = Context()
    context.load_dialect(builtin.Builtin)
    context.load_dialect(test.Test)
    found: dict[str, list[float]] = {}
    for number in range(rounds):
        for shape in SHAPES:
            for count in SIZES:
                if count > OFTEN and number:
                    continue
                repeats = max(1, 2_000 // count)  # small ones several times: the clock is coarse
                for name, seconds in _round(shape, count, context, repeats):
                    found.setdefault(f"{shape}_{count}_{name}", []).append(seconds / count * 1e6)
    return {name: statistics.median(times) for name, times in found.items()}


def _round(shape: str, count: int, context: Context, repeats: int) -> Iterator[tuple[str, float]]:
    ours = module(shape, count)
    large = count > OFTEN
    for name, way in {"O2": WAYS["O2"]}.items() if large else WAYS.items():
        yield name, cpu(lambda o=way: [optimize(ours, signatures=TOOLS, **o) for _ in range(repeats)]) / repeats  # type: ignore[misc]
    for name, verify in () if large else (("xdsl", True), ("xdsl_passes_only", False)):
        # Its passes change the module that they are given, so that each run needs its own.
        made = [xdsl_module(shape, count) for _ in range(repeats)]
        yield name, cpu(lambda m=made, v=verify: [xdsl_run(context, one, verify=v) for one in m]) / repeats  # type: ignore[misc]


def by_pass(rounds: int) -> dict[str, float]:
    """Microseconds an op that each pass takes, for a layered module."""
    times: dict[str, list[float]] = {}

    def note(run: PassRun) -> None:
        times.setdefault(f"layered_{COMPARED}_pass_{run.name}", []).append(run.cpu_s / COMPARED * 1e6)

    made = module("layered", COMPARED)
    for _ in range(rounds):
        gc.collect()
        optimize(made, passes=ALL_PASSES, signatures=TOOLS, observe=note)
    return {name: statistics.median(found) for name, found in times.items()}


def summary(figures: dict[str, float]) -> dict[str, float]:
    """For each shape the exponent of time over ops, and the time an op over xDSL's."""
    found: dict[str, float] = {}
    for shape in SHAPES:
        times = [figures[f"{shape}_{count}_O2"] * count for count in SIZES]
        found[f"{shape}_growth_exponent"] = exponent(SIZES, times)
    for shape in SHAPES:
        at = f"{shape}_{COMPARED}"
        found[f"{shape}_over_xdsl"] = figures[f"{at}_O2"] / figures[f"{at}_xdsl"]
        found[f"{shape}_over_xdsl_passes_only"] = figures[f"{at}_O2_passes_only"] / figures[f"{at}_xdsl_passes_only"]
    return found


def main() -> int:
    """Measures, prints, and returns 1 if a target is missed."""
    given = options(__doc__, rounds=5).parse_args()
    measured = {**measure(given.rounds), **by_pass(given.rounds)}
    figures = {**measured, **summary(measured)}
    note = f"-O2: {LEVELS[2]}; with validation of every pass"
    return report(figures, TARGETS, {"xdsl": xdsl.__version__}, as_json=given.json, note=note)


if __name__ == "__main__":
    sys.exit(main())
