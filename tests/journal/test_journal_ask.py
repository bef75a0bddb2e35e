"""Questions that are written down: what stands when they are gone on with, and what the models are asked again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from click.testing import Result

import llmcc
from llmcc.driver.budget import Budget
from llmcc.driver.commands.asking import Setting
from llmcc.runtime.journal.session import runs
from llmcc.runtime.limits import Limits
from llmcc.runtime.models import Cut, ModelError, Scripted, StreamBroken
from llmcc.testing.openai_server import Answer as Said
from llmcc.testing.openai_server import OpenAIServer

calls: Counter[str] = Counter()


def toolbox(*, mail_takes: float = 0.0) -> llmcc.Toolbox:
    @llmcc.tool(effect="read", resource="web")
    async def search(query: str) -> str:
        calls[f"search {query}"] += 1
        return f"about {query}"

    @llmcc.tool(effect="write", resource="mail")
    async def send(text: str) -> str:
        calls[f"send {text}"] += 1
        await trio.sleep(mail_takes)
        return f"sent {text}"

    @llmcc.tool(effect="write", resource="door", secret=["token"])
    async def unlock(door: str, token: str) -> str:
        calls["unlock"] += 1
        return door

    return llmcc.Toolbox(search, send, unlock)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    calls.clear()
    return tmp_path / "runs.db"


def agent(*replies: Any, tools: llmcc.Toolbox | None = None, **options: Any) -> llmcc.Agent:
    return llmcc.Agent(tools or toolbox(), planner=Scripted(replies), **options)


def asked(one: llmcc.Agent) -> list[str]:
    """The last message of each request."""
    assert isinstance(one.planner, Scripted)
    return [request.messages[-1].text for request in one.planner.requests]


def resumed(one: llmcc.Agent, journal: Path, **options: Any) -> llmcc.Answer:
    (line,) = runs(journal)
    return trio.run(lambda: one.resume(line.run, journal=journal, **options))


def broken_off(journal: Path, *replies: Any, **options: Any) -> llmcc.Agent:
    """An agent whose model broke in the middle of a question."""
    one = agent(*replies, **options)
    with pytest.raises(ModelError):
        one.ask_sync("What?", journal=journal)
    return one


FIRST = 'a = search("K2")\nw = send("one")\njoin(a, w)\n'
SECOND = 'b = search(a)\nv = send("two")\nreturn [w, b, v]\n'


def test_a_question_that_is_over_is_answered_again_without_calls_and_models(journal: Path) -> None:
    answer = agent(FIRST, "Replan: more", SECOND).ask_sync("What?", journal=journal)
    assert answer.value == ["sent one", "about about K2", "sent two"] and not answer.unfinished
    (line,) = runs(journal)
    assert (line.run, line.state, line.done) == (answer.outcome.run, "ended", 4)
    calls.clear()
    again = resumed(agent(), journal)
    assert (again.value, again.plans, again.replans, calls) == (answer.value, answer.plans, 1, {})
    assert again.usage == answer.usage
    assert [path.name for path in journal.parent.iterdir()] == ["runs.db"]


def test_a_joiners_answer_is_not_asked_for_again(journal: Path) -> None:
    answer = agent(FIRST, "Answer: it is K2").ask_sync("What?", journal=journal)
    again = resumed(agent(), journal)
    assert again.text == answer.text == "it is K2" and calls == {"search K2": 1, "send one": 1}


def test_what_was_accepted_stands_and_what_was_decided_is_not_asked_again(journal: Path) -> None:
    broken_off(journal, FIRST, "Replan: the second mail", Cut("b = sea"))
    assert calls == {"search K2": 1, "send one": 1}
    other = agent(SECOND)
    answer = resumed(other, journal)
    assert answer.value == ["sent one", "about about K2", "sent two"] and answer.replans == 1
    assert calls == {"search K2": 1, "send one": 1, "search about K2": 1, "send two": 1}
    (only,) = asked(other)
    assert "They do not suffice: the second mail" in only and "a: str = about K2" in only
    assert answer.usage.requests == 4, "those of the first process count, that which was broken off as well"


def test_a_plan_that_was_not_accepted_is_written_anew_and_its_reads_are_made_again(journal: Path) -> None:
    broken_off(journal, Cut('a = search("K2")\nw = send("one")\n'))
    assert calls == {"search K2": 1}
    answer = resumed(agent('a = search("Everest")\nw = send("one")\nreturn [a, w]\n'), journal)
    assert answer.value == ["about Everest", "sent one"]
    assert calls == {"search K2": 1, "search Everest": 1, "send one": 1}


def test_a_model_that_is_not_there_is_said_and_the_question_can_be_gone_on_with(journal: Path) -> None:
    broken_off(journal, FIRST, StreamBroken("gone"))
    with pytest.raises(ModelError):
        resumed(agent(), journal)
    assert runs(journal)[0].state == "interrupted"
    assert resumed(agent("Answer: here"), journal).text == "here"
    assert calls == {"search K2": 1, "send one": 1}


def test_a_write_that_was_under_way_is_in_doubt(journal: Path) -> None:
    slow = agent('w = send("one")\nreturn w\n', tools=toolbox(mail_takes=60), limits=Limits(deadline_s=1.5))
    answer = slow.ask_sync("What?", journal=journal)
    assert answer.problem == "the time limit of 1.5 s was reached" and answer.unfinished
    with pytest.raises(llmcc.CallsInDoubt, match=r"w: send\(text=one\)"):
        resumed(agent(), journal)
    answer = resumed(agent(), journal, settle={"w": ("done", "sent by hand")})
    assert answer.value == "sent by hand" and calls == {"send one": 1}


def test_a_name_with_two_meanings_belongs_to_the_second(journal: Path) -> None:
    broken_off(
        journal,
        'a = search("K2")\nw = send("one")\nbad = = 1\n',
        'a = search("Everest")\nw = send("two")\njoin(a, w)\n',
        "Replan: the other",
        'a = search("Denali")\nv = send("three")\njoin(a, v)\n',
        StreamBroken("gone"),
    )
    made = Counter(calls)
    assert made["send one"] == 0 and made["search K2"] == made["search Denali"] == 1
    answer = resumed(agent("Replan: the last", "return [a, w, v]\n"), journal)
    assert answer.value == ["about Denali", "sent two", "sent three"]
    assert calls == made and (answer.repairs, answer.replans) == (1, 2)
    assert len(answer.trace(toolbox()).timeline.calls) == len(answer.outcome.calls)


def test_replans_and_tokens_are_counted_on(journal: Path) -> None:
    broken_off(journal, FIRST, "Replan: more", 'b = search("x")\njoin(b)\n', StreamBroken("gone"), max_replans=1)
    answer = resumed(agent("Replan: more still", max_replans=1), journal)
    assert answer.problem == "the joiner gave no answer: it wants more still"
    spent = resumed(agent(max_replans=1), journal)
    assert spent.problem == answer.problem and spent.usage == answer.usage


def test_a_replan_that_added_nothing_has_added_nothing_again(journal: Path) -> None:
    taken = agent(FIRST, "Replan: more", "b = a\njoin(b)\n")
    answer = taken.ask_sync("What?", journal=journal)
    assert answer.problem is not None and "added nothing new" in answer.problem
    assert resumed(agent(), journal).problem == answer.problem


def test_a_budget_that_is_used_up_stops_the_next_process_too(journal: Path) -> None:
    stopped = agent(FIRST, "Answer: no", budget=Budget(tokens_in=1)).ask_sync("What?", journal=journal)
    assert stopped.problem is not None and stopped.unfinished
    again = resumed(agent("Answer: no", budget=Budget(tokens_in=1)), journal)
    assert again.problem == stopped.problem
    assert resumed(agent("Answer: yes", budget=Budget(tokens_in=10**6)), journal).text == "yes"


def test_other_tools_are_refused(journal: Path) -> None:
    broken_off(journal, FIRST, StreamBroken("gone"))

    @llmcc.tool(effect="read", resource="web")
    async def search(query: str, pages: int = 1) -> str:
        return "another"

    others = llmcc.Toolbox(search, *(one for one in toolbox().values() if one.name != "search"))
    with pytest.raises(llmcc.JournalError, match="the tools have changed"):
        resumed(agent("Answer: x", tools=others), journal)
    assert calls == {"search K2": 1, "send one": 1}


def test_a_plan_that_holds_a_secret_is_not_in_the_journal(journal: Path) -> None:
    broken_off(journal, 'd = unlock("front", token="hunter2hunter2")\njoin(d)\n', StreamBroken("gone"))
    assert b"hunter2" not in b"".join(path.read_bytes() for path in journal.parent.iterdir())
    with pytest.raises(llmcc.JournalError, match="plan 1 of the question holds a secret"):
        resumed(agent("Answer: x"), journal)


def test_plans_and_questions_are_not_taken_for_each_other(journal: Path) -> None:
    agent("return 1\n").ask_sync("What?", journal=journal)
    with pytest.raises(llmcc.JournalError, match="that of a question"):
        llmcc.resume_sync(runs(journal)[0].run, toolbox(), journal=journal)
    other = journal.with_name("plans.db")
    llmcc.run_sync(llmcc.compile("return 1", toolbox()), journal=other)
    with pytest.raises(llmcc.JournalError, match="that of a plan"):
        resumed(agent(), other)


@pytest.mark.slow
@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_a_question_that_was_struck_goes_on_from_the_command_line(
    shop: Path, llmcc_command: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, blow: signal.Signals
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.chdir(shop)
    Path("wait").touch()
    replies = ['n = stock("paper")\njoin(n)\n', "Replan: it has to be bought", 'o = buy("paper", n)\njoin(o)\n']
    with OpenAIServer([*map(Said, replies), Said("Answer: bought.")]) as server:
        model = ["--model", "openai:any", "--base-url", server.base_url, "--way", "chat/text"]
        argv = [sys.executable, "-m", "llmcc", "ask", "Is there/paper?", "--tools", "tools.py", *model]
        process = subprocess.Popen([*argv, "--journal", "runs.db"], stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 60
        while not (Path("effects").exists() and "buy" in Path("effects").read_text()):
            assert time.monotonic() < end and process.poll() is None, process.communicate()
            time.sleep(0.01)
        os.kill(process.pid, blow)
        _, told = process.communicate(timeout=60)
        if blow is signal.SIGINT:
            assert process.returncode == 130 and "go on with: llmcc resume" in told
        Path("wait").unlink()
        (run,) = json.loads(llmcc_command("runs", "--json").stdout)["runs"]
        assert (run["question"], run["state"], run["done"]) == ("Is there/paper?", "in doubt", 1)
        assert "Is there/paper?" in llmcc_command("runs").stdout
        doubt = llmcc_command("resume", run["run"][:8])
        assert doubt.exit_code == 1 and "--settle 'o=...'" in doubt.stderr
        done = llmcc_command("resume", run["run"][:8], "--settle", 'o=done:"3 of paper"')
        assert (done.exit_code, done.stdout) == (0, "bought.\n"), done.stderr
        assert len(server.requests) == 4
    assert Path("effects").read_text() == "stock paper\nbuy paper\n"
    again = llmcc_command("resume", run["run"][:8], "--json")
    assert json.loads(again.stdout)["answer"] == "bought.", "without the server"
    refused = llmcc_command("resume", run["run"][:8], "--base-url", "http://127.0.0.1:1", "--model", "llama.gguf")
    assert refused.exit_code == 2


def test_a_setting_is_read_back() -> None:
    setting = Setting(model="openai:x", deadline_s=2.0, budget={"calls": 3})
    assert msgspec.convert(json.loads(json.dumps(msgspec.to_builtins(setting))), Setting) == setting
