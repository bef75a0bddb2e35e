"""Did you mean: a slip is recognized, a word of its own is not; a fix is offered only where nothing else comes near."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from llmcc.frontend.fixes import fix_plan
from llmcc.frontend.suggest import closest, distance, look
from llmcc.ir.effects import READ
from llmcc.ir.signature import Parameter, Signature
from llmcc.ir.types import BOOL, INT, STR

NAMES = st.from_regex(r"[a-z]{3,8}(_[a-z]{2,8}){0,2}", fullmatch=True)
SLIPS: dict[str, Callable[[str, int, str], str]] = {
    "a letter too few": lambda name, at, letter: name[:at] + name[at + 1 :],
    "a letter too many": lambda name, at, letter: name[:at] + letter + name[at:],
    "another letter": lambda name, at, letter: name[:at] + letter + name[at + 1 :],
    "two letters swapped": lambda name, at, letter: name[:at] + name[at : at + 2][::-1] + name[at + 2 :],
    "capitals": lambda name, at, letter: name.upper(),
    "other words first": lambda name, at, letter: "_".join(reversed(name.split("_"))),
}


@given(st.text("abcd", max_size=6), st.text("abcd", max_size=6))
def test_distance_is_a_distance(a: str, b: str) -> None:
    assert distance(a, b, 9) == distance(b, a, 9)
    assert (distance(a, b, 9) == 0) == (a == b)
    assert min(distance(a, b, 9), 3) == min(distance(a, b, 2), 3)


@given(NAMES, st.sampled_from(sorted(SLIPS)), st.integers(0, 30), st.sampled_from("aeioxyz"))
def test_a_slip_is_recognized(name: str, slip: str, at: int, letter: str) -> None:
    written = SLIPS[slip](name, at % len(name), letter)
    assume(written != name)
    assert closest(written, [name, "0" * 40]).words == (name,)


@given(st.text("abcde_12", min_size=1, max_size=9), st.lists(st.text("abcde_12", min_size=1, max_size=9), unique=True))
def test_only_what_is_near_is_meant(word: str, known: list[str]) -> None:
    limit = max(len(word), 3) // 3
    near = [name for name in known if name != word and distance(look(word), look(name), 99) <= limit]
    turned = [name for name in known if name != word and sorted(look(name).split("_")) == sorted(look(word).split("_"))]
    found = closest(word, known)
    assert {*found.words} <= {*near, *turned}
    assert found.only is None or found.words == (found.only,)
    same = [name for name in near if look(name) == look(word)]
    assert not same or sorted(found.words) == sorted(same)
    if found.only is not None and not same:
        assert {*near, *turned} == {found.only}


@pytest.mark.parametrize(
    ("word", "known"),
    [
        ("print", ["int"]),
        ("send", ["read"]),
        ("list_files", ["list_dir"]),
        ("q", ["a", "b"]),
        ("of", ["as"]),
        ("open_file", ["close_file"]),
    ],
)
def test_a_word_of_its_own_is_no_slip(word: str, known: list[str]) -> None:
    assert closest(word, known).words == ()


@pytest.mark.parametrize(
    ("word", "known", "words", "sure"),
    [
        ("Iookup", ["lookup", "hookup"], ("lookup",), True),
        ("get-weather", ["get_weather", "set_weather"], ("get_weather",), True),
        ("Search", ["search"], ("search",), True),
        ("s\u0435arch", ["search"], ("search",), True),
        ("weather_get", ["get_weather"], ("get_weather",), True),
        ("heigth", ["height", "weight"], ("height",), False),
        ("peak3", ["peak1", "peak2"], ("peak1", "peak2"), False),
        ("day3", ["day2"], ("day2",), False),
        ("xs", ["x"], ("x",), False),
    ],
)
def test_only_what_is_beyond_doubt_is_sure(word: str, known: list[str], words: tuple[str, ...], sure: bool) -> None:
    found = closest(word, known)
    assert found.words == words
    assert found.only == (words[0] if sure else None)


TOOLS = {
    "int_of": Signature(name="int_of", parameters=(Parameter("text", STR),), returns=INT, effect=READ),
    "search": Signature(
        name="search",
        parameters=(Parameter("query", STR), Parameter("exact", BOOL, required=False)),
        returns=STR,
        effect=READ,
    ),
}


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("return print(5)", None),
        ('return serch("K2")', 'return search("K2")'),
        ('return search(qurey="K2")', 'return search(query="K2")'),
        ('return int_of(what="K2")', 'return int_of(text="K2")'),
        ('return search(what="K2")', None),
        ('return search("K2", verbose=true)', None),
        ('days2 = search("K2")\nreturn days3', None),
    ],
)
def test_only_what_is_sure_is_written(text: str, mended: str | None) -> None:
    assert fix_plan(text, TOOLS).text == (mended or text)
