"""`llmcc grammar`: the grammar of the plans that are valid for some tools, as a decoder reads it."""

from __future__ import annotations

from typing import cast

import click

from llmcc.driver.commands.common import UserError, catalog_option, open_toolbox
from llmcc.frontend.derive import next_name, statement_rules
from llmcc.frontend.derive_plan import plan_rules
from llmcc.frontend.forms import Rules
from llmcc.frontend.front import FrontEnd
from llmcc.frontend.notation import NOTATIONS, Notation, written
from llmcc.frontend.words import Bounds
from llmcc.ir.diagnostics import has_errors
from llmcc.ir.signature import Signature


@click.command("grammar")
@click.option("--tools", metavar="FILE", required=True, help="The tools: a tools.py or a tools.json.")
@catalog_option
@click.option(
    "--for", "notation", type=click.Choice(NOTATIONS), default="lark", show_default=True, help="Who reads it."
)
@click.option("--plan/--statement", "whole", default=True, help="Of a whole plan (the default), or of its next line.")
@click.option("--after", metavar="LINES", default="", help="With --statement: the lines that stand already.")
@click.option("--declared-order", is_flag=True, help="Keywords keep the order of their declaration: a smaller grammar.")
@click.option("--max-text", default=Bounds().text, show_default=True, help="Longest text literal, in characters.")
@click.option("--max-items", default=Bounds().items, show_default=True, help="Most items of a list literal.")
@click.option("--max-statements", default=Bounds().statements, show_default=True, help="Most lines of a plan.")
@click.option("--check/--no-check", default=True, help="Have the decoder's library judge it, if that is installed.")
def command(
    tools: str,
    catalog: str | None,
    notation: str,
    whole: bool,
    after: str,
    declared_order: bool,
    max_text: int,
    max_items: int,
    max_statements: int,
    check: bool,
) -> int:
    """Print the grammar of plans that are valid for the tools of FILE."""
    toolbox = open_toolbox(tools, catalog)
    if min(max_text, max_items, max_statements) < 1:
        raise click.UsageError("a bound is at least 1")
    if whole and after:
        raise click.UsageError("--after goes with --statement")
    if whole:
        bounds = Bounds(text=max_text, items=max_items, statements=max_statements)
        rules = plan_rules(toolbox.signatures, bounds, any_order=not declared_order)
    else:
        rules = _statement(toolbox.signatures, after)
    text = written(rules, cast(Notation, notation))
    if check:
        _check(text, notation)
    click.echo(text, nl=False)
    return 0


def _statement(signatures: dict[str, Signature], after: str) -> Rules:
    front = FrontEnd(signatures)
    front.feed(after.rstrip("\n") + "\n")
    if has_errors(front.diagnostics) or front.ended:
        raise UserError("the lines of --after do not compile" if not front.ended else "the plan has ended")
    usable = {name: s for name, s in signatures.items() if s.effect is not None}
    values = front.scope.types
    return statement_rules(usable, values, target=next_name(values), wide=True)


def _check(text: str, notation: str) -> None:
    """Asks the library, and says so if it is not there."""
    from llmcc.runtime.models import ModelUnavailable
    from llmcc.runtime.models.llama_files import default_model_path
    from llmcc.runtime.models.vocabulary import check_gbnf, check_llguidance

    try:
        if notation == "gbnf":
            check_gbnf(text, default_model_path())
        elif notation != "lark":
            check_llguidance(text)
    except ModelUnavailable as error:
        click.echo(f"not checked: {error}", err=True)
