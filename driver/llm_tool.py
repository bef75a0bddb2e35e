"""The tool `llm`: a plan asks a model, without tools, for a value of a type that it names."""

from __future__ import annotations

from typing import Any

import msgspec

from llmcc.driver.llm_request import llm_request, read_answer, type_named
from llmcc.driver.prices import PRICES, may_cost
from llmcc.ir.errors import ToolOutputError
from llmcc.ir.types import STR
from llmcc.runtime.meter import Meter
from llmcc.runtime.models import Model, Usage
from llmcc.runtime.tools import Tool, tool

#: What a call is expected to read, in tokens: nobody knows the context before the plan runs.
EXPECTED_TOKENS = 1000


def llm_tool(
    model: Model,
    *,
    name: str = "llm",
    max_tokens: int = 512,
    latency: str | float | None = None,
    cost_usd: float | None = None,
    untrusted: bool = False,
    **rules: Any,
) -> Tool:
    """A tool by which plans ask `model`: `llm(prompt, *context, type="...")`.

    The model gets the prompt and the values of the context, and no tools; it is held to the type by a grammar, and what
    it writes is checked, so a call gives a value of the type or fails (`ToolOutputError`; the model's own errors by
    their names). Without a type the result is a text. Calls that do not need each other are sent at once.

    Plans take a call for a read: equal ones may become one, and one that nobody needs is not made. What a model makes
    of an untrusted value is untrusted. Its tokens count in the run's usage and budgets: once those are used up, a call
    fails (`OverBudget`) and the model is not asked.

    Args:
        model: who is asked, at temperature 0.
        name: how plans call it.
        max_tokens: the longest answer; what is longer fails.
        latency: about how long an answer takes, as in `llmcc.tool`.
        cost_usd: about what one costs, in dollars. Without it, where the model has a price, the price of 1,000 tokens
            read and `max_tokens` written. What a call really costs is told by its tokens, where the model has a price;
            else it is this. A hosted model with neither cannot be asked within a budget in dollars.
        untrusted: whether all that it writes is untrusted, whatever it read.
        rules: further options of `llmcc.tool`, such as `timeout`, `retries`, `limit`, `rate`.

    Raises:
        ValueError: an option makes no sense.

    >>> from llmcc.runtime.models import Scripted
    >>> str(llm_tool(Scripted([])).signature)
    'llm(prompt: str, *context: any, type?: str) -> str'
    """
    if max_tokens < 1:
        raise ValueError(f"`max_tokens` is at least 1, not {max_tokens}")
    price = PRICES.get(model.name.removeprefix("openai:"))
    if cost_usd is None and price is not None:
        cost_usd = price.of(Usage(prompt_tokens=EXPECTED_TOKENS, completion_tokens=max_tokens))

    expected_usd = 0.0 if cost_usd is None and not may_cost(model) else cost_usd

    @tool(
        name=name,
        effect="read",
        resource=f"model:{model.name}".replace("{", "(").replace("}", ")"),
        prompt="prompt",
        variadic="context",
        typed_by="type",
        meter="meter",
        latency=latency,
        cost_usd=cost_usd,
        untrusted=untrusted or None,
        **rules,
    )
    async def llm(prompt: str, meter: Meter, context: list[Any] = [], type: str = "str") -> Any:  # noqa: B006
        """Ask a language model about the context; `type` names the result's type, such as "int" or "list[str]"."""
        wanted = type_named(type)
        room = meter.room(max_tokens)
        request = llm_request(prompt, context, wanted, constrains=model.constrains, max_tokens=room)
        text: list[str] = []
        async with model.stream(request) as completion:
            try:
                async for chunk in completion.chunks:
                    text.append(chunk)
            finally:
                meter.count(model.name, completion.usage, expected_usd)
        if completion.finish == "length":
            raise ToolOutputError(f"the model's answer is longer than {room} tokens")
        return read_answer("".join(text), wanted)

    llm.asks = model
    # Without `type` it is a text; what it can be with one, the hint of the function cannot say.
    llm.signature = msgspec.structs.replace(llm.signature, returns=STR)
    return llm
