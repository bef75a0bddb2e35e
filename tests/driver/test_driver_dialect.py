"""The style in which an agent's plans are taught and read: ours, the paper's, and those of users."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import llmcc
from llmcc.driver.commands import prompt as prompting
from llmcc.driver.commands.prompt import shown
from llmcc.driver.styles import style
from llmcc.ir.errors import LlmccError
from llmcc.runtime.models import Cut, Scripted, StreamBroken
from llmcc.testing.clock import run_virtual

CALLED: list[str] = []


@llmcc.tool(effect="read", resource="web")
async def search(query: str) -> str:
    """Search the web."""
    CALLED.append(query)
    return f"<{query}>"


TOOLBOX = llmcc.Toolbox(search)
PAPERS = 'Thought: one after the other\n1. search("K2")\n2. search("how high is $1?")\n3. search("$2")\n'


def ask(model: Scripted, **options: Any) -> llmcc.Answer:
    CALLED.clear()
    return run_virtual(lambda: llmcc.Agent(TOOLBOX, planner=model, **options).ask("How high is K2?"))


def test_the_papers_format_is_taught_and_read() -> None:
    model = Scripted([f"{PAPERS}4. join()<END_OF_PLAN>\n", "Answer: 8,611 m"])
    answer = ask(model, dialect="llmcompiler")
    assert (answer.text, answer.problem) == ("8,611 m", None)
    assert CALLED == ["K2", "how high is <K2>?", "<how high is <K2>?>"]
    assert "followed by <END_OF_PLAN>" in model.requests[0].messages[0].text


def test_the_native_dialect_takes_the_same_text_as_text() -> None:
    model = Scripted([f"{PAPERS}4. join()<END_OF_PLAN>\n", "Answer: no"])
    ask(model)
    assert sorted(CALLED) == ["$2", "K2", "how high is $1?"]
    assert "followed by <END_OF_PLAN>" not in model.requests[0].messages[0].text


def test_the_papers_format_is_repaired_and_replanned_like_ours() -> None:
    model = Scripted(
        [
            '1. search("K2")\n2. find("$1")\n',
            '2. search("$1")\n3. join()<END_OF_PLAN>',
            "Replan: more",
            '4. search("$2 $1")\n5. join()<END_OF_PLAN>',
            "Answer: so",
        ]
    )
    answer = ask(model, dialect="llmcompiler")
    assert (answer.text, answer.repairs, answer.replans) == ("so", 1, 1)
    assert CALLED == ["K2", "<K2>", "<<K2>> <K2>"]


@pytest.mark.parametrize("dialect", ["native", "llmcompiler"])
def test_the_prompt_that_is_printed_is_the_one_that_is_sent(dialect: str, tmp_path: Path) -> None:
    tools = tmp_path / "tools.py"
    tools.write_text(
        "import llmcc\n\n\n@llmcc.tool(effect='read', resource='web')\nasync def search(query: str) -> str:\n"
        '    """Search the web."""\n    return query\n'
    )
    told = ["How high is K2?", "--tools", str(tools), "--dialect", dialect]
    printed = CliRunner().invoke(prompting.command, told, standalone_mode=False)
    model = Scripted(["return 1\n"])
    ask(model, dialect=dialect)
    assert shown(model.requests[0]) == printed.stdout.rstrip("\n")


def test_a_style_of_a_user(tmp_path: Path) -> None:
    (tmp_path / "language.txt").write_text("Write as ever.\n")
    (tmp_path / "examples.txt").write_text("Question: One?\nreturn 1\n")
    model = Scripted(['a = search("x")\nreturn a\n'])
    assert ask(model, dialect=str(tmp_path)).text == "<x>"
    assert model.requests[0].messages[0].text.startswith("Write as ever.")
    (tmp_path / "dialect.txt").write_text("llmcompiler\n")
    style.cache_clear()
    assert ask(Scripted(['1. search("x")\n2. search("$1")\nreturn $2\n']), dialect=str(tmp_path)).text == "<<x>>"
    (tmp_path / "dialect.txt").write_text("klingon\n")
    style.cache_clear()
    with pytest.raises(LlmccError, match="no dialect is called 'klingon'"):
        ask(Scripted([]), dialect=str(tmp_path))


@pytest.mark.parametrize("cut", range(0, len(PAPERS), 5))
def test_a_stream_that_breaks_is_an_error_in_every_dialect(cut: int) -> None:
    with pytest.raises(StreamBroken):
        ask(Scripted([Cut(PAPERS[:cut])]), dialect="llmcompiler")
