"""Hosted planners: the grammar that is sent along, the way that is taken, what is said when a server refuses it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
from click.testing import CliRunner

import llmcc
from llmcc.driver.commands import ask as asking
from llmcc.driver.hosted_grammar import hosted_grammar
from llmcc.driver.trace_chart import chart
from llmcc.frontend.derive_plan import plan_rules
from llmcc.frontend.notation import written
from llmcc.ir.effects import READ
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import STR
from llmcc.runtime.models import ModelRefused, OpenAI
from llmcc.runtime.models.vocabulary import check_llguidance
from llmcc.testing.openai_server import Answer, OpenAIServer, Received

pytestmark = pytest.mark.usefixtures("hosted")
PLAN = 'a = search("K2")\nreturn a\n'
WAYS = {"chat/grammar", "chat/schema", "chat/text"}


@llmcc.tool(effect="read", resource="web")
async def search(query: str) -> str:
    """Search the web."""
    return f"about {query}"


TOOLBOX = llmcc.Toolbox(search)
GRAMMARS = hosted_grammar(TOOLBOX.signatures)
GRAMMAR = GRAMMARS.lark


def grammar_of(received: Received) -> str | None:
    """The grammar in a request."""
    if "grammar" in received.body:
        assert received.body["structured_outputs"] == {"grammar": received.body["grammar"]}
        return str(received.body["grammar"])
    for tool in received.body.get("tools", ()):
        form = tool.get("custom", tool)["format"]
        return str(form.get("grammar", form)["definition"])
    return None


def server(can: set[str], *plans: str, refuses: str = "") -> Callable[[Received], Answer]:
    """A server that has these ways, answers what is asked to find that out, and may refuse grammars with a word."""
    left = list(plans)

    def answer(received: Received) -> Answer:
        grammar = grammar_of(received) or ""
        if received.way not in can or (refuses and refuses in grammar):
            return Answer(status=400, message=f"this server does not take {received.way} with that grammar")
        if "Write the word no." in json.dumps(received.body):
            return Answer("yes" if grammar else "no")
        return Answer(left.pop(0))

    return answer


def ask(script: Callable[[Received], Answer], *, way: str | None = None, **options: Any) -> tuple[Any, list[Received]]:
    async def main(url: str) -> llmcc.Answer:
        async with OpenAI("tiny", base_url=url, retries=0, way=way) as planner:
            return await llmcc.Agent(TOOLBOX, planner=planner, **options).ask("How high is K2?")

    with OpenAIServer(script) as running:
        return trio.run(main, running.base_url), running.requests


def test_the_planner_is_sent_the_grammar_of_its_tools() -> None:
    assert GRAMMAR is not None
    check_llguidance(GRAMMAR)
    answer, requests = ask(server(WAYS, PLAN))
    assert (answer.text, answer.ways) == ("about K2", ("chat/grammar",))
    assert grammar_of(requests[-1]) == GRAMMAR
    ended = [moment.text for moment in answer.moments if moment.what == "ended"]
    assert ended == ["accepted, chat/grammar"]
    assert "accepted, chat/grammar" in chart(answer.trace(TOOLBOX), width=160)


def test_a_server_of_llama_cpps_kind_gets_it_in_its_notation() -> None:
    answer, requests = ask(server({"chat/gbnf", "chat/text"}, 'a = search("K2")\njoin(a)\n', "Answer: so"))
    assert (answer.text, answer.ways, answer.notes) == ("so", ("chat/gbnf",), ())
    assert [grammar_of(one) for one in requests][-2:] == [GRAMMARS.gbnf, None]
    assert requests[-1].way == "chat/text"
    answer, _ = ask(server({"chat/gbnf", "chat/text"}, PLAN, refuses="search"))
    assert (answer.text, answer.ways) == ("about K2", ("chat/text",))
    assert "chat/text used instead" in answer.notes[0]


def test_a_replan_and_a_repair_are_sent_it_too_and_the_joiner_is_not() -> None:
    plans = ("a = find(1)\n", 'a = search("K2")\njoin(a)\n', "Replan: more", 'b = search("x")\nreturn b\n')
    answer, requests = ask(server(WAYS, *plans))
    assert (answer.text, answer.repairs, answer.replans) == ("about x", 1, 1)
    assert answer.ways == ("chat/grammar",) * 3
    sent = [grammar_of(one) for one in requests if "How high is K2" in json.dumps(one.body)]
    assert sent == [GRAMMAR, GRAMMAR, None, GRAMMAR]


@pytest.mark.parametrize(("refuses", "used"), [("search", "chat/schema"), ("yes", "chat/schema"), ("", "chat/grammar")])
def test_a_grammar_that_is_refused_is_left_out_and_that_is_said(refuses: str, used: str) -> None:
    """One that takes short grammars and not ours is found out by asking: the probe cannot know."""
    answer, requests = ask(server(WAYS, PLAN, "Replan: no", PLAN, refuses=refuses))
    assert (answer.text, answer.ways) == ("about K2", (used,))
    refused = [note for note in answer.notes if "grammar was refused" in note]
    assert bool(refused) == (refuses == "search")
    if refused:
        assert "chat/schema used instead: the server answers 400" in refused[0]
    assert [one.way for one in requests].count("chat/grammar") <= 2 + (refuses == "search")


def test_a_server_that_refuses_ours_once_is_not_asked_so_again() -> None:
    script = server(
        WAYS, 'a = search("K2")\njoin(a)\n', "Replan: more", 'b = search("x")\nreturn b\n', refuses="search"
    )
    answer, requests = ask(script)
    assert answer.ways == ("chat/schema", "chat/schema")
    assert sum(grammar_of(one) == GRAMMAR for one in requests) == 1
    assert len([note for note in answer.notes if "refused" in note]) == 1


def test_a_way_of_the_users_is_kept_to() -> None:
    with pytest.raises(llmcc.models.GrammarError, match="400"):
        ask(server(WAYS, PLAN, refuses="search"), way="chat/grammar")
    with pytest.raises(ModelRefused, match="400"):
        ask(server({"responses/text"}, PLAN), way="chat/text")


def test_nothing_is_tried_for_ever() -> None:
    with pytest.raises(llmcc.models.ModelError, match="400"):
        ask(server({"chat/grammar"}, PLAN, refuses="search"))


def toolbox_of(count: int, parameters: int) -> dict[str, Signature]:
    given = tuple(Parameter(f"p{i}", STR) for i in range(parameters))
    return {f"t{i}": Signature(name=f"t{i}", parameters=given, returns=STR, effect=READ) for i in range(count)}


def test_too_many_tools_have_no_grammar_and_that_is_said() -> None:
    found = hosted_grammar(toolbox_of(100, 4))
    assert found.lark is not None, "their keywords have an order"
    assert found.notes == ()
    assert len(written(plan_rules(toolbox_of(3, 4)), "openai")) > len(
        written(plan_rules(toolbox_of(3, 4), any_order=False), "openai")
    )
    found = hosted_grammar(toolbox_of(1000, 4))
    assert (found.lark, found.gbnf) == (None, None)
    assert "without a grammar: the grammar has " in found.notes[0]


def test_the_command_tells_ways_notes_and_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    tools = str(Path(__file__).parents[2] / "examples" / "atlas" / "tools.py")
    plan = ["return", " 6", " * 7", "\n"]
    with OpenAIServer(lambda received: Answer(plan if "6 times 7" in str(received.body) else "no")) as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
        told = ["6 times 7?", "--tools", tools, "--model", "openai:tiny", "--way", "chat/text"]
        refused = CliRunner().invoke(asking.command, [*told, "--budget", "usd=1"], standalone_mode=False)
        priced = [*told, "--budget", "usd=1", "--budget", "price:tiny=2/8"]
        plain = CliRunner().invoke(asking.command, priced, standalone_mode=False)
        as_json = CliRunner().invoke(asking.command, [*told, "--json"], standalone_mode=False)
    assert plain.stdout == "42\n"
    assert "no price of tiny is known" in str(refused.exception)
    found = json.loads(as_json.stdout)
    assert (found["answer"], found["ways"], found["usd"]) == ("42", ["chat/text"], None)
    assert found["planner"]["completion_tokens"] == len(plan)
    assert found["planner"]["prompt_tokens"] > 100
