"""Functions as tools: signatures from hints and docstrings, arguments on their way in."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import functools
import sys
import typing
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Optional, TypedDict, Union

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

import llmcc.runtime.tools as tools_module
from llmcc.ir.effects import PURE, Effect
from llmcc.runtime.durations import seconds
from llmcc.runtime.hints import type_of_hint
from llmcc.runtime.tools import Tool, tool


class Fact(TypedDict):
    name: str
    unit: NotRequired[str]


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Point:
    x: float
    y: float = 0.0


class Pair(NamedTuple):
    left: int
    right: str


class Box(msgspec.Struct):
    size: int
    tags: list[str] = []


@dataclasses.dataclass
class Tree:
    value: int
    children: list[Tree]


class Modelled:
    """What a pydantic model shows of itself."""

    def __init__(self, n: int) -> None:
        self.n = n

    @classmethod
    def model_json_schema(cls, mode: str = "validation") -> dict[str, Any]:
        return {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    @classmethod
    def model_validate(cls, value: dict[str, Any]) -> Modelled:
        return cls(**value)


@pytest.mark.parametrize(
    ("hint", "shown"),
    [
        (None, "null"),
        (bool, "bool"),
        (int, "int"),
        (float, "float"),
        (str, "str"),
        (list, "list[any]"),
        (list[int], "list[int]"),
        (tuple[int, str], "list[int | str]"),
        (tuple[int, ...], "list[int]"),
        (set[str], "list[str]"),
        (typing.Sequence[int], "list[int]"),
        (typing.Sequence, "list[any]"),
        (typing.List, "list[any]"),  # noqa: UP006 - the old spelling is what is tested
        (typing.Dict, "{...: any}"),  # noqa: UP006 - the old spelling is what is tested
        (dict, "{...: any}"),
        (dict[str, int], "{...: int}"),
        (dict[int, int], "any"),
        (Fact, "{name: str, unit?: str}"),
        (Point, "{x: float, y: float}"),
        (Pair, "{left: int, right: str}"),
        (Box, "{size: int, tags: list[str]}"),
        (Tree, "{value: int, children: list[any]}"),
        (Modelled, "{n: int}"),
        (Color, '"red" | "blue"'),
        (Level, "int"),
        (Literal["a", "b"], '"a" | "b"'),
        (Literal["a", 1, None], 'int | "a" | null'),
        (Optional[int], "int | null"),  # noqa: UP045 - the old spelling is what is tested
        (Union[int, str], "int | str"),  # noqa: UP007 - the old spelling is what is tested
        (int | None, "int | null"),
        (Annotated[int, "metres"], "int"),
        (Any, "any"),
        (object, "any"),
        (bytes, "any"),
        (Callable[[int], int], "any"),
        (typing.TypeVar("T"), "any"),
        (typing.NewType("Id", int), "int"),
        (typing.Never, "never"),
    ],
)
def test_hints(hint: Any, shown: str) -> None:
    assert str(type_of_hint(hint)) == shown


def convert(value: float, from_: str, to: str = "m", *, exact: bool = False) -> float:
    """Convert a number.

    More about it.

    Args:
        value: the number
        from_: the unit
            it has
        to (str): the unit wanted

    Returns:
        Nothing: of interest.
    """
    return value


def test_a_signature_comes_from_hints_docstring_and_options() -> None:
    made = tool(
        effect="read",
        resource=["units:{from}", "x"],
        latency="400ms",
        cost_usd=0.005,
        timeout="10s",
        retries=2,
        limit=8,
        idempotent=True,
        name="units.convert",
    )(convert)
    signature = made.signature
    assert str(signature) == "units.convert(value: float, from: str, to?: str, exact?: bool) -> float"
    assert signature.effect == Effect("read", ("units:{from}", "x"))
    assert signature.description == "Convert a number."
    descriptions = {p.name: (p.description, p.default) for p in signature.parameters}
    assert descriptions == {
        "value": ("the number", None),
        "from": ("the unit it has", None),
        "to": ("the unit wanted", "m"),
        "exact": ("", False),
    }
    assert (signature.latency_s, signature.timeout_s, signature.cost_usd) == (0.4, 10.0, 0.005)
    assert (signature.retries, signature.limit, signature.idempotent) == (2, 8, True)
    assert made(3.0, "km") == 3.0 and made.__doc__ == convert.__doc__
    assert made.bind({"value": 1.5, "from": "km"}) == ([], {"value": 1.5, "from_": "km"})


def test_a_tool_without_parentheses_or_effect_has_none() -> None:
    made: object = tool(convert)
    assert isinstance(made, Tool)
    assert made.signature.effect is None and made.function is convert


def test_effects() -> None:
    assert tool(effect="pure")(convert).signature.effect == PURE
    assert tool(effect="write")(convert).signature.effect == Effect("write", ("*",))


async def waits(x: int) -> int:
    return x


class Waiter:
    async def __call__(self, x: int) -> int:
        return x


@pytest.mark.parametrize(
    ("function", "is_async"),
    [(waits, True), (functools.partial(waits, 1), True), (Waiter(), True), (convert, False), (len, False)],
)
def test_async_functions_are_known(function: Any, is_async: bool) -> None:
    made = tool(name="f")(function) if is_async else tool(function)
    assert made.is_async is is_async
    if function is waits:
        assert asyncio.run(made(3)) == 3


def gathers(*args: int) -> None: ...
def gathers_named(**kwargs: int) -> None: ...
def generates() -> Any:
    yield 1


@pytest.mark.parametrize("function", [gathers, gathers_named, generates, Point, 7])
def test_what_cannot_be_a_tool_is_refused(function: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        tool(effect="pure")(function)


@pytest.mark.parametrize(
    "options",
    [
        {"effect": "reads"},
        {"resource": "web"},
        {"effect": "pure", "resource": "web"},
        {"effect": "read", "resource": "account:{iban}"},
        {"effect": "read", "resource": ""},
        {"latency": "soon"},
        {"timeout": "-1s"},
        {"timeout": float("nan")},
        {"retries": -1},
        {"retries": True},
        {"limit": 0},
        {"cost_usd": -1},
        {"effect": "read", "foldable": True},
        {"name": "a`b"},
        {"name": ""},
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        tool(**options)(convert)


def test_a_tool_that_does_not_say_how_many_it_takes_has_no_batch_function() -> None:
    def many(calls: list[dict[str, Any]]) -> list[float]:
        return [convert(**call) for call in calls]

    with pytest.raises(ValueError, match="option `batch`"):
        tool(effect="pure")(convert).batched(many)
    with pytest.raises(TypeError, match="without a function"):
        Tool(tool(effect="pure", batch=3)(convert).signature).batched(many)
    with pytest.raises(TypeError, match="not of 3"):
        tool(effect="pure", batch=3)(convert).batched(3)  # type: ignore[type-var]
    made = tool(effect="pure", batch=3)(convert)
    assert made.batched(many) is many and made.batch_function is many


def test_batches_get_arguments_by_the_names_that_plans_use_and_as_the_classes_that_hints_name() -> None:
    def from_to(from_: Point, to: Color) -> None: ...

    assert tool(from_to).converted({"from": {"x": 1.0}, "to": "red"}) == {"from": Point(1.0), "to": Color.RED}


def test_hints_that_cannot_be_resolved_leave_the_others_alone() -> None:
    def odd(a: Missing, b: int) -> str:  # type: ignore[name-defined]  # noqa: F821
        return ""

    assert str(tool(odd).signature) == "odd(a: any, b: int) -> str"


def classes(p: Point, c: Color, b: list[Box], m: Modelled, pair: tuple[int, str], plain: dict[str, Any]) -> None: ...


def test_arguments_arrive_as_the_classes_that_the_hints_name() -> None:
    args: dict[str, Any] = {
        "p": {"x": 1.0},
        "c": "blue",
        "b": [{"size": 2}],
        "m": {"n": 3},
        "pair": [1, "x"],
        "plain": {"a": [1]},
    }
    _, named = tool(classes).bind(args)
    assert named["p"] == Point(1.0) and named["c"] is Color.BLUE and named["b"] == [Box(2)]
    assert isinstance(named["m"], Modelled) and named["m"].n == 3
    assert named["pair"] == (1, "x") and named["plain"] == args["plain"]
    assert named["plain"] is not args["plain"] and named["plain"]["a"] is not args["plain"]["a"]


def test_an_argument_that_its_class_refuses_is_a_clear_error() -> None:
    with pytest.raises(ValueError, match=r"^c: "):
        tool(classes).bind({"c": "green"})


def positional(a: int, /, b: int) -> int:
    return a - b


def test_positional_parameters_are_passed_by_position() -> None:
    assert tool(positional).bind({"b": 1, "a": 3}) == ([3], {"b": 1})


@given(st.floats(0, 1e6), st.sampled_from([("us", 1e-6), ("ms", 1e-3), ("s", 1), ("m", 60), ("min", 60), ("h", 3600)]))
def test_durations(number: float, unit: tuple[str, float]) -> None:
    assert seconds(f"{number:f} {unit[0]}") == pytest.approx(float(f"{number:f}") * unit[1])
    assert seconds(number) == number


def test_describing_tools_loads_no_event_loop() -> None:
    import subprocess

    script = f"import sys, llmcc.runtime.toolbox, {tools_module.__name__}; print('trio' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
