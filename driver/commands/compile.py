"""`llmcc compile`: a plan goes in, its IR comes out."""

from __future__ import annotations

import click

from llmcc.driver.commands.common import (
    catalog_option,
    dialect_option,
    limit_option,
    llm_option,
    open_profile,
    open_toolbox,
    profile_option,
    read_source,
    require_pass,
    show_diagnostics,
    show_doubts,
    source_argument,
    tools_option,
)
from llmcc.driver.program import CompileError, compile
from llmcc.frontend.limits import SourceLimits
from llmcc.ir import printer
from llmcc.ir.escape import visible
from llmcc.optimizer.manager import PassRun, PipelineError
from llmcc.optimizer.remarks import Remarks
from llmcc.optimizer.schedule import summary
from llmcc.optimizer.table import bounds_lines


@click.command("compile")
@source_argument
@tools_option
@catalog_option
@llm_option
@profile_option
@dialect_option
@limit_option
@click.option("-O", "level", type=click.IntRange(0, 2), default=2, show_default=True, help="How much to optimize.")
@click.option("--passes", metavar="TEXT", help="A pipeline instead of the level's: 'merge-duplicates,order-effects'.")
@click.option("--print-after", metavar="PASS", help="Print the IR after this pass ('all': after each) to stderr.")
@click.option("--time-passes", is_flag=True, help="Print each pass's CPU time to stderr.")
@click.option("--remarks", "with_remarks", is_flag=True, help="Print what was optimized, what not, and why, to stderr.")
@click.option(
    "--emit",
    "form",
    type=click.Choice(["ir", "json", "dot", "mermaid", "schedule", "bounds", "digest"]),
    default="ir",
    show_default=True,
    help="What to print.",
)
def command(
    source: str,
    tools: str | None,
    catalog: str | None,
    llm: str | None,
    profile: str | None,
    dialect: str,
    limits: SourceLimits,
    level: int,
    passes: str | None,
    print_after: str | None,
    time_passes: bool,
    with_remarks: bool,
    form: str,
) -> int:
    """Compile PLAN (a file, or - for standard input) and print its IR with its schedule.

    Without --tools every call is taken as a read of anything, and a warning says so.
    """
    require_pass(print_after)
    name, text = read_source(source)
    toolbox = open_toolbox(tools, catalog, llm)
    if profile is not None and toolbox is None:
        raise click.UsageError("a profile is about tools: --tools FILE")
    remarks = Remarks() if with_remarks else None

    def observe(run: PassRun) -> None:
        if print_after in (run.name, "all"):
            click.echo(f"# after {run.name}\n{printer.print_module(run.after)}", err=True)
        if time_passes:
            click.echo(f"{run.name:<20} {run.cpu_s * 1e3:9.3f} ms", err=True)

    try:
        program = compile(
            text,
            toolbox,
            dialect=dialect,  # type: ignore[arg-type]  # click has checked it
            level=level,
            passes=passes,
            limits=limits,
            name=name,
            observe=observe if print_after or time_passes else None,
            profile=open_profile(profile),
            remarks=remarks,
        )
    except CompileError as error:
        show_diagnostics(error.diagnostics, text, name)
        return 1
    except PipelineError as error:
        raise click.UsageError(str(error)) from None
    show_diagnostics(program.diagnostics, text, name)
    show_doubts(program)
    if remarks is not None:
        click.echo("".join(f"{line}\n" for line in remarks.lines(visible(name))), err=True, nl=False)
    click.echo(program.emit(form).rstrip("\n"))  # type: ignore[arg-type]  # click has checked it
    if form == "ir":
        lines = summary(program.module, program.signatures)
        lines += bounds_lines(program.module, program.signatures, program.latencies)
        click.echo("\n".join(f"# {line}" for line in lines))
    return 0
