"""Toolboxes, and the files they come from."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmcc.ir.effects import Effect
from llmcc.runtime.schema import SchemaError, type_of_schema
from llmcc.runtime.toolbox import Toolbox, ToolboxError, load_toolbox
from llmcc.runtime.toolfile import ToolfileError, parse_toolfile
from llmcc.runtime.tools import tool


def look(x: int) -> int:
    return x


def test_a_toolbox_maps_names_to_tools_in_order() -> None:
    box = Toolbox(tool(effect="read", name="b")(look), look)
    assert list(box) == ["b", "look"] and len(box) == 2 and "look" in box and "c" not in box
    assert box["b"].function is look and list(box.signatures) == ["b", "look"]
    with pytest.raises(ToolboxError, match="two tools called 'look'"):
        box.add(look)


# -- JSON --------------------------------------------------------------------------------------------------------------

FULL = {
    "name": "search",
    "description": "Search the web.\nAt length.",
    "parameters": {
        "type": "object",
        "properties": {"query": {"type": "string", "description": "what"}, "n": {"type": "integer", "default": 3}},
        "required": ["query"],
    },
    "returns": {"type": "array", "items": {"type": "string"}},
    "effect": "read",
    "resource": "web:{query}",
    "idempotent": False,
    "latency": "400ms",
    "cost_usd": 0.005,
    "timeout": 10,
    "retries": 2,
    "limit": 8,
}


def test_a_tool_in_json() -> None:
    for text in (json.dumps({"tools": [FULL]}), json.dumps([FULL])):
        (made,) = parse_toolfile(text)
        assert str(made.signature) == "search(query: str, n?: int) -> list[str]"
        assert made.signature.effect == Effect("read", ("web:{query}",))
        assert made.signature.description == "Search the web."
        assert [(p.description, p.default) for p in made.signature.parameters] == [("what", None), ("", 3)]
        figures = made.signature
        assert (figures.latency_s, figures.timeout_s, figures.cost_usd) == (0.4, 10.0, 0.005)
        assert (figures.retries, figures.limit, made.function) == (2, 8, None)


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {"a": {}}}}},
        {"type": "function", "name": "f", "strict": True, "parameters": {"properties": {"a": {}}}},
        {"name": "f", "title": "F", "inputSchema": {"type": "object", "properties": {"a": {}}}, "annotations": {}},
    ],
)
def test_other_peoples_files_load_without_an_effect(entry: dict[str, Any]) -> None:
    (made,) = parse_toolfile(json.dumps([entry]))
    assert str(made.signature) == "f(a?: any) -> any" and made.signature.effect is None


@pytest.mark.parametrize(
    ("text", "path", "reason"),
    [
        ("{", "", "line 1, column 2"),
        ("7", "/", "a list of tools is wanted"),
        ('{"tool": []}', "/", "a list of tools is wanted"),
        ('{"tools": 7}', "/tools", "a list of tools is wanted"),
        ("[7]", "/0", "a tool is an object"),
        ("[{}]", "/0/name", "a text is wanted"),
        ('[{"name": "a`"}]', "/0/name", "backticks"),
        ('[{"name": "a"}, {"name": "a"}]', "/1/name", "two tools called 'a'"),
        ('[{"name": "a", "name": "b"}]', "", "twice"),
        ('[{"name": "a", "latncy": 1}]', "/0/latncy", "no entry of that name"),
        ('[{"name": "a", "effect": "reads"}]', "/0/effect", "not 'reads'"),
        ('[{"name": "a", "effect": "read", "resource": 3}]', "/0/resource", "text or a list"),
        ('[{"name": "a", "effect": "read", "resource": "{b}"}]', "/0/effect", "no parameter"),
        ('[{"name": "a", "latency": "soon"}]', "/0/latency", "no duration"),
        ('[{"name": "a", "retries": -1}]', "/0/retries", "0 or more"),
        ('[{"name": "a", "idempotent": 1}]', "/0/idempotent", "true or false"),
        ('[{"name": "a", "foldable": true}]', "/0/foldable", "only a pure tool"),
        ('[{"name": "a", "parameters": {"type": "string"}}]', "/0/parameters", "object"),
        (
            '[{"name": "a", "parameters": {"type": "object", "properties": {"x": {"type": "strng"}}}}]',
            "/0/parameters/properties/x/type",
            "no type is called 'strng'",
        ),
        ('[{"function": {"name": "a", "returns": {"$ref": "#/x"}}}]', "/0/function/returns/$ref", "points to nothing"),
        ('[{"name": "a", "cost_usd": NaN}]', "", "NaN is no JSON"),
        ("[" * 100_000, "", "nested too deeply"),
    ],
)
def test_errors_in_json_say_where_and_why(text: str, path: str, reason: str) -> None:
    with pytest.raises(ToolfileError) as caught:
        parse_toolfile(text, "my.json")
    assert caught.value.file == "my.json" and str(caught.value).startswith("my.json: ")
    assert caught.value.path == path
    assert reason in caught.value.reason


@pytest.mark.slow
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(
                st.sampled_from([*FULL, "type", "properties", "tools", "function", "$ref", "enum", "anyOf"]), x
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_tools_or_a_clear_error(content: Any) -> None:
    try:
        made = parse_toolfile(json.dumps(content))
    except ToolfileError:
        return
    assert all(one.name for one in made)


@pytest.mark.parametrize(
    ("schema", "shown"),
    [
        (True, "any"),
        (False, "never"),
        ({}, "any"),
        ({"type": "null"}, "null"),
        ({"type": "boolean"}, "bool"),
        ({"type": "number"}, "float"),
        ({"type": "array"}, "list[any]"),
        ({"items": {"type": "integer"}}, "list[int]"),
        ({"type": "object"}, "{...: any}"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "{...: int}"),
        ({"type": "object", "properties": {"a": {}}, "additionalProperties": False}, "{a?: any}"),
        ({"type": "object", "properties": {"a": {}}, "additionalProperties": True}, "{a?: any, ...: any}"),
        ({"type": ["string", "null"]}, "str | null"),
        ({"type": "string", "nullable": True}, "str | null"),
        ({"enum": ["a", "b", None]}, '"a" | "b" | null'),
        ({"enum": [1, 2.5]}, "int | float"),
        ({"const": "x"}, '"x"'),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "int | null"),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, "int | str"),
        ({"allOf": [{"type": "integer"}]}, "int"),
        ({"allOf": [{"type": "integer"}, {"minimum": 0}]}, "any"),
        ({"not": {"type": "integer"}}, "any"),
        ({"$ref": "#/$defs/p", "$defs": {"p": {"type": "integer"}}}, "int"),
        (
            {"$ref": "#/$defs/t", "$defs": {"t": {"properties": {"kids": {"items": {"$ref": "#/$defs/t"}}}}}},
            "{kids?: list[any]}",
        ),
    ],
)
def test_schemas(schema: Any, shown: str) -> None:
    assert str(type_of_schema(schema)) == shown


@pytest.mark.parametrize("schema", [7, {"type": 7}, {"$ref": "http://x"}, {"anyOf": 7}, {"properties": []}])
def test_what_is_no_schema_is_refused(schema: Any) -> None:
    with pytest.raises(SchemaError):
        type_of_schema(schema)


# -- Python ------------------------------------------------------------------------------------------------------------

HEAD = "import llmcc.runtime.tools as t\nimport helper\n"
BODY = """
@t.tool(effect="read")
def zebra(x: int) -> int: return helper.VALUE
@t.tool(effect="pure")
def ape(): ...
same = ape
def no_tool(): ...
EXAMPLES = [("How?", "zebra(1)")]
"""


def write(folder: Path, text: str, value: int = 1) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "helper.py").write_text(f"VALUE = {value}\n")
    path = folder / "tools.py"
    path.write_text(text)
    return path


def test_a_python_file_gives_its_tools_in_order_of_definition(tmp_path: Path) -> None:
    before = list(sys.path)
    box = load_toolbox(write(tmp_path, HEAD + BODY))
    assert list(box) == ["zebra", "ape"] and box.examples == [("How?", "zebra(1)")]
    assert sys.path == before


def test_two_toolboxes_with_files_of_the_same_names_do_not_mix(tmp_path: Path) -> None:
    one = load_toolbox(write(tmp_path / "one", HEAD + BODY, 1))
    two = load_toolbox(str(write(tmp_path / "two", HEAD + BODY, 2)))
    assert (one["zebra"](0), two["zebra"](0)) == (1, 2)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = 1\n\n1 / 0\n", "tools.py:3: ZeroDivisionError"),
        ("def f(:\n", "tools.py:1: SyntaxError"),
        ("import sys\nsys.exit(2)\n", "tools.py:2: SystemExit"),
        ("import nowhere_at_all\n", "tools.py:1: ModuleNotFoundError"),
        ("x = 1\n", "no tools are in it"),
        (HEAD + BODY + "EXAMPLES = 7\n", "EXAMPLES is a list"),
        (HEAD + BODY + "EXAMPLES = [7]\n", "pairs of texts"),
        (HEAD + BODY + "other = t.tool(name='ape')(no_tool)\n", "two tools called 'ape'"),
    ],
)
def test_errors_in_python_say_where_and_why(tmp_path: Path, text: str, told: str) -> None:
    before = list(sys.path)
    with pytest.raises(ToolboxError, match=r"tools\.py") as caught:
        load_toolbox(write(tmp_path, text))
    assert told in str(caught.value)
    assert sys.path == before


def test_missing_and_odd_files(tmp_path: Path) -> None:
    with pytest.raises(ToolboxError, match="no such file"):
        load_toolbox(tmp_path / "none.py")
    with pytest.raises(ToolboxError, match="something"):
        load_toolbox(tmp_path / "tools.toml")
    with pytest.raises(ToolfileError, match="No such file"):
        load_toolbox(tmp_path / "none.json")
    (tmp_path / "latin.json").write_bytes(b'["\xff"]')
    with pytest.raises(ToolfileError, match="UTF-8"):
        load_toolbox(tmp_path / "latin.json")
    (tmp_path / "tools.json").write_text(json.dumps([FULL]))
    assert list(load_toolbox(tmp_path / "tools.json")) == ["search"]
