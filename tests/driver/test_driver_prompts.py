"""The planner's prompt: the language is taught in few tokens, in more than one style."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from llmcc.driver.commands.prompt import command
from llmcc.driver.prompt import tool_lines
from llmcc.driver.styles import style
from llmcc.frontend.front import compile_front
from llmcc.ir.effects import Effect
from llmcc.ir.errors import LlmccError
from llmcc.ir.signature import Signature
from llmcc.ir.types import STR

TOOLS = str(Path(__file__).parents[2] / "examples" / "chain" / "tools.py")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["native", "llmcompiler"])
def test_the_language_takes_fewer_than_250_tokens(name: str) -> None:
    pytest.importorskip("llama_cpp")
    from llmcc.runtime.models.llama_files import default_model_path
    from llmcc.runtime.models.vocabulary import count_tokens

    model = default_model_path()
    assert 50 < count_tokens(style(name).language, model) < 250
    assert count_tokens("", model) == 0


@pytest.mark.parametrize("name", ["native", "llmcompiler"])
def test_the_examples_of_a_style_are_plans_of_its_dialect(name: str) -> None:
    for _, plan in style(name).examples:
        found = compile_front(plan, None, dialect=name).diagnostics
        assert [d.code for d in found if d.severity == "error"] == []


def test_a_folder_is_a_style(tmp_path: Path) -> None:
    (tmp_path / "language.txt").write_text("Be brief.\n")
    (tmp_path / "examples.txt").write_text("Question: Why?\njoin()\n")
    assert style(str(tmp_path)).examples == (("Why?", "join()"),)
    done = CliRunner().invoke(command, ["--tools", TOOLS, "--dialect", str(tmp_path), "Where?"])
    assert done.stdout.startswith("[system]\nBe brief.\n")
    assert done.stdout.endswith("Question: Where?\n")
    assert "tokens" in done.stderr


def test_a_style_that_is_not_there_or_malformed_is_told(tmp_path: Path) -> None:
    with pytest.raises(LlmccError, match="cannot read the prompt style"):
        style(str(tmp_path / "no"))
    (tmp_path / "language.txt").write_text("x")
    (tmp_path / "examples.txt").write_text("nothing")
    with pytest.raises(LlmccError, match="no question with a plan"):
        style(str(tmp_path))


@pytest.mark.parametrize("name", ["search", "mail.send", "when", "the mayor"])
def test_a_tool_is_shown_as_a_plan_calls_it(name: str) -> None:
    signature = Signature(name=name, parameters=(), returns=STR, effect=Effect("pure"))
    shown = tool_lines({name: signature}).partition("(")[0]
    assert not compile_front(f"x = {shown}()\nreturn x\n", {name: signature}).diagnostics


@pytest.mark.parametrize(
    ("effect", "told", "line"),
    [
        (Effect("write", ("mail",)), "Sends it.", "  # writes: Sends it."),
        (Effect("write", ("mail",)), "", "  # writes"),
        (Effect("read", ("mail",)), "Finds it.", "  # Finds it."),
        (Effect("pure"), "", ""),
        (None, "Nobody knows.", "  # Nobody knows."),
    ],
)
def test_a_tool_that_writes_says_so_before_what_else_it_says(effect: Effect | None, told: str, line: str) -> None:
    signature = Signature(name="mail", parameters=(), returns=STR, effect=effect, description=told)
    assert tool_lines({"mail": signature}) == f"mail() -> str{line}"
