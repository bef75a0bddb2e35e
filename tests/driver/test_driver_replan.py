"""Replans: names, numbers and values go on; what is said again stands, what is said differently is made anew."""

from __future__ import annotations

from typing import Any

import pytest
import trio

import llmcc
from llmcc.driver.news import News, PlanDone
from llmcc.runtime.models import Scripted
from llmcc.testing.clock import run_virtual


class World:
    """Reads of which one takes long, and a write, with a log of what began and what was cancelled."""

    def __init__(self) -> None:
        self.log: list[str] = []

        @llmcc.tool(effect="read", resource="web")
        async def search(query: str) -> str:
            """Search the web."""
            await self._work(query, 100.0 if query == "slow" else 1.0)
            return f"about {query}"

        @llmcc.tool(effect="write", resource="mail", idempotent=False)
        async def send(text: str) -> str:
            """Send a mail."""
            await self._work(f"mail {text}", 1.0)
            return text

        self.toolbox = llmcc.Toolbox(search, send)
        self.news: list[News] = []

    async def _work(self, what: str, seconds: float) -> None:
        self.log.append(what)
        try:
            await trio.sleep(seconds)
        except trio.Cancelled:
            self.log.append(f"no {what}")
            raise

    def ask(self, *replies: Any, **options: Any) -> llmcc.Answer:
        self.planner = Scripted(replies)
        agent = llmcc.Agent(self.toolbox, planner=self.planner, observer=self.news.append, **options)
        return run_virtual(lambda: agent.ask("What?"))

    @property
    def changes(self) -> list[tuple[tuple[str, ...], ...]]:
        return [(n.new, n.known, n.withdrawn) for n in self.news if isinstance(n, PlanDone)]


def test_what_a_replan_says_again_stands() -> None:
    world = World()
    answer = world.ask(
        'a = search("K2")\njoin(a)\n', "Replan: more", 'a = search("K2")\nb = search(a)\nreturn [a, b]\n'
    )
    assert answer.value == ["about K2", "about about K2"]
    assert world.log == ["K2", "about K2"]
    assert world.changes == [((), (), ()), (("b",), (), ())]


def test_what_a_replan_says_differently_is_made_anew_with_all_that_uses_it() -> None:
    world = World()
    answer = world.ask(
        'a = search("K2")\nb = search(a)\nc = search("x")\njoin(a)\n',
        "Replan: the other mountain",
        'a = search("Everest")\nreturn [a, c]\n',
    )
    assert answer.value == ["about Everest", "about x"]
    assert world.changes[1] == (("a",), (), ("a", "b"))
    assert (answer.repairs, "b" in answer.outcome.values) == (0, False)


def test_calls_in_flight_are_kept_and_changed_ones_cancelled() -> None:
    world = World()
    answer = world.ask(
        'a = search("K2")\ns = search("slow")\njoin(a)\n', "Replan: more", 't = search("slow")\nreturn t\n'
    )
    assert (answer.value, world.log) == ("about slow", ["K2", "slow"])
    assert world.changes[1] == ((), ("t",), ())
    world = World()
    answer = world.ask(
        'a = search("K2")\ns = search("slow")\njoin(a)\n', "Replan: more", 's = search("fast")\nreturn s\n'
    )
    assert (answer.value, sorted(world.log)) == ("about fast", ["K2", "fast", "no slow", "slow"])


def test_what_was_written_is_never_taken_back() -> None:
    world = World()
    answer = world.ask(
        'w = send("one")\njoin(w)\n', "Replan: more", 'w = send("two")\nreturn w\n', 'v = send("two")\nreturn [w, v]\n'
    )
    assert (answer.value, answer.repairs) == (["one", "two"], 1)
    assert world.log == ["mail one", "mail two"]
    world = World()
    assert world.ask('w = send("one")\njoin(w)\n', "Replan: more", 'w = send("one")\nreturn w\n').value == "one"
    assert world.log == ["mail one"]


def test_steps_that_begin_again_at_one_are_understood() -> None:
    world = World()
    answer = world.ask(
        '1. search("K2")\n2. join($1)\n', "Replan: more", '1. search("K2")\n2. search($1)\nreturn [$1, $2]\n'
    )
    assert answer.value == ["about K2", "about about K2"]
    assert world.log == ["K2", "about K2"]


@pytest.mark.parametrize("again", ['a = search("K2")\njoin(a)\n', 'b = search("K2")\njoin()\n', "join()\n"])
def test_a_replan_that_adds_nothing_ends_the_run(again: str) -> None:
    world = World()
    answer = world.ask('a = search("K2")\njoin(a)\n', "Replan: the height", again, max_replans=9)
    assert answer.problem == "the replan added nothing new; what was wanted: the height"
    assert answer.outcome.values["a"] == "about K2"


def test_values_are_shown_with_their_types() -> None:
    world = World()
    world.ask('a = search("K2")\njoin(a)\n', "Replan: more", "return a\n")
    assert "a: str = about K2" in world.planner.requests[2].messages[-1].text
