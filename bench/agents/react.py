"""ReAct: the model thinks, makes one call, reads what it gives, and goes on until it knows the answer."""

from __future__ import annotations

import json

from bench.agents.turns import Result, Wanted, make, told, write

from llmcc.runtime.models import Message, Model
from llmcc.runtime.toolbox import Toolbox

ORDER = """\
Answer the question with these tools:
{tools}

Write
Thought: what you need next
Action: the name of one tool
Action Input: its arguments, as a JSON object
and stop; you are then given the observation. When you know the answer, write
Thought: I know the answer
Final Answer: the answer"""
#: Where the model stops, since what follows comes from the tool.
STOP = ("\nObservation:",)


async def ask(question: str, toolbox: Toolbox, model: Model, *, max_turns: int = 12) -> Result:
    """Answers a question. What the model writes in another form is given back to it as an observation.

    Raises:
        ModelError: the model cannot be reached, or broke off.
    """
    result = Result()
    messages = [Message("system", ORDER.format(tools=told(toolbox))), Message("user", f"Question: {question}")]
    for _ in range(max_turns):
        text = await write(model, messages, result, stop=STOP)
        _, final, answer = text.partition("Final Answer:")
        if final:
            result.text = answer.strip()
            return result
        try:
            (seen,) = await make(toolbox, [read(text)], result)
        except ValueError as error:
            seen = f"error: {error}"
        messages += [Message("assistant", text), Message("user", f"Observation: {seen}")]
    result.problem = f"no answer after {max_turns} turns"
    return result


def read(text: str) -> Wanted:
    """The call of a turn.

    Raises:
        ValueError: there is none, or its input is no JSON object.
    """
    before, _, given = text.partition("Action Input:")
    _, action, name = before.rpartition("Action:")
    if not action or not name.strip():
        raise ValueError("write a line `Action:` with the name of a tool, and a line `Action Input:`")
    arguments = json.loads(given.strip() or "{}")
    if not isinstance(arguments, dict):
        raise ValueError("the Action Input is no JSON object")
    return Wanted(name.strip(), arguments)
