"""Reads descriptions of tools from JSON: our own `tools.json`, a bare list, entries as OpenAI and MCP write them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from llmcc.ir.errors import LlmccError
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import ANY, RecordType, Type
from llmcc.runtime.rules import OPTIONS, RuleError, check_parameters, fields_of
from llmcc.runtime.schema import SchemaError, type_of_schema
from llmcc.runtime.tools import Tool, effect_of, with_secrets

#: How the same thing is called in other people's files.
_SYNONYMS = {
    "inputSchema": "parameters",
    "input_schema": "parameters",
    "outputSchema": "returns",
    "output_schema": "returns",
}
_OURS = (*"name description parameters returns effect resource idempotent foldable secret".split(), *OPTIONS)
#: Entries of other people's files that say nothing which counts here.
_FOREIGN = {"type", "strict", "title", "annotations", "icons", "_meta", "execution", "cache_control", "$schema"}

_T = TypeVar("_T")


class ToolfileError(LlmccError):
    """A file of tools cannot be read: `file`, the `path` in it (`/tools/0/effect`) and the `reason`."""

    def __init__(self, file: str, path: str, reason: str) -> None:
        super().__init__(f"{file}: {path}: {reason}" if path else f"{file}: {reason}")
        self.file = file
        self.path = path
        self.reason = reason


def read_toolfile(file: str | Path) -> list[Tool]:
    """The tools that a JSON file describes, without functions, in its order.

    Raises:
        ToolfileError: it cannot be read, or something in it makes no sense.
    """
    try:
        text = Path(file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ToolfileError(str(file), "", error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise ToolfileError(str(file), "", f"the file is no UTF-8 text (byte {error.start})") from error
    return parse_toolfile(text, str(file))


def parse_toolfile(text: str, file: str = "tools.json") -> list[Tool]:
    """Like `read_toolfile`, from a text; `file` is how messages call it.

    >>> [str(t.signature) for t in parse_toolfile('[{"name": "now", "effect": "read", "returns": {"type": "string"}}]')]
    ['now() -> str']
    """
    try:
        content = json.loads(text, object_pairs_hook=_no_repeats, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ToolfileError(file, "", f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError:
        raise ToolfileError(file, "", "the content is nested too deeply") from None
    except ValueError as error:
        raise ToolfileError(file, "", str(error)) from error
    try:
        return _tools(content)
    except SchemaError as error:
        raise ToolfileError(file, error.path, error.reason) from error


def _tools(content: Any) -> list[Tool]:
    path = ""
    if isinstance(content, dict) and "tools" in content:
        content, path = content["tools"], "/tools"
    if not isinstance(content, list):
        raise SchemaError(path or "/", 'a list of tools is wanted, or an object {"tools": [...]}')
    found: dict[str, Tool] = {}
    for i, entry in enumerate(content):
        made = Tool(_signature(entry, f"{path}/{i}"))
        if made.name in found:
            raise SchemaError(f"{path}/{i}/name", f"there are two tools called {made.name!r}")
        found[made.name] = made
    return list(found.values())


def _signature(entry: Any, path: str) -> Signature:
    if not isinstance(entry, dict):
        raise SchemaError(path, "a tool is an object")
    if isinstance(entry.get("function"), dict):
        # Ours may stand beside the function or in it; a list made for another program is best left as it is.
        outside = {key: value for key, value in entry.items() if key != "function"}
        entry, path = {**outside, **entry["function"]}, f"{path}/function"
    known = {_SYNONYMS.get(key, key): (value, f"{path}/{key}") for key, value in entry.items()}
    for key, (_, place) in known.items():
        if key not in _OURS and key not in _FOREIGN:
            raise SchemaError(place, f"a tool has no entry of that name; it has {', '.join(_OURS)}")
    return _Entry(known, path).signature()


class _Entry:
    """One tool: its entries, each with its place in the file."""

    def __init__(self, entries: Mapping[str, tuple[Any, str]], path: str) -> None:
        self._entries = entries
        self._path = path

    def signature(self) -> Signature:
        """The signature that the entries describe."""
        name = self._text("name", None)
        if not name or "`" in name or not name.isprintable():
            raise SchemaError(f"{self._path}/name", "a tool needs a name of one line without backticks")
        plain = self._parameters()
        parameters = self._try("secret", lambda: with_secrets(name, plain, self._get("secret", [])))
        resource = self._get("resource", None)
        if resource is not None and not isinstance(resource, str | list):
            raise SchemaError(f"{self._path}/resource", "a resource is a text or a list of texts")
        effect = self._try(
            "effect", lambda: effect_of(name, self._get("effect", None), resource, [p.name for p in parameters])
        )
        foldable = self._flag("foldable")
        if foldable and (effect is None or effect.kind != "pure"):
            raise SchemaError(f"{self._path}/foldable", "only a pure tool is foldable")
        made = Signature(
            name=name,
            parameters=parameters,
            returns=self._schema("returns", ANY),
            effect=effect,
            idempotent=self._flag("idempotent"),
            description=self._text("description", "").strip().partition("\n")[0],
            foldable=foldable,
            **self._rules(name),
        )
        try:
            check_parameters(made)
        except RuleError as error:
            raise SchemaError(self._place(error.option), str(error)) from error
        return made

    def _rules(self, name: str) -> dict[str, Any]:
        try:
            return fields_of(name, {option: self._get(option, None) for option in OPTIONS})
        except RuleError as error:
            raise SchemaError(self._place(error.option), str(error)) from error

    def _parameters(self) -> tuple[Parameter, ...]:
        schema = self._get("parameters", None)
        wanted = self._schema("parameters", RecordType())
        if not isinstance(wanted, RecordType):
            raise SchemaError(f"{self._path}/parameters", 'parameters are described by {"type": "object", ...}')
        properties = schema.get("properties", {}) if isinstance(schema, dict) else {}
        return tuple(
            _parameter(field.name, field.type, field.required, properties.get(field.name)) for field in wanted.fields
        )

    def _get(self, key: str, default: Any) -> Any:
        return self._entries[key][0] if key in self._entries else default

    def _place(self, key: str) -> str:
        return self._entries[key][1] if key in self._entries else f"{self._path}/{key}"

    def _schema(self, key: str, default: Type) -> Type:
        value = self._get(key, None)
        return default if value is None else type_of_schema(value, self._place(key))

    def _flag(self, key: str) -> bool:
        value = self._get(key, False)
        if not isinstance(value, bool):
            raise SchemaError(self._place(key), "true or false is wanted here")
        return value

    def _text(self, key: str, default: str | None) -> str:
        value = self._get(key, default)
        if not isinstance(value, str):
            raise SchemaError(self._place(key), "a text is wanted here")
        return value

    def _try(self, key: str, act: Callable[[], _T]) -> _T:
        try:
            return act()
        except ValueError as error:
            raise SchemaError(self._place(key), str(error)) from error


def _parameter(name: str, type_: Type, required: bool, schema: Any) -> Parameter:
    details = schema if isinstance(schema, dict) else {}
    description = details.get("description", "")
    return Parameter(
        name=name,
        type=type_,
        required=required,
        default=None if required else details.get("default"),
        description=" ".join(description.split()) if isinstance(description, str) else "",
    )


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"an object has the key {next(n for n in names if names.count(n) > 1)!r} twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
