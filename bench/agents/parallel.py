"""Parallel calling, as hosted models do it: a turn of the model is several calls, which are made at the same time; all
results go back to it; a turn without calls is the answer.

Services hand the calls over in fields of their own. Here they are a JSON object in the text, so that any model will do.
"""

from __future__ import annotations

import json
from typing import Any

from bench.agents.turns import Result, Wanted, make, told, wanted_of, write

from llmcc.runtime.models import Message, Model
from llmcc.runtime.toolbox import Toolbox

ORDER = """\
Answer the question with these tools:
{tools}

To use some, write nothing but {{"tool_calls": [{{"name": ..., "arguments": {{...}}}}, ...]}}.
You are then given all results. Put all calls into one turn that do not need each other.
When you know the answer, write it as plain text."""


async def ask(question: str, toolbox: Toolbox, model: Model, *, max_turns: int = 12) -> Result:
    """Answers a question. Calls that are malformed are given back to the model.

    Raises:
        ModelError: the model cannot be reached, or broke off.
    """
    result = Result()
    messages = [Message("system", ORDER.format(tools=told(toolbox))), Message("user", question)]
    for _ in range(max_turns):
        text = await write(model, messages, result)
        try:
            wanted = read(text)
        except ValueError as error:
            seen = f"error: {error}"
        else:
            if wanted is None:
                result.text = text.strip()
                return result
            values = await make(toolbox, wanted, result)
            seen = json.dumps([{"name": one.tool, "content": v} for one, v in zip(wanted, values, strict=True)])
        messages += [Message("assistant", text), Message("user", seen)]
    result.problem = f"no answer after {max_turns} turns"
    return result


def read(text: str) -> list[Wanted] | None:
    """The calls of a turn; None if it is an answer.

    Raises:
        ValueError: it is meant to be calls, and is not.
    """
    if not text.lstrip().startswith('{"tool_calls"'):
        return None
    said: Any = json.loads(text)
    calls = said["tool_calls"]
    if not isinstance(calls, list) or not calls:
        raise ValueError('"tool_calls" is a list of calls, not empty')
    return [wanted_of(one) for one in calls]
