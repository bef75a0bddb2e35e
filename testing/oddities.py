"""What a tool may raise and return at its worst: errors of all kinds, and results that are no plan values."""

from __future__ import annotations

import asyncio
import dataclasses
import decimal
import functools
import json
import subprocess
import threading
from collections.abc import Callable
from typing import Any

import trio

from llmcc.ir.errors import ToolError, ToolInputError


class Untold(BaseException):
    """An error whose text fails, and not with an ordinary exception."""

    def __str__(self) -> str:
        raise SystemExit("no text")


class Unsure(Exception):
    """An error that cannot even say whether trying again may help."""

    @property
    def retryable(self) -> bool:
        """Fails."""
        raise KeyError("retryable")


class Endless(list[Any]):
    """A list that is its own only item."""

    def __init__(self) -> None:
        super().__init__()
        self.append(self)


class Fatal:
    """Looks like an object with fields, and ends the process when one is read."""

    __struct_fields__ = ("field",)

    @property
    def field(self) -> int:
        """Fails."""
        raise SystemExit("read")


@dataclasses.dataclass
class Holder:
    """A record with something in it that is no plan value."""

    value: object


@functools.cache
def _stale() -> BaseException:
    """A cancellation of trio's that was caught elsewhere, and kept."""
    kept: list[BaseException] = []

    async def main() -> None:
        with trio.CancelScope() as scope:
            scope.cancel()
            try:
                await trio.sleep(0)
            except trio.Cancelled as error:
                kept.append(error)
                raise

    thread = threading.Thread(target=trio.run, args=(main,))  # trio may be running here
    thread.start()
    thread.join()
    return kept[0]


def _nested(depth: int) -> ExceptionGroup[Exception]:
    group: ExceptionGroup[Exception] = ExceptionGroup("deep", [ValueError("the innermost")])
    for _ in range(depth):
        group = ExceptionGroup("deep", [group])
    return group


#: What a tool may raise, by name. Each is made anew: an error keeps what it went through.
ERRORS: dict[str, Callable[[], BaseException]] = {
    "ValueError": lambda: ValueError("v"),
    "an error without text": lambda: ValueError(),
    "an error with a long text": lambda: ValueError("x" * 1_000_000),
    "an error with signs that hide": lambda: ValueError("\x1b[31m\u202e\ud800"),
    "KeyError": lambda: KeyError("k"),
    "IndexError": lambda: IndexError(3),
    "TypeError": lambda: TypeError("t"),
    "AttributeError": lambda: AttributeError("a"),
    "NameError": lambda: NameError("n"),
    "ZeroDivisionError": lambda: ZeroDivisionError("z"),
    "OverflowError": lambda: OverflowError("o"),
    "RecursionError": lambda: RecursionError("r"),
    "MemoryError": lambda: MemoryError("m"),
    "NotImplementedError": lambda: NotImplementedError("n"),
    "AssertionError": lambda: AssertionError("a"),
    "SyntaxError": lambda: SyntaxError("s", ("file", 1, 2, "text")),
    "ImportError": lambda: ImportError("i"),
    "FileNotFoundError": lambda: OSError(2, "gone"),
    "ConnectionError": lambda: ConnectionError("c"),
    "TimeoutError": lambda: TimeoutError("t"),
    "BrokenPipeError": lambda: BrokenPipeError(32, "pipe"),
    "EOFError": lambda: EOFError("e"),
    "UnicodeDecodeError": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
    "JSONDecodeError": lambda: json.JSONDecodeError("bad", "{", 0),
    "CalledProcessError": lambda: subprocess.CalledProcessError(1, ["false"]),
    "decimal.InvalidOperation": lambda: decimal.InvalidOperation(),
    "ToolError": lambda: ToolError("said"),
    "ToolInputError": lambda: ToolInputError("wrong"),
    "StopIteration": lambda: StopIteration("s"),
    "StopAsyncIteration": lambda: StopAsyncIteration("s"),
    "GeneratorExit": lambda: GeneratorExit("g"),
    "SystemExit": lambda: SystemExit(3),
    "KeyboardInterrupt": lambda: KeyboardInterrupt("k"),
    "asyncio.CancelledError": lambda: asyncio.CancelledError("c"),
    "trio.Cancelled of long ago": _stale,
    "a group of one": lambda: BaseExceptionGroup("one", [_stale()]),
    "trio.TooSlowError": lambda: trio.TooSlowError("slow"),
    "BaseException": lambda: BaseException("b"),
    "ExceptionGroup": lambda: ExceptionGroup("two", [ValueError("1"), OSError("2")]),
    "BaseExceptionGroup": lambda: BaseExceptionGroup("all", [SystemExit(1), KeyboardInterrupt()]),
    "groups in groups": lambda: _nested(3000),
    "an error whose text fails": lambda: Untold(),
    "an error that is unsure": lambda: Unsure("u"),
}

#: What a tool may return that is no plan value, by name.
JUNK: dict[str, Callable[[], object]] = {
    "NaN": lambda: float("nan"),
    "infinity": lambda: [float("inf")],
    "a huge int": lambda: 10**5000,
    "bytes": lambda: b"bytes",
    "a complex number": lambda: 1j,
    "a decimal": lambda: decimal.Decimal("1.5"),
    "a generator": lambda: (i for i in range(3)),
    "a function": lambda: len,
    "a class": lambda: Holder,
    "an object": object,
    "a module": lambda: json,
    "an exception": lambda: ValueError("returned, not raised"),
    "a lone surrogate": lambda: "\ud800",
    "a lone surrogate as a key": lambda: {"\udfff": 1},
    "a key that is no text": lambda: {1: "one"},
    "a long key that is no text": lambda: {b"k" * 1_000_000: 1},
    "a cycle": Endless,
    "deep nesting": lambda: json.loads("[" * 500 + "]" * 500),
    "too many parts": lambda: [0] * 1_000_001,
    "a record of junk": lambda: {"deep": [{"in": Holder(b"it")}]},
    "an object that fails when read": Fatal,
}

#: Also no plan value, but too slow to make for drawn faults.
HUGE: dict[str, Callable[[], object]] = {"a text of 100 MB": lambda: "x" * 100_000_000}
