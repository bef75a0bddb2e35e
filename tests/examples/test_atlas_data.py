"""The atlas: its data is sound, its database is built safely, and its tools answer, refuse and suggest."""

from __future__ import annotations

import csv
import importlib.util
import math
import re
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import llmcc

ATLAS = Path(__file__).parents[2] / "examples" / "atlas"
KINDS = {"mountain", "river", "city", "country", "planet", "animal", "building", "film"}
COUNTS = {"people", "floors", "moons", "awards", "CE"}  # what is counted, and calendar years: nothing to convert


def read(name: str) -> list[dict[str, str]]:
    with (ATLAS / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


FACTS, ALIASES = read("facts.csv"), read("aliases.csv")


@pytest.fixture(scope="module")
def patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as context:
        yield context


def load(patch: pytest.MonkeyPatch, name: str, file: str) -> ModuleType:
    """The module of `file`, in `sys.modules` under `name` until the last test of this file is done."""
    spec = importlib.util.spec_from_file_location(name, ATLAS / file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    patch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def atlas_db(patch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The database module, with a cache folder of its own."""
    patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    return load(patch, "atlas_db", "atlas_db.py")


@pytest.fixture(scope="module")
def tools(patch: pytest.MonkeyPatch, atlas_db: ModuleType) -> ModuleType:
    return load(patch, "atlas_tools", "tools.py")


# The data


def test_facts_are_many_and_of_every_kind() -> None:
    kinds = {row["entity"]: row["kind"] for row in FACTS}
    assert len(FACTS) >= 400
    assert len(kinds) >= 120
    assert set(kinds.values()) == KINDS
    assert min(Counter(kinds.values()).values()) >= 12


def test_facts_are_complete_and_stand_once() -> None:
    for row in FACTS:
        assert None not in row and None not in row.values(), row
        assert all(cell == cell.strip() for cell in row.values()), row
        assert all(row[column] for column in ("entity", "kind", "property", "value", "source")), row
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", row["property"]), row
        assert "://" not in row["source"], row
    assert max(Counter((row["entity"].casefold(), row["property"]) for row in FACTS).values()) == 1


def test_an_entity_is_of_one_kind() -> None:
    assert max(Counter(entity for entity, _ in {(row["entity"], row["kind"]) for row in FACTS}).values()) == 1


def test_a_unit_marks_a_number() -> None:
    for row in FACTS:
        if row["unit"]:
            assert math.isfinite(float(row["value"])), row
        else:
            assert not re.match(r"[-+.\d]", row["value"]), row


def test_a_property_of_a_kind_has_one_unit() -> None:
    # Otherwise a plan that compares two values would compare metres with feet.
    units = {(row["kind"], row["property"], row["unit"]) for row in FACTS}
    assert max(Counter((kind, prop) for kind, prop, _ in units).values()) == 1


def test_years_and_quantities_are_plausible() -> None:
    for row in (row for row in FACTS if row["unit"]):
        value = float(row["value"])
        if row["unit"] == "CE":
            assert 0 < value <= 2025 and value.is_integer(), row
        elif row["unit"] in COUNTS:
            assert value >= 0 and value.is_integer(), row
        else:
            assert value > 0 or row["unit"] == "degC", row


def test_aliases_name_entities_and_shadow_none(atlas_db: ModuleType) -> None:
    entities = {row["entity"] for row in FACTS}
    assert {row["entity"] for row in ALIASES} <= entities
    keys = Counter(atlas_db.name_key(name) for name in (*entities, *(row["alias"] for row in ALIASES)))
    assert "" not in keys
    assert [key for key, count in keys.items() if count > 1] == []


def test_synonyms_belong_to_properties(atlas_db: ModuleType) -> None:
    assert set(atlas_db.SYNONYMS) <= {row["property"] for row in FACTS}


@pytest.mark.slow
def test_units_are_known_to_pint() -> None:
    pint = pytest.importorskip("pint")
    registry = pint.UnitRegistry()
    for unit in {row["unit"] for row in FACTS} - COUNTS - {""}:
        assert registry.parse_units(unit) != registry.dimensionless, unit


# The database


def count_of(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(connection.execute("SELECT count(*) FROM fact JOIN sentence ON sentence.rowid = id").fetchone()[0])
    finally:
        connection.close()


def test_connections_are_read_only_and_one_a_thread(atlas_db: ModuleType) -> None:
    mine, theirs = atlas_db.open_atlas(), []
    thread = threading.Thread(target=lambda: theirs.append(atlas_db.open_atlas()))
    thread.start()
    thread.join()
    assert mine is atlas_db.open_atlas()
    assert mine is not theirs[0]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        mine.execute("DELETE FROM fact")


def test_threads_that_build_at_once_leave_one_whole_file(atlas_db: ModuleType, tmp_path: Path) -> None:
    out, start, counts = tmp_path / "new" / "atlas.sqlite", threading.Barrier(3), []

    def build() -> None:
        start.wait(timeout=5)
        counts.append(atlas_db.build(out))

    threads = [threading.Thread(target=build) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [len(FACTS)] * 3
    assert list(out.parent.iterdir()) == [out]
    assert count_of(out) == len(FACTS)


@pytest.mark.slow
def test_processes_that_build_at_once_leave_one_whole_file(tmp_path: Path) -> None:
    out = tmp_path / "atlas.sqlite"
    command = [sys.executable, str(ATLAS / "atlas_db.py"), "--out", str(out)]
    builders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [builder.communicate(timeout=60)[0] for builder in builders] == [f"{out}: {len(FACTS)} facts\n"] * 2
    assert list(tmp_path.iterdir()) == [out]
    assert count_of(out) == len(FACTS)


def test_a_failed_build_leaves_nothing(atlas_db: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "facts.csv"
    bad.write_text("entity,kind,property,value,unit,source\nK2,mountain,height,high,m,nobody\n", encoding="utf-8")
    monkeypatch.setattr(atlas_db, "FACTS", bad)
    with pytest.raises(ValueError, match="high"):
        atlas_db.build(tmp_path / "out" / "atlas.sqlite")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_cache_file_follows_the_data(atlas_db: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = atlas_db.cache_path()
    changed = tmp_path / "aliases.csv"
    changed.write_text("alias,entity\n", encoding="utf-8")
    monkeypatch.setattr(atlas_db, "ALIASES", changed)
    assert atlas_db.cache_path() != before
    assert atlas_db.cache_path().parent == before.parent


# The tools


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("height of Mount Everest", "Mount Everest (mountain): height 8849 m"),
        ("height of K2", "K2 (mountain): height 8611 m"),
        ("How tall is the Eiffel Tower?", "Eiffel Tower (building): height 330 m"),
        ("population USA", "United States (country): population 339997000 people"),
        ("What is the capital of France?", "France (country): capital Paris"),
        ("who directed Inception", "Inception (film): director Christopher Nolan"),
        ("length of the river Rhone", "Rhône (river): length 813 km"),
        ("population of Sa\u0303o Paulo", "São Paulo (city): population 11451999 people"),
        ("what is the height of Everest above the sea", "Mount Everest (mountain): height 8849 m"),
    ],
)
def test_search_finds(tools: ModuleType, query: str, first: str) -> None:
    lines = tools.search(query).split("\n")
    assert lines[0] == first
    assert len(lines) <= 3


def test_search_puts_sentences_about_an_entity_before_those_that_mention_it(tools: ModuleType) -> None:
    assert [line.split(" (")[0] for line in tools.search("Mississippi").split("\n")] == ["Mississippi"] * 3


@pytest.mark.parametrize("query", ["", "   ", "?!", "zzyzx", '"', "\0", "_"])
def test_search_that_finds_nothing_is_empty(tools: ModuleType, query: str) -> None:
    assert tools.search(query) == ""


@pytest.mark.parametrize(
    "query",
    ['K2" OR "a', "K2 AND", "NOT K2", "NEAR(K2, 3)", "text:K2", "K2*", "^K2", "{K2}", "(K2", "K2'); DROP TABLE fact"],
)
def test_search_takes_operators_as_text(tools: ModuleType, query: str) -> None:
    assert "K2 (mountain)" in tools.search(query)


@given(query=st.text(max_size=200))
@settings(max_examples=50, deadline=None)
def test_search_takes_any_text(tools: ModuleType, query: str) -> None:
    assert len(tools.search(query).splitlines()) <= 3


def test_search_takes_a_very_long_query(tools: ModuleType) -> None:
    assert "K2 (mountain)" in tools.search("K2 " + " ".join(f"w{i}" for i in range(5_000)))


def test_lookup_is_typed(tools: ModuleType) -> None:
    fact = tools.lookup("K2", "height")
    assert fact == {"entity": "K2", "property": "height", "value": 8611.0, "unit": "m", "source": fact["source"]}
    assert type(fact["value"]) is float
    assert fact["source"]


def test_lookup_finds_every_number(tools: ModuleType) -> None:
    for row in FACTS[::7]:
        if row["unit"]:
            assert tools.lookup(row["entity"], row["property"])["value"] == float(row["value"])


def test_the_properties_of_lookup_are_those_with_numbers(tools: ModuleType) -> None:
    assert set(get_args(tools.Property)) == {fact["property"] for fact in FACTS if fact["unit"]}


@pytest.mark.parametrize(
    ("entity", "prop", "found"),
    [
        ("everest", "HEIGHT", ("Mount Everest", "height")),
        ("Mt. Everest", "elevation", ("Mount Everest", "height")),
        ("  the   nile ", "length", ("Nile", "length")),
        ("U.S.A.", "population", ("United States", "population")),
        ("Sao Paulo", "population", ("São Paulo", "population")),
        ("Cheetah", "top speed", ("Cheetah", "top_speed")),
        ("Cheetah", "speed", ("Cheetah", "top_speed")),
        ("Jupiter", "size", ("Jupiter", "diameter")),
        ("godfather", "duration", ("The Godfather", "running_time")),
    ],
)
def test_lookup_understands_other_names(tools: ModuleType, entity: str, prop: str, found: tuple[str, str]) -> None:
    fact = tools.lookup(entity, prop)
    assert (fact["entity"], fact["property"]) == found


@pytest.mark.parametrize(
    ("entity", "prop", "message"),
    [
        ("Mount Evrest", "height", r'no entity "Mount Evrest"; did you mean "Mount Everest"'),
        ("Matterhon", "height", r'did you mean "Matterhorn"'),
        ("qqqqqq", "height", r'no entity "qqqqqq"$'),
        ("", "height", r'no entity ""$'),
        ("K2", "heigth", r'K2 has no property "heigth"; did you mean "height"\?'),
        ("K2", "taste", r'no property "taste" \(it has height, first_ascent, range, country\)'),
        ("France", "capital", r'text, not a number: use search\("capital of France"\)'),
    ],
)
def test_lookup_refuses_and_suggests(tools: ModuleType, entity: str, prop: str, message: str) -> None:
    with pytest.raises(llmcc.ToolInputError, match=message):
        tools.lookup(entity, prop)


def test_lookup_does_not_guess_between_properties(tools: ModuleType) -> None:
    with pytest.raises(llmcc.ToolInputError, match='did you mean "orbital_period" or "discovery_year"'):
        tools.lookup("Pluto", "year")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (1, "km", "m", 1000.0),
        (8849, "m", "ft", 29032.152),
        (100, "degC", "degF", 212.0),
        (1, "km^2", "m^2", 1e6),
        (1, "km2", "hectare", 100.0),
        (36, "km/h", "m/s", 10.0),
        (9.8, "m/s²", "km/h/s", 35.28),
        (1, "kg/m^3", "g per liter", 1.0),
        (2, "hours", "min", 120.0),
    ],
)
def test_convert(tools: ModuleType, value: float, source: str, target: str, expected: float) -> None:
    pytest.importorskip("pint")
    result = tools.convert(value, source, target)
    assert type(result) is float
    assert result == pytest.approx(expected, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("m", "kg"),
        ("people", "m"),
        ("", "m"),
        ("m", ""),
        ("2 m", "m"),
        ("m**9**9**9**9", "m"),
        ("m99", "km99"),
        ("__import__('os')", "m"),
        ("m" * 1000, "m"),
        ("m9" + " m9" * 15, "ym9" + " ym9" * 14),
    ],
)
def test_convert_refuses(tools: ModuleType, source: str, target: str) -> None:
    pytest.importorskip("pint")
    with pytest.raises(llmcc.ToolInputError):
        tools.convert(1.0, source, target)


@pytest.mark.slow
def test_convert_stays_finite(tools: ModuleType) -> None:
    pytest.importorskip("pint")
    with pytest.raises(llmcc.ToolInputError, match="too large"):
        tools.convert(1e308, "km", "mm")


def test_note_appends_one_line_a_call(tools: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = tmp_path / "notes.txt"
    monkeypatch.setenv("ATLAS_NOTES", str(notes))
    notes.write_text("before\n", encoding="utf-8")
    for text in ("K2 is 8611 m high", "two\nlines", "a\\nb", "São\u2028Paulo", ""):
        assert tools.note(text) is None
    lines = notes.read_text(encoding="utf-8").split("\n")
    assert lines == ["before", "K2 is 8611 m high", "two\\nlines", "a\\\\nb", "São\\u2028Paulo", "", ""]


def test_note_goes_to_the_working_folder(tools: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ATLAS_NOTES", raising=False)
    monkeypatch.chdir(tmp_path)
    tools.note("here")
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "here\n"


@given(text=st.text())
@settings(max_examples=50, deadline=None)
def test_a_note_is_one_line_and_reads_back(
    tools: ModuleType, tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    notes = tmp_path_factory.mktemp("notes") / "notes.txt"
    with pytest.MonkeyPatch.context() as context:
        context.setenv("ATLAS_NOTES", str(notes))
        tools.note(text)
    entry = notes.read_bytes().decode()
    assert entry.splitlines(keepends=True) == [entry]
    unescaped = re.sub(r"\\(?:\\|[nr]|x..|u....)", lambda m: m[0].encode().decode("unicode_escape"), entry[:-1])
    assert unescaped == text


# The examples and the plan


def test_examples_ask_for_facts_that_exist(tools: ModuleType) -> None:
    assert len(tools.EXAMPLES) >= 30
    for question, plan in tools.EXAMPLES:
        calls = re.findall(r'lookup\("([^"]+)", "([^"]+)"\)', plan)
        for entity, prop in calls:
            fact = tools.lookup(entity, prop)
            assert (fact["entity"].lower(), fact["property"]) == (entity.lower(), prop)
            assert entity.lower() in question.lower()
        assert calls or tools.search(*re.findall(r'search\("([^"]+)"\)', plan))
        assert plan.splitlines()[-1].startswith(("return ", "join("))


def test_examples_keep_away_from_the_demo(tools: ModuleType) -> None:
    text = repr(tools.EXAMPLES)
    assert not [name for name in ("Everest", "K2", "Nile", "Eiffel", "Jupiter") if name in text]
