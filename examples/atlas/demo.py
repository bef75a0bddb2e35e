"""Three questions, answered by the embedded model with the atlas: `make demo`.

Shows each plan as the model writes it, the calls as they end, and the answer.
"""

from __future__ import annotations

import sys
from pathlib import Path

import trio
from rich.console import Console

import llmcc
from llmcc.driver.show import Show
from llmcc.runtime.models import Llama

QUESTIONS = (
    "Which is higher, Mount Everest or K2?",
    "How many people live in France and Germany together?",
    "How high is Mount Everest in feet?",
)


async def main() -> int:
    """Asks the questions; the number of those without an answer."""
    console = Console(highlight=False)
    toolbox = llmcc.load_toolbox(Path(__file__).with_name("tools.py"))
    missed = 0
    async with Llama() as model:
        agent = llmcc.Agent(toolbox, planner=model, observer=Show(console))
        for question in QUESTIONS:
            console.print(f"\n[bold]{question}[/]")
            begun = trio.current_time()
            answer = await agent.ask(question)
            took = trio.current_time() - begun
            usage = answer.usage
            figures = f"{took:.1f} s, {usage.prompt_tokens} + {usage.completion_tokens} tokens"
            if answer.problem is None:
                console.print(f"[bold green]{answer.text}[/]  [dim]({figures})[/]")
            else:
                console.print(f"[bold red]no answer: {answer.problem}[/]")
                missed += 1
    return missed


if __name__ == "__main__":
    sys.exit(1 if trio.run(main) else 0)
