"""Questions about the first few of a group by a number, put together of parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from planner.data.compose import COMPARES, OVER
from planner.data.compose_sums import Composer
from planner.data.domains import Number
from planner.data.scene import Asked, literal, spoken
from planner.data.shapes_composed import made_of_parts
from planner.data.world import World


@dataclass(frozen=True, slots=True)
class Few:
    """The first few of a group: their words, the plan's list of records, and these records in a world."""

    said: str
    code: str
    rows: Callable[[World], list[dict[str, Any]]]


class Tops:
    """Draws a group and a number to order it by."""

    def __init__(self, m: Composer) -> None:
        self.s = m.s
        self._group, self._where = self.s.group()
        self._by, self._table = self.s.number(compared=True), self.s.cap("rows")
        self.all = self.s.call(self._table, literal(self._group))

    def few(self, count: int, *, down: bool) -> Few:
        """The first by that number, the largest first or the smallest."""
        s, f = self.s, self._by
        words, word = spoken(f)["most" if down else "least"], s.rng.choice(_WORDS[down])
        forms = [
            f"the {count} {s.nouns} {self._where} with the {word} {s.field(f)}",
            f"the {'top' if down else 'bottom'} {count} {s.nouns} {self._where} by {s.field(f)}",
        ]
        forms += [f"the {count} {words} {s.nouns} {self._where}"] if words else []
        code = f"sorted({self.all}, by={literal(s.shown(f.name))}{', descending=true' if down else ''})[:{count}]"
        return Few(s.rng.choice(forms), code, lambda w: self._ordered(w, down)[:count])

    def _ordered(self, w: World, down: bool) -> list[dict[str, Any]]:
        return sorted(self.rows(w), key=lambda row: row[self._by.name], reverse=down)

    def rows(self, w: World) -> list[dict[str, Any]]:
        """All of the group."""
        found: list[dict[str, Any]] = w.do(self._table, self._group)
        return found

    def column(self, few: Few, name: str) -> str:
        """One field of some records, as a plan writes it."""
        return f"[each.{self.s.shown(name)} for each in {few.code}]"


_WORDS = {True: ("largest", "highest", "greatest"), False: ("smallest", "lowest", "least")}


@made_of_parts
def composed_top(m: Composer) -> Asked:
    """A number that is worked out from the first few."""
    t, h = Tops(m), m.s.number()
    k = m.rng.choice((2, 3))
    few = t.few(k, down=m.rng.random() < 0.7)
    values = t.column(few, h.name)
    ways: dict[str, tuple[str, Callable[[list[Any]], Any]]] = {
        "total": (f"sum({values})", sum),
        "average": (f"sum({values}) / {k}", lambda v: sum(v) / k),
        "highest": (f"max({values})", max),
        "lowest": (f"min({values})", min),
    }
    word = m.rng.choice(sorted(ways))
    code, of = ways[word]
    m.s.end(code)
    said = f"the {word} {m.s.field(h)} of {few.said}"
    return Asked({"q": said}, lambda w: of([row[h.name] for row in few.rows(w)]))


@made_of_parts
def composed_top_names(m: Composer) -> Asked:
    """Who the first few are, with something else of them or of the group."""
    t, s, h = Tops(m), m.s, m.s.number()
    few = t.few(m.rng.choice((2, 3, 3, 4)), down=m.rng.random() < 0.7)
    names = t.column(few, "name")

    def who(w: World) -> list[str]:
        return [row["name"] for row in few.rows(w)]

    way = m.rng.choice(("total", "count", "figures"))
    if way == "total":
        s.end(f"[{names}, sum({t.column(few, h.name)})]")
        return Asked({"q": f"{few.said}, with their total {s.field(h)}"}, lambda w: [who(w), _sum(few, h, w)])
    if way == "count":
        s.end(f"[{names}, len({t.all})]")
        return Asked({"q": f"{few.said}, and how many there are in all"}, lambda w: [who(w), len(t.rows(w))])
    s.end(f"[{names}, {t.column(few, h.name)}]")
    said = f"the names of {few.said}, and their {s.field(h)}"
    return Asked({"q": said}, lambda w: [who(w), [row[h.name] for row in few.rows(w)]])


def _sum(few: Few, h: Number, w: World) -> Any:
    return sum(row[h.name] for row in few.rows(w))


@made_of_parts
def composed_top_some(m: Composer) -> Asked:
    """Which of the first few are above or below a limit, or how many."""
    t, s, h, sign = Tops(m), m.s, m.s.number(), m.rng.choice("><")
    few, v = t.few(m.rng.choice((2, 3, 4, 5)), down=m.rng.random() < 0.7), m.s.between(h)
    found = f"each in {few.code} if each.{s.shown(h.name)} {sign} {v}"
    words = f"{few.said} have a {s.field(h)} {m.rng.choice(OVER[sign])} {v}"

    def fitting(w: World) -> list[str]:
        return [row["name"] for row in few.rows(w) if COMPARES[sign](row[h.name], v)]

    if m.rng.random() < 0.3:
        s.end(f"len([each for {found}])")
        return Asked({"q": f"how many of {words}"}, lambda w: len(fitting(w)))
    s.end(f"[each.{s.shown('name')} for {found}]")
    return Asked({"q": f"which of {words}"}, fitting)


@made_of_parts
def composed_top_both(m: Composer) -> Asked:
    """The first few and the last few."""
    t = Tops(m)
    high, low = t.few(m.rng.choice((2, 3)), down=True), t.few(m.rng.choice((2, 3)), down=False)
    m.s.end(f"[{t.column(high, 'name')}, {t.column(low, 'name')}]")
    return Asked(
        {"q": f"{high.said} and {low.said}"},
        lambda w: [[row["name"] for row in few.rows(w)] for few in (high, low)],
    )
