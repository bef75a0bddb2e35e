"""`llmcc opt`: the optimizer alone, text in and text out."""

from __future__ import annotations

import click

from llmcc.driver.commands.common import UserError, open_toolbox, read_source, require_pass, tools_option
from llmcc.ir import printer
from llmcc.ir.parser import IRSyntaxError, parse
from llmcc.ir.verify import VerificationError, verify
from llmcc.optimizer.manager import PassRun, PipelineError, optimize
from llmcc.optimizer.registry import PASSES


@click.command("opt")
@click.argument("source", metavar="IR", required=False)
@tools_option
@click.option("-O", "level", type=click.IntRange(0, 2), default=2, show_default=True, help="How much to optimize.")
@click.option("--passes", metavar="TEXT", help="A pipeline instead of the level's.")
@click.option("--print-after", metavar="PASS", help="Print the IR after this pass ('all': after each) to stderr.")
@click.option("--list", "listing", is_flag=True, help="List the passes and leave.")
def command(
    source: str | None, tools: str | None, level: int, passes: str | None, print_after: str | None, listing: bool
) -> int:
    """Read IR (a file, or - for standard input), run passes over it, print the IR that results."""
    if listing:
        for name, entry in PASSES.items():
            click.echo(f"{name:<20} {entry.summary}")
        return 0
    if source is None:
        raise click.UsageError("Missing argument 'IR'.")
    require_pass(print_after)
    name, text = read_source(source)
    toolbox = open_toolbox(tools)
    signatures = None if toolbox is None else toolbox.signatures

    def observe(run: PassRun) -> None:
        if print_after in (run.name, "all"):
            click.echo(f"# after {run.name}\n{printer.print_module(run.after)}", err=True)

    try:
        module = parse(text)
        verify(module, signatures)
        module = optimize(module, level=level, passes=passes, signatures=signatures, observe=observe)
    except IRSyntaxError as error:
        raise UserError(f"{name}:{error}") from None
    except VerificationError as error:
        raise UserError(f"{name}: {error}") from None
    except PipelineError as error:
        raise click.UsageError(str(error)) from None
    click.echo(printer.print_module(module), nl=False)
    return 0
