"""`llmcc runs`: what is in a journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from llmcc.driver.commands.common import UserError
from llmcc.ir.call_text import call_text
from llmcc.ir.errors import LlmccError
from llmcc.ir.escape import visible

if TYPE_CHECKING:
    from llmcc.runtime.journal.records import Began
    from llmcc.runtime.journal.session import RunLine

DEFAULT_JOURNAL = "runs.db"


@click.command("runs")
@click.option("--journal", metavar="FILE", default=DEFAULT_JOURNAL, show_default=True, help="The journal to look at.")
@click.option("--json", "as_json", is_flag=True, help="Print them as one JSON object.")
def command(journal: str, as_json: bool) -> int:
    """List the runs of a journal with their states, and the calls that are in doubt."""
    from llmcc.runtime.journal.session import runs

    try:
        found = runs(journal)
    except LlmccError as error:
        raise UserError(str(error)) from None
    if as_json:
        click.echo(json.dumps({"runs": [_to_json(one) for one in found]}, ensure_ascii=False, indent=2))
        return 0
    for line in _table(found):
        click.echo(line)
    return 0


def _table(found: list[RunLine]) -> list[str]:
    rows = [("run", "started (UTC)", "plan", "state", "calls")]
    rows += [_row(one) for one in found]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = []
    for row, one in zip(rows, [None, *found], strict=True):
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        for intent in one.doubts if one is not None else ():
            lines.append(f"    in doubt: {intent.key}: {call_text(intent.tool, intent.args)}")
    return lines


def _row(one: RunLine) -> tuple[str, str, str, str, str]:
    if one.began is None:
        return one.run[:8], "", "", one.state, ""
    name = Path(one.began.name).name if one.began.question is None else one.began.question
    return one.run[:8], one.began.started[:19], visible(name)[:40], one.state, str(one.done)


def _what(began: Began) -> dict[str, Any]:
    if began.question is not None:
        return {"question": began.question}
    return {"plan": began.name, "digest": began.plan}


def _to_json(one: RunLine) -> dict[str, Any]:
    if one.began is None:
        return {"run": one.run, "state": one.state}
    return {
        "run": one.run,
        "started": one.began.started,
        **_what(one.began),
        "state": one.state,
        "done": one.done,
        "in_doubt": [{"call": intent.key, "tool": intent.tool, "args": intent.args} for intent in one.doubts],
    }
