"""`llmcc check`: the diagnostics of a plan, for people or as JSON."""

from __future__ import annotations

import click

from llmcc.driver.commands.common import (
    dialect_option,
    open_toolbox,
    read_source,
    show_diagnostics,
    source_argument,
    tools_option,
)
from llmcc.frontend.front import compile_front
from llmcc.ir.diagnostics import has_errors
from llmcc.ir.render import render_json


@click.command("check")
@source_argument
@tools_option
@dialect_option
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects to standard output.")
def command(source: str, tools: str | None, dialect: str, as_json: bool) -> int:
    """Report everything that is wrong with PLAN (a file, or - for standard input). Exits 1 if it does not compile."""
    name, text = read_source(source)
    toolbox = open_toolbox(tools)
    signatures = None if toolbox is None else toolbox.signatures
    found = compile_front(text, signatures, dialect=dialect).diagnostics
    if as_json:
        click.echo(render_json(found))
    else:
        show_diagnostics(found, text, name)
    return 1 if has_errors(found) else 0
