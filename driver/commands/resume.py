"""`llmcc resume`: goes on with a run that was cut off."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import click
import msgspec

from llmcc.driver.commands.asking import Setting, agent_of, model_options, report, require_fitting, shown_news
from llmcc.driver.commands.common import (
    UserError,
    budget_option,
    catalog_option,
    llm_option,
    open_toolbox,
    read_source,
    tools_option,
)
from llmcc.driver.commands.run import how_to_resume, resumable, tell, within
from llmcc.driver.commands.runs import DEFAULT_JOURNAL
from llmcc.driver.commands.watching import all_of, shown
from llmcc.ir.errors import LlmccError
from llmcc.runtime.limits import Limits
from llmcc.runtime.toolbox import Toolbox

if TYPE_CHECKING:
    from llmcc.runtime.journal.session import Session

WORDS = ("done", "failed", "rerun")


@click.command("resume")
@click.argument("run")
@click.option("--journal", metavar="FILE", default=DEFAULT_JOURNAL, show_default=True, help="The run's journal.")
@tools_option
@catalog_option
@llm_option
@click.option("--plan", metavar="PLAN", help="The plan, where it holds a secret and is not in the journal.")
@click.option(
    "--settle",
    "settled",
    metavar="CALL=WORD",
    multiple=True,
    help="What became of a call in doubt: done (or done:JSON, its result), failed, or rerun to make it again.",
)
@model_options
@budget_option
@click.option("--json", "as_json", is_flag=True, help="Print values and calls as one JSON object.")
def command(
    run: str,
    journal: str,
    tools: str | None,
    catalog: str | None,
    llm: str | None,
    plan: str | None,
    settled: tuple[str, ...],
    model: str | None,
    base_url: str | None,
    way: str | None,
    adapter: str | None,
    budget: Any,
    as_json: bool,
) -> int:
    """Go on with RUN (its name, or how that begins): calls that are over are not made again.

    It keeps to the same budget, and a question is asked of the same model, unless others are given. Exits 1 if
    something failed, or if calls are in doubt: `--settle` says what became of them.
    """
    from llmcc.runtime.journal.errors import CallsInDoubt
    from llmcc.runtime.journal.session import Session

    settle = dict(_settlement(one) for one in settled)
    toolbox = open_toolbox(tools, catalog, llm)
    text = None if plan is None else read_source(plan)[1]
    given = {"model": model, "base_url": base_url, "way": way, "adapter": adapter}
    given |= {"budget": None if budget is None else msgspec.to_builtins(budget)}
    changes = {name: value for name, value in given.items() if value is not None}
    try:
        session = Session.reopen(journal, run)
        if session.history.began.question is not None:
            asked = changes.get("model", session.history.began.options.get("model"))
            require_fitting(asked, base_url, way, adapter)
            return _question(session, journal, toolbox, settle, changes, as_json=as_json)
        _require_none(session, changes.keys() - {"budget"})
        return _plan(session, journal, toolbox, settle, plan, text, budget, as_json=as_json)
    except CallsInDoubt as error:
        options = " ".join(f"--settle '{key}=...'" for key in error.calls)
        raise UserError(f"{error}\n  llmcc resume {run} --journal {journal} {options}") from None
    except LlmccError as error:
        raise UserError(str(error)) from None


def _plan(
    session: Session,
    journal: str,
    toolbox: Toolbox | None,
    settle: dict[str, Any],
    plan: str | None,
    text: str | None,
    new_budget: Any,
    *,
    as_json: bool,
) -> int:
    from functools import partial

    from llmcc.driver import journaled
    from llmcc.driver.budget import Budget
    from llmcc.driver.execute import to_the_end
    from llmcc.driver.spending import keep_to

    began = session.history.began
    limits: dict[str, Any] = {}
    budget = msgspec.convert(began.options["budget"], Budget) if "budget" in began.options else None
    if new_budget is not None:
        if not _keeps_to(new_budget, session, toolbox, text):
            return 1
        budget = new_budget
        # Those that the run was begun with, without what its budget had made of them: the new one may allow more.
        limits = msgspec.structs.asdict(budget.limits(Limits(**began.options.get("limits", began.limits))))
    keep = None if budget is None else partial(keep_to, budget)
    with shown(as_json=as_json) as board, resumable(session.run, journal):
        watch = all_of(keep, None if board is None else board.watch)
        given: dict[str, Any] = {"settle": settle, "text": text, "observer": board, "watch": watch, **limits}
        outcome = to_the_end(partial(journaled.go_on, session, toolbox, **given))
    tell(outcome, plan or "plan", as_json=as_json)
    if outcome.stopped is not None:
        click.echo(how_to_resume(session.run, journal), err=True)
    return 0 if outcome.ok else 1


def _keeps_to(budget: Any, session: Session, toolbox: Toolbox | None, text: str | None) -> bool:
    """Whether the plan of the run, with what it has done already, keeps to another budget; if not, closes the session.

    Raises:
        LlmccError: that cannot be known. Likewise.
    """
    from llmcc.driver import journaled

    began, keeps = session.history.began, False
    try:
        tools = toolbox if toolbox is not None else journaled.recorded_toolbox(began)
        module = journaled.compiled(began, tools, text)
        keeps = within(module, tools, budget, text or began.text or "", began.name)
    finally:
        if not keeps:
            session.close()
    return keeps


def _question(
    session: Session,
    journal: str,
    toolbox: Toolbox | None,
    settle: dict[str, Any],
    changes: dict[str, Any],
    *,
    as_json: bool,
) -> int:
    import trio

    from llmcc.driver import journaled, journaled_ask

    began = session.history.began
    try:
        tools = toolbox if toolbox is not None else journaled.recorded_toolbox(began)
        journaled_ask.prepare(session, tools, settle)
    except BaseException:
        session.close()
        raise
    setting = msgspec.structs.replace(msgspec.convert(began.options, Setting), **changes)

    async def main() -> Any:
        async with agent_of(setting, tools, news, needs_model=journaled_ask.needs_model(session.history)) as agent:
            return await journaled_ask.execute(session, agent)

    with shown_news(show_plan=False, as_json=as_json) as news, resumable(session.run, journal):
        answer = trio.run(main)
    if answer.unfinished:
        click.echo(how_to_resume(session.run, journal), err=True)
    return report(answer, as_json=as_json)


def _require_none(session: Session, changes: Collection[str]) -> None:
    """Refuses options of questions for a plan."""
    if changes:
        session.close()
        raise click.UsageError(f"--{min(changes).replace('_', '-')} goes with questions, and this run is a plan's")


def _settlement(text: str) -> tuple[str, Any]:
    key, _, said = text.partition("=")
    word, _, value = said.partition(":")
    if not key or word not in WORDS or (value and word != "done"):
        raise click.BadParameter(f"{text!r} is not CALL=done, CALL=done:JSON, CALL=failed or CALL=rerun")
    if not value:
        return key, word
    try:
        return key, ("done", json.loads(value))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no JSON") from None
