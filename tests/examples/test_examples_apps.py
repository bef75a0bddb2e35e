"""The examples of embedding: a web app under asyncio, a plain script."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import llmcc
from llmcc.runtime.models import Scripted

ROOT = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def module() -> Iterator[Any]:
    spec = importlib.util.spec_from_file_location("fastapi_app", ROOT / "fastapi_app" / "app.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["fastapi_app"] = made  # FastAPI looks the annotations up there
    spec.loader.exec_module(made)
    yield made
    llmcc.aio.close()
    del sys.modules["fastapi_app"]


def post(module: Any, path: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=module.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:
            return await client.post(path, json=body, headers=headers)

    return asyncio.run(ask())


PLAN = 'a = stock("ink")\nb = whoami()\nreturn {"ink": a, "for": b}\n'


@pytest.mark.slow
def test_a_plan_is_run_for_the_user_of_the_request(module: Any) -> None:
    answer = post(module, "/run", {"plan": PLAN}, **{"x-user": "ann"})
    assert answer.json() == {"value": {"ink": 40, "for": "ann"}, "failed": None, "errors": [], "calls": 2}


@pytest.mark.slow
def test_failures_and_mistakes_are_answers(module: Any) -> None:
    answer = post(module, "/run", {"plan": 'a = stock("pens")\nreturn a'})
    assert answer.json()["errors"] == ["a: KeyError: 'pens'"]
    answer = post(module, "/run", {"plan": "a = stok()\nreturn a"})
    assert answer.status_code == 422 and "did you mean `stock`?" in answer.json()["detail"]
    assert post(module, "/run", {"question": "How much ink?"}).status_code == 422


@pytest.mark.slow
def test_calls_are_streamed_as_they_end(module: Any) -> None:
    told = [json.loads(line) for line in post(module, "/stream", {"plan": PLAN}).text.splitlines()]
    assert {(one["call"], one["is"]) for one in told[:-1]} == {("a", "done"), ("b", "done")}
    assert told[-1]["value"] == {"ink": 40, "for": "nobody"}


@pytest.mark.slow
def test_a_question_is_answered_by_the_model(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.app.state, "model", Scripted(['a = stock("paper")\nreturn a\n']))
    assert post(module, "/run", {"question": "How much paper?"}).json()["answer"] == "3"


@pytest.mark.slow
def test_a_client_that_goes_away_cancels_its_plan(module: Any) -> None:
    async def main() -> None:
        news = module.lines(llmcc.compile(PLAN, module.TOOLS))
        await anext(news)
        await news.aclose()

    asyncio.run(main())
    assert post(module, "/run", {"plan": PLAN}).json()["value"]["ink"] == 40  # and nothing else is disturbed


@pytest.mark.slow
def test_the_script_compares_files(tmp_path: Path) -> None:
    for name, text in (("a", "same"), ("b", "same"), ("c", "longer")):
        (tmp_path / name).write_text(text)
    script = [sys.executable, str(ROOT / "script" / "main.py")]
    done = subprocess.run([*script, "a", "b", "c"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "{'largest': 6, 'same': True}\n"), done.stderr
    done = subprocess.run([*script, "a", "gone"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "FileNotFoundError" in done.stderr and "no answer" in done.stdout
