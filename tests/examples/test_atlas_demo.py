"""The demo: its questions have answers, and it counts how many a model has right. Whether the embedded one is, is not
tested here."""

from __future__ import annotations

import importlib.util
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trio
from rich.console import Console

import llmcc
from llmcc.frontend.front import compile_front
from llmcc.runtime.models import Scripted

ATLAS = Path(__file__).parents[2] / "examples" / "atlas"


@pytest.fixture(scope="module")
def demo() -> Iterator[ModuleType]:
    pytest.importorskip("pint")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ATLAS))
        spec = importlib.util.spec_from_file_location("atlas_demo", ATLAS / "demo.py")
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module
    sys.modules.pop("questions", None)


@pytest.fixture(scope="module")
def toolbox() -> llmcc.Toolbox:
    return llmcc.load_toolbox(ATLAS / "tools.py")


def plan(asked: Any, answer: str) -> str:
    return f"{asked.calls}\nreturn {answer}\n"


def told(demo: ModuleType, replies: list[str]) -> tuple[int, str]:
    screen = io.StringIO()
    right = trio.run(demo.demo, Scripted(replies), Console(file=screen, width=200))
    return right, screen.getvalue()


def test_there_are_ten_questions_and_none_is_an_example(demo: ModuleType, toolbox: llmcc.Toolbox) -> None:
    questions = [asked.question for asked in demo.QUESTIONS]
    assert len(set(questions)) == 10
    assert not set(questions) & {question for question, _ in toolbox.examples}


@pytest.mark.slow
def test_every_question_has_answers_of_its_own(demo: ModuleType, toolbox: llmcc.Toolbox) -> None:
    values = []
    for asked in demo.QUESTIONS:
        assert compile_front(asked.plan, toolbox.signatures).diagnostics == ()
        outcome = llmcc.run_sync(llmcc.compile(asked.plan, toolbox))
        assert outcome.ok, asked.question
        assert isinstance(outcome.value, list)
        values.append(outcome.value)
    for place, answers in enumerate(values):
        assert [i for i, other in enumerate(values) if demo.is_right(answers[0], other)] == [place]


@pytest.mark.slow
def test_all_is_shown_and_right_answers_are_counted_however_they_are_returned(demo: ModuleType) -> None:
    last = [plan(asked, asked.answers[-1]) for asked in demo.QUESTIONS]
    right, text = told(demo, last)
    assert right == 10
    assert "10 of 10 right" in text and "plans are written by scripted" in text
    for asked in demo.QUESTIONS:
        assert asked.question in text and asked.calls.splitlines()[0] in text
    assert text.count("reference: ") == 10 and "✓ a: lookup(entity=Mount Everest" in text


@pytest.mark.slow
def test_wrong_answers_and_none_are_not_right(demo: ModuleType) -> None:
    replies = [plan(asked, asked.answers[0]) for asked in demo.QUESTIONS]
    replies[0] = 'return "K2"\n'
    replies[1] = 'a = lookup("Nil", "length")\nreturn a.value\n'
    right, text = told(demo, replies)
    assert right == 8
    assert "reference: Mount Everest" in text and "no answer: " in text


def test_a_reference_that_fails_is_told(demo: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = type(demo.QUESTIONS[0])("How long is the Nil?", 'a = lookup("Nil", "length")', ("a.value",))
    monkeypatch.setattr(demo, "QUESTIONS", (asked,))
    right, text = told(demo, [plan(asked, "a.value")])
    assert right == 0 and "0 of 1 right" in text
    assert 'reference: none, the atlas has no entity "Nil"' in text
