"""Hypothesis strategies for toolboxes and for plans that are right: they compile without an error, and run.

@given(st.data())
def test(data):
    signatures = data.draw(toolboxes())
    text = data.draw(plans(signatures))
    ...
    interpret(module, fake_calls(signatures))
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from llmcc.frontend.quote import callee
from llmcc.ir.effects import PURE, READ, Effect
from llmcc.ir.expr import literal
from llmcc.ir.printer import print_expr
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import (
    ANY,
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
    UnionType,
    nullable,
    union,
)
from llmcc.ir.values import Value, canonical

if TYPE_CHECKING:
    from llmcc.runtime.toolbox import Toolbox

Draw = Callable[[st.SearchStrategy[Any]], Any]

_TOOL_NAMES = ("search", "lookup", "hotel.book", "convert", "weather", "send_mail", "odd name (v2)")
_PARAMETER_NAMES = ("query", "class", "from", "limit", "in", "place", "unit")
_PLACE = RecordType((Field("name", STR), Field("height_m", FLOAT), Field("odd key", INT)))
_UNIT = EnumType(("metre", "foot", "old mile"))
_SCALARS = (BOOL, INT, FLOAT, STR)
_TYPES = (*_SCALARS, _UNIT, _PLACE, ListType(STR), ListType(INT), ListType(_PLACE))
#: All of ASCII, and a sample of the rest of Unicode. (All of it Hypothesis has to work out first, for seconds.)
_SIGNS = [chr(n) for n in (*range(33, 127), *range(161, 0x1F700, 61)) if chr(n).isprintable() and chr(n) not in "$[]{}"]
_TEXT = st.text(st.sampled_from(_SIGNS), max_size=8)
#: Texts that come again and again, so that calls meet on the same resources.
_COMMON = st.sampled_from(("a", "b"))


@st.composite
def toolboxes(draw: Draw, *, least: int = 1, most: int = 5) -> dict[str, Signature]:
    """Some tools by name: parameters and results of all sorts of types, effects of all kinds."""
    names = draw(st.lists(st.sampled_from(_TOOL_NAMES), min_size=least, max_size=most, unique=True))
    return {name: draw(signatures(name)) for name in names}


@st.composite
def signatures(draw: Draw, name: str) -> Signature:
    """One tool called `name`; parameters that may be left out come last."""
    parameters = draw(st.lists(st.sampled_from(_PARAMETER_NAMES), max_size=3, unique=True))
    needed = draw(st.integers(0, len(parameters)))
    types = [draw(st.sampled_from((*_TYPES, union(STR, NULL)))) for _ in parameters]
    holes = [f"store:{{{p}}}" for i, p in enumerate(parameters) if i < needed]
    resource = draw(st.sampled_from(("web", "mailbox", "*", *holes)))
    return Signature(
        name=name,
        parameters=tuple(
            Parameter(p, t, required=i < needed) for i, (p, t) in enumerate(zip(parameters, types, strict=True))
        ),
        returns=draw(st.sampled_from(_TYPES)),
        effect=draw(st.sampled_from((PURE, READ, Effect("read", (resource,)), Effect("write", (resource,))))),
        untrusted=draw(st.sampled_from((False, False, True))),
        prompt=draw(st.sampled_from((None, *parameters))),
    )


def plans(
    tools: Toolbox | Mapping[str, Signature],
    *,
    most: int = 8,
    arguments: Mapping[str, st.SearchStrategy[Any]] | None = None,
) -> st.SearchStrategy[str]:
    """The texts of plans for these tools, well-typed in every part. They never divide and have no index out of range.

    Args:
        tools: a toolbox, or signatures by name. Only tools with an effect are called.
        most: the largest number of statements, not counting the last.
        arguments: what to give the parameters of a name, whatever else fits: strategies for plan values of their types.

    Raises:
        ValueError: no tool can be called.
    """
    known = ((name, one if isinstance(one, Signature) else one.signature) for name, one in tools.items())
    usable = {name: one for name, one in known if one.effect is not None and _callable(one)}
    if not usable:
        raise ValueError("none of the tools can be called by a plan: they need an effect")
    return _plans(usable, most, dict(arguments or {}))


def _callable(signature: Signature) -> bool:
    return not any(p.required and p.type == NEVER for p in signature.parameters)


@st.composite
def _plans(
    draw: Draw, tools: Mapping[str, Signature], most: int, arguments: Mapping[str, st.SearchStrategy[Any]]
) -> str:
    writer = _Writer(draw, tools, arguments)
    for _ in range(draw(st.integers(1, most))):
        writer.statement()
    writer.end()
    text = "\n".join(writer.lines)
    return f"{text}\n" if draw(st.booleans()) else text


def fake_calls(tools: Mapping[str, Signature]) -> Callable[[str, dict[str, Value]], Value]:
    """A function that plays all the tools: it gives a value of the declared type that depends only on the arguments."""
    return lambda tool, args: fake_value(tools[tool].returns, zlib.crc32(f"{tool}{canonical(args)}".encode()))


def fake_value(kind: Type, salt: int) -> Value:
    """Some value of a type; the same `salt` gives the same value."""
    match kind:
        case ListType(element):
            return [fake_value(element, salt + 7 * i) for i in range(salt % 4)]
        case RecordType(fields):
            return {f.name: fake_value(f.type, salt // 3 + i) for i, f in enumerate(fields)}
        case EnumType(values):
            return values[salt % len(values)]
        case UnionType(options):
            return fake_value(options[salt % len(options)], salt // 5)
    scalars: dict[Type, Value] = {
        BOOL: salt % 2 == 0,
        INT: salt % 2001 - 1000,
        FLOAT: salt % 4001 / 8,
        STR: f"text {salt % 97}",
    }
    return scalars.get(kind)


class _Writer:
    """Writes statements, and remembers what each value is called and which type it has."""

    def __init__(
        self, draw: Draw, tools: Mapping[str, Signature], arguments: Mapping[str, st.SearchStrategy[Any]]
    ) -> None:
        self.draw = draw
        self.tools = tools
        self.arguments = arguments
        self.lines: list[str] = []
        self.values: list[tuple[str, Type]] = []
        self.number = 0
        self.variables = 0

    def statement(self) -> None:
        """One more line."""
        kind = self.draw(st.sampled_from(("call", "call", "step", "value", "map", "guarded", "caught", "remark")))
        if kind == "remark":
            self.lines.append(self.draw(st.sampled_from(("", "# look it up", "Thought: two calls, then the rest"))))
            return
        if kind == "step":
            self.step()
            return
        name = f"v{len(self.lines)}"
        text, type_ = getattr(self, kind)()
        self.lines.append(f"{name} = {text}")
        self.values.append((name, type_))

    def step(self) -> None:
        """A call with a number, or one that gets the next."""
        text, type_ = self.call()
        self.number += 1
        written = self.draw(st.booleans())
        self.lines.append(f"{self.number}. {text}" if written else text)
        self.values.append((f"${self.number}", type_))

    def end(self) -> None:
        """The last line."""
        if self.values and self.draw(st.booleans()):
            self.lines.append(f"return {self.draw(st.sampled_from(self.values))[0]}")
            return
        some = self.draw(st.lists(st.sampled_from([n for n, _ in self.values]), unique=True)) if self.values else []
        self.lines.append(f"join({', '.join(some)})")

    def call(self) -> tuple[str, Type]:
        """A call of a tool, by place or by name."""
        tool = self.draw(st.sampled_from([*self.tools.values()]))
        by_place = self.draw(st.booleans())
        given: list[str] = []
        for parameter in tool.parameters:
            if not parameter.required and (by_place or self.draw(st.booleans())):
                by_place = False  # the places behind are not its own
                continue
            value = self.argument(parameter)
            given.append(value if by_place else f"{parameter.name}={value}")
        return f"{callee(tool.name)}({', '.join(given)})", tool.returns

    def argument(self, parameter: Parameter) -> str:
        """What one parameter gets."""
        if parameter.name in self.arguments:
            return print_expr(literal(self.draw(self.arguments[parameter.name])))
        return self.expression(parameter.type, 2)

    def value(self) -> tuple[str, Type]:
        """An expression."""
        type_ = self.draw(st.sampled_from(_TYPES))
        # An enumeration's text by itself is any text.
        return self.expression(type_, 3), STR if isinstance(type_, EnumType) else type_

    def map(self) -> tuple[str, Type]:
        """A comprehension that calls a tool for each item."""
        source, item = self._list()
        self.variables += 1
        variable = f"each{self.variables}"
        outer = list(self.values)
        self.values.append((variable, item))
        text, type_ = self.call()
        test = f" if {self.expression(BOOL, 2)}" if self.draw(st.booleans()) else ""
        self.values = outer
        return f"[{text} for {variable} in {source}{test}]", ListType(type_)

    def guarded(self) -> tuple[str, Type]:
        """A call under a condition, perhaps after another statement."""
        text, type_ = self.call()
        after = f" after {self.draw(st.sampled_from(self.values))[0]}" if self.values else ""
        return f"{text} when {self.expression(BOOL, 2)}{after}", union(type_, NULL)

    def caught(self) -> tuple[str, Type]:
        """A call with a value for the case that it fails."""
        text, type_ = self.call()
        return f"{text} catch {self.expression(type_, 1)}", union(type_, STR) if isinstance(type_, EnumType) else type_

    def _list(self) -> tuple[str, Type]:
        lists = [(name, t.element) for name, t in self._within() if isinstance(t, ListType)]
        if lists and self.draw(st.booleans()):
            return self.draw(st.sampled_from(lists))  # type: ignore[no-any-return]
        return "[1, 2, 3]", INT

    def _within(self) -> list[tuple[str, Type]]:
        """All values, and the fields of those that are records."""
        fields = [
            (f"{name}.{f.name}" if f.name.isidentifier() else f"{name}[{json.dumps(f.name)}]", f.type)
            for name, t in self.values
            if isinstance(t, RecordType)
            for f in t.fields
            if f.required
        ]
        return [*self.values, *fields]

    def expression(self, want: Type, depth: int) -> str:
        """An expression of that type."""
        if nullable(want) and self.draw(st.booleans()):
            return "null"
        fitting = [name for name, t in self._within() if want in (t, ANY)]
        absent = [name for name, t in self.values if t == union(want, NULL) and not nullable(want)]
        ways: list[Callable[[], str]] = [lambda: self.literal(want, depth)]
        if fitting:
            ways += [lambda: self.draw(st.sampled_from(fitting))] * 3
        if absent:
            ways.append(lambda: self._or_else(self.draw(st.sampled_from(absent)), want))
        if depth > 0:
            ways += self._operations(want, depth - 1)
        return self.draw(st.sampled_from(ways))()  # type: ignore[no-any-return]

    def _or_else(self, name: str, want: Type) -> str:
        return f"({name} if {name} != null else {self.literal(want, 1)})"

    def _operations(self, want: Type, depth: int) -> list[Callable[[], str]]:
        def of(kind: Type) -> str:
            return self.expression(kind, depth)

        choice = [lambda: f"({of(want)} if {of(BOOL)} else {of(want)})"]
        if want == INT:
            return [*choice, lambda: f"len({of(ListType(STR))})", lambda: f"({of(INT)} + {of(INT)})"]
        if want == FLOAT:
            return [*choice, lambda: f"({of(FLOAT)} - {of(INT)})", lambda: f"abs({of(FLOAT)})"]
        if want == BOOL:
            return [*choice, lambda: f"({of(INT)} < {of(FLOAT)})", lambda: f"(not {of(BOOL)} or {of(BOOL)})"]
        if want == STR:
            return [*choice, lambda: f"upper({of(STR)})", self._fstring]
        if isinstance(want, ListType) and want.element in _SCALARS:
            return [*choice, lambda: f"unique({of(want)})", lambda: f"{of(want)}[:2]"]
        return [] if isinstance(want, EnumType) else choice

    def _fstring(self) -> str:
        holes = "".join(f" {{{name}}}" for name, _ in self.values[-2:])
        return f'f"so:{holes}"'

    def literal(self, want: Type, depth: int) -> str:
        """A constant of that type, written out."""
        if isinstance(want, ListType):
            count = self.draw(st.integers(1, 2))
            return f"[{', '.join(self.literal(want.element, depth) for _ in range(count))}]"
        if isinstance(want, RecordType):
            needed = [f for f in want.fields if f.required]
            return "{" + ", ".join(f"{json.dumps(f.name)}: {self.literal(f.type, depth)}" for f in needed) + "}"
        if isinstance(want, EnumType):
            return json.dumps(self.draw(st.sampled_from(want.values)))
        if isinstance(want, UnionType):
            return self.literal(want.options[0], depth)
        drawn: dict[Type, st.SearchStrategy[Any]] = {
            BOOL: st.booleans(),
            INT: st.integers(-1000, 1000),
            FLOAT: st.integers(-8000, 8000).map(lambda n: n / 8),
            STR: _COMMON | _TEXT,
            NULL: st.none(),
        }
        return print_expr(literal(self.draw(drawn.get(want, _COMMON))))
