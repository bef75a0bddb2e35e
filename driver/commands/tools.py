"""`llmcc tools`: what the compiler knows of a file's tools."""

from __future__ import annotations

import json

import click

from llmcc.driver.commands.common import catalog_option, open_toolbox
from llmcc.driver.facts import facts
from llmcc.runtime.describe import toolfile


@click.command("tools")
@click.argument("file")
@catalog_option
@click.option("--json", "as_json", is_flag=True, help="Print them as a tools.json.")
def command(file: str, catalog: str | None, as_json: bool) -> int:
    """List the tools of FILE (a tools.py or tools.json) with their types, effects and figures."""
    toolbox = open_toolbox(file, catalog)
    if as_json:
        click.echo(json.dumps(toolfile(toolbox.signatures.values()), indent=2, ensure_ascii=False))
        return 0
    for signature in toolbox.signatures.values():
        click.echo(signature)
        if signature.description:
            click.echo(f"    {signature.description}")
        click.echo(f"    {', '.join(facts(signature))}")
    return 0
