"""Pipelines as text, and the manager that runs them."""

from __future__ import annotations

import gc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir.expr import Const, Ref
from llmcc.ir.ops import Compute, Join, Module, Return
from llmcc.ir.parser import parse
from llmcc.ir.printer import print_module
from llmcc.ir.types import INT
from llmcc.ir.verify import VerificationError
from llmcc.optimizer import manager
from llmcc.optimizer.manager import PassRun, optimize
from llmcc.optimizer.online import Online
from llmcc.optimizer.passes.batch_calls import BatchCalls
from llmcc.optimizer.passes.fold_constants import FoldConstants
from llmcc.optimizer.passes.hoist_invariant import HoistInvariant
from llmcc.optimizer.passes.merge_duplicates import MergeDuplicates
from llmcc.optimizer.passes.order_effects import OrderEffects
from llmcc.optimizer.passes.remove_dead import RemoveDead
from llmcc.optimizer.passes.schedule import Schedule
from llmcc.optimizer.passes.share_prefix import SharePrefix
from llmcc.optimizer.passes.simplify import Simplify
from llmcc.optimizer.passes.sink_guards import SinkGuards
from llmcc.optimizer.pipeline import BadOption, PipelineError, UnknownPass, parse_pipeline, print_pipeline
from llmcc.optimizer.registry import LEVELS, PASSES, ForwardPass

SIZES = st.integers(1, 10_000)
ANY_PASS = (
    st.builds(FoldConstants, SIZES, SIZES)
    | st.builds(MergeDuplicates)
    | st.builds(RemoveDead, SIZES)
    | st.builds(OrderEffects, SIZES)
    | st.builds(Schedule, SIZES, SIZES)
    | st.builds(Simplify)
    | st.builds(HoistInvariant)
    | st.builds(SinkGuards, st.booleans())
    | st.builds(BatchCalls, SIZES)
    | st.builds(SharePrefix, st.integers(1, 100))
)
FOUR_LINES = """plan {dialect = 1, ordered = false} {
  %a = call search(query = "height of Mount Everest") : str {effect = read("*")}
  %b = call search(query = "height of K2") : str {effect = read("*")}
  %c = call search(query = "height of Mount Everest") : str {effect = read("*")}
  join(a = %a, b = %b, c = %c)
}
"""


@pytest.mark.slow
@given(st.lists(ANY_PASS).map(tuple))
def test_a_pipeline_that_is_printed_parses_back(pipeline: tuple[FoldConstants, ...]) -> None:
    assert parse_pipeline(print_pipeline(pipeline)) == pipeline


def test_blanks_and_defaults_do_not_count() -> None:
    assert print_pipeline(parse_pipeline(" fold-constants { max_parts = 1000 } ,schedule{width=8} ")) == (
        "fold-constants,schedule{width=8}"
    )
    assert parse_pipeline("  ") == ()


@pytest.mark.parametrize(
    ("text", "error", "part"),
    [
        ("fold-constant", UnknownPass, "did you mean `fold-constants`?"),
        ("zzz", UnknownPass, "there are fold-constants, simplify"),
        ("schedule{widht=8}", BadOption, "widht"),
        ("schedule{width=many}", BadOption, "int"),
        ("schedule{width=-1}", BadOption, ">= 0"),
        ("schedule{width}", BadOption, "option=value"),
        ("schedule{width=1,width=2}", BadOption, "each once"),
        ("merge-duplicates{x=1}", BadOption, "its options: none"),
        ("schedule,", PipelineError, "schedule,"),
        ("schedule schedule", PipelineError, "schedule schedule"),
        ("schedule{", PipelineError, "schedule{"),
    ],
)
def test_what_is_no_pipeline_is_told(text: str, error: type[Exception], part: str) -> None:
    with pytest.raises(error) as caught:
        parse_pipeline(text)
    assert part in str(caught.value)


def test_the_levels_name_passes_and_schedule_what_is_ordered() -> None:
    for text in LEVELS.values():
        assert print_pipeline(parse_pipeline(text)) == text
        passes = [one.partition("{")[0] for one in text.split(",")]
        assert passes.index("order-effects") < passes.index("schedule")
    with pytest.raises(ValueError, match="0 to 2"):
        optimize(Module(), level=3)


def test_the_duplicate_of_four_lines_is_merged_and_both_searches_stand_in_the_first_step() -> None:
    assert print_module(optimize(parse(FOUR_LINES))) == (
        "plan {dialect = 1, ordered = true} {\n"
        '  %a = call search(query = "height of Mount Everest") : str {effect = read("*"), step = 0, priority = 1.0}\n'
        '  %b = call search(query = "height of K2") : str {effect = read("*"), step = 0, priority = 1.0}\n'
        "  join(a = %a, b = %b, c = %a)\n"
        "}\n"
    )


def test_every_run_of_a_pass_is_observed() -> None:
    runs: list[PassRun] = []
    module = parse(FOUR_LINES)
    last = optimize(module, observe=runs.append)
    assert ",".join(run.name for run in runs) == LEVELS[2]
    assert runs[0].before == module
    assert runs[-1].after is last
    assert all(one.after is other.before for one, other in pairwise(runs))
    assert all(run.cpu_s >= 0 for run in runs)


def test_a_module_is_verified_before_the_first_pass_unless_told_otherwise() -> None:
    broken = Module((Return(expr=Ref("nobody")),))
    with pytest.raises(VerificationError) as caught:
        optimize(broken)
    assert caught.value.__notes__ == ["found before the first pass"]
    assert optimize(broken, passes="", verify=False) is broken


def test_what_a_pass_breaks_is_found_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RemoveDead, "__call__", lambda self, module, signatures: Module(module.ops[1:]))
    module = Module((Compute(name="x", type=INT, expr=Const(1)), Join(args=(("x", Ref("x")),))))
    with pytest.raises(VerificationError) as caught:
        optimize(module, passes="schedule,remove-dead{fan=2}")
    assert caught.value.__notes__ == ["found after the pass remove-dead{fan=2}"]


def test_collection_waits_for_a_large_module_only_and_goes_on_after() -> None:
    seen: list[bool] = []
    large = Module(tuple(Compute(name=f"x{i}", type=INT, expr=Const(i)) for i in range(manager.MANY_OPS)))
    for module in (Module(), large):
        optimize(module, passes="schedule", observe=lambda _: seen.append(gc.isenabled()))
        assert gc.isenabled()
    assert seen == [True, False]


def test_only_passes_that_look_backwards_run_while_a_plan_streams_in() -> None:
    forward = {name for name, entry in PASSES.items() if isinstance(entry.kind(), ForwardPass)}
    assert forward == {"fold-constants", "simplify", "merge-duplicates", "order-effects"}
    with pytest.raises(PipelineError, match="`remove-dead` needs the whole plan"):
        Online("order-effects,remove-dead")


def test_a_streamed_duplicate_keeps_its_name_for_later_plans() -> None:
    online = Online()
    ops = parse(FOUR_LINES).ops
    first = online.add(ops[:3])
    assert [op.name for op in first if not isinstance(op, Join | Return)] == ["a", "b", "c"]
    assert online.add([Return(expr=Ref("c"))]) == (Return(expr=Ref("a")),)
