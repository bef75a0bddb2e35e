"""Has llmcc itself ask for a plan: its agent, its engine, its grammars, what it mends and has written again."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import trio
from planner.evaluate.task import Call, Task
from planner.evaluate.write import MOST_TOKENS, Written

from llmcc.driver.adapted import adapted_request
from llmcc.driver.agent import Agent
from llmcc.driver.news import News, PlanText
from llmcc.runtime.models import Model, Scripted, Usage
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import Tool


def ask(model: Model, task: Task) -> Written:
    """Puts a task's question to an agent, whose calls go to the first world; what it planned in the end.

    A plan that was given up counts as it was written. Whoever would join its values says nothing.
    """
    call, _ = task.worlds[0]()
    tools = [Tool(signature, partial(_call, call, name)) for name, signature in task.signatures.items()]
    watch = _Watch()
    agent = Agent(
        Toolbox(*tools, examples=task.examples),
        planner=model,
        joiner=Scripted([""]),
        max_replans=2,
        max_plan_tokens=MOST_TOKENS,
        observer=watch,
    )
    answer = agent.ask_sync(task.question)
    whole = watch.last_s or watch.passed_s
    text = answer.plans[-1] if answer.plans else watch.text
    spent = answer.planner
    return Written(text, spent.prompt_tokens, spent.completion_tokens, watch.first_line_s or whole, whole)


def plan(model: Model, task: Task) -> Written:
    """Has a model with an adapter write a plan as the agent has it do at first: nothing runs, nothing is mended."""
    watch = _Watch()
    usage = trio.run(_write, model, task, watch)
    whole = watch.last_s or watch.passed_s
    return Written(watch.text, usage.prompt_tokens, usage.completion_tokens, watch.first_line_s or whole, whole)


async def _write(model: Model, task: Task, watch: _Watch) -> Usage:
    request = adapted_request(task.question, task.signatures, copy=True, max_tokens=MOST_TOKENS)
    async with model.stream(request) as completion:
        async for chunk in completion.chunks:
            watch(PlanText(chunk))
    return completion.usage


async def _call(call: Call, name: str, /, **arguments: Any) -> Any:
    return call(name, arguments)


class _Watch:
    """Notes what is written, and when, in CPU time."""

    def __init__(self) -> None:
        self._begun = time.process_time()
        self.text = ""
        self.first_line_s = self.last_s = 0.0

    def __call__(self, news: News) -> None:
        if not isinstance(news, PlanText):
            return
        self.text += news.text
        self.last_s = self.passed_s
        if not self.first_line_s and "\n" in self.text:
            self.first_line_s = self.last_s

    @property
    def passed_s(self) -> float:
        return time.process_time() - self._begun
