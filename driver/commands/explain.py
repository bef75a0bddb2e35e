"""`llmcc explain`: the page about a diagnostic's code."""

from __future__ import annotations

import difflib

import click

from llmcc.driver.commands.common import UserError
from llmcc.ir.diagnostics import all_codes, explanation


@click.command("explain")
@click.argument("code", required=False)
def command(code: str | None) -> int:
    """Explain CODE, such as E0301; without CODE, list all codes."""
    if code is None:
        for known in all_codes():
            click.echo((explanation(known) or "").partition("\n")[0].removeprefix("# "))
        return 0
    page = explanation(code.upper())
    if page is None:
        close = difflib.get_close_matches(code.upper(), all_codes(), n=1)
        raise UserError(f"there is no code {code!r}" + (f"; did you mean {close[0]}?" if close else ""))
    click.echo(page.rstrip())
    return 0
