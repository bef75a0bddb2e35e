"""Writes signatures as a `tools.json`: what `llmcc.runtime.toolfile` reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import ANY, EnumType, Field, ListType, Prim, Type, UnionType
from llmcc.runtime.rules import declared

_NAMES = {"null": "null", "bool": "boolean", "int": "integer", "float": "number", "str": "string"}


def toolfile(signatures: Iterable[Signature]) -> dict[str, Any]:
    """The content of a tools.json with these tools."""
    return {"tools": [_tool(signature) for signature in signatures]}


def schema_of(t: Type) -> dict[str, Any]:
    """The JSON Schema of a type.

    >>> schema_of(ListType(Prim("int")))
    {'type': 'array', 'items': {'type': 'integer'}}
    """
    match t:
        case Prim("any"):
            return {}
        case Prim(name):
            return {"type": _NAMES[name]}
        case EnumType(values):
            return {"enum": list(values)}
        case ListType(element):
            return {"type": "array", "items": schema_of(element)}
        case UnionType(options):
            return {"anyOf": [schema_of(option) for option in options]}
    return _record(t.fields, t.rest)


def _record(fields: Iterable[Field], rest: Type | None) -> dict[str, Any]:
    fields = tuple(fields)
    schema: dict[str, Any] = {"type": "object"}
    if fields:
        schema["properties"] = {field.name: schema_of(field.type) for field in fields}
        schema["required"] = [field.name for field in fields if field.required]
    schema["additionalProperties"] = False if rest is None else True if rest == ANY else schema_of(rest)
    return schema


def _tool(signature: Signature) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": signature.name}
    if signature.description:
        entry["description"] = signature.description
    entry["parameters"] = {
        "type": "object",
        "properties": {p.name: _parameter(p) for p in signature.parameters},
        "required": [p.name for p in signature.parameters if p.required],
    }
    entry["returns"] = schema_of(signature.returns)
    if signature.effect is not None:
        entry["effect"] = signature.effect.kind
        if signature.effect.resources:
            entry["resource"] = list(signature.effect.resources)
    said = {"idempotent": signature.idempotent, "foldable": signature.foldable}
    secret = [one.name for one in signature.parameters if one.secret]
    marked = {"secret": secret} if secret else {}
    return entry | {name: True for name, value in said.items() if value} | declared(signature) | marked


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema = schema_of(parameter.type)
    if parameter.description:
        schema["description"] = parameter.description
    if not parameter.required:
        schema["default"] = parameter.default
    return schema
