"""A world that outlives the process that works on it: tools that count, and plans that call them.

Every call of a plan has a number, so that the world knows which one it is. What a read sees depends on all writes to
its account before it; a write that was made twice, left out, or made in the wrong order changes the answers.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any, TypeAlias

import trio

from llmcc.frontend.front import compile_front
from llmcc.ir.errors import ToolError
from llmcc.ir.ops import Module
from llmcc.optimizer.manager import optimize
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import Tool, tool

#: Called wherever a process may be cut off: by which tool, with which arguments, and where in it.
Point: TypeAlias = Callable[[str, dict[str, Any], str], Awaitable[None]]

_ACCOUNTS = ("k0", "k1", "k2")


class World:
    """What is left when a process dies: accounts, and how often each numbered call was made and took effect.

    `calls` counts how often a tool was called, `effects` how often a write took effect. `paid` holds the arguments and
    results of the writes that are not idempotent, `keys` the results of those that are, by idempotency key. `wrong`
    collects what must never be.
    """

    def __init__(self) -> None:
        self.accounts: dict[str, list[str]] = {name: [] for name in _ACCOUNTS}
        self.calls: Counter[int] = Counter()
        self.effects: Counter[int] = Counter()
        self.paid: dict[int, tuple[dict[str, Any], str]] = {}
        self.keys: dict[str, tuple[int, str]] = {}
        self.wrong: list[str] = []
        self._point: Point = _nowhere
        self._tools: Toolbox | None = None

    def clone(self) -> World:
        """A copy that goes its own way."""
        other = World()
        for name in ("accounts", "calls", "effects", "paid", "keys", "wrong"):
            setattr(other, name, copy.deepcopy(getattr(self, name)))
        return other

    def toolbox(self, point: Point) -> Toolbox:
        """The tools, for a process that may be cut off at `point`."""
        self._point = point
        if self._tools is None:
            self._tools = self._toolbox()
        return self._tools

    def _toolbox(self) -> Toolbox:
        def reading(name: str, act: Callable[..., Any], **options: Any) -> Tool:
            async def function(n: int, k: str, uses: list[Any]) -> Any:
                args = {"n": n, "k": k, "uses": uses}
                self.calls[n] += 1
                await self._point(name, args, "called")
                await trio.sleep((n * 37 % 11) / 10)
                result = act(n, k, uses)
                await self._point(name, args, "about to return")
                return result

            return tool(name=name, **options)(function)

        async def pay(n: int, k: str, uses: list[Any]) -> str:
            args = {"n": n, "k": k, "uses": uses}
            self.calls[n] += 1
            await self._point("pay", args, "called")
            await trio.sleep((n * 37 % 11) / 10)
            await self._point("pay", args, "about to take effect")
            self.effects[n] += 1
            self.paid[n] = (args, self._write(f"pay {n} {uses}", k))
            await self._point("pay", args, "about to return")
            await trio.sleep((n * 17 % 7) / 10)
            return self.paid[n][1]

        async def put(n: int, k: str, uses: list[Any], idempotency_key: str) -> str:
            args = {"n": n, "k": k, "uses": uses}
            self.calls[n] += 1
            await self._point("put", args, "about to take effect")
            if idempotency_key not in self.keys:
                self.effects[n] += 1
                self.keys[idempotency_key] = (n, self._write(f"put {n} {uses}", k))
            known, result = self.keys[idempotency_key]
            if known != n:
                self.wrong.append(f"put {n} has the key of put {known}")
            await self._point("put", args, "about to return")
            await trio.sleep((n * 17 % 7) / 10)
            return result

        account = "account:{k}"
        return Toolbox(
            reading("calc", lambda n, k, uses: f"calc {n} {uses}"[-60:], effect="pure"),
            reading("look", lambda n, k, uses: f"look {n} {self.accounts[k]}"[-60:], effect="read", resource=account),
            reading("shaky", self._shaky, effect="read", resource="weather", retries=2),
            reading("broken", _broken, effect="read", resource="weather"),
            tool(effect="write", resource=account)(pay),
            tool(effect="write", resource=account, idempotent=True, key="idempotency_key")(put),
        )

    def _write(self, text: str, account: str) -> str:
        self.accounts[account].append(text[-40:])
        return f"{text}: {len(self.accounts[account])}"[-60:]

    def _shaky(self, n: int, k: str, uses: list[Any]) -> str:
        if self.calls[n] == 1:
            raise ConnectionError("once")
        return f"shaky {n}"


def _broken(n: int, k: str, uses: list[Any]) -> Any:
    raise ToolError(f"broken {n}")


def plan(seed: int, statements: int = 7) -> str:
    """The text of a plan over the world's tools."""
    choices = random.Random(seed)
    lines: list[str] = []
    number = 0
    for i in range(statements):
        uses = ", ".join(choices.sample([f"v{j}" for j in range(i)], min(i, choices.randrange(3))))
        kind = choices.choice(("calc", "look", "pay", "pay", "put", "shaky", "broken", "map", "pays"))
        account = choices.choice(_ACCOUNTS)
        if kind in ("map", "pays"):
            items = [number + 1, number + 2, number + 3]
            number += 3
            called = "look" if kind == "map" else "pay"
            lines.append(f'v{i} = [{called}(x, "{account}", []) for x in {items}]')
            continue
        number += 1
        rest = ' catch "mended"' if kind == "broken" else ""
        lines.append(f'v{i} = {kind}({number}, "{account}", [{uses}]){rest}')
    lines.append(f"return [{', '.join(f'v{i}' for i in range(statements))}]")
    return "\n".join(lines)


@lru_cache(maxsize=8)
def compiled(text: str) -> Module:
    """The plan, ready to run."""
    signatures = World().toolbox(_nowhere).signatures
    front = compile_front(text, signatures)
    assert front.module is not None, front.diagnostics
    return optimize(front.module, level=2, signatures=signatures)


async def _nowhere(tool: str, args: dict[str, Any], place: str) -> None:
    await trio.lowlevel.checkpoint()
