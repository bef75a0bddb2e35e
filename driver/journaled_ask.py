"""Questions that are written down, and how they go on after they were cut off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmcc.driver.answer import Answer
from llmcc.driver.asked import Asked
from llmcc.ir.frame import Failure
from llmcc.ir.values import Value
from llmcc.runtime.journal.book import Book
from llmcc.runtime.journal.errors import JournalError
from llmcc.runtime.journal.history import History
from llmcc.runtime.journal.records import Accepted, Answered, Began, Word
from llmcc.runtime.journal.session import MakeWriter, Session
from llmcc.runtime.journal.writer import ThreadWriter
from llmcc.runtime.toolbox import Toolbox

if TYPE_CHECKING:
    from llmcc.driver.agent import Agent


def begin(
    question: str,
    journal: str | Path,
    *,
    tools: str | None = None,
    catalog: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Session:
    """A new run in a journal; see `Agent.ask`. `tools` and `catalog` are the files from which the toolbox came,
    `options` whatever else is needed to make the agent again.

    Raises:
        JournalError: it cannot be written.
    """
    began = Began(
        text=None,
        plan="",
        module="",
        signatures="",
        started=datetime.now(UTC).isoformat(timespec="microseconds"),
        tools=tools,
        catalog=catalog,
        question=question,
        options=dict(options or {}),
    )
    return Session.begin(journal, began)


def reopen(run: str, journal: str | Path, toolbox: Toolbox, settle: Mapping[str, Word | tuple[Word, Value]]) -> Session:
    """A question that was asked before. Raises like `Agent.resume`."""
    session = Session.reopen(journal, run)
    try:
        prepare(session, toolbox, settle)
    except BaseException:
        session.close()
        raise
    return session


def prepare(session: Session, toolbox: Toolbox, settle: Mapping[str, Word | tuple[Word, Value]]) -> None:
    """Settles what is in doubt, as far as the user says it. Raises like `Agent.resume`."""
    if session.history.began.question is None:
        raise JournalError(f"run {session.run[:8]} is that of a plan, not of a question: go on with llmcc.resume")
    session.settle_all(settle, toolbox.signatures)
    session.require_no_doubt()


def needs_model(history: History) -> bool:
    """Whether models have a part in what is left of a question."""
    last = history.rounds[-1] if history.rounds else None
    return not (isinstance(last, Answered) or (isinstance(last, Accepted) and last.final))


async def execute(session: Session, agent: Agent, writer: MakeWriter = ThreadWriter) -> Answer:
    """Does what is left to do for the question, and closes the session. The run is over unless it was stopped, or a
    write was. Raises like `Agent.resume`.
    """
    question = session.history.began.question
    assert question is not None
    try:
        book = session.ledger(agent.toolbox.signatures, writer)
        try:
            asked = Asked(agent, question, book)
            answer = await agent.follow(asked)
            answer = replace(answer, outcome=replace(answer.outcome, run=session.run))
            return await conclude(answer, asked, book)
        finally:
            await book.close()
    finally:
        session.close()


async def conclude(answer: Answer, asked: Asked, book: Book) -> Answer:
    """Notes, durably, that the question is over, if it is."""
    if not asked.over or book.history.open:
        return replace(answer, unfinished=True)
    try:
        if not any(isinstance(one, Answered) for one in book.history.rounds):
            book.note(asked.answered)
        await book.finish(len(answer.outcome.calls), ok=answer.problem is None)
    except JournalError as error:  # everything is done, but not everything is written down
        failure = Failure("JournalError", str(error), "journal")
        return replace(answer, outcome=replace(answer.outcome, errors=(*answer.outcome.errors, failure)))
    return answer
