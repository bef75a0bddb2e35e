"""Whether arguments fit: what was found out about some of them must not decide about others."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir.effects import PURE
from llmcc.ir.errors import ToolInputError
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import ANY, FLOAT, INT, NULL, STR, ListType, UnionType
from llmcc.runtime.callee import Callee
from llmcc.runtime.tools import Tool, tool

PARAMETERS = (
    Parameter("count", INT),
    Parameter("share", FLOAT, required=False),
    Parameter("name", UnionType((NULL, STR)), required=False),
    Parameter("rows", ListType(INT), required=False),
    Parameter("rest", ANY, required=False),
)


@tool(effect="pure")
async def typed(count: int, share: float = 0.5, name: str | None = None) -> int:
    """Takes what it says."""
    return count


async def loose(**_: Any) -> int:
    return 1


TOOLS = [typed, Tool(Signature(name="loose", parameters=PARAMETERS, effect=PURE), loose)]
VALUES = st.sampled_from([0, 1, True, 1.5, 2**60 + 1, "a", "", None, [1], ["a"], {"a": 1}])
ARGS = st.dictionaries(st.sampled_from(["count", "share", "name", "rows", "rest", "other"]), VALUES, max_size=4)


def _bound(callee: Callee, args: dict[str, Any]) -> object:
    try:
        positional, named = callee.bound(args)
    except ToolInputError as error:
        return str(error)
    return [(type(one), one) for one in positional], {name: (type(one), one) for name, one in named.items()}


@given(st.sampled_from(TOOLS), st.lists(ARGS, max_size=8))
def test_arguments_are_taken_as_if_they_were_the_first(called: Tool, calls: list[dict[str, Any]]) -> None:
    assert called.function is not None
    known = Callee(called, called.function, 1.0)
    for args in calls * 2:
        assert _bound(known, args) == _bound(Callee(called, called.function, 1.0), args)
