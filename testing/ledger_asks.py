"""Questions that are cut off at one place and then gone on with: `llmcc.testing.ledger_runs` for an agent.

A conversation is drawn: what the planner writes, plan for plan, some of them only at the second attempt, and when the
joiner wants more. After a crash the planner need not write the very same: each process adds a read of its own.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import trio

from llmcc.driver.agent import Agent
from llmcc.driver.asked import Asked
from llmcc.driver.journaled_ask import conclude
from llmcc.runtime.journal.book import Book
from llmcc.runtime.journal.records import Accepted, Began
from llmcc.runtime.journal.session import Session
from llmcc.runtime.models import Completion, Request, Scripted
from llmcc.runtime.toolbox import Toolbox
from llmcc.testing.ledger_runs import Cut, MortalBook, Trial

_MORE = "They do not suffice: more "
_AGAIN = "did not compile"


@dataclass
class Conversation:
    """What is said: `plans` in their order, and for those that need two attempts the first of them."""

    plans: list[str] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)

    def reply(self, request: Request, process: int) -> str:
        """What the model says to a request of the process with this number."""
        said = request.messages[-1].text
        if request.messages[0].text.startswith("Answer the question"):
            last = max(k for k in range(len(self.plans)) if f"p{k} = " in said)
            return f"Replan: more {last}" if last < len(self.plans) - 1 else "Answer: done"
        number = int(said.partition(_MORE)[2].partition("\n")[0]) + 1 if _MORE in said else 0
        own = f'x{number} = look({1000 * (number + 1) + process}, "k0", [])\n'
        attempt = self.plans[number] if _AGAIN in said else self.failed.get(number, self.plans[number])
        return own + attempt


def conversation(seed: int) -> Conversation:
    """A conversation of two or three plans over the tools of `llmcc.testing.ledger_world`."""
    choices = random.Random(seed)
    made = Conversation()
    draw = _Plans(choices)
    last = choices.randrange(1, 3)
    for number in range(last + 1):
        end = f"return [{', '.join(draw.names)}, p{number}]" if number == last and choices.random() < 0.5 else ""
        lines = draw.plan(number, end)
        made.plans.append("\n".join(lines) + "\n")
        if choices.random() < 0.5:
            made.failed[number] = "\n".join([*draw.astray(lines), "bad = = 1", "return 1"]) + "\n"
    return made


class _Plans:
    """Draws plans that go on from those before. Names of reads that nothing uses may be given a new meaning."""

    def __init__(self, choices: random.Random) -> None:
        self._choices = choices
        self._number = 0
        self._free: list[str] = []
        self.names: list[str] = []

    def plan(self, number: int, end: str) -> list[str]:
        """The lines of the next plan, which ends with `end` or else with a join."""
        lines = [f'p{number} = calc({self._next()}, "k0", [])']
        if self._free and self._choices.random() < 0.6:
            lines.append(f'{self._free.pop()} = calc({self._next()}, "k1", [])')
        names = [self._line(lines, f"v{number}{i}") for i in range(self._choices.randrange(2, 5))]
        self.names += names
        return [*lines, end or f"join(p{number}, {self._choices.choice(names)})"]

    def astray(self, lines: list[str]) -> list[str]:
        """The beginning of a plan with other calls under some of its names."""
        kept = lines[: self._choices.randrange(1, len(lines))]
        return [self._other(line) if self._choices.random() < 0.5 else line for line in kept]

    def _line(self, lines: list[str], name: str) -> str:
        choices = self._choices
        used = choices.sample(self.names, min(len(self.names), choices.randrange(3)))
        self._free = [one for one in self._free if one not in used]
        kind = choices.choice(("calc", "look", "pay", "pay", "put", "shaky", "pays"))
        account = choices.choice(("k0", "k1", "k2"))
        if kind == "pays":
            items = [self._next(), self._next()]
            lines.append(f'{name} = [pay(x, "{account}", [{", ".join(used)}]) for x in {items}]')
        else:
            lines.append(f'{name} = {kind}({self._next()}, "{account}", [{", ".join(used)}])')
        if kind in ("calc", "shaky"):  # no write comes after these
            self._free.append(name)
        return name

    def _other(self, line: str) -> str:
        name, _, rest = line.partition(" = ")
        tool = rest.partition("(")[0]
        return line if tool not in ("look", "pay", "put") else f'{name} = {tool}({700 + self._next()}, "k2", [])'

    def _next(self) -> int:
        self._number += 1
        return self._number


class _Model(Scripted):
    """A model at each of whose words the process may die."""

    def __init__(self, said: Conversation, process: int, cut: Cut) -> None:
        super().__init__(
            [lambda request: said.reply(request, process)] * 100, chunks=lambda text: text.splitlines(True)
        )
        self._cut = cut

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Completion]:
        """Streams the next reply."""
        async with super().stream(request) as completion, aclosing(self._mortal(completion.chunks)) as chunks:
            completion.chunks = chunks
            yield completion

    async def _mortal(self, chunks: AsyncIterator[str]) -> AsyncGenerator[str]:
        async for chunk in chunks:
            await self._cut.point(f"before {chunk!r}")
            yield chunk
            await trio.lowlevel.checkpoint()


@dataclass
class AskTrial(Trial):
    """One conversation in one world with one journal."""

    said: Conversation = field(default_factory=Conversation)

    @classmethod
    def drawn(cls, seed: int, journal: Path) -> AskTrial:
        """One with the conversation that comes of a seed."""
        return cls("", journal, said=conversation(seed))

    def _began(self) -> Began:
        return Began(text=None, plan="", module="", signatures="", started="", question="What?")

    def _over(self, session: Session) -> set[str]:
        """Reads of a plan that was not accepted may be made again: the last one, or one whose keys were given up."""
        history = session.history
        settled = bool(history.rounds) and isinstance(history.rounds[-1], Accepted)
        given_up = {key for one in history.rounds if isinstance(one, Accepted) for key in one.given_up}
        writes = {end.digest for end in history.ends.values() if end.tool in ("pay", "put")}
        kept = {end.digest for end in history.ends.values() if end.key not in given_up}
        return super()._over(session) & (kept | writes if settled else writes)

    async def _execute(self, toolbox: Toolbox, book: Book, cut: Cut) -> None:
        agent = Agent(toolbox, planner=_Model(self.said, self.resumes, cut), max_replans=5, max_repairs=1)
        mortal: Any = MortalBook(book, cut)
        asked = Asked(agent, "What?", mortal)
        answer = await agent.follow(asked)
        cut.here("before the end")
        if cut.dead:
            return
        await conclude(answer, asked, book)
        if book.over:
            assert answer.problem is None, answer.problem
            # What each process read for itself is not compared.
            self.outcome = replace(answer.outcome, value=answer.value, values={})
