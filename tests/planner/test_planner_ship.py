"""What is shipped is what was measured, and says so."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from planner.evaluate.report import Row
from planner.ship import main

from llmcc.runtime.models import ModelUnavailable, default_model_path

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def bundled() -> None:
    pytest.importorskip("llama_cpp")
    try:
        default_model_path()
    except ModelUnavailable as error:
        pytest.skip(str(error))


def results(file: Path, *ways: str) -> Path:
    texts = {"group": "tools", "name": "a", "question": "Q?", "plan": "return 1", "reference": "return 2", "reason": ""}
    numbers = {"compiles": True, "right": True, "prompt_tokens": 9, "tokens": 3, "first_line_s": 0.5, "whole_s": 1.0}
    rows = [msgspec.convert(texts | numbers | {"way": way}, Row) for way in ways]
    file.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return file


def test_the_card_names_the_file_and_its_own_figures(adapter: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256(adapter.read_bytes()).hexdigest()
    measured = results(tmp_path / "rows.jsonl", f"q8_0, adapter {digest[:6]}, as llmcc asks", "q8_0, adapter 000000, x")
    done = CliRunner().invoke(main, ["--adapter", str(adapter), "--results", str(measured), "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "planner.gguf").read_bytes() == adapter.read_bytes()
    card = (tmp_path / "planner.md").read_text("utf-8")
    assert digest in card and "Apache-2.0" in card and "17 of 20 steps" in card
    assert f"| q8_0, adapter {digest[:6]}, as llmcc asks | unseen tools | 1 | 1 (100%) |" in card
    assert "000000" not in card


def test_an_adapter_of_another_model_is_not_shipped(misfit: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["--adapter", str(misfit), "--out", str(tmp_path / "out")])
    assert isinstance(done.exception, ModelUnavailable)
    assert not (tmp_path / "out").exists()
