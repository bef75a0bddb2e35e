"""Runs that are written down, and `resume`, which goes on with one that was cut off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from llmcc.driver.execute import ordered, to_the_end
from llmcc.driver.program import CompileError, Program, compile
from llmcc.ir.frame import Failure
from llmcc.ir.ops import Module
from llmcc.ir.values import Value
from llmcc.runtime.catalog import Catalog
from llmcc.runtime.executor import run_module
from llmcc.runtime.journal.book import Book
from llmcc.runtime.journal.errors import JournalError
from llmcc.runtime.journal.records import Began, Word
from llmcc.runtime.journal.secrets import holds_secrets
from llmcc.runtime.journal.session import Session, module_digest, signatures_digest
from llmcc.runtime.limits import Limits
from llmcc.runtime.outcome import Outcome
from llmcc.runtime.toolbox import Toolbox, load_toolbox


def begin(
    program: Program,
    module: Module,
    toolbox: Toolbox,
    journal: str | Path,
    limits: Mapping[str, Any],
    *,
    tools: str | None = None,
    catalog: str | None = None,
    options: Mapping[str, Any] | None = None,
    run: str | None = None,
) -> Session:
    """A new run in a journal; see `llmcc.run`. `tools` and `catalog` are the files from which the toolbox came,
    `options` whatever else is needed to go on as the run was begun.
    """
    began = Began(
        text=None if holds_secrets(module, toolbox.signatures) else program.text,
        plan=program.digest,
        module=module_digest(module),
        signatures=signatures_digest(module, toolbox.signatures),
        started=datetime.now(UTC).isoformat(timespec="microseconds"),
        dialect=program.dialect,
        level=program.level,
        passes=program.passes,
        name=program.name,
        tools=tools,
        catalog=catalog,
        limits=dict(limits),
        options=dict(options or {}),
    )
    return Session.begin(journal, began, run)


async def execute(
    session: Session,
    module: Module,
    toolbox: Toolbox,
    *,
    limits: Limits,
    observer: Callable[[Any], None] | None = None,
    seed: int | None = None,
    trace: bool = True,
    watch: Callable[[Any], None] | None = None,
) -> Outcome:
    """Runs what the journal does not know yet, and closes the session. The run is over unless it was stopped.

    Raises:
        CallsInDoubt: some calls have to be settled before.
    """
    try:
        ledger = session.ledger(toolbox.signatures)
        try:
            outcome = await run_module(
                module, toolbox, limits=limits, observer=observer, seed=seed, trace=trace, watch=watch, ledger=ledger
            )
            return await _ended(replace(outcome, run=session.run), ledger)
        finally:
            await ledger.close()
    finally:
        session.close()


async def _ended(outcome: Outcome, ledger: Book) -> Outcome:
    if outcome.stopped is not None:
        return outcome
    try:
        await ledger.finish(len(outcome.calls), ok=outcome.ok)
    except JournalError as error:  # everything is done, but not everything is written down
        return replace(outcome, errors=(*outcome.errors, Failure("JournalError", str(error), "journal")))
    return outcome


async def resume(
    run: str,
    toolbox: Toolbox | None = None,
    *,
    journal: str | Path,
    settle: Mapping[str, Word | tuple[Word, Value]] | None = None,
    text: str | None = None,
    observer: Callable[[Any], None] | None = None,
    seed: int | None = None,
    watch: Callable[[Any], None] | None = None,
    **limits: Any,
) -> Outcome:
    """Goes on, under trio, with a run that was cut off: calls that are over are not made again.

    Args:
        run: the run's name in the journal, or how it begins.
        toolbox: its tools; needed unless they came from a file that the journal names.
        journal: the file in which the run was written down.
        settle: what became of calls in doubt, by their keys: `"done"` (or `("done", value)`), `"failed"`, `"rerun"`.
        text: the plan; needed only if it holds a secret, and so is not in the journal.
        observer, seed, watch, limits: as for `llmcc.run`; by default the limits of the run's begin.

    Raises:
        CallsInDoubt: writes began, and nobody knows whether they took effect; `settle` says so.
        RunTaken: another process is executing the run.
        JournalDamaged: the journal is not what was written. Nothing was run.
        JournalError: there is no such run, or the plan or the tools are not those of the run.
    """
    session = Session.reopen(journal, run)
    return await go_on(session, toolbox, settle=settle, text=text, observer=observer, seed=seed, watch=watch, **limits)


async def go_on(
    session: Session,
    toolbox: Toolbox | None = None,
    *,
    settle: Mapping[str, Word | tuple[Word, Value]] | None = None,
    text: str | None = None,
    observer: Callable[[Any], None] | None = None,
    seed: int | None = None,
    watch: Callable[[Any], None] | None = None,
    **limits: Any,
) -> Outcome:
    """`resume` for a run that was reopened; closes the session. Takes the same arguments, and raises like it."""
    try:
        if session.history.began.question is not None:
            raise JournalError(f"run {session.run[:8]} is that of a question, not of a plan: go on with Agent.resume")
        tools = toolbox if toolbox is not None else recorded_toolbox(session.history.began)
        module = compiled(session.history.began, tools, text)
        session.settle_all(settle or {}, tools.signatures)
    except BaseException:
        session.close()
        raise
    bounds = Limits(**{**session.history.began.limits, **limits})
    return await execute(session, module, tools, limits=bounds, observer=observer, seed=seed, watch=watch)


def resume_sync(run: str, toolbox: Toolbox | None = None, **options: Any) -> Outcome:
    """`resume` for code that is not asynchronous. Takes the same arguments."""
    return to_the_end(partial(resume, run, toolbox, **options), "llmcc.resume", "resume")


def recorded_toolbox(began: Began) -> Toolbox:
    """The tools from the files that the run was begun with.

    Raises:
        JournalError: they came from Python.
        ToolboxError, CatalogError: a file cannot be used.
    """
    if began.tools is None:
        raise JournalError("the journal does not say where the tools of the run are: a toolbox is needed")
    toolbox = load_toolbox(began.tools)
    return toolbox if began.catalog is None else Catalog.read(began.catalog).apply(toolbox)


def compiled(began: Began, toolbox: Toolbox, text: str | None) -> Module:
    """The run's plan, compiled again.

    Raises:
        JournalError: it is another plan, or the tools have changed so that it may mean something else.
    """
    plan = began.text if text is None else text
    if plan is None:
        raise JournalError("the plan holds a secret and is not in the journal: it has to be given again")
    dialect: Any = began.dialect
    options: dict[str, Any] = {"dialect": dialect, "level": began.level, "passes": began.passes, "name": began.name}
    try:
        program = compile(plan, toolbox, **options)
    except CompileError as error:
        raise JournalError(f"the plan of the run does not compile any more:\n{error}") from error
    module = ordered(program.module, toolbox)
    if signatures_digest(module, toolbox.signatures) != began.signatures:
        raise JournalError("the tools have changed since the run began: what they take, return or do is different")
    if program.digest != began.plan:
        raise JournalError("this is not the plan of the run")
    if module_digest(module) != began.module:
        raise JournalError("the plan of the run compiles to other calls now: another version of llmcc began it")
    return module
