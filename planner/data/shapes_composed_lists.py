"""Questions about some of a group, put together of parts."""

from __future__ import annotations

from planner.data.compose import OVER
from planner.data.compose_sums import Composer
from planner.data.scene import Asked, Unfit, literal
from planner.data.shapes_composed import made_of_parts


@made_of_parts
def composed_list(m: Composer) -> Asked:
    """Those that are above a number that has to be found first."""
    s, (g, where), f, rows = m.s, m.s.group(), m.s.number(), m.s.cap("rows")
    q = m.number(f)
    if "(" in q.code:
        raise Unfit
    a = s.call(rows, literal(g))
    s.end(f"[each.{s.shown('name')} for each in {a} if each.{s.shown(f.name)} > {q.code}]")
    words = f"the {s.nouns} {where} whose {s.field(f)} is {s.rng.choice(OVER['>'])} {q.said}"
    return Asked({"q": words}, lambda w: [r["name"] for r in w.do(rows, g) if r[f.name] > q.value(w)])


@made_of_parts
def composed_called(m: Composer) -> Asked:
    """Those that are above a limit, where each has to be looked up."""
    s, (g, where), f, names = m.s, m.s.group(), m.s.number(), m.s.cap("names")
    c, v = s.cap("number", f.name), s.between(f)
    if s.kit.part(c):
        raise Unfit
    a = s.call(names, literal(g))
    s.end(s.let(f"[each for each in {a} if {s.kit.call(c, 'each')} > {v}]"))
    words = f"the {s.nouns} {where} with a {s.field(f)} {s.rng.choice(OVER['>'])} {v}"
    return Asked({"q": words}, lambda w: [x for x in w.do(names, g) if w.do(c, x) > v])


@made_of_parts
def composed_first(m: Composer) -> Asked:
    """The first few, in the order in which they come."""
    s, (g, where), names, k = m.s, m.s.group(), m.s.cap("names"), m.s.rng.choice((1, 2, 3))
    s.end(f"{s.call(names, literal(g))}[:{k}]")
    said = f"the first {('', 'two ', 'three ')[k - 1]}of the {s.nouns} {where}"
    return Asked({"q": said}, lambda w: w.do(names, g)[:k])


@made_of_parts
def composed_filter(m: Composer) -> Asked:
    """Those that fit in two ways, by name; or a number of those that fit in one."""
    s, (g, where), h, rows = m.s, m.s.group(), m.s.number(), m.s.cap("rows")
    v, limit = s.between(h), s.rng.choice(OVER[">"])
    a = s.call(rows, literal(g))
    above = f"each.{s.shown(h.name)} > {v}"
    if s.rng.random() < 0.5:
        f = s.number()
        s.end(f"[each.{s.shown(f.name)} for each in {a} if {above}]")
        words = f"the {s.field(f)} of those {s.nouns} {where} whose {s.field(h)} is {limit} {v}"
        return Asked({"q": words}, lambda w: [r[f.name] for r in w.do(rows, g) if r[h.name] > v])
    t = s.rng.choice(s.d.texts)
    value = s.rng.choice(t.values)
    fits = f"each.{s.shown(t.name)} == {literal(value)}"
    s.end(f"[each.{s.shown('name')} for each in {a} if {above} and {fits}]")
    words = f"the {s.nouns} {where} with the {s.field(t)} {value} and a {s.field(h)} of {limit} {v}"
    return Asked({"q": words}, lambda w: [r["name"] for r in w.do(rows, g) if r[h.name] > v and r[t.name] == value])


@made_of_parts
def composed_sorted(m: Composer) -> Asked:
    """All of them, the one with most first."""
    s, (g, where), f, rows = m.s, m.s.group(), m.s.number(), m.s.cap("rows")
    a, down = s.call(rows, literal(g)), s.rng.random() < 0.7
    turned = ", descending=true" if down else ""
    s.end(f"[each.{s.shown('name')} for each in sorted({a}, by={literal(s.shown(f.name))}{turned})]")
    order = ("largest first", "from highest to lowest", "in descending order", "ranked from the top")
    words = f"the {s.nouns} {where} by {s.field(f)}, {s.rng.choice(order) if down else 'in ascending order'}"

    def ranked(rows: list[dict[str, object]]) -> list[object]:
        return [r["name"] for r in sorted(rows, key=lambda r: r[f.name], reverse=down)]  # type: ignore[arg-type, return-value]

    return Asked({"q": words}, lambda w: ranked(w.do(rows, g)))


@made_of_parts
def composed_flagged(m: Composer) -> Asked:
    """Some of those that are so, or what they come to."""
    s, (g, where), f = m.s, m.s.group(), m.s.number()
    c, way = s.cap("number", f.name), s.rng.choice(("first", "total", "each"))
    if s.kit.part(c):
        raise Unfit
    b, flag, so = m.flagged(g)
    those = f"the {s.nouns} {where} that are {flag}"
    if way == "first":
        s.end(f"{b}[:2]")
        return Asked({"q": f"the first two of {those}"}, lambda w: so(w)[:2])
    values = s.let(f"[{s.kit.call(c, 'each')} for each in {b}]")
    if way == "each":
        s.end(values)
        return Asked({"q": f"the {s.field(f)} of each of {those}"}, lambda w: [w.do(c, x) for x in so(w)])
    s.end(f"sum({values})")
    return Asked({"q": f"the total {s.field(f)} of {those}"}, lambda w: sum(w.do(c, x) for x in so(w)))
