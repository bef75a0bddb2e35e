"""Damages plans as models do: a kind of mistake at a time, or at random.

    python -m llmcc.testing.damage --seed 1 > damaged.json

The same seed gives the same plans. Each one has errors against `llmcc.testing.fuzz.TOOLS`, and comes with the plan that
was meant.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from random import Random

import msgspec

from llmcc.frontend.front import compile_front
from llmcc.ir.diagnostics import has_errors
from llmcc.testing.fuzz import TOOLS
from llmcc.testing.mutate import mutated

#: Plans to damage: searches and sums, steps by number and by name, maps, guards, writes.
RIGHT = (
    'a = search("Mount Everest")\nb = search("K2")\nreturn a[0] if a[0].height_m > b[0].height_m else b[0]\n',
    '1. search("Oslo")\n2. search("Lima")\n3. math(f"{$1[0].height_m} + {$2[0].height_m}")\n4. join($3)\n',
    'everest = search(query="Everest", limit=1)\ntotal = math(f"{everest[0].height_m} * 2")\nreturn total\n',
    'found = [search(name) for name in ["K2", "Denali", "Eiger"]]\nreturn [f[0].title for f in found]\n',
    'hotel = search("hotel in Rome", limit=3)\nbooked = hotel.book(hotel[0].title)\nreturn booked.ok\n',
    'room = hotel.book("Ritz", class="low")\nsent = send_mail("ann@x.org", f"got: {room.ok}") after room\njoin(room)\n',
    'a = search("first")\nb = search("second") when len(a) == 0\nc = search("third") catch []\njoin(a, b, c)\n',
    'first = search("Bern", limit=2)\nlast = search("Rome", limit=2)\nreturn max([p.height_m for p in first])\n',
    '1. search("Nile")\n2. search("Amazon")\n3. search("Danube")\n4. join($1, $2, $3)\n',
    'peak = search("Matterhorn")\nheights = [p.height_m for p in peak if p.height_m > 4000]\nreturn sum(heights)\n',
    'a = search("Rome\\nItaly")\nb = search("Bern\\nAlps", limit=2)\nreturn [a, b]\n',
    'x = search("hotel")\ny = send_mail("ann@x.org", "Dear Ann,\\nit is booked.\\nBob")\njoin(x)\n',
)  # fmt: skip

_Change = Callable[[Random, str], str]


class Damaged(msgspec.Struct, frozen=True):
    """A plan with a mistake of one `kind`, and the one that was meant."""

    kind: str
    text: str
    right: str


def damaged(seed: int, *, each: int = 8, drawn: int = 96) -> Iterator[Damaged]:
    """At most `each` plans of every kind of mistake, then `drawn` plans with mistakes at random."""
    random = Random(seed)
    seen = set(RIGHT)
    for kind, change in KINDS.items():
        made = 0
        for right in random.sample(RIGHT * 3, len(RIGHT) * 3):
            text = change(random, right)
            if made < each and text not in seen and _wrong(text):
                seen.add(text)
                made += 1
                yield Damaged(kind, text, right)
    while drawn:
        right = random.choice(RIGHT)
        text = mutated(random, right, RIGHT)
        if _plain(text) and text not in seen and _wrong(text):
            seen.add(text)
            drawn -= 1
            yield Damaged("at random", text, right)


def _plain(text: str) -> bool:
    """Whether a person could look at it."""
    return len(text) < 600 and text.isascii() and text.replace("\n", "").isprintable()


def _wrong(text: str) -> bool:
    return has_errors(compile_front(text, TOOLS).diagnostics)


def _one(pattern: str, replacement: str | Callable[[re.Match[str]], str]) -> _Change:
    """A change of one of the places where the pattern is found."""

    def change(random: Random, text: str) -> str:
        places = list(re.finditer(pattern, text, re.MULTILINE))
        if not places:
            return text
        place = random.choice(places)
        new = place.expand(replacement) if isinstance(replacement, str) else replacement(place)
        return text[: place.start()] + new + text[place.end() :]

    return change


def _swap(place: re.Match[str]) -> str:
    name = place[0]
    return name[:1] + name[2:3] + name[1:2] + name[3:]


def _move(random: Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    at = random.randrange(len(lines) - 1)
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    return "".join(lines)


def _twice(random: Random, text: str) -> str:
    lines = [line for line in text.splitlines(keepends=True) if re.match(r"\w+ = ", line)]
    return text.replace(line := random.choice(lines), line * 2, 1) if lines else text


def _prose(random: Random, text: str) -> str:
    names = re.findall(r'"([^"]*)"', text)
    return f"I would first look up {random.choice(names)}, and then tell you what I have found.\n"


#: What models do, by kind.
KINDS: dict[str, _Change] = {
    "a closing parenthesis is missing": _one(r"\)$", ""),
    "a closing bracket is missing": _one(r"\]$", ""),
    "a quote is missing": _one(r'"(?=[,)\]])', ""),
    "a newline in a string": _one(r"\\n", "\n"),
    "a comma is missing": _one(r", ", " "),
    "`1)` for `1.`": _one(r"^(\d)\.", r"\1)"),
    "two calls on a line": _one(r"\)\n(?=\w+ = |\d\.)", ") "),
    "a tool's name is misspelt": _one(r"\b(?:search|math|send_mail)(?=\()", _swap),
    "a tool that there is not": _one(r"\bsearch(?=\()", "wikipedia.page"),
    "a value's name is misspelt": _one(r"(?<=return )[a-z]{4,}", _swap),
    "a field's name is misspelt": _one(r"\b(?:height_m|title)\b", _swap),
    "an argument too many": _one(r'"\)', '", 3, "en")'),
    "an argument is missing": _one(r'(?<=search\()"[^"]*"(?=\))', ""),
    "an argument of another type": _one(r"limit=\d", 'limit="three"'),
    "a colon for an equals sign": _one(r"(?<=\w)=(?=[\"\d])", ": "),
    "an equals sign too many": _one(r"^(\w+) = ", r"\1 == "),
    "typographic quotes": _one(r'"([^"\n]*)"', "\u201c\\1\u201d"),
    "a word of another language": _one(r"^(\w+) = ", r"const \1 := "),
    "a line after another": _move,
    "a name is defined twice": _twice,
    "prose instead of a plan": _prose,
    "the end is cut off": _one(r"\n(?:return|join|\d\. join).*\n", lambda place: place[0][: len(place[0]) // 2]),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Prints damaged plans as a list of JSON objects, one a line."""
    parser = argparse.ArgumentParser(description="Damages plans as models do.")
    parser.add_argument("--seed", type=int, default=1)
    seed = parser.parse_args(argv).seed
    sys.stdout.write(written(damaged(seed)))
    return 0


def written(plans: Iterator[Damaged]) -> str:
    """A list of JSON objects, one a line."""
    rows = [json.dumps(msgspec.to_builtins(one), ensure_ascii=True) for one in plans]
    return "[\n" + ",\n".join(rows) + "\n]\n"


if __name__ == "__main__":
    raise SystemExit(main())
