"""A row of the table of faults: the model's stream breaks, at every byte of its plan."""

from __future__ import annotations

from functools import partial

from llmcc.driver.agent import Agent, Answer
from llmcc.ir.signature import Signature
from llmcc.runtime.models.errors import ModelError
from llmcc.runtime.models.scripted import Cut, Scripted
from llmcc.testing.clock import run_virtual
from llmcc.testing.drawn import drawn, simulations
from llmcc.testing.schedule import Schedule
from llmcc.testing.tools import SimulatedTools


def stream_cut_anywhere(plans: int = 20) -> tuple[int, int]:
    """A plan whose stream is cut, at whatever byte, has started no write."""
    # Only plans that write, once they are whole, can break the promise.
    texts = [(text.rstrip("\n"), tools) for text, tools in drawn(simulations(), 8 * plans)]
    writing = [(text, tools) for text, tools in texts if _asked(text, None, [*tools.values()])[1]]
    tried = failed = 0
    for text, tools in writing[:plans]:
        written = text.encode()
        for end in range(len(written)):
            begun = written[:end].decode(errors="ignore")
            for tokens in (None, len(begun)):
                tried += 1
                answer, writes = _asked(Cut(begun) if tokens is None else text, tokens, [*tools.values()])
                failed += bool(writes) or (answer is not None and answer.problem is None)
    return tried, failed


def _asked(reply: str | Cut, most_tokens: int | None, tools: list[Signature]) -> tuple[Answer | None, int]:
    """The answer of an agent whose model says that (None: the model broke), and how many writes started.

    `most_tokens` ends the stream in the other way: the model is told to stop.
    """
    world = SimulatedTools(tools, schedule=Schedule(1))
    model = Scripted([reply, "done"], tokens_per_s=50, chunks=list)
    agent = Agent(
        world.toolbox(), planner=model, max_repairs=0, max_plan_tokens=10_000 if most_tokens is None else most_tokens
    )
    try:
        answer = run_virtual(partial(agent.ask, "?"))
    except ModelError:
        answer = None
    return answer, sum(one.kind == "write" for one in world.started)
