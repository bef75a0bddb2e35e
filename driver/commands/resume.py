"""`llmcc resume`: goes on with a run that was cut off."""

from __future__ import annotations

import json
from typing import Any

import click

from llmcc.driver.commands.common import UserError, catalog_option, open_toolbox, read_source, tools_option
from llmcc.driver.commands.run import how_to_resume, resumable, tell
from llmcc.driver.commands.runs import DEFAULT_JOURNAL
from llmcc.driver.commands.watching import shown
from llmcc.ir.errors import LlmccError

WORDS = ("done", "failed", "rerun")


@click.command("resume")
@click.argument("run")
@click.option("--journal", metavar="FILE", default=DEFAULT_JOURNAL, show_default=True, help="The run's journal.")
@tools_option
@catalog_option
@click.option("--plan", metavar="PLAN", help="The plan, where it holds a secret and is not in the journal.")
@click.option(
    "--settle",
    "settled",
    metavar="CALL=WORD",
    multiple=True,
    help="What became of a call in doubt: done (or done:JSON, its result), failed, or rerun to make it again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print values and calls as one JSON object.")
def command(
    run: str,
    journal: str,
    tools: str | None,
    catalog: str | None,
    plan: str | None,
    settled: tuple[str, ...],
    as_json: bool,
) -> int:
    """Go on with RUN (its name, or how that begins): calls that are over are not made again.

    Exits 1 if something failed, or if calls are in doubt: `--settle` says what became of them.
    """
    from llmcc.driver import journaled
    from llmcc.runtime.journal.errors import CallsInDoubt

    settle = dict(_settlement(one) for one in settled)
    toolbox = open_toolbox(tools, catalog)
    text = None if plan is None else read_source(plan)[1]
    try:
        with shown(as_json=as_json) as board, resumable(run, journal):
            watch = None if board is None else board.watch
            given: dict[str, Any] = {"settle": settle, "text": text, "observer": board, "watch": watch}
            outcome = journaled.resume_sync(run, toolbox, journal=journal, **given)
    except CallsInDoubt as error:
        options = " ".join(f"--settle '{key}=...'" for key in error.calls)
        raise UserError(f"{error}\n  llmcc resume {run} --journal {journal} {options}") from None
    except LlmccError as error:
        raise UserError(str(error)) from None
    tell(outcome, plan or "plan", as_json=as_json)
    if outcome.stopped is not None:
        click.echo(how_to_resume(outcome.run or run, journal), err=True)
    return 0 if outcome.ok else 1


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
