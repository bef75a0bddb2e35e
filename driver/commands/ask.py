"""`llmcc ask`: a question goes in; a model writes a plan; the plan is run; the answer comes out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import click

from llmcc.driver.commands.common import (
    UserError,
    budget_option,
    catalog_option,
    open_toolbox,
    tools_option,
    trace_option,
)
from llmcc.driver.commands.run import to_json
from llmcc.runtime.limits import Limits
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.trace_file import check_target


@click.command("ask")
@click.argument("question")
@tools_option
@catalog_option
@click.option("--model", metavar="MODEL", help="A GGUF file, or openai:NAME; by default the embedded model.")
@click.option("--base-url", metavar="URL", help="The server of an openai: model.")
@click.option("--way", metavar="WAY", help="How to ask an openai: model, such as chat/text (see llmcc probe).")
@click.option("--show-plan", is_flag=True, help="Print the plan and the calls to stderr, also when piped.")
@click.option("--json", "as_json", is_flag=True, help="Print answer, plans, calls and usage as one JSON object.")
@click.option("--max-replans", type=click.IntRange(min=0), default=2, show_default=True, metavar="N")
@click.option("--deadline", type=click.FloatRange(min=0), metavar="SECONDS", help="Give up after this time.")
@budget_option
@trace_option
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
    model: str | None,
    base_url: str | None,
    way: str | None,
    show_plan: bool,
    as_json: bool,
    max_replans: int,
    deadline: float | None,
    budget: Any,
    trace: str | None,
    literals: str,
) -> int:
    """Answer QUESTION with the tools of a file.

    The embedded model has 135 M parameters: it serves short look-ups and comparisons. Exits 1 if there is no answer.
    """
    if tools is None:
        raise click.UsageError("a question needs tools: --tools FILE")
    if (base_url or way) is not None and not (model or "").startswith("openai:"):
        raise click.UsageError("--base-url and --way go with --model openai:NAME")
    if not question.strip():
        raise UserError("the question is empty")
    toolbox = open_toolbox(tools, catalog)
    if trace is not None:
        check_target(trace)
    import trio

    limits = Limits(deadline_s=deadline)
    answer = trio.run(
        _ask, question, toolbox, model, base_url, way, show_plan, as_json, max_replans, limits, literals, budget
    )
    if trace is not None:
        answer.trace(toolbox).save(trace)
    if as_json:
        told = {"answer": answer.text, "problem": answer.problem, "plans": list(answer.plans)}
        counts = {"replans": answer.replans, "repairs": answer.repairs, "mended": answer.mended, "usd": answer.usd}
        click.echo(json.dumps({**told, **counts, **to_json(answer.outcome)}, ensure_ascii=False, indent=2))
    elif answer.problem is None:
        click.echo(answer.text)
    if answer.problem is not None and not as_json:
        raise UserError(answer.problem)
    return 0 if answer.problem is None else 1


async def _ask(
    question: str,
    toolbox: Toolbox,
    model: str | None,
    base_url: str | None,
    way: str | None,
    show_plan: bool,
    as_json: bool,
    max_replans: int,
    limits: Limits,
    literals: Any,
    budget: Any,
) -> Any:
    from llmcc.driver.agent import Agent

    async with AsyncExitStack() as stack:
        observer, watch = stack.enter_context(_shown(show_plan, as_json))
        planner = await stack.enter_async_context(_model(model, base_url, way))
        agent = Agent(
            toolbox,
            planner=planner,
            max_replans=max_replans,
            limits=limits,
            literals=literals,
            budget=budget,
            observer=observer,
            watch=watch,
        )
        return await agent.ask(question)


def _model(model: str | None, base_url: str | None, way: str | None) -> Any:
    """The model of `--model`; an asynchronous context manager that gives it back when it is over."""
    if model is not None and model.startswith("openai:"):
        from llmcc.runtime.models.openai import OpenAI

        return OpenAI(model.removeprefix("openai:"), base_url=base_url, way=way)
    from llmcc.runtime.models.llama import Llama

    return Llama(model)


@contextmanager
def _shown(show_plan: bool, as_json: bool) -> Iterator[tuple[Any, Any]]:
    """Shows the plan as it is written and its calls, on a terminal with a live table of those that run; gives what is
    to be told the news and what the run, or None and None.
    """
    if as_json or not (show_plan or sys.stderr.isatty()):
        yield None, None
        return
    from rich.console import Console

    from llmcc.driver.board import Board
    from llmcc.driver.live import live, watched
    from llmcc.driver.show import Show

    console = Console(stderr=True, highlight=False)
    if not watched(console):
        yield Show(console), None
        return
    show, board = Show(console, whole_lines=True), Board()

    def tell(news: Any) -> None:
        board(news)
        show(news)

    with live(console, board, above=lambda: show.partial, over=False):
        yield tell, board.watch
