"""`llmcc ask`: a question goes in; a model writes a plan; the plan is run; the answer comes out."""

from __future__ import annotations

from functools import partial
from typing import Any

import click
import msgspec

from llmcc.driver.commands.asking import Setting, agent_of, model_options, report, require_fitting, shown_news
from llmcc.driver.commands.common import (
    UserError,
    budget_option,
    catalog_option,
    llm_option,
    open_toolbox,
    tools_option,
    trace_option,
)
from llmcc.driver.commands.run import how_to_resume, resumable
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.trace_file import check_target


@click.command("ask")
@click.argument("question")
@tools_option
@catalog_option
@llm_option
@model_options
@click.option("--show-plan", is_flag=True, help="Print the plan and the calls to stderr, also when piped.")
@click.option("--json", "as_json", is_flag=True, help="Print answer, plans, calls and usage as one JSON object.")
@click.option("--max-replans", type=click.IntRange(min=0), default=2, show_default=True, metavar="N")
@click.option("--deadline", type=click.FloatRange(min=0), metavar="SECONDS", help="Give up after this time.")
@click.option("--dialect", default="native", show_default=True, help="native, llmcompiler, or a folder of yours.")
@click.option("--plan-cache", metavar="FILE", help="Keep plans here, and take them from here for questions alike.")
@budget_option
@trace_option
@click.option("--journal", metavar="FILE", help="Write the run down here, so that `llmcc resume` can go on with it.")
@click.option(
    "--literals",
    type=click.Choice(["copy", "free"]),
    default="copy",
    show_default=True,
    help="Whether a local model copies texts from the question or writes them freely.",
)
def command(
    question: str,
    tools: str | None,
    catalog: str | None,
    llm: str | None,
    model: str | None,
    base_url: str | None,
    way: str | None,
    adapter: str | None,
    show_plan: bool,
    as_json: bool,
    max_replans: int,
    deadline: float | None,
    dialect: str,
    plan_cache: str | None,
    budget: Any,
    trace: str | None,
    journal: str | None,
    literals: Any,
) -> int:
    """Answer QUESTION with the tools of a file.

    The embedded model has 135 M parameters: it serves short look-ups and comparisons. Exits 1 if there is no answer.
    """
    if tools is None:
        raise click.UsageError("a question needs tools: --tools FILE")
    require_fitting(model, base_url, way, adapter)
    if not question.strip():
        raise UserError("the question is empty")
    toolbox = open_toolbox(tools, catalog, llm)
    if trace is not None:
        check_target(trace)
    import trio

    setting = Setting(
        model=model,
        base_url=base_url,
        way=way,
        adapter=adapter,
        max_replans=max_replans,
        literals=literals,
        deadline_s=deadline,
        dialect=dialect,
        budget={} if budget is None else msgspec.to_builtins(budget),
        plan_cache=plan_cache,
    )
    with shown_news(show_plan=show_plan, as_json=as_json) as news:
        if journal is None:
            answer = trio.run(_ask, question, toolbox, setting, news)
        else:
            answer = trio.run(
                partial(_written_down, question, toolbox, setting, news, journal, None if llm else tools, catalog)
            )
    if trace is not None:
        answer.trace(toolbox).save(trace)
    if journal is not None and answer.unfinished:
        click.echo(how_to_resume(answer.outcome.run, journal), err=True)
    return report(answer, as_json=as_json)


async def _ask(question: str, toolbox: Toolbox, setting: Setting, news: Any) -> Any:
    async with agent_of(setting, toolbox, news) as agent:
        return await agent.ask(question)


async def _written_down(
    question: str, toolbox: Toolbox, setting: Setting, news: Any, journal: str, tools: str | None, catalog: str | None
) -> Any:
    from llmcc.driver import journaled_ask

    options = msgspec.to_builtins(setting)
    async with agent_of(setting, toolbox, news) as agent:
        session = journaled_ask.begin(question, journal, tools=tools, catalog=catalog, options=options)
        with resumable(session.run, journal):
            return await journaled_ask.execute(session, agent)
