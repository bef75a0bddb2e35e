"""The example plans: what they compile to, and what they give, as it stands beside them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Literal

import pytest

import llmcc
from llmcc.ir.interpret import interpret

ROOT = Path(__file__).parents[2] / "examples"
DIALECTS: dict[str, Literal["native", "llmcompiler"]] = {
    "parallel": "llmcompiler",
    "chain": "native",
    "filter": "native",
    "guarded": "native",
    "redundant": "native",
    "together": "native",
}


@pytest.fixture(params=DIALECTS)
def example(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def program(name: str) -> llmcc.Program:
    folder = ROOT / name
    return llmcc.compile(
        (folder / "plan.txt").read_text(), llmcc.load_toolbox(folder / "tools.py"), dialect=DIALECTS[name]
    )


def golden(path: Path, text: str, update: bool) -> None:
    if update:
        path.write_text(text)
    assert path.read_text() == text


def test_it_compiles_to_what_is_written_beside_it(example: str, update_golden: bool) -> None:
    compiled = program(example)
    assert compiled.diagnostics == ()
    golden(ROOT / example / "expected.ir", compiled.emit("ir"), update_golden)


def test_it_gives_what_is_written_beside_it(example: str, update_golden: bool) -> None:
    outcome = llmcc.run_sync(program(example))
    assert outcome.ok
    told = {"value": outcome.value, "calls": sorted(call.key for call in outcome.calls)}
    golden(ROOT / example / "expected.json", json.dumps(told, indent=2, ensure_ascii=False) + "\n", update_golden)


def test_the_guarded_write_happens_only_if_it_must() -> None:
    spec = importlib.util.spec_from_file_location("guarded_tools", ROOT / "guarded" / "tools.py")
    assert spec is not None
    assert spec.loader is not None
    tools = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tools)
    tools.SHELF["paper A4"] = 100
    box = llmcc.Toolbox(tools.stock, tools.reorder_rule, tools.buy)
    compiled = llmcc.compile((ROOT / "guarded" / "plan.txt").read_text(), box)
    assert llmcc.run_sync(compiled).value == {"before": 100, "ordered": None, "after": 100}
    tools.SHELF["paper A4"] = 3
    assert llmcc.run_sync(compiled).value == {
        "before": 3,
        "ordered": {"item": "paper A4", "amount": 25},
        "after": 28,
    }


def test_the_chain_means_the_same_sequentially() -> None:
    compiled = program("chain")
    assert compiled.toolbox is not None
    tools = compiled.toolbox
    result = interpret(compiled.module, lambda name, args: tools[name](**args))
    assert result.answer == llmcc.run_sync(compiled).value


def test_the_atlas_examples_for_models_compile_and_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATLAS_NOTES", str(tmp_path / "notes.txt"))
    box = llmcc.load_toolbox(ROOT / "atlas" / "tools.py")
    assert len(box.examples) > 20
    for question, plan in box.examples:
        outcome = llmcc.run_sync(llmcc.compile(plan, box, name=question))
        assert outcome.ok, (question, outcome.errors)
