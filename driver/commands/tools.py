"""`llmcc tools`: what the compiler knows of a file's tools."""

from __future__ import annotations

import json

import click

from llmcc.driver.commands.common import UserError, open_toolbox
from llmcc.ir.signature import Signature
from llmcc.runtime.describe import toolfile


@click.command("tools")
@click.argument("file")
@click.option("--json", "as_json", is_flag=True, help="Print them as a tools.json.")
def command(file: str, as_json: bool) -> int:
    """List the tools of FILE (a tools.py or tools.json) with their types, effects and figures."""
    toolbox = open_toolbox(file)
    if toolbox is None:
        raise UserError(f"cannot read {file}")
    if as_json:
        click.echo(json.dumps(toolfile(toolbox.signatures.values()), indent=2, ensure_ascii=False))
        return 0
    for signature in toolbox.signatures.values():
        click.echo(signature)
        if signature.description:
            click.echo(f"    {signature.description}")
        click.echo(f"    {', '.join(_facts(signature))}")
    return 0


def _facts(signature: Signature) -> list[str]:
    facts = [str(signature.effect) if signature.effect is not None else "effect not declared (a plan cannot use it)"]
    if signature.effect is not None and signature.effect.writes and signature.idempotent:
        facts.append("idempotent")
    figures = (
        ("latency", signature.latency_s, "s"),
        ("timeout", signature.timeout_s, "s"),
        ("cost", signature.cost_usd, " USD"),
        ("retries", signature.retries or None, ""),
        ("limit", signature.limit, " at a time"),
    )
    return facts + [f"{name} {value:g}{unit}" for name, value, unit in figures if value is not None]
