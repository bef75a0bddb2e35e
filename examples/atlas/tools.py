"""The tools of the atlas: full-text search, typed look-up, unit conversion, and a note file to write to.

`EXAMPLES` holds questions with their plans, to show a model what plans over these tools look like.
"""

import difflib
import functools
import math
import os
import re
import unicodedata
from typing import Any, Literal, TypedDict

from atlas_db import SYNONYMS, name_key, open_atlas

import llmcc


class Fact(TypedDict):
    """One number that the atlas knows, with its unit and where such a figure is published."""

    entity: str
    property: str
    value: float
    unit: str
    source: str


# What the atlas has numbers for; a plan that asks for anything else does not compile.
Property = Literal[
    "area",
    "basin_area",
    "completion_year",
    "day_length",
    "density",
    "diameter",
    "discharge",
    "discovery_year",
    "distance_from_sun",
    "elevation",
    "first_ascent",
    "floors",
    "founded",
    "gestation_period",
    "gravity",
    "height",
    "length",
    "lifespan",
    "mass",
    "mean_temperature",
    "moons",
    "orbital_period",
    "oscars",
    "population",
    "release_year",
    "running_time",
    "top_speed",
    "wingspan",
]

# Words of a question that say nothing about the fact; kept when a query holds nothing else.
_STOP_WORDS = frozenset(
    "a an and are at by did do does for how in is it many much of on or that the to was what when which who".split()
)
_MAX_WORDS = 32


@llmcc.tool(effect="read", resource="atlas", latency="2ms", timeout="5s", limit=8)
def search(query: str) -> str:
    """Search the atlas for sentences about a topic.

    Args:
        query: a few words, like "height of K2"
    """
    words = list(dict.fromkeys(re.findall(r"[^\W_]+", unicodedata.normalize("NFC", query).lower())))
    words = ([word for word in words if word not in _STOP_WORDS] or words)[:_MAX_WORDS]
    if not words:
        return ""
    # Quoted, each word is plain text to FTS5, whatever it spells. Sentences that hold all of them come first;
    # bm25 is lower for better matches.
    quoted = [f'"{word}"' for word in words]
    found: dict[str, None] = {}
    for operator in (" AND ", " OR "):
        rows = open_atlas().execute(
            "SELECT text FROM sentence WHERE sentence MATCH ? ORDER BY bm25(sentence), rowid LIMIT 3",
            (operator.join(quoted),),
        )
        found.update(dict.fromkeys(text for (text,) in rows))
    return "\n".join(list(found)[:3])


@llmcc.tool(effect="read", resource="atlas", latency="1ms", timeout="5s", limit=8)
def lookup(entity: str, property: Property) -> Fact:
    """Look up one number about an entity.

    Args:
        entity: a mountain, river, city, country, planet, animal, building or film, like "K2"
        property: what to look up
    """
    name = _entity(entity)
    rows = open_atlas().execute("SELECT property, value, unit, source FROM fact WHERE entity = ? ORDER BY id", (name,))
    facts = {row[0]: row[1:] for row in rows}
    prop = _property(name, property, facts)
    value, unit, source = facts[prop]
    if not unit:
        raise llmcc.ToolInputError(f'{prop} of {name} is text, not a number: use search("{prop} of {name}")')
    return Fact(entity=name, property=prop, value=float(value), unit=unit, source=source)


def _entity(wanted: str) -> str:
    names: dict[str, str] = dict(open_atlas().execute("SELECT key, entity FROM name"))
    key = name_key(wanted)
    if key in names:
        return names[key]
    close = dict.fromkeys(names[near] for near in difflib.get_close_matches(key, names, n=5))
    hint = f"; did you mean {_either(list(close)[:3])}?" if close else ""
    raise llmcc.ToolInputError(f'the atlas has no entity "{wanted}"{hint}')


def _property(entity: str, wanted: str, facts: dict[str, Any]) -> str:
    key = name_key(wanted.replace("_", " ")).replace(" ", "_")
    if key in facts:
        return key
    same = [prop for prop in facts if key in SYNONYMS.get(prop, ())]
    if len(same) == 1:
        return same[0]
    close = same or difflib.get_close_matches(key, facts)
    hint = f"; did you mean {_either(close)}?" if close else ""
    raise llmcc.ToolInputError(f'{entity} has no property "{wanted}"{hint} (it has {", ".join(facts)})')


def _either(names: list[str]) -> str:
    return " or ".join(f'"{name}"' for name in names)


_TERM = r"[^\W\d_][^\W\d]*(?:(?:\*\*|\^)?-?[1-9])?|°[CF]"
_UNIT = re.compile(rf"(?:{_TERM})(?:\s*(?:[*/]|\bper\b|\s)\s*(?:{_TERM}))*")


@functools.cache
def _registry() -> Any:
    try:
        import pint
    except ImportError:
        raise llmcc.ToolError('converting units needs the package pint: run "pip install pint"') from None
    return pint.UnitRegistry()


def _unit(text: str) -> Any:
    """The unit that `text` names. Powers have one digit ("km^2", "km2"), so that no text can ask for an endless one."""
    plain = text.strip().replace("²", "2").replace("³", "3")
    if len(plain) > 60 or not _UNIT.fullmatch(plain):
        raise llmcc.ToolInputError(f'"{text}" is not a unit')
    registry = _registry()
    try:
        return registry.parse_units(re.sub(r"(?<=[^\W\d_])(-?[1-9])", r"**\1", plain))
    except Exception as error:  # pint raises many classes for text that it cannot read
        raise llmcc.ToolInputError(f'"{text}" is not a unit: {error}') from error


@llmcc.tool(effect="pure", latency="1ms", timeout="5s")
def convert(value: float, from_: str, to: str) -> float:
    """Convert a number from one unit to another.

    Args:
        value: the number
        from_: the unit it has, like "m"
        to: the unit it shall have, like "ft"
    """
    source, target = _unit(from_), _unit(to)
    try:
        result = float(_registry().Quantity(float(value), source).to(target).magnitude)
    except Exception as error:
        raise llmcc.ToolInputError(f"cannot convert {from_} to {to}: {error}") from error
    if not math.isfinite(result):
        raise llmcc.ToolInputError(f"{value} {from_} is too large to be written in {to}")
    return result


@llmcc.tool(effect="write", resource="notes", idempotent=False, latency="1ms", timeout="5s")
def note(text: str) -> None:
    """Append a line to the notes file.

    Args:
        text: what to write down
    """
    path = os.environ.get("ATLAS_NOTES") or "notes.txt"
    # An entry is one line, also for readers that take other characters than "\n" for the end of a line.
    entry = "".join((*map(_escape, text), "\n")).encode()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        written = os.write(handle, entry)
    finally:
        os.close(handle)
    if written != len(entry):
        raise llmcc.ToolError(f"only {written} of {len(entry)} bytes were written to {path}")


def _escape(character: str) -> str:
    breaks = len(f"{character}.".splitlines()) > 1
    return character.encode("unicode_escape").decode() if breaks or character == "\\" else character


# Several of each shape: a prompt shows those nearest to its question. None is about what the demo asks.
EXAMPLES: list[tuple[str, str]] = [
    (
        "How high is Mont Blanc?",
        'a = lookup("Mont Blanc", "height")\nreturn f"{a.value} {a.unit}"',
    ),
    (
        "How long is the Danube?",
        'a = lookup("Danube", "length")\nreturn f"{a.value} {a.unit}"',
    ),
    (
        "How many people live in Chicago?",
        'a = lookup("Chicago", "population")\nreturn f"{a.value} {a.unit}"',
    ),
    (
        "How heavy is a giraffe?",
        'a = lookup("giraffe", "mass")\nreturn f"{a.value} {a.unit}"',
    ),
    (
        "How tall is the Empire State Building?",
        'a = lookup("Empire State Building", "height")\nreturn f"{a.value} {a.unit}"',
    ),
    (
        "When was Casablanca released?",
        'a = lookup("Casablanca", "release_year")\nreturn f"{a.value} {a.unit}"',
    ),
    (
        "Which is higher, Denali or Aconcagua?",
        'a = lookup("Denali", "height")\n'
        'b = lookup("Aconcagua", "height")\n'
        "return a.entity if a.value > b.value else b.entity",
    ),
    (
        "Which is longer, the Danube or the Rhine?",
        'a = lookup("Danube", "length")\n'
        'b = lookup("Rhine", "length")\n'
        "return a.entity if a.value > b.value else b.entity",
    ),
    (
        "Which is heavier, a hippopotamus or a lion?",
        'a = lookup("hippopotamus", "mass")\n'
        'b = lookup("lion", "mass")\n'
        "return a.entity if a.value > b.value else b.entity",
    ),
    (
        "Which is taller, the CN Tower or Big Ben?",
        'a = lookup("CN Tower", "height")\n'
        'b = lookup("Big Ben", "height")\n'
        "return a.entity if a.value > b.value else b.entity",
    ),
    (
        "Which is larger, Mars or Venus?",
        'a = lookup("Mars", "diameter")\n'
        'b = lookup("Venus", "diameter")\n'
        "return a.entity if a.value > b.value else b.entity",
    ),
    (
        "Which has more people, Brazil or Japan?",
        'a = lookup("Brazil", "population")\n'
        'b = lookup("Japan", "population")\n'
        "return a.entity if a.value > b.value else b.entity",
    ),
    (
        "Which is older, Casablanca or Vertigo?",
        'a = lookup("Casablanca", "release_year")\n'
        'b = lookup("Vertigo", "release_year")\n'
        "return a.entity if a.value < b.value else b.entity",
    ),
    (
        "Which is faster, a horse or a cheetah?",
        'a = lookup("horse", "top_speed")\n'
        'b = lookup("cheetah", "top_speed")\n'
        "return a.entity if a.value > b.value else b.entity",
    ),
    (
        "How much taller is the CN Tower than Big Ben?",
        'a = lookup("CN Tower", "height")\nb = lookup("Big Ben", "height")\nreturn a.value - b.value',
    ),
    (
        "How much longer is the Danube than the Rhine?",
        'a = lookup("Danube", "length")\nb = lookup("Rhine", "length")\nreturn a.value - b.value',
    ),
    (
        "How much higher is Denali than Mont Blanc?",
        'a = lookup("Denali", "height")\nb = lookup("Mont Blanc", "height")\nreturn a.value - b.value',
    ),
    (
        "How many times as large is Canada as Spain?",
        'a = lookup("Canada", "area")\nb = lookup("Spain", "area")\nreturn a.value / b.value',
    ),
    (
        "How many times as heavy is a hippopotamus as a lion?",
        'a = lookup("hippopotamus", "mass")\nb = lookup("lion", "mass")\nreturn a.value / b.value',
    ),
    (
        "How many people live in Chicago and Toronto together?",
        'a = lookup("Chicago", "population")\nb = lookup("Toronto", "population")\nreturn a.value + b.value',
    ),
    (
        "How many people live in Brazil and Japan together?",
        'a = lookup("Brazil", "population")\nb = lookup("Japan", "population")\nreturn a.value + b.value',
    ),
    (
        "How high is the Matterhorn in feet?",
        'a = lookup("Matterhorn", "height")\nb = convert(a.value, a.unit, "feet")\nreturn f"{b} feet"',
    ),
    (
        "How long is the Danube in miles?",
        'a = lookup("Danube", "length")\nb = convert(a.value, a.unit, "miles")\nreturn f"{b} miles"',
    ),
    (
        "How heavy is a giraffe in pounds?",
        'a = lookup("giraffe", "mass")\nb = convert(a.value, a.unit, "pounds")\nreturn f"{b} pounds"',
    ),
    (
        "What is the top speed of the fastest of lion, horse and cheetah?",
        'a = lookup("lion", "top_speed")\n'
        'b = lookup("horse", "top_speed")\n'
        'c = lookup("cheetah", "top_speed")\n'
        "return max(a.value, b.value, c.value)",
    ),
    (
        "What is the average running time of Alien, Inception and Parasite?",
        'a = lookup("Alien", "running_time")\n'
        'b = lookup("Inception", "running_time")\n'
        'c = lookup("Parasite", "running_time")\n'
        "return (a.value + b.value + c.value) / 3",
    ),
    (
        "What is the average height of Denali, Aconcagua and Mont Blanc?",
        'a = lookup("Denali", "height")\n'
        'b = lookup("Aconcagua", "height")\n'
        'c = lookup("Mont Blanc", "height")\n'
        "return (a.value + b.value + c.value) / 3",
    ),
    (
        "What is the capital of Kenya?",
        'a = search("capital of Kenya")\njoin(a)',
    ),
    (
        "What is the capital of Norway?",
        'a = search("capital of Norway")\njoin(a)',
    ),
    (
        "Who directed Alien?",
        'a = search("directed Alien")\njoin(a)',
    ),
    (
        "Who directed Vertigo?",
        'a = search("directed Vertigo")\njoin(a)',
    ),
    (
        "In which country does the Rhine end?",
        'a = search("Rhine")\njoin(a)',
    ),
    (
        "Write down the diameter of Mars.",
        'a = lookup("Mars", "diameter")\nb = note(f"{a.entity}: {a.value} {a.unit}")\nreturn f"{a.value} {a.unit}"',
    ),
]
