"""Ten questions, answered by the embedded model with the atlas: `make demo`.

Shows each plan as the model writes it, the calls as they end, the answer, and the one that a plan of ours gives.
"""

from __future__ import annotations

from pathlib import Path

import trio
from questions import QUESTIONS, Asked, is_right
from rich.console import Console
from rich.markup import escape

import llmcc
from llmcc.driver.show import Show
from llmcc.ir.values import to_text
from llmcc.runtime.models import Llama, Model


async def demo(model: Model, console: Console) -> int:
    """Asks the questions; how many were answered right."""
    toolbox = llmcc.load_toolbox(Path(__file__).with_name("tools.py"))
    agent = llmcc.Agent(toolbox, planner=model, observer=Show(console))
    console.print(f"[dim]plans are written by {escape(agent.planned_by)}[/]")
    begun = trio.current_time()
    right = 0
    for asked in QUESTIONS:
        right += await _ask(agent, asked, console)
    took = trio.current_time() - begun
    console.print(f"\n[bold]{right} of {len(QUESTIONS)} right[/] [dim]({took:.0f} s)[/]")
    return right


async def _ask(agent: llmcc.Agent, asked: Asked, console: Console) -> bool:
    console.print(f"\n[bold]{escape(asked.question)}[/]")
    begun = trio.current_time()
    answer = await agent.ask(asked.question)
    took = trio.current_time() - begun
    expected = await llmcc.run(llmcc.compile(asked.plan, agent.toolbox))
    right = answer.problem is None and expected.ok and is_right(answer.value, expected.value)
    text = answer.text if answer.problem is None else f"no answer: {answer.problem}"
    usage = answer.usage
    figures = f"{took:.1f} s, {usage.prompt_tokens} + {usage.completion_tokens} tokens"
    console.print(f"[bold {'green' if right else 'red'}]{escape(text)}[/]  [dim]({figures})[/]")
    reference = to_text(expected.value[0]) if expected.ok else f"none, {expected.errors[0].message}"
    console.print(f"reference: {escape(reference)}")
    return right


async def main() -> None:
    """Asks the embedded model."""
    async with Llama() as model:
        await demo(model, Console(highlight=False))


if __name__ == "__main__":
    trio.run(main)
