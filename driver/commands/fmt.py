"""`llmcc fmt`: a plan in its canonical form."""

from __future__ import annotations

import click

from llmcc.driver.commands.common import (
    UserError,
    dialect_option,
    open_toolbox,
    read_source,
    show_diagnostics,
    source_argument,
    tools_option,
    write_source,
)
from llmcc.frontend.convert import to_native
from llmcc.frontend.format import format_plan
from llmcc.frontend.parse import parse_plan
from llmcc.ir.diagnostics import has_errors


@click.command("fmt")
@source_argument
@dialect_option
@click.option(
    "--to",
    type=click.Choice(["native"]),
    help="Convert the plan from `--dialect llmcompiler`; with --tools also where only a tool's types tell how.",
)
@tools_option
@click.option("--check", is_flag=True, help="Change nothing; exit 1 if the plan is not in canonical form.")
@click.option("--write", "-w", is_flag=True, help="Write the result back to the file.")
def command(source: str, dialect: str, to: str | None, tools: str | None, check: bool, write: bool) -> int:
    """Print PLAN (a file, or - for standard input) in its canonical form; comments stay."""
    if tools is not None and to is None:
        raise click.UsageError("--tools is of use with --to only")
    if write and source == "-":
        raise click.UsageError("--write needs a file")
    name, text = read_source(source)
    if to == "native" and dialect == "llmcompiler":
        toolbox = open_toolbox(tools)
        statements, found = to_native(text, None if toolbox is None else toolbox.signatures)
    else:
        statements, found = parse_plan(text, dialect)
    if has_errors(found):
        show_diagnostics(found, text, name)
        return 1
    canonical = format_plan(statements)
    if check:
        if canonical != text:
            raise UserError(f"{name} is not in canonical form; run `llmcc fmt --write {name}`")
    elif write:
        write_source(source, canonical)
    else:
        click.echo(canonical, nl=False)
    return 0
