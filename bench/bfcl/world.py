"""The tools of a case: the methods of BFCL's classes as llmcc tools that take virtual time."""

from __future__ import annotations

import importlib
import inspect
import json
import random
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import trio
from bfcl_eval.constants.executable_backend_config import CLASS_FILE_PATH_MAPPING

from llmcc.ir.types import ANY, STR
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import Tool, tool

#: The longest latency, in virtual seconds.
SLOWEST_S = 10.0


class World:
    """Tool classes by name, and a toolbox of all their methods, without effects; unless `typed`, their parameters take
    anything.

    A call takes a drawn latency, and does its work at once at its end: calls that nothing orders change places freely.
    `begin` says on which instances the next calls act.
    """

    def __init__(self, classes: Iterable[str], *, typed: bool = True) -> None:
        self.work_s = 0.0
        self._typed = typed
        self._instances: dict[str, Any] = {}
        self._random = random.Random()
        methods = [(name, method) for name in classes for method in _methods(name)]
        self.toolbox = Toolbox(*(self._tool(name, method) for name, method in methods))

    def begin(self, instances: dict[str, Any], seed: str) -> None:
        """The next calls act on these instances, with latencies that the seed decides."""
        self._instances = instances
        self._random.seed(seed)

    def _tool(self, owner: str, method: Callable[..., Any]) -> Tool:
        name = method.__name__

        async def call(**args: Any) -> str:
            # Mostly little, at times much, so that chains overtake each other.
            latency_s = SLOWEST_S * 10 ** self._random.uniform(-3, 0)
            self.work_s += latency_s
            await trio.sleep(latency_s)
            return text_of(lambda: getattr(self._instances[owner], name)(**args))

        # The result is the text that BFCL makes of it: that is what its checker compares.
        signature = msgspec.structs.replace(tool(method).signature, returns=STR)
        if not self._typed:
            loose = tuple(msgspec.structs.replace(one, type=ANY) for one in signature.parameters)
            signature = msgspec.structs.replace(signature, parameters=loose)
        return Tool(signature, call)


def text_of(call: Callable[[], Any]) -> str:
    """The result of a call as BFCL's executor writes it down; a failure is a text as well there."""
    try:
        result = call()
    except Exception as error:
        return f"Error during execution: {error}"
    if not isinstance(result, dict):
        return str(result)
    try:
        return json.dumps(result)
    except (TypeError, ValueError):
        return str(result)  # a number of mpmath, say


def _methods(class_name: str) -> list[Callable[..., Any]]:
    one = getattr(importlib.import_module(CLASS_FILE_PATH_MAPPING[class_name]), class_name)()
    return [method for name, method in inspect.getmembers(one, inspect.ismethod) if not name.startswith("_")]
