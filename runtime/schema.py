"""JSON Schema as types of plan values, as far as types can say it; what they cannot say is `any`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmcc.ir.types import (
    ANY,
    ANY_LIST,
    ANY_RECORD,
    BOOL,
    FLOAT,
    INT,
    NEVER,
    NULL,
    STR,
    EnumType,
    Field,
    ListType,
    RecordType,
    Type,
    union,
)

_NAMED: dict[str, Type] = {
    "null": NULL,
    "boolean": BOOL,
    "integer": INT,
    "number": FLOAT,
    "string": STR,
    "array": ANY_LIST,
    "object": ANY_RECORD,
}
_OF_CONSTANT: dict[type, Type] = {type(None): NULL, bool: BOOL, int: INT, float: FLOAT}
_MAX_DEPTH = 64


class SchemaError(ValueError):
    """A schema that is none: `path` is the place in it (`/properties/x/type`), `reason` what is wrong there."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path or '/'}: {reason}")
        self.path = path
        self.reason = reason


def type_of_schema(schema: Any, path: str = "") -> Type:
    """The type of the values that a JSON Schema describes. `$ref` may point into the schema itself.

    >>> str(type_of_schema({"type": "object", "properties": {"n": {"type": ["integer", "null"]}}, "required": ["n"]}))
    '{n: int | null}'

    Raises:
        SchemaError: it is no schema.
    """
    return _Schema(schema, path).type(schema, path, ())


class _Schema:
    def __init__(self, root: Any, path: str) -> None:
        self._root = root
        self._path = path

    def type(self, schema: Any, path: str, within: tuple[str, ...]) -> Type:
        """The type of one schema; `within` are the references that led to it."""
        if schema is True:
            return ANY
        if schema is False:
            return NEVER
        if not isinstance(schema, Mapping):
            raise SchemaError(path, f"a schema is an object or a boolean, not {_kind(schema)}")
        if path.count("/") > _MAX_DEPTH * 2 or len(within) > _MAX_DEPTH:
            raise SchemaError(path[:80], "the schema is nested too deeply")
        found = self._plain(schema, path, within)
        return union(found, NULL) if schema.get("nullable") is True else found

    def _plain(self, schema: Mapping[str, Any], path: str, within: tuple[str, ...]) -> Type:
        if "$ref" in schema:
            return self._reference(schema["$ref"], f"{path}/$ref", within)
        if "enum" in schema:
            values = _a_list(schema["enum"], f"{path}/enum")
            return union(*map(_constant, values)) if values else NEVER
        if "const" in schema:
            return _constant(schema["const"])
        for word in ("anyOf", "oneOf"):
            if word in schema:
                options = _a_list(schema[word], f"{path}/{word}")
                return union(*(self.type(one, f"{path}/{word}/{i}", within) for i, one in enumerate(options)))
        if "allOf" in schema:
            parts = _a_list(schema["allOf"], f"{path}/allOf")
            return self.type(parts[0], f"{path}/allOf/0", within) if len(parts) == 1 else ANY
        return self._by_name(schema, path, within)

    def _by_name(self, schema: Mapping[str, Any], path: str, within: tuple[str, ...]) -> Type:
        name = schema.get("type", "object" if "properties" in schema else "array" if "items" in schema else None)
        if name is None:
            return ANY
        if isinstance(name, list):
            return union(*(self._by_name({**schema, "type": one}, path, within) for one in name))
        if not isinstance(name, str) or name not in _NAMED:
            raise SchemaError(f"{path}/type", f"no type is called {name!r}; there are {', '.join(_NAMED)}")
        if name == "array" and "items" in schema and not isinstance(schema["items"], list):
            return ListType(self.type(schema["items"], f"{path}/items", within))
        return self._record(schema, path, within) if name == "object" else _NAMED[name]

    def _record(self, schema: Mapping[str, Any], path: str, within: tuple[str, ...]) -> Type:
        properties = schema.get("properties", {})
        if not isinstance(properties, Mapping):
            raise SchemaError(f"{path}/properties", f"properties are an object, not {_kind(properties)}")
        required = _a_list(schema.get("required", []), f"{path}/required")
        fields = tuple(
            Field(name, self.type(one, f"{path}/properties/{name}", within), name in required)
            for name, one in properties.items()
        )
        rest = schema.get("additionalProperties", not fields)
        return RecordType(fields, None if rest is False else self.type(rest, f"{path}/additionalProperties", within))

    def _reference(self, ref: Any, path: str, within: tuple[str, ...]) -> Type:
        if not isinstance(ref, str) or not ref.startswith("#"):
            raise SchemaError(path, f"a reference points into the same schema (#/...), not to {ref!r}")
        if ref in within:
            return ANY  # a type that contains itself
        target: Any = self._root
        for part in ref[1:].split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, Mapping) or key not in target:
                raise SchemaError(path, f"{ref!r} points to nothing")
            target = target[key]
        return self.type(target, f"{self._path}{ref[1:]}", (*within, ref))


def _constant(value: Any) -> Type:
    if isinstance(value, str):
        return EnumType((value,))
    return _OF_CONSTANT.get(type(value), ANY_LIST if isinstance(value, list) else ANY_RECORD)


def _a_list(value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise SchemaError(path, f"a list is wanted here, not {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    return "null" if value is None else f"a {type(value).__name__}"
