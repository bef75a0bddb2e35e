"""The atlas's questions, answered by three agents with the same tools and a scripted model, on a virtual clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import click
from bench.agents import parallel, react
from bench.agents.script import Script, script, slowed
from bench.agents.turns import Result
from msgspec import Struct

import llmcc
from llmcc.runtime.models import Model, Scripted, Usage
from llmcc.runtime.toolbox import Toolbox
from llmcc.testing.clock import run_virtual

ATLAS = Path(__file__).parents[2] / "examples/atlas/tools.py"


class Speeds(Struct, frozen=True):
    """How long things take: seconds to a model's first token, its tokens a second, seconds of a call."""

    first_token_s: float
    tokens_per_s: float
    call_s: float


class Row(Struct):
    """The sums of one agent."""

    name: str
    answered: int = 0
    calls: int = 0
    wall_s: float = 0.0
    usage: Usage = Usage()


async def _llmcc(question: str, toolbox: Toolbox, model: Model) -> Result:
    agent = llmcc.Agent(toolbox, planner=model, examples=[one for one in toolbox.examples if one[0] != question])
    answer = await agent.ask(question)
    return Result(answer.text, answer.problem, answer.usage, len(answer.outcome.calls))


AGENTS: dict[str, tuple[Callable[[str, Toolbox, Model], Awaitable[Result]], Callable[[Script], list[str]]]] = {
    "ReAct": (react.ask, Script.for_react),
    "parallel calling": (parallel.ask, Script.for_parallel),
    "llmcc": (_llmcc, Script.for_llmcc),
}


def compare(toolbox: Toolbox, questions: Iterable[tuple[str, str]], speeds: Speeds) -> list[Row]:
    """Asks each agent each question; every answer is compared with that of the plan."""
    rows = {name: Row(name) for name in AGENTS}
    for question, plan in questions:
        known = script(question, plan, toolbox)
        tools = slowed(toolbox, known, speeds.call_s)
        for name, (ask, replies) in AGENTS.items():
            _add(rows[name], known, tools, ask, replies(known), speeds)
    return list(rows.values())


def _add(
    row: Row,
    known: Script,
    tools: Toolbox,
    ask: Callable[[str, Toolbox, Model], Awaitable[Result]],
    replies: list[str],
    speeds: Speeds,
) -> None:
    import trio

    model = Scripted(replies, first_token_s=speeds.first_token_s, tokens_per_s=speeds.tokens_per_s)

    async def timed() -> Result:
        begun = trio.current_time()
        result = await ask(known.question, tools, model)
        row.wall_s += trio.current_time() - begun
        return result

    result = run_virtual(timed)
    row.answered += result.problem is None and result.text == known.answer
    row.calls += result.calls
    row.usage += result.usage


@click.command()
@click.option("--first-token", default=0.5, show_default=True, help="Seconds to a model's first token.")
@click.option("--rate", default=50.0, show_default=True, help="A model's tokens a second.")
@click.option("--call", default=0.3, show_default=True, help="Seconds of each call of a tool.")
def main(first_token: float, rate: float, call: float) -> None:
    """Prints a line an agent, with the sums over all questions."""
    toolbox = llmcc.load_toolbox(ATLAS)
    rows = compare(toolbox, toolbox.examples, Speeds(first_token, rate, call))
    count = len(toolbox.examples)
    click.echo(
        f"{count} questions; a model's first token after {first_token:g} s, then {rate:g} a second; {call:g} s a call"
    )
    click.echo(
        f"{'':18}{'answered':>9}{'turns':>7}{'calls':>7}{'tokens in':>11}{'out':>7}{'wall s':>9}{'a question':>12}"
    )
    for row in rows:
        used = row.usage
        tokens = f"{used.prompt_tokens:>11}{used.completion_tokens:>7}"
        wall = f"{row.wall_s:>9.1f}{row.wall_s / count:>12.2f}"
        click.echo(f"{row.name:18}{row.answered:>9}{used.requests:>7}{row.calls:>7}{tokens}{wall}")


if __name__ == "__main__":
    main()
