"""Questions about all things of a group: lists, maps, filters, aggregates, rankings."""

from __future__ import annotations

from planner.data.domains import Capability, Number
from planner.data.scene import Asked, Scene, Unfit, literal, spoken
from planner.data.shapes import held_out, shape


def _slots(s: Scene, said: str, f: Number | None = None) -> dict[str, str]:
    words = {"f": s.field(f)} | spoken(f) if f else {}
    return {"n": s.noun, "ns": s.nouns, "g": said} | words


@shape
def list_names(s: Scene) -> Asked:
    (g, said), c = s.group(), s.cap("names")
    s.end(s.call(c, literal(g)))
    return Asked(_slots(s, said), lambda w: w.do(c, g))


def _mapped(s: Scene) -> tuple[str, str, dict[str, str], Capability, Capability]:
    (g, said), f = s.group(), s.number(compared=True)
    names, c = s.cap("names"), s.cap("number", f.name)
    a = s.call(names, literal(g))
    inner = s.kit.call(c, "each")
    if s.kit.part(c):
        raise Unfit
    b = s.let(f"[{inner} for each in {a}]")
    return b, g, _slots(s, said, f), names, c


@shape
def each(s: Scene) -> Asked:
    b, g, slots, names, c = _mapped(s)
    s.end(b)
    return Asked(slots, lambda w: [w.do(c, x) for x in w.do(names, g)])


@shape
def each_total(s: Scene) -> Asked:
    b, g, slots, names, c = _mapped(s)
    s.end(f"sum({b})")
    return Asked(slots, lambda w: sum(w.do(c, x) for x in w.do(names, g)))


@shape
def each_extreme(s: Scene) -> Asked:
    b, g, slots, names, c = _mapped(s)
    s.end(f"max({b})")
    return Asked(slots, lambda w: max(w.do(c, x) for x in w.do(names, g)))


@held_out
def each_average(s: Scene) -> Asked:
    b, g, slots, names, c = _mapped(s)
    s.end(f"sum({b}) / len({b})")
    return Asked(slots, lambda w: sum(w.do(c, x) for x in w.do(names, g)) / len(w.do(names, g)))


@held_out
def each_flag(s: Scene) -> Asked:
    (g, said), f = s.group(), s.rng.choice(s.d.flags)
    names, c = s.cap("names"), s.cap("flag", f)
    a = s.call(names, literal(g))
    s.end(s.let(f"[each for each in {a} if {s.kit.call(c, 'each')}]"))
    return Asked(_slots(s, said) | {"f": f}, lambda w: [x for x in w.do(names, g) if w.do(c, x)])


def _rows(s: Scene) -> tuple[str, str, str, Number, str, dict[str, str], Capability]:
    (g, said), f, c = s.group(), s.number(compared=True), s.cap("rows")
    a = s.call(c, literal(g))
    return a, s.shown("name"), s.shown(f.name), f, g, _slots(s, said, f), c


@shape
def filter_(s: Scene) -> Asked:
    a, name, shown, f, g, slots, c = _rows(s)
    v = s.between(f)
    s.end(f"[each.{name} for each in {a} if each.{shown} > {v}]")
    return Asked(slots | {"v": str(v)}, lambda w: [r["name"] for r in w.do(c, g) if r[f.name] > v])


@shape
def filter_text(s: Scene) -> Asked:
    a, name, _, _, g, slots, c = _rows(s)
    f = s.rng.choice(s.d.texts)
    t = s.rng.choice(f.values)
    s.end(f"[each.{name} for each in {a} if each.{s.shown(f.name)} == {literal(t)}]")
    slots |= {"f": s.field(f), "t": s.say(t)}
    return Asked(slots, lambda w: [r["name"] for r in w.do(c, g) if r[f.name] == t])


@shape
def count_filter(s: Scene) -> Asked:
    a, _, shown, f, g, slots, c = _rows(s)
    v = s.between(f)
    s.end(f"len([each for each in {a} if each.{shown} > {v}])")
    return Asked(slots | {"v": str(v)}, lambda w: sum(r[f.name] > v for r in w.do(c, g)))


@shape
def best(s: Scene) -> Asked:
    a, name, shown, f, g, slots, c = _rows(s)
    s.end(f"max({a}, by={literal(shown)}).{name}")
    return Asked(slots, lambda w: max(w.do(c, g), key=lambda r: r[f.name])["name"])


@shape
def worst(s: Scene) -> Asked:
    a, name, shown, f, g, slots, c = _rows(s)
    s.end(f"min({a}, by={literal(shown)}).{name}")
    return Asked(slots, lambda w: min(w.do(c, g), key=lambda r: r[f.name])["name"])


@shape
def rows_total(s: Scene) -> Asked:
    a, _, shown, f, g, slots, c = _rows(s)
    s.end(f"sum([each.{shown} for each in {a}])")
    return Asked(slots, lambda w: sum(r[f.name] for r in w.do(c, g)))


@shape
def ranked(s: Scene) -> Asked:
    a, name, shown, f, g, slots, c = _rows(s)
    s.end(f"[each.{name} for each in sorted({a}, by={literal(shown)})]")
    return Asked(slots, lambda w: [r["name"] for r in sorted(w.do(c, g), key=lambda r: r[f.name])])


@held_out
def top(s: Scene) -> Asked:
    a, name, shown, f, g, slots, c = _rows(s)
    v = s.rng.choice((2, 3))
    s.end(f"[each.{name} for each in sorted({a}, by={literal(shown)}, descending=true)[:{v}]]")
    best = Asked(slots | {"v": str(v)}, lambda w: [r["name"] for r in _descending(w.do(c, g), f.name)[:v]])
    return best


def _descending(rows: list[dict[str, object]], field: str) -> list[dict[str, object]]:
    return sorted(rows, key=lambda r: r[field], reverse=True)  # type: ignore[arg-type, return-value]
