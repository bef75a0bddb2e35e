"""The tools of one prompt: capabilities under drawn names, with signatures that the compiler reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from planner.data import domains as domain
from planner.data.domains import Capability, Domain, capabilities, domains
from planner.data.general import General, general
from planner.data.naming import FAMILIES, HELD_OUT, Words, styled
from planner.data.world import World

from llmcc.driver.prompt import tool_lines
from llmcc.frontend.quote import callee
from llmcc.ir.effects import Effect
from llmcc.ir.escape import quote
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import BOOL, FLOAT, INT, STR, EnumType, Field, ListType, RecordType, Type

MOST_TOOLS = 12
#: How often a domain's numbers are behind one general tool, and how often that knows those of other domains too.
GENERAL, BROAD = 0.3, 0.4


@dataclass(frozen=True, slots=True)
class Named:
    """A capability as a tool: `order` are its parameters' names in the order of its arguments."""

    capability: Capability
    signature: Signature
    order: tuple[str, ...]


class Kit:
    """The tools of a prompt; `use` adds one.

    Args:
        rng: draws the names.
        held_out: whether names are of the families, and distractors of the domains, that training does not have.
    """

    def __init__(self, rng: Random, *, held_out: bool) -> None:
        self.rng = rng
        self.held_out = held_out
        self.family = rng.choice(HELD_OUT if held_out and rng.random() < 0.5 else FAMILIES)
        self.tools: dict[Capability, Named] = {}
        self._fields: dict[tuple[str, str], str] = {}
        self._names: set[str] = set()
        self._general: dict[str, General | None] = {}
        #: Domains of which there must be no tool: a question asks for them in vain.
        self.absent: set[str] = set()

    @property
    def signatures(self) -> dict[str, Signature]:
        """The tools as the compiler sees them."""
        return {one.signature.name: one.signature for one in self.tools.values()}

    @property
    def header(self) -> str:
        """The tools as the prompt shows them."""
        return tool_lines(self.signatures)

    def use(self, c: Capability) -> Named:
        """The tool with this capability, made if there is none yet."""
        if c not in self.tools:
            self.tools[c] = self._named(c)
        return self.tools[c]

    def call(self, c: Capability, *args: str) -> str:
        """A call of the tool, from arguments that are written already."""
        one, told = self.use(c), self.general(c)
        if told is not None:
            wanted = quote(told.named(c))
            args = (args[0], wanted) if one.order[0] == told.key else (wanted, args[0])
        return f"{callee(one.signature.name)}({', '.join(args)})"

    def part(self, c: Capability) -> str:
        """What is written behind a call's value to get at the number: empty, or a dot and a field."""
        told = self.general(c)
        return f".{told.value}" if told is not None and told.value else ""

    def general(self, c: Capability) -> General | None:
        """The general tool that has this capability, if the kit has one for the domain."""
        if c.kind != "number" or c.source:
            return None
        if c.domain not in self._general:
            made = self._made_general(c.domain) if self.rng.random() < GENERAL else None
            self._general[c.domain] = made
        told = self._general[c.domain]
        return told if told is not None and c in told.properties.values() else None

    def _made_general(self, name: str) -> General | None:
        if any(c.domain == name and c.kind == "number" for c in self.tools) or any(self._general.values()):
            return None
        barred = {name, *self.absent, *(c.domain for c in self.tools)}
        far = [d for d in domains().values() if d.name not in barred and d.held_out == domains()[name].held_out]
        others = self.rng.sample(far, self.rng.randint(1, 3)) if self.rng.random() < BROAD else []
        return general(self.rng, self.family, domains()[name], others, self._names)

    def field(self, d: Domain, name: str) -> str:
        """How records of this kit call a field."""
        if (d.name, name) not in self._fields:
            nouns = next((f.nouns for f in d.fields if f.name == name), (name,))
            family = self.family if self.family in ("camel", "short") else "snake"
            shown = styled(self.rng, self.rng.choice(nouns), family)
            taken = {v for k, v in self._fields.items() if k[0] == d.name}
            self._fields[d.name, name] = f"{shown}_2" if shown in taken else shown
        return self._fields[d.name, name]

    def distract(self, used: Sequence[str], count: int) -> None:
        """Adds tools that no question needs until there are `count`, and shuffles all."""
        near = [c for name in used for c in capabilities(name)]
        barred = {*used, *self.absent}
        far = [n for n in domains() if n not in barred and (self.held_out or not domains()[n].held_out)]
        answers = {(c.domain, c.kind) for c in self.tools}
        while len(self.tools) < count:
            c = self.rng.choice(near if self.rng.random() < 0.5 else capabilities(self.rng.choice(far)))
            if c.domain in used and (c.domain, c.kind) in answers and c.kind not in ("number", "text", "flag"):
                continue
            if c.kind == "number" and c.domain in self._general_domains:
                continue  # a second way to the same answer
            if c.domain in used and c.kind in ("record", "rows"):
                continue  # a second way to the same answer
            self.use(c)
        mixed = list(self.tools.items())
        self.rng.shuffle(mixed)
        self.tools = dict(mixed)

    @property
    def _general_domains(self) -> set[str]:
        told = next((told for told in self._general.values() if told is not None), None)
        return {c.domain for c in told.properties.values()} if told is not None else set()

    @property
    def known(self) -> set[str]:
        """The domains that the tools know something of."""
        return {c.domain for c in self.tools} | self._general_domains

    def forget(self, before: dict[Capability, Named]) -> None:
        """Goes back to an earlier set of tools."""
        self.tools = dict(before)
        self._names = set(self.signatures)

    def run(self, world: World, tool: str, args: dict[str, Any]) -> Any:
        """Calls a tool by its shown name, as the interpreter does."""
        one = next(n for n in self.tools.values() if n.signature.name == tool)
        told = self.general(one.capability)
        if told is not None:
            wanted = told.properties[args[told.choice]]
            return told.shown(args[told.key], args[told.choice], world.do(wanted, args[told.key]))
        result = world.do(one.capability, *(args[name] for name in one.order))
        d = domains().get(one.capability.domain)
        if d is None or one.capability.kind not in ("record", "rows"):
            return result
        rows = result if isinstance(result, list) else [result]
        shown = [{self.field(d, name): value for name, value in row.items()} for row in rows]
        return shown if isinstance(result, list) else shown[0]

    def _named(self, c: Capability) -> Named:
        told = self.general(c)
        if told is not None:
            self._names.add(told.signature.name)
            return Named(c, told.signature, tuple(parameter.name for parameter in told.signature.parameters))
        words = Words(self.rng, c)
        name = words.name(self.family)
        while name in self._names:
            name = f"{name}{self.rng.randint(2, 9)}" if self.family != "opaque" else words.name(self.family)
        self._names.add(name)
        opaque = self.family == "opaque"
        order: list[str] = []
        parameters: list[Parameter] = []
        for role, t in self._roles(c):
            shown = words.parameter(role, odd=opaque or self.rng.random() < 0.1)
            while shown in order:
                shown += "2"
            order.append(shown)
            parameters.append(Parameter(shown, t))
        if not c.writes and c.kind != "convert" and self.rng.random() < 0.15:
            extra, kind = self.rng.choice((("limit", INT), ("lang", STR), ("exact", BOOL), ("as_of", STR)))
            parameters.append(Parameter(extra, kind, required=False))
        effect = Effect("write" if c.writes else "pure" if c.kind == "convert" else "read", _resources(c))
        described = opaque or self.rng.random() < 0.9
        signature = Signature(
            name=name,
            parameters=tuple(parameters),
            returns=self._returns(c),
            effect=effect,
            description=words.description() if described else "",
        )
        return Named(c, signature, tuple(order))

    def _roles(self, c: Capability) -> list[tuple[str, Type]]:
        if c.kind == "convert":
            return [("amount", FLOAT), ("from", STR), ("to", STR)]
        if c.kind in ("names", "rows", "count"):
            return [("group", STR)]
        d = domains()[c.domain]
        takes = d.act(c.field).takes if c.kind == "act" else ""
        if c.kind == "set":
            return [("key", STR), ("amount", INT if d.number(c.field).whole else FLOAT)]
        if takes == "plain" or not c.writes:
            return [("key", STR)]
        return [("key", STR), ("text", STR) if takes == "text" else ("amount", INT)]

    def _returns(self, c: Capability) -> Type:
        if c.kind == "convert":
            return FLOAT
        d = domains()[c.domain]
        if c.kind == "text" and self.rng.random() < 0.3:
            return EnumType(d.text(c.field).values)
        simple: dict[str, Type] = {"count": INT, "flag": BOOL, "names": ListType(STR)}
        if c.kind in ("record", "rows"):
            row = self._row(d)
            return ListType(row) if c.kind == "rows" else row
        if c.kind == "number":
            return INT if d.number(c.field).whole else FLOAT
        return simple.get(c.kind, STR)

    def _row(self, d: Domain) -> RecordType:
        fields = [Field(self.field(d, f.name), _type_of(f)) for f in d.fields]
        return RecordType((Field(self.field(d, "name"), STR), *fields))


def _type_of(f: domain.Field) -> Type:
    if not isinstance(f, domain.Number):
        return STR
    return INT if f.whole else FLOAT


def _resources(c: Capability) -> tuple[str, ...]:
    return () if c.kind == "convert" else (c.domain,)


def written(value: Any) -> str:
    """A literal as plans write it.

    >>> written('the "old" mill'), written(3), written(2.5)
    ('"the \\\\"old\\\\" mill"', '3', '2.5')
    """
    return quote(value) if isinstance(value, str) else repr(value)
