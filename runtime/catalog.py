"""Reads the operator's catalogue: what tools that others describe do to the world. It is TOML, with a table for each:

[search]
effect = "read"
resource = "web"

[mail.send]
effect = "write"
resource = "mailbox:{to}"
"""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import msgspec

from llmcc.ir.effects import PURE, holes
from llmcc.ir.errors import LlmccError
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import ANY, ANY_LIST, STR, Type
from llmcc.runtime.rules import check_parameters, fields_of
from llmcc.runtime.toolbox import Toolbox
from llmcc.runtime.tools import Tool, effect_of, with_secrets


class CatalogError(LlmccError):
    """The catalogue cannot be used: the text says which file, which tool and why."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the catalogue says of one tool, as `llmcc.tool` takes it; None is what it leaves unsaid."""

    effect: str | None = None
    resource: str | list[str] | None = None
    idempotent: bool | None = None
    foldable: bool | None = None
    latency: str | float | None = None
    cost_usd: float | None = None
    timeout: str | float | None = None
    retries: int | None = None
    retry_on: list[str] | None = None
    limit: int | None = None
    rate: str | float | None = None
    burst: int | None = None
    breaker: int | None = None
    cooldown: str | float | None = None
    batch: int | None = None
    prompt: str | None = None
    untrusted: bool | None = None
    variadic: str | None = None
    typed_by: str | None = None
    secret: list[str] | None = None

    def apply(self, signature: Signature) -> Signature:
        """The signature with what the entry says in place of its own.

        Effect, resource, `idempotent` and `foldable` are one statement: an entry with an effect replaces all four, so
        that nothing which the tool's author promised outlives the effect that it was said of. Figures are replaced one
        by one.

        Raises:
            ValueError: the entry does not fit the tool, or makes no sense.
        """
        name = signature.name
        effect = effect_of(name, self.effect, self.resource, [p.name for p in signature.parameters])
        if effect is not None:
            signature = msgspec.structs.replace(signature, effect=effect, idempotent=False, foldable=False)
        said = {"idempotent": self.idempotent, "foldable": self.foldable} | fields_of(
            name, msgspec.structs.asdict(self), signature
        )
        if self.secret is not None:
            said["parameters"] = with_secrets(name, signature.parameters, self.secret)
        changed = msgspec.structs.replace(signature, **{key: value for key, value in said.items() if value is not None})
        if changed.foldable and (changed.effect is None or changed.effect.kind != "pure"):
            raise ValueError(f"{name}: only a pure tool is foldable")
        check_parameters(changed)
        return changed


class Catalog:
    """A catalogue: the entries by the name of their tool. `file` is how messages call it.

    >>> catalog = Catalog.parse('[now]\\neffect = "read"\\nresource = "clock"')
    >>> str(catalog.entries["now"].apply(Signature(name="now")).effect)
    'read(clock)'
    """

    def __init__(self, entries: Mapping[str, Entry], file: str = "effects.toml") -> None:
        self.entries = dict(entries)
        self.file = file

    @classmethod
    def read(cls, file: str | Path) -> Catalog:
        """The catalogue in a file.

        Raises:
            CatalogError: it cannot be read, or something in it makes no sense.
        """
        try:
            text = Path(file).read_text(encoding="utf-8-sig")
        except OSError as error:
            raise CatalogError(f"{file}: {error.strerror or error}") from error
        except UnicodeDecodeError as error:
            raise CatalogError(f"{file}: the file is no UTF-8 text (byte {error.start})") from error
        return cls.parse(text, str(file))

    @classmethod
    def parse(cls, text: str, file: str = "effects.toml") -> Catalog:
        """Like `read`, from a text."""
        try:
            tables = dict(_tables(tomllib.loads(text)))
        except tomllib.TOMLDecodeError as error:
            raise CatalogError(f"{file}: {error}") from error
        except RecursionError:
            raise CatalogError(f"{file}: the content is nested too deeply") from None
        if outside := tables.pop("", None):
            raise CatalogError(f"{file}: {next(iter(outside))!r} stands in no tool's table")
        return cls({name: _entry(name, table, file) for name, table in tables.items()}, file)

    def apply(self, toolbox: Toolbox) -> Toolbox:
        """The toolbox with what the catalogue says of its tools.

        Raises:
            CatalogError: an entry does not fit its tool.
        """
        return Toolbox(*(self._declared(one) for one in toolbox.values()), examples=toolbox.examples)

    def unknown(self, toolbox: Toolbox) -> dict[str, str | None]:
        """The names in the catalogue of which the toolbox has no tool, each with the nearest one that it has."""
        found = {}
        for name in self.entries.keys() - toolbox.keys():
            found[name] = next(iter(get_close_matches(name, toolbox, n=1)), None)
        return dict(sorted(found.items()))

    def _declared(self, tool: Tool) -> Tool:
        entry = self.entries.get(tool.name)
        if entry is None:
            return tool
        declared = copy.copy(tool)
        try:
            declared.signature = entry.apply(tool.signature)
        except ValueError as error:
            raise CatalogError(f"{self.file}: {error}") from error
        return declared


def _tables(table: dict[str, Any], name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The tables of the tools: in TOML, `[mail.send]` is the table `send` in the table `mail`."""
    own = {key: value for key, value in table.items() if not isinstance(value, dict)}
    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    if own:
        yield name, own
    for key, value in inner.items():
        yield from _tables(value, f"{name}.{key}" if name else key)


def _entry(name: str, table: dict[str, Any], file: str) -> Entry:
    try:
        entry = msgspec.convert(table, Entry)
        # Tried on a tool that it fits, so that what is wrong in itself shows before there is a toolbox.
        patterns = [entry.resource] if isinstance(entry.resource, str) else entry.resource or []
        wanted = {hole for pattern in patterns for hole in holes(pattern)} | {*(entry.secret or ())}
        types: dict[str | None, Type] = dict.fromkeys(wanted, ANY)
        types |= {entry.prompt: ANY, entry.variadic: ANY_LIST, entry.typed_by: STR}
        named = tuple(Parameter(one, kind) for one, kind in types.items() if one is not None)
        entry.apply(Signature(name=name, parameters=named, effect=PURE))
    except msgspec.ValidationError as error:
        reason = str(error).replace("Object contains unknown field", "there is no entry")
        raise CatalogError(f"{file}: {name}: {reason[0].lower()}{reason[1:]}") from error
    except ValueError as error:
        raise CatalogError(f"{file}: {error}") from error
    return entry
