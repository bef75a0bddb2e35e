"""`llmcc check`: the diagnostics of a plan, for people or as JSON, and the plan mended."""

from __future__ import annotations

import click

from llmcc.driver.commands.common import (
    NotUtf8,
    catalog_option,
    dialect_option,
    limit_option,
    llm_option,
    open_toolbox,
    read_source,
    show_diagnostics,
    source_argument,
    tools_option,
    write_source,
)
from llmcc.frontend.fixes import Fixed, fix_plan
from llmcc.frontend.front import compile_front
from llmcc.frontend.limits import SourceLimits
from llmcc.ir.diagnostics import Diagnostic, has_errors
from llmcc.ir.render import render_json


@click.command("check")
@source_argument
@tools_option
@catalog_option
@llm_option
@dialect_option
@limit_option
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects to standard output.")
@click.option("--fix", is_flag=True, help="Mend PLAN: apply the fix of each error that has exactly one.")
def command(
    source: str,
    tools: str | None,
    catalog: str | None,
    llm: str | None,
    dialect: str,
    limits: SourceLimits,
    as_json: bool,
    fix: bool,
) -> int:
    """Report everything that is wrong with PLAN (a file, or - for standard input). Exits 1 if it does not compile.

    With --fix the file is written back (of standard input: the mended plan is printed), and what is reported is what
    is left. Warnings are never mended: that would change what a plan means that compiles.
    """
    if fix and as_json and source == "-":
        raise click.UsageError("--fix prints the mended plan, so --json needs a file")
    try:
        name, text = read_source(source)
    except NotUtf8 as error:
        if not as_json:
            raise
        click.echo(render_json(error.diagnostics))
        return error.exit_code
    toolbox = open_toolbox(tools, catalog, llm)
    signatures = None if toolbox is None else toolbox.signatures
    if fix:
        fixed = fix_plan(text, signatures, dialect=dialect, limits=limits)
        _write(source, text, fixed)
        text, found = fixed.text, fixed.diagnostics
    else:
        found = compile_front(text, signatures, dialect=dialect, limits=limits).diagnostics
    _report(found, text, name, as_json=as_json)
    if fix:
        errors = sum(d.severity == "error" for d in found)
        click.echo(f"fixed {fixed.fixed} of {fixed.fixed + errors}", err=True)
    return 1 if has_errors(found) else 0


def _write(source: str, text: str, fixed: Fixed) -> None:
    if source == "-":
        click.echo(fixed.text, nl=False)
    elif fixed.text != text:
        write_source(source, fixed.text)


def _report(found: tuple[Diagnostic, ...], text: str, name: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(render_json(found))
    else:
        show_diagnostics(found, text, name)
