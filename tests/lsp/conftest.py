"""The tools that the plans of these tests call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from llmcc.ir.signature import Signature
from llmcc.runtime.toolbox import load_toolbox

STRING = {"type": "string"}
CITY = {
    "type": "object",
    "properties": {"name": STRING, "people": {"type": "integer"}, "post code": STRING},
    "required": ["name", "people", "post code"],
}
FIND = {
    "country": STRING,
    "order": {"enum": ["by name", "by size"]},
    "tags": {"type": "array", "items": {"enum": ["a"]}},
}
TOOLS = [
    {
        "name": "find",
        "description": "Cities of a country.",
        "parameters": {"type": "object", "properties": FIND, "required": ["country"]},
        "returns": {"type": "array", "items": CITY},
        "effect": "read",
        "resource": "atlas",
        "latency": "200ms",
    },
    {
        "name": "mail.send",
        "parameters": {
            "type": "object",
            "properties": {"to": {"type": "string", "description": "whom"}, "text": STRING},
            "required": ["to", "text"],
        },
        "returns": STRING,
        "effect": "write",
        "resource": "mailbox:{to}",
    },
    {"name": "the mayor", "returns": CITY, "effect": "read", "resource": "atlas"},
]


@pytest.fixture
def toolfile(tmp_path: Path) -> Path:
    """A tools.json with `find`, `mail.send` and `the mayor`."""
    path = tmp_path / "tools.json"
    path.write_text(json.dumps({"tools": TOOLS}))
    return path


@pytest.fixture
def tools(toolfile: Path) -> Mapping[str, Signature]:
    """What the compiler knows of the tools."""
    return load_toolbox(toolfile).signatures
