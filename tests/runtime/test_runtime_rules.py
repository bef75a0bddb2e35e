"""A tool's rules: the same words mean the same in Python, in a file, in a catalogue and in a description."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir.errors import LlmccError
from llmcc.ir.signature import Signature
from llmcc.runtime.catalog import Catalog
from llmcc.runtime.describe import toolfile
from llmcc.runtime.rules import OPTIONS, declared, fields_of
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.toolfile import parse_toolfile
from llmcc.runtime.tools import tool

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "latency": st.sampled_from(["400ms", 2, 0.5]),
    "cost_usd": st.sampled_from([0, 0.25]),
    "timeout": st.sampled_from(["2m", 1.5]),
    "retries": st.integers(0, 5),
    "retry_on": st.lists(st.sampled_from(["OSError", "HTTPError"]), max_size=2),
    "limit": st.integers(1, 9),
    "rate": st.sampled_from(["90/min", "1000/h", 4, 0.5]),
    "burst": st.integers(1, 9),
    "breaker": st.integers(1, 9),
    "cooldown": st.sampled_from(["10s", 3]),
    "batch": st.integers(1, 9),
    "prompt": st.just("text"),
    "untrusted": st.just(True),
    "variadic": st.just("more"),
    "typed_by": st.just("text"),
}
NEEDS = {"burst": "rate", "cooldown": "breaker"}
SAID = st.fixed_dictionaries({}, optional=VALUES).filter(lambda said: all(NEEDS[k] in said for k in NEEDS if k in said))


def in_python(said: dict[str, Any]) -> Signature:
    @tool(effect="pure", name="t", **said)
    def function(text: str, more: list[str]) -> None: ...

    return function.signature


BARE = {
    "name": "t",
    "effect": "pure",
    "returns": {"type": "null"},
    "parameters": {
        "type": "object",
        "properties": {"text": {"type": "string"}, "more": {"type": "array", "items": {"type": "string"}}},
        "required": ["text", "more"],
    },
}


def in_a_file(said: dict[str, Any]) -> Signature:
    return parse_toolfile(json.dumps([{**BARE, **said}]))[0].signature


def in_a_catalogue(said: dict[str, Any]) -> Signature:
    lines = [f"{name} = {json.dumps(value)}" for name, value in said.items()]
    bare = parse_toolfile(json.dumps([BARE]))
    catalog = Catalog.parse("\n".join(["[t]", 'effect = "pure"', *lines]))
    return catalog.apply(Toolbox(*bare))["t"].signature


def test_every_option_is_drawn() -> None:
    assert VALUES.keys() == set(OPTIONS)


@given(SAID)
def test_all_ways_to_say_a_rule_give_the_same_signature(said: dict[str, Any]) -> None:
    assert in_python(said) == in_a_file(said) == in_a_catalogue(said)


@given(SAID)
def test_what_is_described_is_read_back(said: dict[str, Any]) -> None:
    signature = in_python(said)
    assert parse_toolfile(json.dumps(toolfile([signature])))[0].signature == signature
    assert {**declared(Signature(name="t", **fields_of("t", said)))} == declared(signature)


NONSENSE = [
    {"retries": -1},
    {"retries": True},
    {"retry_on": "OSError"},
    {"retry_on": ["not a name"]},
    {"limit": 0},
    {"rate": 0},
    {"rate": "10 a second"},
    {"rate": "0/s"},
    {"rate": True},
    {"burst": 2},
    {"rate": 1, "burst": 0},
    {"breaker": 0},
    {"cooldown": "10s"},
    {"breaker": 1, "cooldown": "soon"},
    {"cost_usd": -1},
    {"latency": "fast"},
    {"batch": 0},
    {"batch": True},
    {"prompt": "question"},
    {"untrusted": "yes"},
    {"variadic": "text"},
    {"variadic": 3},
    {"typed_by": "more"},
    {"typed_by": "type"},
]


@pytest.mark.parametrize("said", NONSENSE, ids=str)
def test_nonsense_is_refused_everywhere(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="t: "):
        in_python(said)
    for way in (in_a_file, in_a_catalogue):
        with pytest.raises(LlmccError):
            way(said)


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(TypeError, match="no option 'ratio'"):
        in_python({"ratio": 3})
