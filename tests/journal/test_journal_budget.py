"""What models used for calls is in the journal: a budget holds over the ends of processes."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

import llmcc
from llmcc.driver.asked import Asked
from llmcc.driver.prices import Price
from llmcc.driver.spending import calls_usd, keep_to
from llmcc.runtime.executor import Execution, run_module
from llmcc.runtime.journal.book import Book
from llmcc.runtime.journal.records import Began
from llmcc.runtime.journal.session import Session, runs
from llmcc.runtime.journal.writer import DirectWriter
from llmcc.runtime.models import Completion, Request, Usage
from llmcc.runtime.models.scripted import words
from llmcc.runtime.outcome import Outcome
from llmcc.testing.ledger_asks import Conversation
from llmcc.testing.ledger_runs import RUN, Cut, MortalBook, connecting, live

CALLS = 6
#: Tokens that a call reads, and that it writes if it may; a token written costs a dollar.
READ, WRITTEN = 3, 5
LATER = "".join(f"a{i} = llm('{i}', a{i - 1})\n" for i in range(1, CALLS))
CHAIN = f"a0 = llm('0')\n{LATER}return a{CALLS - 1}\n"
PRICES = {"m": Price(0.0, 1e6)}


class Model:
    """A model that knows what it has really used, whoever else remembers it, and dies with its process."""

    name = "m"
    constrains = False

    def __init__(self) -> None:
        self.used = Usage()
        self.cut = Cut()

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Completion]:
        used = Usage(READ, min(WRITTEN, request.max_tokens), 0, 1)

        async def write() -> AsyncIterator[str]:
            await self.cut.point("in the middle of an answer")
            yield "so"

        self.used += used
        yield Completion(write(), used, finish="stop")


class Eager(DirectWriter):
    """Commits each record at once, as a thread does that has nothing else to do."""

    def put(self, body: bytes, *, urgent: bool) -> None:
        super().put(body, urgent=urgent)
        self.commit()


class Speaker(Model):
    """A model that writes plans and answers, a word at a time, and tells with each what it has used by then."""

    def __init__(self) -> None:
        super().__init__()
        plans = [f'p{number} = look({number}, "k0", [])\njoin(p{number})\n' for number in range(3)]
        self._said = Conversation(plans, failed={1: "bad = = 1\n"})

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Completion]:
        await self.cut.point("before it is asked")
        text = words(self._said.reply(request, 0))
        completion: Completion = Completion(
            self._written(text[: request.max_tokens], lambda: completion), Usage(READ, 0, 0, 1)
        )
        completion.finish = "length" if len(text) > request.max_tokens else "stop"
        self.used += completion.usage
        yield completion

    async def _written(self, text: list[str], completion: Callable[[], Completion]) -> AsyncIterator[str]:
        for word in text:
            await self.cut.point("in the middle of an answer")
            self.used += Usage(0, 1)
            completion().usage += Usage(0, 1)
            yield word
            await trio.lowlevel.checkpoint()


@llmcc.tool(effect="read", resource="x")
async def look(n: int, k: str, more: list[int]) -> int:
    return n


class Run:
    """A run of the chain in several processes."""

    def __init__(self, journal: Path, budget: llmcc.Budget) -> None:
        self.model = Model()
        self.outcome: Outcome | None = None
        self.usd = 0.0
        self._journal = journal
        self._budget = budget
        self._toolbox = llmcc.Toolbox(llmcc.llm_tool(self.model))
        self._module = llmcc.compile(CHAIN, self._toolbox).module

    def go_on(self, cut: Cut) -> None:
        self.model.cut = cut
        if self._journal.exists():
            session = Session.reopen(self._journal, RUN, connect=connecting(cut))
        else:
            session = Session.begin(self._journal, self._began(), RUN, connect=connecting(cut))
        live(session, lambda: self._process(session, cut), cut)

    def _began(self) -> Began:
        return Began(text=CHAIN, plan="", module="", signatures="", started="")

    async def _process(self, session: Session, cut: Cut) -> None:
        book = session.ledger(self._toolbox.signatures, Eager)
        with trio.CancelScope() as cut.scope:
            try:
                await self._execute(book, cut)
            finally:
                await book.close()

    async def _execute(self, book: Book, cut: Cut) -> None:
        seen: list[Execution] = []

        def watch(execution: Execution) -> None:
            keep_to(self._budget, execution)
            seen.append(execution)

        outcome = await run_module(self._module, self._toolbox, ledger=MortalBook(book, cut), watch=watch)
        if outcome.stopped is None and not cut.dead:
            self.outcome, self.usd = outcome, calls_usd(seen[0], self._budget)


class Question(Run):
    """A question in several processes: three plans, one of them repaired, and what comes of each."""

    def __init__(self, journal: Path, budget: llmcc.Budget) -> None:
        super().__init__(journal, budget)
        self.model = Speaker()
        self._toolbox = llmcc.Toolbox(look)

    def _began(self) -> Began:
        return Began(text=None, plan="", module="", signatures="", started="", question="What?")

    async def _execute(self, book: Book, cut: Cut) -> None:
        agent = llmcc.Agent(self._toolbox, planner=self.model, max_replans=3, max_repairs=1, budget=self._budget)
        mortal: Any = MortalBook(book, cut)
        answer = await agent.follow(Asked(agent, "What?", mortal))
        if not cut.dead:
            self.outcome, self.usd = answer.outcome, answer.usd or 0.0


BOUNDS = st.one_of(
    st.builds(lambda n: llmcc.Budget(tokens_out=n), st.integers(0, CALLS * WRITTEN + 2)),
    st.builds(lambda n: llmcc.Budget(tokens_in=n), st.integers(0, CALLS * READ + 2)),
    st.builds(lambda n: llmcc.Budget(usd=n, prices=PRICES), st.integers(0, CALLS * WRITTEN + 2)),
)
PLACES = st.lists(st.integers(1, 40), max_size=3)


def run(budget: llmcc.Budget, kind: str, places: list[int], begin: type[Run] = Run) -> tuple[Run, int]:
    """A run to its end, and how many of its processes were cut off."""
    with tempfile.TemporaryDirectory() as folder:
        one = begin(Path(folder) / "runs.db", budget)
        cuts = 0
        for at in places:
            if one.outcome is None:
                cut = Cut(kind, at)  # type: ignore[arg-type]  # one of its kinds
                one.go_on(cut)
                cuts += cut.passed >= at
        if one.outcome is None:
            one.go_on(Cut())
        assert one.outcome is not None
        return one, cuts


def excess(budget: llmcc.Budget, used: Usage) -> int:
    """How many tokens more than it allows."""
    written = min(bound for bound in (budget.tokens_out, budget.usd, 10**6) if bound is not None)
    read = 10**6 if budget.tokens_in is None else budget.tokens_in
    return max(used.completion_tokens - int(written), used.prompt_tokens - read)


@pytest.mark.slow
@settings(deadline=None, max_examples=20)
@given(BOUNDS, PLACES)
def test_a_kill_costs_at_most_a_call_beyond_the_budget(budget: llmcc.Budget, places: list[int]) -> None:
    one, kills = run(budget, "crash", places)
    assert one.outcome is not None
    # A call that starts below the bound may end beyond it: only the tokens that it writes are bounded beforehand.
    allowed = 0 if budget.tokens_out is not None else WRITTEN - 1
    assert excess(budget, one.model.used) <= allowed + kills * WRITTEN
    forgotten = one.model.used.requests - one.outcome.usage.requests
    assert 0 <= forgotten <= kills
    if budget.usd is not None:
        assert one.usd == one.outcome.usage.completion_tokens


@pytest.mark.slow
@settings(deadline=None, max_examples=20)
@given(BOUNDS, PLACES)
def test_what_is_cancelled_is_counted_to_the_token(budget: llmcc.Budget, places: list[int]) -> None:
    one, _ = run(budget, "cancel", places)
    assert one.outcome is not None
    assert one.outcome.usage == one.model.used
    assert excess(budget, one.model.used) <= (0 if budget.tokens_out is not None else WRITTEN - 1)


#: Words of the longest answer of a speaker, and tokens up to which its question is bounded: it needs about 150.
LONGEST, MOST = 45, 160
ASKED = st.one_of(
    st.builds(lambda n: llmcc.Budget(tokens_out=n), st.integers(0, MOST)),
    st.builds(lambda n: llmcc.Budget(usd=n, prices=PRICES), st.integers(0, MOST)),
)
WORDS = st.lists(st.integers(1, 120), max_size=3)


@pytest.mark.slow
@settings(deadline=None, max_examples=20)
@given(ASKED, WORDS)
def test_a_kill_costs_a_question_at_most_an_answer_beyond_the_budget(budget: llmcc.Budget, places: list[int]) -> None:
    one, kills = run(budget, "crash", places, Question)
    assert one.outcome is not None
    forgotten = one.model.used.requests - one.outcome.usage.requests
    assert 0 <= forgotten <= kills
    # Dollars are looked at behind each word, tokens before it.
    assert excess(budget, one.model.used) <= kills * LONGEST + (budget.usd is not None)
    if budget.usd is not None:
        assert one.usd == one.outcome.usage.completion_tokens


@pytest.mark.slow
@settings(deadline=None, max_examples=20)
@given(ASKED, WORDS)
def test_an_answer_that_is_cancelled_is_counted_to_the_word(budget: llmcc.Budget, places: list[int]) -> None:
    one, _ = run(budget, "cancel", places, Question)
    assert one.outcome is not None
    assert one.outcome.usage == one.model.used
    assert excess(budget, one.model.used) <= (budget.usd is not None)


def test_a_question_goes_on_with_what_its_tools_have_used(tmp_path: Path) -> None:
    journal = tmp_path / "runs.db"
    model = Model()
    toolbox = llmcc.Toolbox(llmcc.llm_tool(model))

    def agent(*replies: str) -> llmcc.Agent:
        return llmcc.Agent(toolbox, planner=llmcc.models.Scripted(replies))

    first = agent("a = llm('x')\njoin(a)\n", "Answer: so").ask_sync("What?", journal=journal)
    (line,) = runs(journal)
    again = trio.run(partial(agent().resume, line.run, journal=journal))
    assert again.usage == first.usage and model.used.requests == 1
