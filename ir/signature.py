"""What the compiler knows of a tool: its parameters, result, effect and figures. No function, so a file can hold it."""

from __future__ import annotations

from typing import Any

import msgspec

from llmcc.ir.effects import Effect
from llmcc.ir.types import ANY, ListType, Type


class Parameter(msgspec.Struct, frozen=True):
    """One parameter. `default` (a plan value) counts only where it is not `required`. What is `secret` is not written
    into a journal.
    """

    name: str
    type: Type = ANY
    required: bool = True
    default: Any = None
    description: str = ""
    secret: bool = False


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """A tool as the compiler sees it.

    `effect` is None while nobody has declared it, which is an error as soon as a plan uses the tool.
    `latency_s` (seconds) and `cost_usd` (dollars a call) are estimates; `timeout_s` (seconds), `retries` (beyond the
    first attempt; `retry_on` names the classes of errors after which there is one, None leaves that to the errors),
    `limit` (calls at the same time), `rate` (calls a second, in bursts of at most `burst`) and `breaker` (after so many
    failures in a row the tool is left alone for `cooldown_s`) are rules that the runtime keeps. `foldable` allows the
    compiler to call a pure tool itself. `batch` is how many calls can be made as one at most (None: each is
    made by itself); a batch counts once for the limit and the rate. `prompt` is the parameter that a language model
    reads; it makes the tool a call of a model. What an `untrusted` tool gives was written by somebody who may want to
    mislead (see `llmcc.ir.trust`). `variadic` is the parameter (of a list type) that gathers all further arguments that
    are given by place; those behind it are given by name. `typed_by` is the parameter whose argument, a constant text,
    is the type of the result; without that argument `returns` is.
    """

    name: str
    parameters: tuple[Parameter, ...] = ()
    returns: Type = ANY
    effect: Effect | None = None
    idempotent: bool = False
    description: str = ""
    latency_s: float | None = None
    cost_usd: float | None = None
    timeout_s: float | None = None
    retries: int = 0
    retry_on: tuple[str, ...] | None = None
    limit: int | None = None
    rate: float | None = None
    burst: int = 1
    breaker: int | None = None
    cooldown_s: float = 30.0
    foldable: bool = False
    batch: int | None = None
    prompt: str | None = None
    untrusted: bool = False
    variadic: str | None = None
    typed_by: str | None = None

    def parameter(self, name: str) -> Parameter | None:
        """The parameter called `name`."""
        return next((p for p in self.parameters if p.name == name), None)

    def __str__(self) -> str:
        """One line, as a model or a user reads it: `search(query: str, limit?: int) -> str`."""
        return f"{self.name}({', '.join(map(self._shown, self.parameters))}) -> {self.returns}"

    def _shown(self, parameter: Parameter) -> str:
        if parameter.name == self.variadic and isinstance(parameter.type, ListType):
            return f"*{parameter.name}: {parameter.type.element}"
        return f"{parameter.name}{'' if parameter.required else '?'}: {parameter.type}"
