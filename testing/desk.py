"""A small world for tests of the agent: a read and a write that take time, and a log of what began or was cancelled."""

from __future__ import annotations

from typing import Any

import trio

from llmcc.driver.agent import Agent, Answer
from llmcc.driver.news import News
from llmcc.runtime.models.scripted import Scripted
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import tool
from llmcc.testing.clock import run_virtual


class Desk:
    """`search(query)` takes a second, or a hundred if the query is `slow`; `send(text)` writes, and takes a second.

    >>> desk = Desk()
    >>> desk.ask('a = search("K2")\\nw = send(a)\\nreturn w').value, desk.log
    ('about K2', ['K2', 'mail about K2'])
    """

    def __init__(self) -> None:
        #: What the calls do, as they begin; with `no ` before it, as they are cancelled.
        self.log: list[str] = []
        self.news: list[News] = []

        @tool(effect="read", resource="web")
        async def search(query: str) -> str:
            """Search the web."""
            await self._work(query, 100.0 if query == "slow" else 1.0)
            return f"about {query}"

        @tool(effect="write", resource="mail", idempotent=False)
        async def send(text: str) -> str:
            """Send a mail."""
            await self._work(f"mail {text}", 1.0)
            return text

        self.toolbox = Toolbox(search, send)

    def ask(self, *replies: Any, **options: Any) -> Answer:
        """The agent's answer when the model says this; the options are the agent's."""
        self.planner = Scripted(replies)
        agent = Agent(self.toolbox, planner=self.planner, observer=self.news.append, **options)
        return run_virtual(lambda: agent.ask("What?"))

    @property
    def complaint(self) -> str:
        """What the model was told last."""
        return self.planner.requests[-1].messages[-1].text

    async def _work(self, what: str, seconds: float) -> None:
        self.log.append(what)
        try:
            await trio.sleep(seconds)
        except trio.Cancelled:
            self.log.append(f"no {what}")
            raise
