"""What `hoist-invariant` saves, counted in calls, and that it runs nothing in vain."""

from __future__ import annotations

from typing import Any

import pytest

from llmcc.ir.errors import ToolError
from llmcc.ir.interpret import Result, interpret
from llmcc.ir.ops import Module
from llmcc.ir.parser import parse
from llmcc.optimizer.manager import optimize
from llmcc.testing.modules import TOOLS

BODY = """  %m = map %c : any in SOURCE : list[any] {ordered = true} [
    %m.1 = call calc(a = "style") : any {effect = pure}
    %m.2 = call calc(a = %c, b = %m.1) : any {effect = pure}
  ] yield %m.2
  return %m
}
"""
HEAD = 'plan {dialect = 1, ordered = false} {\n  %xs = call web.search(query = "x") : list[any] {effect = read(web)}\n'


def run(module: Module, elements: int, failing: str | None = None) -> tuple[Result, int]:
    """Runs a module; gives the result and how many calls were made."""
    calls: list[str] = []

    def call(tool: str, args: dict[str, Any]) -> object:
        calls.append(tool)
        if failing is not None and failing in (tool, args.get("a")):
            raise ToolError(f"{tool} fails")
        return ["x"] * elements if tool == "web.search" else str(args)

    return interpret(module, call), len(calls)


@pytest.mark.parametrize("elements", [0, 1, 5])
@pytest.mark.parametrize("failing", [None, "web.search", "style"])
def test_a_call_that_is_the_same_for_all_elements_runs_at_most_once(elements: int, failing: str | None) -> None:
    module = parse(HEAD + BODY.replace("SOURCE", "%xs"))
    new = optimize(module, passes="hoist-invariant", signatures=TOOLS)
    before, more = run(module, elements, failing)
    after, fewer = run(new, elements, failing)
    assert (after.answer, None if after.failed is None else after.failed.message) == (
        before.answer,
        None if before.failed is None else before.failed.message,
    )
    if failing is None:
        assert (more, fewer) == (1 + 2 * elements, 1 + elements + min(elements, 1))
    assert fewer <= more


@pytest.mark.parametrize("source", ["[]", '["a"]', "%xs[1:]", '["a", %xs]'])
def test_where_it_saves_nothing_or_could_run_in_vain_it_stays(source: str) -> None:
    module = parse(HEAD + BODY.replace("SOURCE", source))
    assert optimize(module, passes="hoist-invariant", signatures=TOOLS) is module


def test_a_new_name_is_not_taken_from_the_plan() -> None:
    taken = '  %m.1.0 = expr "mine" : str\n'
    module = parse(HEAD + taken + BODY.replace("SOURCE", '["a", "b"]'))
    names = [op.name for op in optimize(module, passes="hoist-invariant", signatures=TOOLS).values]
    assert names == ["xs", "m.1.0", "m.1.0.2", "m"]
