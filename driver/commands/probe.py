"""`llmcc probe`: asks a server a few short questions, and says how it can be asked for plans."""

from __future__ import annotations

import click

from llmcc.driver.commands.common import UserError


@click.command("probe")
@click.argument("model")
@click.option("--base-url", metavar="URL", help="The server; by default $OPENAI_BASE_URL, else OpenAI's.")
def command(model: str, base_url: str | None) -> int:
    """Find out how the server of MODEL (openai:NAME) can be asked for plans, and write it down for later runs.

    Up to six short questions are put to it. The first way that works is used from then on.
    """
    if not model.startswith("openai:"):
        raise UserError("only models behind a server can be probed: openai:NAME")
    import trio

    from llmcc.runtime.models.openai import OpenAI
    from llmcc.runtime.models.openai_ways import WAYS

    found = trio.run(OpenAI(model.removeprefix("openai:"), base_url=base_url).probe)
    for way in WAYS:
        told = "works" if way in found.works else f"no: {found.problems[way]}"
        click.echo(f"{way:<18} {told}")
    click.echo(f"chosen: {found.works[0]}")
    return 0
