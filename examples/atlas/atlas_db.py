"""The atlas database: a CSV of facts becomes an SQLite file with a full-text index.

    python examples/atlas/atlas_db.py [--out FILE]

Three tables. `fact` holds the rows of facts.csv; `name` maps the key of every entity and alias to its entity;
`sentence` is the full-text index, one sentence a fact ("Mount Everest (mountain): height 8849 m"), whose hidden column
holds other words for the same thing, so that "how tall is Everest" finds a height.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import re
import sqlite3
import tempfile
import threading
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

HERE = Path(__file__).resolve().parent
FACTS, ALIASES = HERE / "facts.csv", HERE / "aliases.csv"

# Other words for a property: indexed beside each sentence, and understood by `lookup` where they mean one thing only.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "height": ("high", "higher", "highest", "tall", "taller", "tallest", "elevation", "altitude"),
    "elevation": ("height", "high", "higher", "altitude"),
    "length": ("long", "longer", "longest"),
    "population": ("people", "inhabitants", "residents", "populous"),
    "area": ("size", "large", "larger", "largest", "big", "bigger"),
    "basin_area": ("basin", "drainage", "catchment"),
    "discharge": ("flow",),
    "mass": ("weight", "weigh", "heavy", "heavier", "heaviest"),
    "diameter": ("size", "wide", "large", "larger", "largest", "big", "bigger"),
    "top_speed": ("speed", "fast", "faster", "fastest", "quick"),
    "lifespan": ("age", "live", "life"),
    "gestation_period": ("gestation", "pregnancy", "pregnant"),
    "running_time": ("runtime", "duration", "length", "long", "longer", "minutes"),
    "release_year": ("year", "released", "old", "older", "new", "newer"),
    "completion_year": ("year", "built", "completed", "old", "older", "new", "newer"),
    "first_ascent": ("year", "climbed"),
    "founded": ("year", "foundation", "old", "older"),
    "discovery_year": ("year", "discovered", "discovery"),
    "orbital_period": ("orbit", "year"),
    "day_length": ("day", "rotation"),
    "mean_temperature": ("temperature", "hot", "hotter", "cold", "colder"),
    "distance_from_sun": ("distance", "sun", "far"),
    "floors": ("storeys", "stories"),
    "oscars": ("awards", "oscar", "academy"),
    "director": ("directed", "made"),
}

_COLUMNS = ("entity", "kind", "property", "value", "unit", "source")
_SCHEMA = """
CREATE TABLE fact (
    id INTEGER PRIMARY KEY, entity TEXT NOT NULL, kind TEXT NOT NULL, property TEXT NOT NULL,
    value NOT NULL, unit TEXT NOT NULL, source TEXT NOT NULL, UNIQUE (entity, property)
);
CREATE TABLE name (key TEXT PRIMARY KEY, entity TEXT NOT NULL);
CREATE VIRTUAL TABLE sentence USING fts5 (text, words, tokenize = 'porter unicode61 remove_diacritics 2');
"""


def name_key(name: str) -> str:
    """The form in which names are compared: no case, accents, punctuation or leading "the".

    >>> name_key("The  Lion King"), name_key("São Paulo"), name_key("Mt. Everest"), name_key("Ben-Hur")
    ('lion king', 'sao paulo', 'mt everest', 'ben hur')
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)).casefold()
    words = re.findall(r"[^\W_]+", re.sub(r"[.'’]", "", plain))
    return " ".join(words[1:] if words[:1] == ["the"] and len(words) > 1 else words)


def compose(entity: str, kind: str, prop: str, value: str, unit: str) -> str:
    """The sentence that `search` finds for a fact.

    >>> compose("Mount Everest", "mountain", "height", "8849", "m")
    'Mount Everest (mountain): height 8849 m'
    """
    return f"{entity} ({kind}): {prop.replace('_', ' ')} {value} {unit}".rstrip()


def _read(path: Path) -> Iterator[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def build(out: Path) -> int:
    """Build the database at `out` and return the number of facts.

    The file appears whole or not at all: it is written under another name and then moved, so that builders that run at
    the same time only repeat each other's work. Raises ValueError for a row with a unit whose value is not a number,
    sqlite3.IntegrityError for a name or a fact that stands twice, and OSError where `out` cannot be written.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=f".{out.name}-", dir=out.parent)
    os.close(handle)
    try:
        with closing(sqlite3.connect(temporary)) as connection, connection:
            count = _fill(connection)
        os.replace(temporary, out)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return count


def _fill(connection: sqlite3.Connection) -> int:
    connection.executescript(_SCHEMA)
    aliases: dict[str, list[str]] = {}
    for row in _read(ALIASES):
        aliases.setdefault(row["entity"], []).append(row["alias"])
    entities: dict[str, None] = {}  # a set that keeps the order of the file
    count = 0
    for count, row in enumerate(_read(FACTS), start=1):
        entity, kind, prop, value, unit, source = (row[column] for column in _COLUMNS)
        entities[entity] = None
        # A unit marks a number; a fact without one is text.
        stored: float | str = float(value) if unit else value
        connection.execute(
            "INSERT INTO fact VALUES (?, ?, ?, ?, ?, ?, ?)", (count, entity, kind, prop, stored, unit, source)
        )
        # The entity once more, so that a sentence about it ranks before one that only mentions it.
        words = " ".join((entity, *aliases.get(entity, ()), *SYNONYMS.get(prop, ())))
        text = compose(entity, kind, prop, value, unit)
        connection.execute("INSERT INTO sentence (rowid, text, words) VALUES (?, ?, ?)", (count, text, words))
    names = [(name_key(name), entity) for entity in entities for name in (entity, *aliases.get(entity, ()))]
    connection.executemany("INSERT INTO name VALUES (?, ?)", names)
    return count


def cache_path() -> Path:
    """Where the database is kept: the user's cache folder, under a name that changes with the data and this module."""
    digest = hashlib.sha256()
    for source in (FACTS, ALIASES, Path(__file__)):
        digest.update(source.read_bytes())
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    folder = configured if configured.is_absolute() else Path.home() / ".cache"
    return folder / "llmcc" / f"atlas-{digest.hexdigest()[:16]}.sqlite"


_local = threading.local()
_building = threading.Lock()  # so that eight first searches build once, not eight times


def open_atlas() -> sqlite3.Connection:
    """A read-only connection that belongs to the calling thread; the first use ever builds the database.

    Raises OSError where the cache folder cannot be written, sqlite3.Error where the file cannot be read.
    """
    connection: sqlite3.Connection | None = getattr(_local, "connection", None)
    if connection is not None:
        return connection
    path = cache_path()
    with _building:
        if not path.exists():
            build(path)
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    _local.connection = connection
    return connection


def main() -> None:
    """Build the database and say where it is."""
    parser = argparse.ArgumentParser(description="Build the atlas database from facts.csv and aliases.csv.")
    parser.add_argument("--out", type=Path, default=None, help="the file to write (default: in the cache folder)")
    out = parser.parse_args().out or cache_path()
    print(f"{out}: {build(out)} facts")


if __name__ == "__main__":
    main()
