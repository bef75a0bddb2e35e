"""What `llmcc ask` and `llmcc resume` share: the agent of a question, and what is told of the answer."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict
from typing import Any, Literal, TypeVar

import click
import msgspec

from llmcc.driver.commands.common import UserError
from llmcc.driver.commands.run import to_json
from llmcc.driver.commands.watching import all_of
from llmcc.runtime.toolbox import Toolbox

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Setting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """With what a question is asked: what a journal keeps of the command's options."""

    model: str | None = None
    base_url: str | None = None
    way: str | None = None
    adapter: str | None = None
    max_replans: int = 2
    literals: Literal["copy", "free"] = "copy"
    deadline_s: float | None = None
    dialect: str = "native"
    budget: dict[str, Any] = {}
    plan_cache: str | None = None


def model_options(function: Decorated) -> Decorated:
    """The options `--model`, `--adapter`, `--base-url` and `--way`."""
    text = "A GGUF file, or openai:NAME; by default the embedded model."
    function = click.option("--way", metavar="WAY", help="How to ask an openai: model (see llmcc probe).")(function)
    adapter = "What a model in this process writes plans with: a GGUF file, or none; by default what is shipped for it."
    function = click.option("--adapter", metavar="FILE", help=adapter)(function)
    function = click.option("--base-url", metavar="URL", help="The server of an openai: model.")(function)
    return click.option("--model", metavar="MODEL", help=text)(function)


def require_fitting(model: str | None, base_url: str | None, way: str | None, adapter: str | None) -> None:
    """Refuses options of hosted models for a local one, and the other way round."""
    is_hosted = (model or "").startswith("openai:")
    if (base_url or way) is not None and not is_hosted:
        raise click.UsageError("--base-url and --way go with --model openai:NAME")
    if adapter is not None and is_hosted:
        raise click.UsageError("--adapter goes with a model in this process")


@asynccontextmanager
async def agent_of(setting: Setting, toolbox: Toolbox, news: Any, *, needs_model: bool = True) -> AsyncIterator[Any]:
    """The agent of a question. `news` is told all of them, and watches the run; None if nobody looks."""
    from llmcc.driver.agent import Agent
    from llmcc.driver.budget import Budget
    from llmcc.driver.commands import named_model
    from llmcc.driver.plan_cache import PlanCache
    from llmcc.runtime.limits import Limits
    from llmcc.runtime.models import Scripted

    observer, watch = news
    # A model that has nothing to say is not loaded.
    wanted: Any = _nobody(Scripted([], name="nobody"))
    if needs_model:
        wanted = named_model.model_named(setting.model, setting.base_url, setting.way, setting.adapter)
    async with wanted as planner:
        yield Agent(
            toolbox,
            planner=planner,
            max_replans=setting.max_replans,
            limits=Limits(deadline_s=setting.deadline_s),
            literals=setting.literals,
            dialect=setting.dialect,
            budget=msgspec.convert(setting.budget, Budget),
            plan_cache=None if setting.plan_cache is None else PlanCache(setting.plan_cache),
            observer=observer,
            watch=watch,
        )


@asynccontextmanager
async def _nobody(model: Any) -> AsyncIterator[Any]:
    yield model


def report(answer: Any, *, as_json: bool) -> int:
    """Prints what became of a question; the exit code."""
    if answer.cache_problem is not None:
        click.echo(f"warning: the cache of plans was not used: {answer.cache_problem}", err=True)
    if as_json:
        shown = answer.outcome.secrets.value
        told = {"answer": answer.text, "problem": shown(answer.problem), "plans": shown(list(answer.plans))}
        counts = {"replans": answer.replans, "repairs": answer.repairs, "mended": answer.mended, "usd": answer.usd}
        tokens = {"planner": asdict(answer.planner), "estimated": answer.estimated}
        asked = {**tokens, "ways": list(answer.ways), "notes": list(answer.notes), "from_cache": answer.from_cache}
        click.echo(json.dumps({**told, **counts, **asked, **to_json(answer.outcome)}, ensure_ascii=False, indent=2))
        return 0 if answer.problem is None else 1
    for note in answer.notes:
        click.echo(f"note: {note}", err=True)
    if answer.problem is None:
        click.echo(answer.text)
        return 0
    raise UserError(answer.outcome.secrets.text(answer.problem))


@contextmanager
def shown_news(*, show_plan: bool, as_json: bool) -> Iterator[tuple[Any, Any]]:
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
        lines = Show(console)
        yield lines, lines.watch
        return
    show, board = Show(console, whole_lines=True), Board()

    def tell(news: Any) -> None:
        board(news)
        show(news)

    with live(console, board, above=lambda: show.partial, over=False):
        yield tell, all_of(board.watch, show.watch)
